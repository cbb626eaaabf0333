"""Records by id: batches of 100, several at a time, and an account of every id that was asked for."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from hardfin_pipelines.connectors.base import Missing, MissingKind, ReadResult
from hardfin_pipelines.connectors.concurrency import run_bounded
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.decode import record_of, refuse_unknown, results_of
from hardfin_pipelines.connectors.hubspot.errors import one_line
from hardfin_pipelines.connectors.hubspot.limits import BATCH_READ_INPUTS
from hardfin_pipelines.connectors.hubspot.remembering import Ask
from hardfin_pipelines.connectors.hubspot.requests import find_survivor, read_batch, wanted_properties
from hardfin_pipelines.sync.records import Record, Role

SURVIVORS_LOOKED_FOR = 100
"""Ids of one read that are looked up singly to learn what they were merged into, a call each; the rest are missing."""

_MERGED_ROLES: frozenset[Role] = frozenset({"company", "deal", "product"})


class _Reason(NamedTuple):
    """Why a record is not there."""

    text: str
    kind: MissingKind


_GONE_TEXT = "HubSpot has no such record: it was deleted, archived, or is hidden from this connection"
_GONE = _Reason(_GONE_TEXT, "gone")
# An id of another form comes from HubSpot or from a person: it is not taken for a record that is no more.
_NOT_AN_ID = _Reason("not a HubSpot record id (a number)", "unreadable")
_LEFT_OUT = _Reason("HubSpot left it out of its answer and does not say why", "unreadable")
_KINDS: Mapping[str, MissingKind] = {
    "OBJECT_NOT_FOUND": "gone",
    "MISSING_SCOPES": "forbidden",
    "FORBIDDEN": "forbidden",
}
"""HubSpot's category of an error among a batch's results; of any other the record may come another time."""


@dataclass(slots=True)
class _Found:
    """Records by their own id, with their bytes; why others are not there; and those that came but cannot be read."""

    records: dict[str, tuple[Record, bytes]] = field(default_factory=dict)
    reasons: dict[str, _Reason] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)

    def add(self, other: "_Found") -> None:
        self.records |= other.records
        self.reasons |= other.reasons
        self.unreadable |= other.unreadable

    def by_any_id(self) -> dict[str, str]:
        """Each id a record answers to, and its own id."""
        merged = {old: own for own, (record, _) in self.records.items() for old in record.merged_ids}
        return merged | {own: own for own in self.records}


class BatchReader:
    """Reads records of one connection by id."""

    def __init__(self, ask: Ask, in_flight: int) -> None:
        """A reader that has asked for nothing yet; all its reads together have `in_flight` calls under way at most."""
        self._ask = ask
        self._in_flight = asyncio.Semaphore(in_flight)

    async def read(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> ReadResult:
        """The records of the ids, in the order asked for; what is not there, with the reason.

        A merged-away id is left out of a batch without an error (peers report it), so each id that did not come is
        looked up singly, `SURVIVORS_LOOKED_FOR` of them, and its survivor is read instead.
        """
        asked = list(dict.fromkeys(ids))
        valid = [each for each in asked if each.isascii() and each.isdigit()]
        found = _Found(reasons=dict.fromkeys(set(asked) - set(valid), _NOT_AN_ID))
        found.add(await self._batches(role, valid, properties))
        survivors: dict[str, str] = {}
        if role in _MERGED_ROLES:
            survivors = await self._survivors(role, valid, found)
            known = found.by_any_id()
            unread = [own for own in dict.fromkeys(survivors.values()) if own not in known]
            found.add(await self._batches(role, unread, properties))
        refuse_unknown(role, properties, [record for record, _ in found.records.values()])
        return _account(role, asked, found, survivors)

    async def _batches(self, role: Role, ids: Sequence[str], properties: Sequence[str]) -> _Found:
        names = wanted_properties(role, properties)
        starts = range(0, len(ids), BATCH_READ_INPUTS)
        chunks = [ids[start : start + BATCH_READ_INPUTS] for start in starts]
        parts = await run_bounded(
            [lambda chunk=chunk: self._batch(role, chunk, names) for chunk in chunks],  # type: ignore[misc]
            self._in_flight,
        )
        found = _Found()
        for part in parts:
            found.add(part)
        return found

    async def _batch(self, role: Role, ids: Sequence[str], names: Sequence[str]) -> _Found:
        request = read_batch(role, ids, names)
        answer = await self._ask(request)
        found = _Found(reasons=_reasons(answer, ids))
        for received in results_of(answer, request.call):
            try:
                record = record_of(role, received)
            except SkipRecord as skipped:
                found.reasons[skipped.record_id] = _Reason(str(skipped), "unreadable")
                found.unreadable.add(skipped.record_id)
                continue
            found.records[record.id] = (record, received.raw)
        return found

    async def _survivors(self, role: Role, asked: Sequence[str], found: _Found) -> dict[str, str]:
        """Merged-away id to the id of the record that took it in."""
        known = found.by_any_id()
        absent = [each for each in asked if each not in known and each not in found.unreadable]
        looked_for = absent[:SURVIVORS_LOOKED_FOR]
        owners = await run_bounded(
            [lambda each=each: self._survivor(role, each) for each in looked_for],  # type: ignore[misc]
            self._in_flight,
        )
        for each, owner in zip(looked_for, owners, strict=True):
            if not owner and found.reasons.get(each, _LEFT_OUT).kind == "unreadable":
                found.reasons[each] = _GONE
        for each in absent[SURVIVORS_LOOKED_FOR:]:
            text = f"{_GONE_TEXT}; whether it was merged was not asked ({len(absent)} ids did not come)"
            found.reasons[each] = _Reason(text, found.reasons.get(each, _GONE).kind)
        return {each: owner for each, owner in zip(looked_for, owners, strict=True) if owner}

    async def _survivor(self, role: Role, record_id: str) -> str:
        answer = await self._ask(find_survivor(role, record_id))
        return "" if answer.status == 404 else str(answer.members.get("id") or "")


def _account(role: Role, asked: Iterable[str], found: _Found, survivors: Mapping[str, str]) -> ReadResult:
    """Every id that was asked for, as a record or as missing. A survivor says which ids it was asked for by."""
    known = found.by_any_id()
    chosen: dict[str, list[str]] = {}
    missing = []
    for each in asked:
        own = known.get(each) or known.get(survivors.get(each, ""))
        if own is None:
            reason = found.reasons.get(each, _LEFT_OUT)
            missing.append(Missing(role, each, reason.text, reason.kind))
        else:
            chosen.setdefault(own, []).append(each)
    records = tuple(_answering_to(found.records[own][0], aliases) for own, aliases in chosen.items())
    return ReadResult(records, tuple(found.records[own][1] for own in chosen), tuple(missing))


def _answering_to(record: Record, aliases: Iterable[str]) -> Record:
    merged = tuple(dict.fromkeys([*record.merged_ids, *(each for each in aliases if each != record.id)]))
    return record if merged == record.merged_ids else replace(record, merged_ids=merged)


def _reasons(answer: Answer, asked: Sequence[str]) -> dict[str, _Reason]:
    """What a 207 says of ids it does not give; an error that names none may be any id's that did not come."""
    errors: Any = answer.members.get("errors")
    by_id: dict[str, _Reason] = {}
    of_all: dict[str, _Reason] = {}
    for error in errors if isinstance(errors, list) else ():
        said = error.get("message") if isinstance(error, dict) else None
        if not isinstance(said, str):
            continue
        named, text = _ids_named(error), f"HubSpot: {one_line(said)}"
        kind = _KINDS.get(str(error.get("category")), "unreadable")
        if named:
            by_id |= dict.fromkeys(named, _Reason(text, kind))
        else:
            of_all = dict.fromkeys(asked, _Reason(text, "unreadable" if kind == "gone" else kind))
    return of_all | by_id


def _ids_named(error: Mapping[str, Any]) -> list[str]:
    context = error.get("context")
    ids = context.get("ids") if isinstance(context, dict) else None
    return list(map(str, ids)) if isinstance(ids, list) else []

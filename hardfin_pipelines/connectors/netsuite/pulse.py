"""Asks an account what changed: in one call, or kind by kind where the account does not take them together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from hardfin_pipelines.connectors.books import Pulse
from hardfin_pipelines.connectors.errors import VendorContractError
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.answers import moment_of, rows_in, value_of
from hardfin_pipelines.connectors.netsuite.books_statements import BooksScope, shape_of
from hardfin_pipelines.connectors.netsuite.limits import PAGE
from hardfin_pipelines.connectors.netsuite.probing import Ask
from hardfin_pipelines.connectors.netsuite.pulse_statements import (
    CHECKS,
    DELETIONS,
    PRICE_LEVEL_NAMES,
    Part,
    parts_of,
    union_of,
)
from hardfin_pipelines.connectors.netsuite.requests import suiteql
from hardfin_pipelines.connectors.netsuite.statements import HERE
from hardfin_pipelines.connectors.netsuite.visibility import Visibility
from hardfin_pipelines.sync.books import BooksKind
from hardfin_pipelines.sync.books_reading import PulseKind

SETTLES_IN = timedelta(seconds=60)
"""Stamps are whole seconds, and an answer is underway for a while: what changed so lately may have changed once more
within its second, with no other stamp. The mark of such a kind is good once only."""

_CHANGES = ("changed", "newest", "stamps")


@dataclass(frozen=True, slots=True)
class _Told:
    """What was answered for one part."""

    part: Part
    rows: list[Row]
    at: datetime


class PulseTaker:
    """Asks one account."""

    def __init__(self, ask: Ask, seen: Visibility, scope: BooksScope) -> None:
        """`seen` learns from what is refused."""
        self._ask = ask
        self._seen = seen
        self._scope = scope

    async def take(self, since: Mapping[PulseKind, datetime]) -> Pulse:
        """See `BooksConnector.pulse`.

        Raises:
            NotVisible: Items are asked for, and our role does not see them.
            VendorError: NetSuite refused or failed.
        """
        told = await self._told(since)
        marks: dict[PulseKind, str] = {}
        totals: dict[PulseKind, int] = {}
        for each in told:
            kind = each.part.kind
            marks[kind] = " ".join(filter(None, (marks.get(kind, ""), _mark(each))))
            totals.setdefault(kind, _total(each))  # a kind's own part is its first
        at = min((each.at for each in told), default=None)
        return Pulse(marks, totals, at or await self._now(), lacking(since, self._seen, self._scope))

    async def _told(self, since: Mapping[PulseKind, datetime]) -> list[_Told]:
        if self._seen.set_operations:
            try:
                return await self._learning(since, together=True)
            except (VendorContractError, errors.NotVisible) as refused:
                if not errors.is_refused_query(refused) or len(parts_of(since, self._seen, self._scope)) < 2:
                    raise
        told = [each for kind, at in since.items() for each in await self._learning({kind: at}, together=False)]
        self._seen.set_operations = False
        return told

    async def _learning(self, since: Mapping[PulseKind, datetime], *, together: bool) -> list[_Told]:
        """The answers for some kinds; what is refused by name is left out and not asked for again."""
        while True:
            parts = parts_of(since, self._seen, self._scope)
            try:
                if together:
                    return await self._answered(parts) if parts else []
                return [each for part in parts for each in await self._answered([part])]
            except errors.NotVisible as refused:
                if not self._seen.learn(refused, {name for part in parts for name in part.named}):
                    raise

    async def _answered(self, parts: Sequence[Part]) -> list[_Told]:
        request = suiteql(union_of(parts), "what changed", limit=PAGE)
        answer = await self._ask(request)
        found = rows_in(answer, request.call)
        by_part: dict[str, list[Row]] = {}
        for row in found.rows:
            by_part.setdefault(value_of(row, "part"), []).append(row)
        told = [_Told(part, by_part.get(part.name, []), answer.vendor_time) for part in parts]
        wrong = next((each.part.name for each in told if not _is_whole(each)), "")
        if found.more or wrong:
            raise errors.unknown_shape(request.call, f"single row for {wrong}" if wrong else "end")
        return told

    async def _now(self) -> datetime:
        """The vendor's clock, where there is nothing to ask for."""
        return (await self._ask(suiteql(HERE, "the time", limit=1))).vendor_time


def lacking(kinds: Iterable[PulseKind], seen: Visibility, scope: BooksScope) -> dict[BooksKind, str]:
    """Which of some kinds are not seen as far as is known, with what they need."""
    found: dict[BooksKind, str] = {}
    for kind in kinds:
        if kind == "item":
            continue
        try:
            shape_of(kind, seen, scope)
        except errors.NotVisible as hidden:
            found[kind] = hidden.context["needs"]
    return found


def _is_whole(told: _Told) -> bool:
    if told.part.name == PRICE_LEVEL_NAMES:
        return True
    return len(told.rows) == 1 and value_of(told.rows[0], "total").isdigit()


def _total(told: _Told) -> int:
    return int(value_of(told.rows[0], "total"))


def _mark(told: _Told) -> str:
    if told.part.name == PRICE_LEVEL_NAMES:
        names = sorted((value_of(row, "total"), value_of(row, "newest")) for row in told.rows)
        return sha256(repr(names).encode()).hexdigest()[:16]
    (row,) = told.rows
    columns = _CHANGES if told.part.name == DELETIONS else ("total", *_CHANGES, *CHECKS)
    values = [value_of(row, name).replace(" ", "T") or "-" for name in columns]
    newest = moment_of(value_of(row, "newest"))
    if newest is not None and newest > told.at - SETTLES_IN:
        values.append(f"as of {told.at:%Y-%m-%dT%H:%M:%S}")
    return "/".join(values)

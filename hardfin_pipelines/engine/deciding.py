"""Carrying out what people decide about items in triage: all of it in one transaction, or nothing."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import Connection

from hardfin_pipelines.engine.item_standing import outside_triage, why_not
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.item_plan_store import item_link_row, link_name
from hardfin_pipelines.platform.item_store import existing_items, find_items, insert_items, item_rows
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.record_log import RecordEvent, record_events
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_store import Decision, TriageItem, add_decisions, find_triage_items, set_states
from hardfin_pipelines.platform.vendor_item_store import ItemScope, read_known
from hardfin_pipelines.sync.catalogue import CatalogueKind
from hardfin_pipelines.sync.identity import entity_id, normalized_name, normalized_sku
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_keys import sku_key
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.match_wording import quoted
from hardfin_pipelines.sync.values import to_text
from hardfin_pipelines.sync.vendor_items import NOT_KNOWN, KnownItem, TriageState, VendorItem

AnswerAction = Literal["map", "create", "ignore"]

STATE_AFTER: Mapping[AnswerAction, TriageState] = {"map": "mapped", "create": "created", "ignore": "ignored"}

LONGEST_KEY_BYTES = 2_000
"""An index of PostgreSQL takes no longer names and SKUs: an entry has at most 2,704 bytes (its docs: B-tree)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person chooses for one item in triage.

    Attributes:
        external_id: The item at the vendor.
        action: map (to `item`), create (a product or part of it), ignore.
        connection_id: Its connection; "" where only one knows the id.
        item: Of map: the product or part, by its id or its exact SKU.
        kind: Of create: what to make.
        name: Of create: its name, where it shall not be the vendor's.
        place: Where the answer stands, for messages, such as "row 3"; "".
    """

    external_id: str
    action: AnswerAction
    connection_id: str = ""
    item: str = ""
    kind: CatalogueKind = "product"
    name: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of an answer. `item_id` is "" where the item is ignored."""

    scope: ItemScope
    external_id: str
    name: str
    action: AnswerAction
    item_id: str
    item_name: str
    kind: CatalogueKind | None


class AnswersRefused(Refusal):
    """Answers that cannot be carried out as they are; nothing was changed. `problems` has a line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}")
        self.problems = tuple(problems)


@dataclass(slots=True)
class _Sound:
    """An answer that can be carried out."""

    answer: Answer
    waiting: TriageItem
    item_id: str = ""
    item_name: str = ""
    kind: CatalogueKind | None = None
    values: Values = field(default_factory=dict)


def check_answers(connection: Connection, org: str, answers: Sequence[Answer]) -> list[Decided]:
    """What would come of answers; nothing is written.

    Raises:
        AnswersRefused: Some cannot be carried out.
    """
    return [_decided(each) for each in _sound(connection, org, answers)]


def apply_answers(connection: Connection, org: str, answers: Sequence[Answer], cause: Cause) -> list[Decided]:
    """Carry out answers in the caller's transaction: links, new items, decisions, audit.

    Args:
        connection: A write transaction.
        org: The organization.
        answers: What was chosen.
        cause: Who chose it, and why.

    Raises:
        AnswersRefused: Some cannot be carried out; nothing was written.
    """
    hold_organization(connection, org)
    sound = _sound(connection, org, answers)
    made = [(each.item_id, each.kind or "product", each.values) for each in sound if each.answer.action == "create"]
    insert_items(connection, org, made, cause.at)
    rows = [_link_row(each, cause) for each in sound if each.answer.action != "ignore"]
    if rows:
        connection.execute(links.insert(), rows)
    add_decisions(connection, [_decision(each, cause) for each in sound])
    after = [(each.waiting.scope, each.waiting.external_id, STATE_AFTER[each.answer.action]) for each in sound]
    set_states(connection, after, cause.at)
    record_audit(connection, org, [_audited(each, cause) for each in sound])
    for scope in dict.fromkeys(each.waiting.scope for each in sound):
        record_events(
            connection, org, scope.connection_id, [_event(each, cause) for each in sound if each.waiting.scope == scope]
        )
    return [_decided(each) for each in sound]


def _sound(connection: Connection, org: str, answers: Sequence[Answer]) -> list[_Sound]:
    found = find_triage_items(connection, org, (answer.external_id for answer in answers))
    items = find_items(connection, org, (answer.item for answer in answers if answer.action == "map"))
    problems: list[str] = []
    sound: list[_Sound] = []
    places: dict[tuple[ItemScope, str], str] = {}
    known = _known(connection, found.values())
    unknown = [answer.external_id for answer in answers if answer.external_id not in found]
    outside = outside_triage(connection, org, unknown) if unknown else {}
    for answer in answers:
        try:
            told = why_not(outside, answer.external_id, answer.connection_id)
            waiting = _waiting(org, answer, found.get(answer.external_id, []), told)
            _require_once(answer, waiting, places)
            _require_open(answer, waiting, known[waiting.scope].get(waiting.external_id, NOT_KNOWN))
            sound.append(_carried_out(org, answer, waiting, items))
        except Refusal as refusal:
            problems.append(f"{answer.place}: {refusal}" if answer.place else str(refusal))
    problems += _made_before(connection, org, sound)
    if problems:
        raise AnswersRefused(problems)
    names = item_rows(connection, org, (each.item_id for each in sound if each.answer.action == "map"))
    for each in sound:
        if each.answer.action == "map":
            each.item_name, each.kind = names[each.item_id]["name"], names[each.item_id]["kind"]
    return sound


def _known(
    connection: Connection, found: Iterable[Sequence[TriageItem]]
) -> Mapping[ItemScope, Mapping[str, KnownItem]]:
    ids: dict[ItemScope, list[str]] = {}
    for listed in found:
        for each in listed:
            ids.setdefault(each.scope, []).append(each.external_id)
    return {scope: read_known(connection, scope, listed) for scope, listed in ids.items()}


def _waiting(org: str, answer: Answer, found: Sequence[TriageItem], outside: str) -> TriageItem:
    of_connection = [each for each in found if answer.connection_id in ("", each.scope.connection_id)]
    if not of_connection and outside:
        raise Refusal(outside)
    if not of_connection:
        where = f" of {answer.connection_id}" if answer.connection_id else ""
        raise Refusal(
            f"{org} has no item {quoted(answer.external_id)}{where} in triage; see `hardfin triage list {org}`"
        )
    if len(of_connection) > 1:
        names = " and ".join(each.scope.connection_id for each in of_connection)
        raise Refusal(f"{names} both have an item {answer.external_id} in triage: say which connection")
    return of_connection[0]


def _require_once(answer: Answer, waiting: TriageItem, places: dict[tuple[ItemScope, str], str]) -> None:
    key = (waiting.scope, waiting.external_id)
    if key in places:
        before = f" in {places[key]}" if places[key] else ""
        raise Refusal(f"item {waiting.external_id} is answered twice, first{before}: leave one answer")
    places[key] = answer.place


def _require_open(answer: Answer, waiting: TriageItem, known: KnownItem) -> None:
    what = f"item {answer.external_id} ({quoted(waiting.facts.name)})"
    if known.decision is not None:
        raise Refusal(
            f"{what} is decided already: {known.decision.in_words()}; `hardfin triage undo` takes that back first"
        )
    if known.link is not None:
        raise Refusal(
            f"{what} is linked to {known.link.item_id} by {known.link.matched_by}; `hardfin item unlink` it first"
        )
    if waiting.state != "open":
        raise Refusal(f"{what} is not in triage any more: {waiting.detail}")


def _carried_out(org: str, answer: Answer, waiting: TriageItem, items: Mapping[str, Sequence[str]]) -> _Sound:
    if answer.action == "map":
        return _Sound(answer, waiting, _mapped_to(org, answer, items))
    if answer.action == "create":
        values = _values(answer, waiting.facts)
        own_id = entity_id("item", org, waiting.scope.connection_id, waiting.external_id)
        return _Sound(answer, waiting, own_id, str(values["name"]), answer.kind, values)
    return _Sound(answer, waiting)


def _mapped_to(org: str, answer: Answer, items: Mapping[str, Sequence[str]]) -> str:
    if not answer.item.strip():
        raise Refusal(f"item {answer.external_id}: map needs a product or part: its id (itm_…) or its exact SKU")
    ids = items.get(answer.item, [])
    if not ids:
        raise Refusal(f"{org} has no product or part with the id or SKU {quoted(answer.item)}")
    if len(ids) > 1:
        raise Refusal(
            f"{len(ids)} products or parts have the SKU {quoted(answer.item)}: give an id ({', '.join(ids[:3])})"
        )
    return ids[0]


def _values(answer: Answer, facts: ItemFacts) -> dict[str, Any]:
    name = answer.name.strip() or facts.name.strip()
    what = f"item {answer.external_id}"
    if not name:
        raise Refusal(f"{what} has no name, and a product or part needs one: give --name, or map it")
    if len(normalized_name(name).encode()) > LONGEST_KEY_BYTES:
        raise Refusal(f"{what}: its name has {len(name):,} characters, too many for Hardfin: give a shorter --name")
    if facts.sku and len(normalized_sku(facts.sku).encode()) > LONGEST_KEY_BYTES:
        raise Refusal(f"{what}: its SKU has {len(facts.sku):,} characters, too many for Hardfin: map it, or ignore it")
    priced = facts.price is not None
    values: dict[str, Any] = {
        "name": name,
        "sku": facts.sku.strip() if sku_key(facts.sku) else None,
        "description": facts.description or None,
        "price": facts.price,
        "currency": facts.currency if priced and facts.currency else None,
    }
    return {target: value for target, value in values.items() if value is not None}


def _made_before(connection: Connection, org: str, sound: Sequence[_Sound]) -> list[str]:
    """An item that was made of the same external item, and then used or edited, is there still."""
    made = {each.item_id: each for each in sound if each.answer.action == "create"}
    return [
        f"{made[item_id].answer.place + ': ' if made[item_id].answer.place else ''}item "
        f"{made[item_id].answer.external_id} was made into {item_id} before, which is still there: map it to that"
        for item_id in sorted(existing_items(connection, org, made))
    ]


def _link_row(each: _Sound, cause: Cause) -> dict[str, Any]:
    waiting = each.waiting
    stamp = SyncStamp(waiting.scope.org, waiting.scope.connection_id, {}, cause.run_id, "decision", 0, cause.at)
    item = VendorItem(waiting.external_id, waiting.facts, waiting.vendor_modified_at, waiting.url)
    row = item_link_row(waiting.scope, waiting.external_id, each.item_id, "decision", stamp, item)
    return row | {"synced_values": {name: to_text(value) for name, value in each.values.items() if value is not None}}


def _decision(each: _Sound, cause: Cause) -> Decision:
    return Decision(
        f"dec_{secrets.token_hex(8)}",
        each.waiting.scope,
        each.waiting.external_id,
        each.answer.action,
        each.item_id,
        cause.at,
        cause.actor,
        cause.reason,
    )


def _audited(each: _Sound, cause: Cause) -> AuditEvent:
    link = link_name(each.waiting.scope, each.waiting.external_id)
    if each.answer.action == "ignore":
        return AuditEvent("triage.ignored", "triage_item", link, cause, {"state": ("open", "ignored")})
    changes: dict[str, tuple[Any, Any]] = {link: (None, "decision")}
    if each.answer.action == "create":
        return AuditEvent("item.created", "item", each.item_id, cause, changes | {"kind": (None, each.kind)})
    return AuditEvent("item.linked", "item", each.item_id, cause, changes)


def _event(each: _Sound, cause: Cause) -> RecordEvent:
    waiting = each.waiting
    did = {"map": f"mapped to {each.item_id}", "create": f"made into {each.item_id}", "ignore": "ignored"}
    kind = f"triage {STATE_AFTER[each.answer.action]}"
    why = f": {cause.reason}" if cause.reason else ""
    detail = f"{did[each.answer.action]} by {cause.actor}{why}"
    return RecordEvent(
        waiting.scope.object, waiting.external_id, cause.at, kind, detail, waiting.vendor_modified_at, cause.run_id
    )


def _decided(each: _Sound) -> Decided:
    waiting = each.waiting
    return Decided(
        waiting.scope,
        waiting.external_id,
        waiting.facts.name,
        each.answer.action,
        each.item_id,
        each.item_name,
        each.kind,
    )

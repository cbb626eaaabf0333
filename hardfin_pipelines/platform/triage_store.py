"""Triage: the items that wait for a person, what was suggested for them, and what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, bindparam, func, or_, select, update

from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.triage_tables import item_decisions, triage_items, vendor_items
from hardfin_pipelines.platform.vendor_item_store import ItemScope
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.stored_facts import facts_from_json
from hardfin_pipelines.sync.suggestions import Suggestion
from hardfin_pipelines.sync.vendor_items import TRIAGE_STATES, DecisionAction, TriageState

_KEY = ("org", "connection_id", "object", "external_id")


@dataclass(frozen=True, slots=True)
class TriageItem:
    """An item of an accounting system in triage.

    Attributes:
        scope: Whose it is.
        external_id: The vendor's id.
        state: open, mapped, created, ignored, gone.
        reason: unmatched, ambiguous, conflict.
        detail: The reason in words; of one that left, why.
        facts: The item as last read.
        url: Where a person sees it, or "".
        vendor_modified_at: The vendor's stamp of that.
        first_seen_at: Since when it was in triage first.
        last_seen_at: When a visit last found it new or changed.
        state_at: Since when it is in its state.
        suggestions: As last made; see `suggested_for`.
        suggested_for: The mark of the catalogue they were made from; "" before they were.
    """

    scope: ItemScope
    external_id: str
    state: TriageState
    reason: str
    detail: str
    facts: ItemFacts = field(repr=False)
    url: str
    vendor_modified_at: datetime
    first_seen_at: datetime
    last_seen_at: datetime
    state_at: datetime
    suggestions: tuple[Suggestion, ...]
    suggested_for: str

    @property
    def full_name(self) -> str:
        """Its name with its parents."""
        return ":".join(self.facts.path) or self.facts.name


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided about an item, and whether it was taken back."""

    decision_id: str
    scope: ItemScope
    external_id: str
    action: DecisionAction
    item_id: str
    decided_at: datetime
    decided_by: str
    reason: str = ""
    undone_at: datetime | None = None
    undone_by: str = ""


def list_triage(
    connection: Connection,
    org: str,
    *,
    state: TriageState | None = "open",
    connection_id: str = "",
    search: str = "",
    reason: str = "",
    after: int = 0,
    limit: int | None = None,
) -> tuple[list[TriageItem], int]:
    """Items in triage, the longest waiting first, and how many there are in all.

    Args:
        connection: An open transaction.
        org: The organization.
        state: Only in this state; None for all.
        connection_id: Only of this connection.
        search: Only with this text in the name or SKU, or with this external id.
        reason: Only for this reason.
        after: Leave out so many.
        limit: At most so many.
    """
    where: list[ColumnElement[bool]] = [triage_items.c.org == org]
    if state is not None:
        where.append(triage_items.c.state == state)
    if connection_id:
        where.append(triage_items.c.connection_id == connection_id)
    if reason:
        where.append(triage_items.c.reason == reason)
    if search:
        where.append(
            or_(
                vendor_items.c.full_name.icontains(search, autoescape=True),
                vendor_items.c.sku.icontains(search, autoescape=True),
                triage_items.c.external_id == search,
            )
        )
    joined = triage_items.join(vendor_items, _same_item())
    total = connection.execute(select(func.count()).select_from(joined).where(*where)).scalar_one()
    # Ids are mostly numbers: as texts alone, 10 would come before 9.
    by_id = (func.length(triage_items.c.external_id), triage_items.c.external_id)
    order = (triage_items.c.state_at, triage_items.c.connection_id, triage_items.c.object, *by_id)
    query = _items_query().where(*where).order_by(*order).offset(after).limit(limit)
    return [_triage_item(row) for row in connection.execute(query).mappings()], total


def find_triage_items(connection: Connection, org: str, external_ids: Iterable[str]) -> dict[str, list[TriageItem]]:
    """The items of some external ids, in any state; a list has several where several connections know the id."""
    found: dict[str, list[TriageItem]] = {}
    for chunk in chunks(external_ids):
        query = _items_query().where(triage_items.c.org == org, triage_items.c.external_id.in_(chunk))
        for row in connection.execute(query.order_by(triage_items.c.connection_id)).mappings():
            found.setdefault(row["external_id"], []).append(_triage_item(row))
    return found


def count_triage(connection: Connection, org: str, connection_id: str = "") -> dict[TriageState, int]:
    """How many items of an organization, or of one connection, are in each state; every state is there."""
    query = select(triage_items.c.state, func.count()).where(triage_items.c.org == org)
    if connection_id:
        query = query.where(triage_items.c.connection_id == connection_id)
    counted = {row[0]: row[1] for row in connection.execute(query.group_by(triage_items.c.state))}
    return {state: counted.get(state, 0) for state in TRIAGE_STATES}


def has_open(connection: Connection, scope: ItemScope) -> bool:
    """Whether anything of a connection waits."""
    waiting = select(triage_items.c.external_id).where(scope.of(triage_items), triage_items.c.state == "open")
    return connection.execute(waiting.limit(1)).first() is not None


def scopes_to_match_again(connection: Connection, org: str, mark: str) -> list[ItemScope]:
    """The connections whose items in triage were last matched against another catalogue than that of the mark."""
    names = [triage_items.c[name] for name in _KEY[:3]]
    query = select(*names).where(
        triage_items.c.org == org, triage_items.c.state == "open", triage_items.c.matched_for != mark
    )
    return [ItemScope(*row) for row in connection.execute(query.distinct().order_by(*names))]


def mark_matched(connection: Connection, scope: ItemScope, mark: str) -> None:
    """Note that everything of a connection that waits was matched against the catalogue of a mark."""
    waiting = update(triage_items).where(scope.of(triage_items), triage_items.c.state == "open")
    connection.execute(waiting.where(triage_items.c.matched_for != mark).values(matched_for=mark))


def save_suggestions(
    connection: Connection, scope: ItemScope, suggestions: Mapping[str, Sequence[Suggestion]], mark: str
) -> None:
    """Keep the suggestions for some items, made from the catalogue of a mark."""
    if not suggestions:
        return
    statement = (
        update(triage_items)
        .where(scope.of(triage_items), triage_items.c.external_id == bindparam("of_id"))
        .values(suggestions=bindparam("found"), suggested_for=mark)
    )
    connection.execute(
        statement,
        [
            {
                "of_id": external_id,
                "found": [
                    {"item_id": each.item_id, "score": each.score, "reasons": list(each.reasons)} for each in listed
                ],
            }
            for external_id, listed in suggestions.items()
        ],
    )


def set_states(connection: Connection, changes: Iterable[tuple[ItemScope, str, TriageState]], now: datetime) -> None:
    """Put items that are in triage into other states."""
    rows = [
        {**{f"of_{name}": value for name, value in scope.key(external_id).items()}, "to": state}
        for scope, external_id, state in changes
    ]
    if rows:
        whose = [triage_items.c[name] == bindparam(f"of_{name}") for name in _KEY]
        connection.execute(update(triage_items).where(*whose).values(state=bindparam("to"), state_at=now), rows)


def add_decisions(connection: Connection, decisions: Sequence[Decision]) -> None:
    """Keep what people decided."""
    rows = [
        {
            **each.scope.key(each.external_id),
            "decision_id": each.decision_id,
            "action": each.action,
            "item_id": each.item_id,
            "decided_at": each.decided_at,
            "decided_by": each.decided_by,
            "reason": each.reason,
        }
        for each in decisions
    ]
    if rows:
        connection.execute(item_decisions.insert(), rows)


def undo_decision(connection: Connection, org: str, decision_id: str, *, by: str, now: datetime) -> bool:
    """Take a decision back; False where it was already."""
    holding = and_(
        item_decisions.c.org == org, item_decisions.c.decision_id == decision_id, item_decisions.c.undone_at.is_(None)
    )
    return connection.execute(update(item_decisions).where(holding).values(undone_at=now, undone_by=by)).rowcount > 0


def decisions_of(connection: Connection, scope: ItemScope, external_id: str) -> list[Decision]:
    """Everything that was decided about an item, oldest first."""
    query = select(item_decisions).where(scope.of(item_decisions), item_decisions.c.external_id == external_id)
    order = (item_decisions.c.decided_at, item_decisions.c.decision_id)
    return [
        Decision(
            row.decision_id,
            scope,
            row.external_id,
            row.action,
            row.item_id,
            row.decided_at,
            row.decided_by,
            row.reason,
            row.undone_at,
            row.undone_by,
        )
        for row in connection.execute(query.order_by(*order))
    ]


def _same_item() -> ColumnElement[bool]:
    return and_(*(vendor_items.c[name] == triage_items.c[name] for name in _KEY))


def _items_query() -> Any:
    of_vendor = [vendor_items.c[name] for name in ("facts", "url", "vendor_modified_at", "read_at")]
    return select(triage_items, *of_vendor).join(vendor_items, _same_item())


def _triage_item(row: RowMapping) -> TriageItem:
    return TriageItem(
        scope=ItemScope(row["org"], row["connection_id"], row["object"]),
        external_id=row["external_id"],
        state=row["state"],
        reason=row["reason"],
        detail=row["detail"],
        facts=facts_from_json(row["facts"]),
        url=row["url"],
        vendor_modified_at=row["vendor_modified_at"],
        first_seen_at=row["first_seen_at"],
        last_seen_at=row["read_at"],
        state_at=row["state_at"],
        suggestions=tuple(
            Suggestion(each["item_id"], each["score"], tuple(each["reasons"])) for each in row["suggestions"]
        ),
        suggested_for=row["suggested_for"],
    )

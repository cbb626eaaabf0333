"""What is known of the items of one connection: as last read, linked, decided about, waiting in triage."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, bindparam, func, select, update

from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import links, rejected_records
from hardfin_pipelines.platform.triage_tables import item_decisions, triage_items, vendor_items
from hardfin_pipelines.platform.upsert import upsert
from hardfin_pipelines.sync.item_facts import ItemFacts, ItemKind
from hardfin_pipelines.sync.item_paths import SEPARATOR, written_path
from hardfin_pipelines.sync.stored_facts import facts_from_json, facts_to_json
from hardfin_pipelines.sync.vendor_items import (
    HeldDecision,
    HeldLink,
    HeldTriage,
    ItemGone,
    KnownItem,
    VendorItem,
)

_MOST_BY_ID = 10_000

HOLDING = ("map", "create", "ignore")
"""Decisions that settle what an item is."""


@dataclass(frozen=True, slots=True)
class ItemScope:
    """The items of one connection.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        object: The vendor's name of items.
    """

    org: str
    connection_id: str
    object: str

    def of(self, table: Table) -> ColumnElement[bool]:
        """The condition for a table's rows of it."""
        return and_(table.c.org == self.org, table.c.connection_id == self.connection_id, table.c.object == self.object)

    def key(self, external_id: str) -> dict[str, str]:
        """The key columns of one item."""
        return {
            "org": self.org,
            "connection_id": self.connection_id,
            "object": self.object,
            "external_id": external_id,
        }


@dataclass(slots=True)
class _Parts:
    item: VendorItem | None = None
    gone: ItemGone | None = None
    link: HeldLink | None = None
    decision: HeldDecision | None = None
    refused: frozenset[str] = frozenset()
    triage: HeldTriage | None = None

    def known(self) -> KnownItem:
        return KnownItem(self.item, self.gone, self.link, self.decision, self.refused, self.triage)


def read_known(connection: Connection, scope: ItemScope, ids: Iterable[str]) -> dict[str, KnownItem]:
    """What is known of some external ids; those of which nothing is are absent."""
    wanted = list(dict.fromkeys(ids))
    parts: dict[str, _Parts] = {}
    for row in _rows(connection, vendor_items, scope, wanted):
        part = parts.setdefault(row.external_id, _Parts())
        part.item, part.gone = _item(row), _gone(row)
    for row in _rows(connection, links, scope, wanted):
        held = HeldLink(row.entity_id, row.matched_by, row.broken_because)
        parts.setdefault(row.external_id, _Parts()).link = held
    for row in _rows(connection, triage_items, scope, wanted):
        parts.setdefault(row.external_id, _Parts()).triage = HeldTriage(row.state, row.reason, row.detail)
    for row in _rows(connection, item_decisions, scope, wanted, item_decisions.c.decided_at):
        _take_decision(parts.setdefault(row.external_id, _Parts()), row)
    return {external_id: part.known() for external_id, part in parts.items()}


def read_items(connection: Connection, scope: ItemScope, ids: Iterable[str]) -> dict[str, KnownItem]:
    """Some items as last read, without links, decisions and triage; those that never were are absent."""
    rows = _rows(connection, vendor_items, scope, list(dict.fromkeys(ids)))
    return {row.external_id: KnownItem(_item(row), _gone(row)) for row in rows}


def scopes_of(connection: Connection, org: str, ids: Iterable[str]) -> dict[ItemScope, list[str]]:
    """The connections of an organization that know some external ids, with those that each of them knows."""
    names = [vendor_items.c[name] for name in ("connection_id", "object", "external_id")]
    found: dict[ItemScope, list[str]] = {}
    for chunk in chunks(ids):
        query = select(*names).where(vendor_items.c.org == org, vendor_items.c.external_id.in_(chunk))
        for row in connection.execute(query.order_by(*names)):
            found.setdefault(ItemScope(org, row.connection_id, row.object), []).append(row.external_id)
    return found


def open_ids(connection: Connection, scope: ItemScope) -> list[str]:
    """The external ids that wait in triage."""
    query = select(triage_items.c.external_id).where(scope.of(triage_items), triage_items.c.state == "open")
    return list(connection.scalars(query))


def present_ids(connection: Connection, scope: ItemScope) -> set[str]:
    """The external ids that were there when they were last read."""
    query = select(vendor_items.c.external_id).where(scope.of(vendor_items), vendor_items.c.gone_at.is_(None))
    return set(connection.scalars(query))


def count_items(connection: Connection, scope: ItemScope) -> int:
    """How many items are accounted for: those that were there when they were last read, and those set aside unread."""
    present = (scope.of(vendor_items), vendor_items.c.gone_at.is_(None))
    there = select(func.count()).select_from(vendor_items).where(*present)
    known = select(vendor_items.c.external_id).where(*present)
    aside = select(func.count()).where(scope.of(rejected_records), rejected_records.c.external_id.not_in(known))
    return connection.execute(there).scalar_one() + connection.execute(aside).scalar_one()


def present_keys(connection: Connection, scope: ItemScope) -> dict[str, ItemFacts]:
    """Of every item that is not gone, by external id, what its keys are made of; the rest of the facts is left out."""
    names = ("external_id", "name", "sku", "kind", "active")
    query = select(*(vendor_items.c[name] for name in names))
    rows = connection.execute(query.where(scope.of(vendor_items), vendor_items.c.gone_at.is_(None)))
    return {
        external_id: ItemFacts(name, (), sku, cast("ItemKind", kind), "", active)
        for external_id, name, sku, kind, active in rows
    }


def sub_items(connection: Connection, scope: ItemScope) -> dict[str, str]:
    """The items that are below another one and not gone: external id to path, as it is known."""
    query = select(vendor_items.c.external_id, vendor_items.c.full_name)
    where = (scope.of(vendor_items), vendor_items.c.gone_at.is_(None), vendor_items.c.full_name.contains(SEPARATOR))
    return {row.external_id: row.full_name for row in connection.execute(query.where(*where))}


def whole_links(connection: Connection, scope: ItemScope) -> dict[str, str]:
    """The links that are not broken: external id to item id."""
    query = select(links.c.external_id, links.c.entity_id).where(scope.of(links), links.c.broken_because == "")
    return {row.external_id: row.entity_id for row in connection.execute(query)}


def save_items(
    connection: Connection, scope: ItemScope, items: Sequence[VendorItem], *, now: datetime, run_id: str
) -> None:
    """Keep items as they are now; whatever was gone is there again."""
    rows = [_item_row(scope, item, now, run_id) for item in items]
    if rows:
        connection.execute(upsert(connection, vendor_items), rows)


def save_gone(connection: Connection, scope: ItemScope, gone: Sequence[ItemGone]) -> None:
    """Note that items are gone; those that were never read are left out."""
    if not gone:
        return
    statement = (
        update(vendor_items)
        .where(scope.of(vendor_items), vendor_items.c.external_id == bindparam("of_id"))
        .values(gone_at=bindparam("at"), gone_how=bindparam("how"), survivor_id=bindparam("survivor"))
    )
    rows = [{"of_id": each.id, "at": each.at, "how": each.how, "survivor": each.survivor_id} for each in gone]
    connection.execute(statement, rows)


def _rows(
    connection: Connection, table: Table, scope: ItemScope, ids: Sequence[str], *order: ColumnElement[Any]
) -> Iterator[Row[Any]]:
    if len(ids) > _MOST_BY_ID:  # most of what there is: asking for each by its id would cost more than reading it all
        wanted = set(ids)
        yield from (
            row
            for row in connection.execute(select(table).where(scope.of(table)).order_by(*order))
            if row.external_id in wanted
        )
        return
    for chunk in chunks(ids):
        yield from connection.execute(
            select(table).where(scope.of(table), table.c.external_id.in_(chunk)).order_by(*order)
        )


def _item(row: Row[Any]) -> VendorItem | None:
    try:
        return VendorItem(row.external_id, facts_from_json(row.facts), row.vendor_modified_at, row.url)
    except ValueError:
        return None  # of another version of ours: as if it had never been read


def _gone(row: Row[Any]) -> ItemGone | None:
    return None if row.gone_at is None else ItemGone(row.external_id, row.gone_at, row.gone_how, row.survivor_id)


def _take_decision(part: _Parts, row: Row[Any]) -> None:
    """Rows come in the order they were decided in."""
    if row.undone_at is None and row.action in HOLDING:
        part.decision = HeldDecision(row.decision_id, row.action, row.item_id, row.decided_by, row.decided_at)
    elif row.item_id:
        part.refused |= {row.item_id}


def _item_row(scope: ItemScope, item: VendorItem, now: datetime, run_id: str) -> Mapping[str, Any]:
    facts = item.facts
    return {
        "org": scope.org,
        "connection_id": scope.connection_id,
        "object": scope.object,
        "external_id": item.id,
        "name": facts.name,
        "full_name": written_path(facts.path) or facts.name,
        "sku": facts.sku,
        "kind": facts.kind,
        "vendor_type": facts.vendor_type,
        "active": facts.active,
        "facts": facts_to_json(facts),
        "url": item.url,
        "vendor_modified_at": item.modified_at,
        "read_at": now,
        "run_id": run_id,
        "gone_at": None,
        "gone_how": "",
        "survivor_id": "",
    }

"""What the systems that an item is linked to say of it: a CRM as last synced, an accounting system as last read."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import item_costs
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_tables import vendor_items
from hardfin_pipelines.platform.vendor_item_store import ItemScope
from hardfin_pipelines.sync.item_opinions import HARDFIN, ItemSaid, Money
from hardfin_pipelines.sync.stored_facts import facts_from_json


@dataclass(frozen=True, slots=True)
class SystemSaid:
    """What one linked record says of an item.

    Attributes:
        scope: The records of its kind.
        external_id: The vendor's id.
        said: What it says.
        as_of: Of which version that is, in vendor time; when it was synced, where the vendor gave no stamp.
    """

    scope: ItemScope
    external_id: str
    said: ItemSaid
    as_of: datetime


def hardfin_says(name: str, sku: str | None, price: Decimal | None, currency: str | None) -> ItemSaid:
    """What Hardfin says of an item, by its columns."""
    return ItemSaid(HARDFIN, name, sku or "", _money(price, currency))


def systems_say(
    connection: Connection, org: str, item_ids: Collection[str] | None = None
) -> dict[str, list[SystemSaid]]:
    """What is said of items, by their id; the oldest link first. Links that cannot be followed any more say nothing.

    Args:
        connection: An open transaction.
        org: The organization.
        item_ids: Only of these items; None for all.
    """
    of_scope: dict[ItemScope, list[Row[Any]]] = {}
    for row in _links(connection, org, item_ids):
        of_scope.setdefault(ItemScope(org, row.connection_id, row.object), []).append(row)
    found: dict[str, list[tuple[datetime, SystemSaid]]] = {}
    for scope, rows in of_scope.items():
        ids = None if item_ids is None else [row.external_id for row in rows]
        books = _said_in_books(connection, scope, ids)
        for row in rows:
            said = books.get(row.external_id) or _said_at_sync(scope, row)
            found.setdefault(row.entity_id, []).append((row.synced_at, said))
    return {each: [said for _, said in sorted(listed, key=_age)] for each, listed in found.items()}


def _age(dated: tuple[datetime, SystemSaid]) -> tuple[datetime, str, str]:
    synced_at, said = dated
    return (synced_at, said.scope.connection_id, said.external_id)


def _links(connection: Connection, org: str, item_ids: Collection[str] | None) -> Iterator[Row[Any]]:
    names = ("connection_id", "object", "external_id", "entity_id", "synced_values", "synced_at", "vendor_modified_at")
    query = select(*(links.c[name] for name in names)).where(
        links.c.org == org, links.c.entity_type == "item", links.c.broken_because == ""
    )
    yield from _chunked(connection, query, links.c.entity_id, item_ids)


def _said_in_books(connection: Connection, scope: ItemScope, ids: Collection[str] | None) -> dict[str, SystemSaid]:
    """What an accounting system says of its items; nothing where the connection is none."""
    names = ("external_id", "name", "sku", "facts", "vendor_modified_at")
    query = select(*(vendor_items.c[name] for name in names)).where(
        scope.of(vendor_items), vendor_items.c.gone_at.is_(None)
    )
    rows = list(_chunked(connection, query, vendor_items.c.external_id, ids))
    if not rows:
        return {}
    books = BooksScope(scope.org, scope.connection_id)
    of_cost = select(item_costs.c.item_id, item_costs.c.purchase_price, item_costs.c.currency).where(
        books.of(item_costs), item_costs.c.gone_at.is_(None)
    )
    costs = {
        row.item_id: _money(row.purchase_price, row.currency)
        for row in _chunked(connection, of_cost, item_costs.c.item_id, ids)
    }
    return {row.external_id: _said_by_item(scope, row, costs.get(row.external_id)) for row in rows}


def _said_by_item(scope: ItemScope, row: Row[Any], cost: Money | None) -> SystemSaid:
    price = None
    try:
        facts = facts_from_json(row.facts)
    except ValueError:
        pass  # of another version of ours: it says no amounts until it is read again
    else:
        price = _money(facts.price, facts.currency)
        cost = cost or _money(facts.cost, facts.currency)
    said = ItemSaid(_system(scope, row.external_id), row.name, row.sku, price, cost)
    return SystemSaid(scope, row.external_id, said, row.vendor_modified_at)


def _said_at_sync(scope: ItemScope, link: Row[Any]) -> SystemSaid:
    values = link.synced_values
    price = _money(_number(values.get("price")), values.get("currency"))
    said = ItemSaid(_system(scope, link.external_id), values.get("name") or "", values.get("sku") or "", price)
    return SystemSaid(scope, link.external_id, said, link.vendor_modified_at or link.synced_at)


def _system(scope: ItemScope, external_id: str) -> str:
    return f"{scope.connection_id} {scope.object} {external_id}"


def _number(text: str | None) -> Decimal | None:
    try:
        number = Decimal(text or "")
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _money(amount: Decimal | None, currency: str | None) -> Money | None:
    return None if amount is None else Money(amount, currency or "")


def _chunked(
    connection: Connection, query: Select[Any], column: Any, ids: Collection[str] | None
) -> Iterator[Row[Any]]:
    if ids is None:
        yield from connection.execute(query)
        return
    for chunk in chunks(ids):
        yield from connection.execute(query.where(column.in_(chunk)))

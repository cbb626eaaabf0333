"""Reading stock for people: the levels of linked items, by item and location."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Connection, and_, func, select

from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import inventory_levels, locations
from hardfin_pipelines.platform.column_types import is_negative
from hardfin_pipelines.platform.item_books import item_object
from hardfin_pipelines.platform.tables import connections, items, links


@dataclass(frozen=True, slots=True)
class StockLevel:
    """What there is of a linked item at a location, as last read.

    Attributes:
        connection_id: The accounting system's connection.
        item_id: Hardfin's product or part.
        name: Its name.
        sku: Its SKU, or "".
        external_id: The vendor's id of the item.
        location_id: The vendor's id of the location; "" where the account keeps stock by item alone.
        location: Its full name, or its id where that was not read.
        on_hand: How many there are.
        available: How many of those are free.
        committed: How many are promised.
        on_order: How many were ordered.
        as_of: Vendor time of the answer that last changed it.
    """

    connection_id: str
    item_id: str
    name: str
    sku: str
    external_id: str
    location_id: str
    location: str
    on_hand: Decimal | None
    available: Decimal | None
    committed: Decimal | None
    on_order: Decimal | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Stock:
    """Levels of linked items by name and location, how many there are, and how many of items that are not linked."""

    levels: tuple[StockLevel, ...]
    total: int
    unlinked: int


@dataclass(frozen=True, slots=True)
class StockLocation:
    """A location of an accounting system."""

    scope: BooksScope
    id: str
    name: str
    full_name: str


def stock_locations(connection: Connection, org: str) -> list[StockLocation]:
    """The locations that there are at an organization's accounting systems, by name."""
    query = select(locations).where(locations.c.org == org, locations.c.gone_at.is_(None))
    return [
        StockLocation(BooksScope(org, row.connection_id), row.external_id, row.name, row.full_name)
        for row in connection.execute(query.order_by(locations.c.full_name, locations.c.connection_id))
    ]


def stock(
    connection: Connection,
    org: str,
    *,
    at: Sequence[StockLocation] | None = None,
    negative: bool = False,
    limit: int | None = None,
) -> Stock:
    """What there is of the items of an organization's accounting systems.

    Args:
        connection: An open transaction.
        org: The organization.
        at: Only at these locations; None for all.
        negative: Only where less than nothing is on hand.
        limit: At most so many levels.
    """
    found: list[StockLevel] = []
    total = unlinked = 0
    of_org = select(connections.c.connection_id).where(connections.c.org == org).order_by(connections.c.connection_id)
    for connection_id in connection.scalars(of_org).all():
        scope = BooksScope(org, connection_id)
        vendor_object = item_object(connection, scope)
        where = [scope.of(inventory_levels), inventory_levels.c.gone_at.is_(None)]
        if at is not None:
            where.append(inventory_levels.c.location_id.in_([each.id for each in at if each.scope == scope]))
        if negative:
            where.append(is_negative(connection, inventory_levels.c.on_hand))
        linked = _linked(scope, vendor_object or "")
        joined = inventory_levels.join(links, linked)
        in_all = connection.execute(select(func.count()).select_from(inventory_levels).where(*where)).scalar_one()
        number = connection.execute(select(func.count()).select_from(joined).where(*where)).scalar_one()
        total, unlinked = total + number, unlinked + in_all - number
        if number:
            found += _levels(connection, scope, linked, where, limit)
    found.sort(key=lambda each: (each.name, each.item_id, each.connection_id, each.location, each.location_id))
    return Stock(tuple(found[:limit]), total, unlinked)


def _linked(scope: BooksScope, vendor_object: str) -> ColumnElement[bool]:
    return and_(
        scope.of(links),
        links.c.object == vendor_object,
        links.c.external_id == inventory_levels.c.item_id,
        links.c.entity_type == "item",
    )


def _levels(
    connection: Connection,
    scope: BooksScope,
    linked: ColumnElement[bool],
    where: Sequence[ColumnElement[bool]],
    limit: int | None,
) -> list[StockLevel]:
    table = inventory_levels
    place = func.coalesce(locations.c.full_name, table.c.location_id)
    told = [table.c[name] for name in ("on_hand", "available", "committed", "on_order", "as_of")]
    sku = func.coalesce(items.c.sku, "")
    query = (
        select(table.c.connection_id, items.c.id, items.c.name, sku, table.c.item_id, table.c.location_id, place, *told)
        .join(links, linked)
        .join(items, and_(items.c.org == links.c.org, items.c.id == links.c.entity_id))
        .outerjoin(locations, and_(scope.of(locations), locations.c.external_id == table.c.location_id))
        .where(*where)
        .order_by(items.c.name, items.c.id, place, table.c.location_id)
        .limit(limit)
    )
    return [StockLevel(*row) for row in connection.execute(query)]

"""What an accounting system says of one item besides the item itself, and which of Hardfin's items its items are."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Connection, and_, func, select

from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import (
    inventory_levels,
    item_components,
    item_costs,
    item_prices,
    locations,
    price_levels,
    serial_numbers,
)
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import items, links
from hardfin_pipelines.platform.triage_tables import vendor_items


@dataclass(frozen=True, slots=True)
class LinkedItem:
    """The product or part that an item of an accounting system is linked to."""

    id: str
    name: str
    sku: str


@dataclass(frozen=True, slots=True)
class ItemLevel:
    """What there is of an item at a location; `location` is its full name, or its id where that was not read.

    Both are "" where the account keeps stock by item alone. `as_of` is vendor time.
    """

    location_id: str
    location: str
    on_hand: Decimal | None
    available: Decimal | None
    committed: Decimal | None
    on_order: Decimal | None
    backordered: Decimal | None
    in_transit: Decimal | None
    average_cost: Decimal | None
    last_purchase_price: Decimal | None
    on_hand_value: Decimal | None
    moved_at: datetime | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class CostOfItem:
    """What an item costs; `as_of` is vendor time."""

    purchase_price: Decimal | None
    average_cost: Decimal | None
    last_purchase_price: Decimal | None
    currency: str
    as_of: datetime


@dataclass(frozen=True, slots=True)
class PriceOfItem:
    """A price of an item at a price level, from a quantity on; `as_of` is vendor time."""

    price_level_id: str
    price_level: str
    currency: str
    from_quantity: Decimal
    price: Decimal | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class ComponentOfItem:
    """A member of an assembly or a kit; `item` is Hardfin's, where it is linked. `as_of` is vendor time."""

    line: str
    external_id: str
    name: str
    sku: str
    quantity: Decimal | None
    item: LinkedItem | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class SerialOfItem:
    """A serial number, or a lot's number, of an item; `as_of` is vendor time."""

    external_id: str
    number: str
    expires_on: date | None
    as_of: datetime


@dataclass(frozen=True, slots=True)
class ItemBooks:
    """All that an accounting system says of one item besides the item itself, as last read."""

    levels: tuple[ItemLevel, ...] = ()
    cost: CostOfItem | None = None
    prices: tuple[PriceOfItem, ...] = ()
    components: tuple[ComponentOfItem, ...] = ()
    serial_numbers: tuple[SerialOfItem, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.levels or self.cost or self.prices or self.components or self.serial_numbers)


def item_object(connection: Connection, scope: BooksScope) -> str | None:
    """The vendor's name of items of an accounting system; None where none was ever read."""
    query = select(vendor_items.c.object).where(scope.of(vendor_items)).limit(1)
    return connection.execute(query).scalar_one_or_none()


def linked_items(connection: Connection, scope: BooksScope, external_ids: Iterable[str]) -> dict[str, LinkedItem]:
    """Which of Hardfin's items some items of an accounting system are, by the vendor's id; unlinked ones are absent."""
    found: dict[str, LinkedItem] = {}
    vendor_object = item_object(connection, scope)
    if vendor_object is None:
        return found
    query = (
        select(links.c.external_id, items.c.id, items.c.name, items.c.sku)
        .join(items, and_(items.c.org == links.c.org, items.c.id == links.c.entity_id))
        .where(scope.of(links), links.c.object == vendor_object, links.c.entity_type == "item")
    )
    for chunk in chunks(external_ids):
        for external_id, item_id, name, sku in connection.execute(query.where(links.c.external_id.in_(chunk))):
            found[external_id] = LinkedItem(item_id, name, sku or "")
    return found


def books_of_item(connection: Connection, scope: BooksScope, external_id: str) -> ItemBooks:
    """What an accounting system says of an item besides the item itself; nothing where the connection is none."""
    return ItemBooks(
        _levels(connection, scope, external_id),
        _cost(connection, scope, external_id),
        _prices(connection, scope, external_id),
        _components(connection, scope, external_id),
        _serial_numbers(connection, scope, external_id),
    )


def _levels(connection: Connection, scope: BooksScope, external_id: str) -> tuple[ItemLevel, ...]:
    table = inventory_levels
    told = [table.c[each.name] for each in fields(ItemLevel) if each.name not in {"location_id", "location"}]
    place = func.coalesce(locations.c.full_name, table.c.location_id)
    query = (
        select(table.c.location_id, place, *told)
        .outerjoin(locations, and_(scope.of(locations), locations.c.external_id == table.c.location_id))
        .where(scope.of(table), table.c.item_id == external_id, table.c.gone_at.is_(None))
    )
    return tuple(ItemLevel(*row) for row in connection.execute(query.order_by(place, table.c.location_id)))


def _cost(connection: Connection, scope: BooksScope, external_id: str) -> CostOfItem | None:
    table = item_costs
    names = ("purchase_price", "average_cost", "last_purchase_price", "currency", "as_of")
    query = select(*(table.c[name] for name in names)).where(scope.of(table), table.c.item_id == external_id)
    row = connection.execute(query.where(table.c.gone_at.is_(None))).one_or_none()
    return None if row is None else CostOfItem(*row)


def _prices(connection: Connection, scope: BooksScope, external_id: str) -> tuple[PriceOfItem, ...]:
    table = item_prices
    level = func.coalesce(price_levels.c.name, table.c.price_level_id)
    query = (
        select(table.c.price_level_id, level, table.c.currency, table.c.from_quantity, table.c.price, table.c.as_of)
        .outerjoin(price_levels, and_(scope.of(price_levels), price_levels.c.external_id == table.c.price_level_id))
        .where(scope.of(table), table.c.item_id == external_id, table.c.gone_at.is_(None))
    )
    found = [PriceOfItem(*row) for row in connection.execute(query)]
    return tuple(sorted(found, key=lambda each: (each.price_level, each.currency, each.from_quantity)))


def _components(connection: Connection, scope: BooksScope, external_id: str) -> tuple[ComponentOfItem, ...]:
    table = item_components
    vendor_object = item_object(connection, scope)
    member = and_(
        scope.of(vendor_items),
        vendor_items.c.object == vendor_object,
        vendor_items.c.external_id == table.c.item_id,
    )
    query = (
        select(table, func.coalesce(vendor_items.c.name, ""), func.coalesce(vendor_items.c.sku, ""))
        .outerjoin(vendor_items, member)
        .where(scope.of(table), table.c.parent_id == external_id, table.c.gone_at.is_(None))
    )
    rows = connection.execute(query).all()
    linked = linked_items(connection, scope, {row.item_id for row in rows})
    found = [
        ComponentOfItem(row.line, row.item_id, row[-2], row[-1], row.quantity, linked.get(row.item_id), row.as_of)
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: (len(each.line), each.line)))


def _serial_numbers(connection: Connection, scope: BooksScope, external_id: str) -> tuple[SerialOfItem, ...]:
    table = serial_numbers
    query = (
        select(table.c.external_id, table.c.number, table.c.expires_on, table.c.as_of)
        .where(scope.of(table), table.c.item_id == external_id, table.c.gone_at.is_(None))
        .order_by(table.c.number, table.c.external_id)
    )
    return tuple(SerialOfItem(*row) for row in connection.execute(query))

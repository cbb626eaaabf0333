"""Stock by item and location (Oracle docs: aggregateItemLocation, which has every kind of item that has stock)."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.netsuite import statements
from hardfin_pipelines.connectors.netsuite.answers import moment_of, value_of
from hardfin_pipelines.connectors.netsuite.probing import Ask
from hardfin_pipelines.connectors.netsuite.requests import suiteql
from hardfin_pipelines.connectors.netsuite.walk import Position, walked


@dataclass(frozen=True, slots=True)
class StockLevel:
    """What there is of an item at a location.

    Attributes:
        item_id: The item.
        location_id: The location.
        values: Quantities and costs by NetSuite's names (`quantityonhand`, `averagecostmli`); None where NetSuite says
            nothing, or what is no number.
        moved_at: When the available quantity last changed, aware and in UTC; None where it never did.
    """

    item_id: str
    location_id: str
    values: Mapping[str, Decimal | None]
    moved_at: datetime | None


@dataclass(frozen=True, slots=True)
class StockPage:
    """Stock of one answer.

    Attributes:
        levels: In the order of items and locations.
        raw: The same as received, one JSON text each, in the same order.
        last: True when there is no more.
        vendor_time: NetSuite's clock when it answered, aware and in UTC.
    """

    levels: tuple[StockLevel, ...]
    raw: tuple[bytes, ...]
    last: bool
    vendor_time: datetime


async def stock_pages(ask: Ask, since: datetime | None, page: int) -> AsyncIterator[StockPage]:
    """Stock whose available quantity changed at or after a moment, or all of it, page by page.

    Costs, and quantities on order, change without the available quantity: only all of it shows them.

    Raises:
        NotVisible: The account has no Multi-Location Inventory, or our role does not see it.
    """
    about = "stock" if since is None else f"stock changed since {since:%Y-%m-%d %H:%M:%S} UTC"

    async def fetch(behind: Position) -> Answer:
        item, location = behind
        return await ask(suiteql(statements.stock(since, (item, location)), about, limit=page))

    async for found in walked(fetch, about, ("item", "location")):
        levels = tuple(map(_level, found.rows))
        yield StockPage(levels, tuple(row.raw for row in found.rows), found.last, found.vendor_time)


def _level(row: Row) -> StockLevel:
    values = {name: _number(value_of(row, name)) for name in statements.STOCK_COLUMNS}
    moved_at = moment_of(value_of(row, "lastquantityavailablechange"))
    return StockLevel(value_of(row, "item"), value_of(row, "location"), values, moved_at)


def _number(text: str) -> Decimal | None:
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None

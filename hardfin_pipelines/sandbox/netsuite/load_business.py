"""Puts a business around an account's items: stock, costs, prices, components, serials, sales and purchases."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.items import ItemKind, kind_of_item
from hardfin_pipelines.sandbox.netsuite.purchases import PurchaseLine, add_purchase, receive
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine, add_sale

_CITIES = ("Boston", "Denver", "Austin", "Reno", "Columbus", "Tampa")
_CUSTOMERS = (
    "Initech",
    "Globex",
    "Hooli",
    "Umbrella Logistics",
    "Stark Warehousing",
    "Wayne Fulfillment",
    "Soylent Foods",
)


@dataclass(frozen=True, slots=True)
class Business:
    """Ids of what was made."""

    locations: tuple[str, ...]
    customers: tuple[str, ...]
    orders: tuple[str, ...]
    invoices: tuple[str, ...]
    purchases: tuple[str, ...] = ()


def load_business(
    account: Account,
    item_ids: Sequence[str],
    *,
    seed: int = 0,
    locations: int = 2,
    customers: int = 4,
    orders: int = 6,
    purchases: int = 0,
    negative_on_hand: bool = False,
    at: datetime | None = None,
) -> Business:
    """Makes stock at every location, sales orders one a day up to `at`, and an invoice for every second one.

    Serialized items get two serial numbers each, those with lots a lot that expires in a year. Assemblies, kits and
    groups consist of up to three of the other items. Every second item has a price at the other price level, and a
    lower one from ten on. Of every second purchase order half has been received.

    Args:
        account: gets it.
        item_ids: its items; those that keep stock are stocked, all are sold.
        seed: the same seed makes the same business.
        locations: how many are added, none where the feature is off.
        customers: how many.
        orders: how many.
        purchases: how many purchase orders there are for what is kept in stock.
        negative_on_hand: the first stocked item has less than nothing at one place: more went out than was booked in.
        at: when the last thing happens; now, when left out.

    Raises:
        ValueError: an item is not there, or there is none and orders are asked for.
    """
    rng = Random(seed)  # noqa: S311  # reproducible data, guards nothing
    moment = at or account.clock.now()
    kinds = {each: kind_of_item(account.record("item", each)) for each in item_ids}
    if orders and not kinds:
        raise ValueError("business: orders need items; give at least one")
    places: tuple[str, ...] = ()
    if "locations" in account.features:
        places = tuple(account.add_location(f"{_CITIES[n % 6]} {n // 6 + 1}", at=moment) for n in range(locations))
    for item_id, kind in kinds.items():
        if kind.stocked:
            _stock(account, item_id, places, rng, moment)
        _number(account, item_id, kind, moment)
        if kind.has_members:
            _assemble(account, item_id, [each for each in kinds if not kinds[each].has_members], rng)
    _set_prices(account, list(kinds)[::2])
    stocked = [item_id for item_id, kind in kinds.items() if kind.stocked]
    if negative_on_hand and stocked:
        account.set_stock(stocked[0], _a_place(account, places, 0), on_hand=-3, at=moment)
    people = tuple(_customer(account, number, moment) for number in range(customers))
    made: list[str] = []
    billed: list[str] = []
    for number in range(orders):
        when = moment - timedelta(days=orders - 1 - number)
        lines = [_line(account, rng.choice(list(kinds)), places, rng) for _ in range(rng.randint(1, 3))]
        customer = people[number % len(people)]
        order = add_sale(account, "SalesOrd", customer, lines, at=when)
        made.append(order)
        if number % 2 == 0:
            billed.append(add_sale(account, "CustInvc", customer, lines, at=when, created_from=order))
    bought = _buy(account, stocked, places, purchases, rng, moment)
    return Business(places, people, tuple(made), tuple(billed), bought)


def _stock(account: Account, item_id: str, places: Sequence[str], rng: Random, at: datetime) -> None:
    cost = account.record("item", item_id)["cost"] or Decimal(rng.randint(100, 90_000)) / 100
    targets: Sequence[str | None] = places if "multilocinvt" in account.features else [None]
    for place in targets:
        on_hand = rng.randint(0, 40)
        committed = rng.randint(0, 5)
        account.set_stock(
            item_id, place, on_hand=on_hand, committed=committed, average_cost=cost, last_price=cost, at=at
        )


def _number(account: Account, item_id: str, kind: ItemKind, at: datetime) -> None:
    for number in range(2 * kind.serial):
        account.add_serial(item_id, f"SN-{item_id}-{number + 1:03d}", at=at)
    if kind.lot:
        expires_on = (at + timedelta(days=365)).date()
        account.add_serial(item_id, f"LOT-{item_id}", expires_on=expires_on, at=at)


def _assemble(account: Account, item_id: str, others: Sequence[str], rng: Random) -> None:
    members = rng.sample(others, min(len(others), 3))
    rows = [
        {"parentitem": item_id, "item": member, "quantity": rng.randint(1, 4), "linenumber": number}
        for number, member in enumerate(members, 1)
    ]
    account.create_many("itemmember", rows)


def _set_prices(account: Account, item_ids: Sequence[str]) -> None:
    level = account.price_levels["Alternate Price 1"]
    rows = []
    for item_id in item_ids:
        cost = account.record("item", item_id)["cost"] or Decimal(100)
        for quantity, factor in ((0, Decimal("1.5")), (10, Decimal("1.4"))):
            price = (cost * factor).quantize(Decimal("0.01"))
            rows.append({"item": item_id, "pricelevel": level, "unitprice": price, "quantity": quantity})
    currency = {"currency": account.base_currency} if "multicurrency" in account.features else {}
    account.create_many("pricing", [row | currency for row in rows])


def _buy(
    account: Account, stocked: Sequence[str], places: Sequence[str], count: int, rng: Random, at: datetime
) -> tuple[str, ...]:
    if not count or not stocked:
        return ()
    vendor = account.create("vendor", {"entityid": "Acme Components", "companyname": "Acme Components"}, at=at)
    made = []
    for number in range(count):
        item_id = stocked[number % len(stocked)]
        rate = account.record("item", item_id)["cost"] or Decimal(50)
        quantity = Decimal(2 * rng.randint(1, 10))
        line = PurchaseLine(item_id, quantity, rate, _a_place(account, places, number))
        when = at - timedelta(days=count - 1 - number)
        made.append(add_purchase(account, vendor, [line], at=when))
        if number % 2:
            receive(account, made[-1], [PurchaseLine(item_id, quantity / 2, rate, line.location)], at=when)
    return tuple(made)


def _a_place(account: Account, places: Sequence[str], number: int) -> str | None:
    """One of some places; none where the account keeps stock by item."""
    return places[number % len(places)] if "multilocinvt" in account.features else None


def _customer(account: Account, number: int, at: datetime) -> str:
    name = f"{_CUSTOMERS[number % len(_CUSTOMERS)]}{'' if number < len(_CUSTOMERS) else f' {number}'}"
    values = {"entityid": name, "companyname": name, "isperson": "F", "subsidiary": account.main_subsidiary}
    return account.create("customer", {**values, "currency": account.base_currency}, at=at)


def _line(account: Account, item_id: str, places: Sequence[str], rng: Random) -> SaleLine:
    cost = account.record("item", item_id)["cost"] or Decimal(100)
    rate = (cost * Decimal("1.6")).quantize(Decimal("0.01"))
    return SaleLine(item_id, Decimal(rng.randint(1, 4)), rate, rng.choice(places) if places else None)

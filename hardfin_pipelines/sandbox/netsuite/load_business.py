"""Puts a business around an account's items: locations, stock, costs, customers, orders, invoices, serials."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.items import kind_of_item
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


def load_business(
    account: Account,
    item_ids: Sequence[str],
    *,
    seed: int = 0,
    locations: int = 2,
    customers: int = 4,
    orders: int = 6,
    at: datetime | None = None,
) -> Business:
    """Makes stock at every location, sales orders one a day up to `at`, and an invoice for every second one.

    Serialized items get two serial numbers each.

    Args:
        account: gets it.
        item_ids: its items; those that keep stock are stocked, all are sold.
        seed: the same seed makes the same business.
        locations: how many are added, none where the feature is off.
        customers: how many.
        orders: how many.
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
        if kind.serial:
            for number in range(2):
                account.add_serial(item_id, f"SN-{item_id}-{number + 1:03d}", at=moment)
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
    return Business(places, people, tuple(made), tuple(billed))


def _stock(account: Account, item_id: str, places: Sequence[str], rng: Random, at: datetime) -> None:
    cost = account.record("item", item_id)["cost"] or Decimal(rng.randint(100, 90_000)) / 100
    targets: Sequence[str | None] = places if "multilocinvt" in account.features else [None]
    for place in targets:
        on_hand = rng.randint(0, 40)
        committed = rng.randint(0, 5)
        account.set_stock(
            item_id, place, on_hand=on_hand, committed=committed, average_cost=cost, last_price=cost, at=at
        )


def _customer(account: Account, number: int, at: datetime) -> str:
    name = f"{_CUSTOMERS[number % len(_CUSTOMERS)]}{'' if number < len(_CUSTOMERS) else f' {number}'}"
    values = {"entityid": name, "companyname": name, "isperson": "F", "subsidiary": account.main_subsidiary}
    return account.create("customer", {**values, "currency": account.base_currency}, at=at)


def _line(account: Account, item_id: str, places: Sequence[str], rng: Random) -> SaleLine:
    cost = account.record("item", item_id)["cost"] or Decimal(100)
    rate = (cost * Decimal("1.6")).quantize(Decimal("0.01"))
    return SaleLine(item_id, Decimal(rng.randint(1, 4)), rate, rng.choice(places) if places else None)

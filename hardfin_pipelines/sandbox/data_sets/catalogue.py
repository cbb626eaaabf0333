"""The price list of a generated robotics rental company: rentals, plans, parts and services."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from hardfin_pipelines.sandbox.data_sets.model import Product

_FAMILIES = (
    ("AMR", "Atlas AMR"),
    ("TUG", "Tugger"),
    ("PAL", "Palletizer"),
    ("ARM", "Duet cobot arm"),
    ("SCR", "Floor scrubber"),
    ("DEL", "Corridor delivery robot"),
    ("INS", "Inspection crawler"),
    ("DRN", "Stock-count drone"),
    ("PCK", "Bin picker"),
    ("EXO", "Exoskeleton"),
)
_MODELS = (("060", "60"), ("100", "100"), ("150", "150"), ("250", "250"), ("400", "400"), ("600", "600"))
_GRADES = (
    ("S", "standard"),
    ("C", "cold store"),
    ("X", "ATEX"),
    ("M", "medical"),
    ("O", "outdoor"),
    ("W", "wash-down"),
)
_PLANS = (
    ("FLT", "fleet software"),
    ("MON", "remote monitoring"),
    ("MNT", "preventive maintenance"),
    ("FUL", "full-service plan"),
    ("SPR", "spare-parts pool"),
    ("SAF", "safety inspection"),
)
_TIERS = (("1", "Basic"), ("2", "Plus"), ("3", "Premium"), ("4", "24/7"))
_PARTS = (
    ("NUT", "Hex nut", ("M3", "M4", "M5", "M6", "M8", "M10"), 4, 60),
    ("LNT", "Lock nut", ("M3", "M4", "M5", "M6", "M8", "M10"), 9, 90),
    ("SCW", "Socket screw", ("M3 x 8", "M4 x 12", "M5 x 16", "M6 x 20", "M8 x 25"), 6, 140),
    ("WHL", "Drive wheel", ("Ø 100 mm", "Ø 125 mm", "Ø 150 mm", "Ø 200 mm"), 3_900, 21_000),
    ("CST", "Caster", ("Ø 50 mm", "Ø 75 mm", "Ø 100 mm"), 1_100, 6_500),
    ("BAT", "Battery pack", ("24 V 40 Ah", "48 V 30 Ah", "48 V 60 Ah"), 64_000, 310_000),
    ("CHG", "Charging dock", ("15 A", "30 A", "60 A"), 48_000, 190_000),
    ("LID", "Safety lidar", ("2D 270°", "2D 360°", "3D 16-line"), 120_000, 620_000),
    ("CAM", "Depth camera", ("short range", "long range"), 21_000, 90_000),
    ("GRP", "Gripper", ("two-finger", "vacuum, 4 cups", "magnetic"), 85_000, 420_000),
    ("BRS", "Brush", ("hard", "medium", "soft"), 900, 5_200),
    ("FLT", "Filter", ("HEPA H13", "pre-filter"), 700, 4_800),
    ("MTR", "Hub motor", ("200 W", "400 W", "750 W"), 24_000, 98_000),
    ("ESB", "Emergency stop button", ("wired", "wireless"), 2_600, 19_000),
    ("CBL", "Cable set", ("1 m", "3 m", "10 m"), 1_200, 9_500),
    ("BRG", "Bearing", ("6002-2RS", "6203-2RS", "6204-2RS"), 350, 2_600),
)
_SERVICES = (
    ("INST", "installation", ("per day", "per robot")),
    ("COMM", "commissioning", ("per day", "per site")),
    ("TRNG", "operator training", ("per day", "per group")),
    ("SURV", "site survey", ("per day", "per site")),
    ("INTG", "WMS integration", ("per day", "fixed price")),
    ("DLVR", "delivery & return", ("per robot", "per pallet")),
)
_LISTED_BEFORE = timedelta(days=730)


@dataclass(frozen=True, slots=True)
class _Entry:
    sku: str
    name: str
    cents_from: int
    cents_below: int
    billing_months: int | None = None
    description: str = ""


def catalogue(rng: Random, count: int, *, listed_before: datetime) -> tuple[Product, ...]:
    """Return exactly `count` products in US dollars, every SKU and every name once.

    Of every twenty, five are robots for rent by the month, three are plans billed by the month or the year, nine are
    parts and three are services. When a kind's combinations are used up, the next revision of each follows.

    Args:
        rng: decides order, prices and dates.
        count: how many products.
        listed_before: all of them were created in the two years before this moment.
    """
    kinds = {"rental": _rentals, "plan": _plans, "part": _parts, "service": _services}
    entries = {kind: _with_revisions(rng, build) for kind, build in kinds.items()}
    turns = itertools.cycle(["rental"] * 5 + ["plan"] * 3 + ["part"] * 9 + ["service"] * 3)
    chosen = [next(entries[kind]) for kind in itertools.islice(turns, count)]
    rng.shuffle(chosen)
    return tuple(_product(rng, number, entry, listed_before) for number, entry in enumerate(chosen, start=1))


def _product(rng: Random, number: int, entry: _Entry, listed_before: datetime) -> Product:
    age = timedelta(seconds=rng.randrange(1, int(_LISTED_BEFORE.total_seconds())))
    return Product(
        key=f"product-{number:05d}",
        name=entry.name,
        sku=entry.sku,
        price=Decimal(rng.randrange(entry.cents_from, entry.cents_below)).scaleb(-2),
        description=entry.description,
        billing_months=entry.billing_months,
        created_at=listed_before - age,
    )


def _with_revisions(rng: Random, build: Callable[[], list[_Entry]]) -> Iterator[_Entry]:
    entries = build()
    rng.shuffle(entries)
    yield from entries
    for revision in itertools.count(2):
        for entry in entries:
            yield _Entry(
                sku=f"{entry.sku}-R{revision}",
                name=f"{entry.name}, rev. {revision}",
                cents_from=entry.cents_from,
                cents_below=entry.cents_below,
                billing_months=entry.billing_months,
                description=entry.description,
            )


def _rentals() -> list[_Entry]:
    return [
        _Entry(f"{code}-{model}-{grade}", f"{family} {size} {kind} rental", 40_000, 480_000, 1, "One robot, one month")
        for (code, family), (model, size), (grade, kind) in itertools.product(_FAMILIES, _MODELS, _GRADES)
    ]


def _plans() -> list[_Entry]:
    return [
        _Entry(f"PLN-{code}-{plan}-{tier}-{period}", f"{family} {name} {level}, {text}", low, high, months)
        for (code, family), (plan, name), (tier, level), (period, text, months, low, high) in itertools.product(
            _FAMILIES, _PLANS, _TIERS, (("M", "monthly", 1, 2_500, 60_000), ("Y", "yearly", 12, 27_000, 650_000))
        )
    ]


def _parts() -> list[_Entry]:
    return [
        _Entry(f"PRT-{code}-{part}-{position:02d}", f"{name} {size} for {family}", low, high)
        for (part, name, sizes, low, high), (code, family) in itertools.product(_PARTS, _FAMILIES)
        for position, size in enumerate(sizes, start=1)
    ]


def _services() -> list[_Entry]:
    return [
        _Entry(f"SVC-{code}-{service}-{position}", f"{family} {name}, {unit}", 15_000, 240_000)
        for (service, name, units), (code, family) in itertools.product(_SERVICES, _FAMILIES)
        for position, unit in enumerate(units, start=1)
    ]

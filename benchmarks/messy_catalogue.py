"""A catalogue and an accounting system's items as they grow in ten years, where it is known which is which.

What is wrong in them, as shares of what could have it:

| among the products | share |
|---|---|
| families of one name in several sizes | all |
| two products with one name | 2 % |
| two products with one SKU | 1 % |
| two SKUs that differ in case, or in leading zeros | 1 % each |
| a product whose name is another one's SKU | 1 % |
| no SKU | 10 % |

| among the items | share |
|---|---|
| SKU: none, other case, spaces or dashes, no punctuation, a mistake, zeros lost, written into the name | 55 % |
| name: other case, spaces, dashes, mistakes, words swapped, no size, other units, abbreviated, additions | 65 % |
| something new with an old product's SKU; its own item still there, inactive, or gone (a quarter of them) | 2 % |
| something else with a product's name, and a SKU of its own | 1 % |
| something else with a product's name under another parent | 1 % |
| a size that is no product | 11 % |
| two items with each other's SKU | 0.5 % |
"""

import random
import string
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from hardfin_pipelines.sync.catalogue import CatalogueItem, CatalogueKind
from hardfin_pipelines.sync.item_facts import ItemFacts

# fmt: off
_NOUNS = [
    "Pump", "Valve", "Motor", "Gripper", "Sensor", "Bracket", "Housing", "Bearing", "Coupling", "Cable", "Controller",
    "Encoder", "Gearbox", "Actuator", "Bumper", "Battery", "Charger", "Wheel", "Axle", "Belt", "Pulley", "Hinge",
    "Clamp", "Flange", "Gasket", "Seal", "Filter", "Nozzle", "Hose", "Manifold", "Spindle", "Washer",
]
# fmt: on
_ABBREVIATED = {"Bracket": "Brkt", "Controller": "Ctrl", "Housing": "Hsg", "Bearing": "Brg", "Battery": "Batt"}
_ATTRIBUTES = [
    "Steel",
    "Brass",
    "Aluminium",
    "Black",
    "Red",
    "Silver",
    "Heavy-Duty",
    "Left",
    "Right",
    "IP67",
    "HL",
    "LL",
]
_SIZES = [
    "4 mm",
    "6 mm",
    "8 mm",
    "10 mm",
    "12 mm",
    "20 mm",
    "50 mm",
    "100 mm",
    "1/2 in",
    "3/4 in",
    "12 V",
    "24 V",
    "48 V",
]
_PARENTS = ["Spare Parts", "Hardware", "Rental:Fleet", "Consumables", "Accessories"]
_ADDITIONS = [" (new)", " - OEM", ", boxed", " *DO NOT USE*", " rev B", " 2019"]
_DASHES = "\u2010\u2011\u2013\u2014\u2212"


@dataclass(slots=True)
class MessyCatalogue:
    """Products, the items of an accounting system, and the truth.

    Attributes:
        products: Hardfin's side.
        items: External id to item.
        truth: External id to the product that the item is; None where it is no product.
    """

    products: list[CatalogueItem] = field(default_factory=list)
    items: dict[str, ItemFacts] = field(default_factory=dict)
    truth: dict[str, str | None] = field(default_factory=dict)

    def add_item(self, facts: ItemFacts, product_id: str | None) -> None:
        """One more item, and what it is."""
        external_id = str(len(self.items) + 1)
        self.items[external_id] = facts
        self.truth[external_id] = product_id


def messy_catalogue(products: int, items: int, seed: int = 1) -> MessyCatalogue:
    """Make one of about so many products and items; the same for the same seed."""
    chooser = random.Random(seed)
    made = MessyCatalogue(products=_products(products, chooser))
    _share_keys(made.products, chooser)
    _add_items(made, items, chooser)
    _swap_skus(made.items, chooser)
    return made


# -- products


def _products(count: int, chooser: random.Random) -> list[CatalogueItem]:
    products: list[CatalogueItem] = []
    bases: set[str] = set()
    while len(products) < count:
        series = "".join(chooser.choices(string.ascii_uppercase, k=2)) + str(chooser.randint(10, 999))
        base = f"{series} {chooser.choice(_NOUNS)} {chooser.choice(_ATTRIBUTES)}"
        if base in bases:
            continue
        bases.add(base)
        price = Decimal(chooser.randint(50, 900_000)) / 100
        for size in chooser.sample(_SIZES, k=chooser.randint(1, 6)):
            kind: CatalogueKind = "product" if chooser.random() < 0.6 else "part"
            sku = _new_sku(series, len(products), chooser)
            products.append(CatalogueItem(f"itm_{len(products):06}", kind, f"{base}, {size}", sku, price, "USD"))
    return products[:count]


def _new_sku(series: str, number: int, chooser: random.Random) -> str:
    chance = chooser.random()
    if chance < 0.1:
        return ""
    if chance < 0.25:
        return f"{number * 7:08}"
    return f"{series[:2]}-{number * 3:05}{chooser.choice(('', '', '-A', '-L', '.1'))}"


def _share_keys(products: list[CatalogueItem], chooser: random.Random) -> None:
    """Give some products what another one has, as people do."""
    for number, product in enumerate(products):
        other = products[chooser.randrange(len(products))]
        chance = chooser.random()
        if other is product or not other.sku:
            continue
        if chance < 0.02:
            products[number] = replace(product, name=other.name)
        elif chance < 0.03:
            products[number] = replace(product, sku=other.sku)
        elif chance < 0.04:
            products[number] = replace(product, name=other.sku)
        elif chance < 0.05:
            products[number] = replace(product, sku=other.sku.swapcase())
        elif chance < 0.06:
            products[number] = replace(product, sku=other.sku.lstrip("0"))


# -- items


def _add_items(made: MessyCatalogue, count: int, chooser: random.Random) -> None:
    for product in chooser.sample(made.products, k=min(len(made.products), round(count * 0.86))):
        chance = chooser.random()
        own = _of_product(product, chooser)
        if chance < 0.02 and product.sku:
            made.add_item(_something_new(product.sku, chooser), None)
            fate = chooser.random()
            if fate < 0.75:
                made.add_item(replace(own, active=fate < 0.4), product.id)
            continue
        made.add_item(own, product.id)
        if chance < 0.03:
            made.add_item(replace(_facts(product), sku=f"ZZ-{len(made.items)}"), None)
        elif chance < 0.04:
            made.add_item(replace(_facts(product), sku="", path=("Obsolete", product.name)), None)
        elif chance < 0.15:
            made.add_item(_other_size(product, chooser), None)


def _swap_skus(items: dict[str, ItemFacts], chooser: random.Random) -> None:
    """Let some items have the SKU of another one, and the other one theirs: pasted into the wrong row."""
    with_sku = [external_id for external_id, facts in items.items() if facts.sku]
    swapped = chooser.sample(with_sku, k=2 * round(0.0025 * len(items)))
    for one, other in zip(swapped[::2], swapped[1::2], strict=True):
        items[one], items[other] = (
            replace(items[one], sku=items[other].sku),
            replace(items[other], sku=items[one].sku),
        )


def _facts(product: CatalogueItem) -> ItemFacts:
    return ItemFacts(
        product.name, (product.name,), product.sku, "stocked", "Inventory", price=product.price, currency="USD"
    )


def _of_product(product: CatalogueItem, chooser: random.Random) -> ItemFacts:
    name, sku = product.name, product.sku
    if sku and chooser.random() < 0.04:
        name, sku = f"{sku} {name}", ""
    elif sku and chooser.random() < 0.55:
        sku = chooser.choice(_SKU_CHANGES)(sku, chooser)
    if chooser.random() < 0.65:
        name = chooser.choice(_NAME_CHANGES)(name, chooser)
    parents = chooser.choice(_PARENTS).split(":") if chooser.random() < 0.2 else []
    price = product.price
    if price is not None and chooser.random() < 0.3:
        price = (price * chooser.choice((Decimal("0.9"), Decimal("1.03"), Decimal("1.2")))).quantize(Decimal("0.01"))
    return replace(_facts(product), name=name, sku=sku, path=(*parents, name), price=price)


def _something_new(sku: str, chooser: random.Random) -> ItemFacts:
    name = f"{chooser.choice(_NOUNS)} {chooser.choice(_NOUNS)} {chooser.randint(1000, 9999)}"
    return ItemFacts(name, (name,), sku, "stocked", "Inventory", price=Decimal(chooser.randint(1, 900)), currency="USD")


def _other_size(product: CatalogueItem, chooser: random.Random) -> ItemFacts:
    name = f"{product.name.rpartition(',')[0]}, {chooser.randint(13, 19)} mm"
    sku = f"{product.sku}9" if product.sku else ""
    return replace(_facts(product), name=name, path=(name,), sku=sku)


_Change = Callable[[str, random.Random], str]


def _mistyped(text: str, chooser: random.Random) -> str:
    place = chooser.randrange(max(1, len(text) - 1))
    like = string.digits if text[place : place + 1].isdigit() else string.ascii_lowercase
    return chooser.choice(
        (
            text[:place] + text[place + 1 : place + 2] + text[place : place + 1] + text[place + 2 :],
            text[:place] + chooser.choice(like) + text[place + 1 :],
            text[:place] + text[place + 1 :],
            text[:place] + text[place : place + 1] + text[place:],
        )
    )


def _swapped(name: str, chooser: random.Random) -> str:
    words = name.replace(",", "").split()
    chooser.shuffle(words)
    return " ".join(words)


def _other_unit(name: str, _: random.Random) -> str:
    for unit, other in ((" mm", "mm"), (" in", '"'), (" V", "VDC")):
        if name.endswith(unit):
            return name.removesuffix(unit) + other
    return name


def _abbreviated(name: str, _: random.Random) -> str:
    return " ".join(_ABBREVIATED.get(word, word) for word in name.split())


_SKU_CHANGES: tuple[_Change, ...] = (
    lambda _sku, _: "",
    lambda sku, _: sku.lower(),
    lambda sku, chooser: sku.replace("-", chooser.choice(_DASHES)),
    lambda sku, _: sku.replace("-", " - "),
    lambda sku, _: sku.replace("-", "").replace(".", ""),
    lambda sku, _: sku.lstrip("0"),
    _mistyped,
)
_NAME_CHANGES: tuple[_Change, ...] = (
    lambda name, _: name.upper(),
    lambda name, _: name.replace(" ", "  "),
    lambda name, chooser: name.replace("-", chooser.choice(_DASHES)),
    _mistyped,
    lambda name, chooser: _mistyped(_mistyped(name, chooser), chooser),
    _swapped,
    lambda name, _: name.rpartition(",")[0] or name,
    _other_unit,
    _abbreviated,
    lambda name, chooser: name + chooser.choice(_ADDITIONS),
)

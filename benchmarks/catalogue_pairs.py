"""An item list beside the products it was made of, so that it is known which is which: as it is, and changed."""

import csv
import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from hardfin_pipelines.sync.catalogue import CatalogueItem, CatalogueKind
from hardfin_pipelines.sync.item_facts import ItemFacts

ADVENTUREWORKS = Path("adventureworks") / "Production.Product.csv"
_CHECKOUT = Path(__file__).resolve().parent.parent
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"
_SPACES = (" ", "  ", "\u00a0", "\t", " \u2009")


@dataclass(frozen=True, slots=True)
class Pair:
    """A product, the item of an accounting system that is the same thing, and the size in its name, "" without one."""

    product: CatalogueItem
    facts: ItemFacts
    size: str = ""


def adventureworks(folder: Path | None = None) -> list[Pair]:
    """The bicycle maker's 504 products and parts, from Microsoft's sample database; [] where the file is not there.

    Args:
        folder: The folder of real records; else SHARED_DATA_DIR names it, or it stands beside the checkout.
    """
    path = (folder or Path(os.environ.get("SHARED_DATA_DIR") or _CHECKOUT.parent / "shared" / "data")) / ADVENTUREWORKS
    if not path.is_file():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [_pair_of(row) for row in csv.DictReader(file, delimiter=";")]


def _pair_of(row: dict[str, str]) -> Pair:
    price, name, sku = Decimal(row["ListPrice"]), row["Name"], row["ProductNumber"]
    kind: CatalogueKind = "product" if row["FinishedGoodsFlag"] == "1" else "part"
    product = CatalogueItem(f"itm_{row['ProductID']:0>4}", kind, name, sku, price, "USD")
    cost = Decimal(row["StandardCost"])
    facts = ItemFacts(name, (name,), sku, "stocked", "Inventory", price=price, cost=cost, currency="USD")
    return Pair(product, facts, "" if row["Size"] == "NULL" else row["Size"])


def families(count: int, seed: int = 1) -> list[Pair]:
    """A made-up catalogue of about as many items, in families of two to six sizes, as bicycle makers have them."""
    chooser = random.Random(seed)
    pairs: list[Pair] = []
    series = [
        f"{name}-{number}" for name in ("Road", "Mountain", "Touring", "City") for number in range(100, 2000, 150)
    ]
    bases = [f"{each} {part} {color}" for each in series for part in ("Frame", "Jersey") for color in ("Red", "Black")]
    chooser.shuffle(bases)
    for number, base in enumerate(bases):
        price = Decimal(chooser.randint(900, 350_000)) / 100
        for size in chooser.sample(["38", "42", "44", "48", "52", "58"], k=chooser.choice((2, 3, 4, 4, 5, 5, 5, 6))):
            name, sku = f"{base}, {size}", f"FR-{number:03}-{size}"
            product = CatalogueItem(f"itm_{len(pairs):04}", "product", name, sku, price, "USD")
            facts = ItemFacts(name, (name,), sku, "stocked", "Inventory", price=price, currency="USD")
            pairs.append(Pair(product, facts, size))
    return pairs[:count]


def written_otherwise(pairs: Sequence[Pair], seed: int = 1) -> list[Pair]:
    """The same items with other case, spaces and kinds of dash in names and SKUs."""
    chooser = random.Random(seed)
    return [_changed(pair, lambda text: _otherwise(text, chooser)) for pair in pairs]


def _otherwise(text: str, chooser: random.Random) -> str:
    case = chooser.choice((str.upper, str.lower, str.title, str.swapcase))
    text = "".join(chooser.choice(_DASHES) if c == "-" else c for c in case(text))
    return f"{chooser.choice(('', ' '))}{chooser.choice(_SPACES).join(text.split(' '))}{chooser.choice(('', ' '))}"


def _changed(pair: Pair, change: Callable[[str], str]) -> Pair:
    name = change(pair.facts.name)
    return replace(pair, facts=replace(pair.facts, name=name, path=(name,), sku=change(pair.facts.sku)))


def without_skus(pairs: Sequence[Pair]) -> list[Pair]:
    """The same items without SKUs."""
    return [replace(pair, facts=replace(pair.facts, sku="")) for pair in pairs]


def without_sizes(pairs: Sequence[Pair]) -> list[Pair]:
    """Those whose name ends with their size, without it and without SKUs."""
    sized = [(pair, f", {pair.size}") for pair in pairs if pair.size]
    cut = [(pair, pair.facts.name.removesuffix(suffix)) for pair, suffix in sized if pair.facts.name.endswith(suffix)]
    return [replace(pair, facts=replace(pair.facts, name=name, path=(name,), sku="")) for pair, name in cut]


def without_numbers(pairs: Sequence[Pair]) -> list[Pair]:
    """Those of no size whose name ends with a number, such as "Hex Nut 5", without it and without SKUs."""
    unsized = [(pair, pair.facts.name.rpartition(" ")) for pair in pairs if not pair.size]
    cut = [(pair, name) for pair, (name, _, number) in unsized if number.isdigit()]
    return [replace(pair, facts=replace(pair.facts, name=name, path=(name,), sku="")) for pair, name in cut]

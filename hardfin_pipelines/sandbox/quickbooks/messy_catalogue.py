"""A catalogue as a robotics rental company's bookkeepers keep it, with what a perfect matcher says of every item.

It is made from the products that the CRM sandboxes hold, so that some items match those by SKU, some by name, some only
in a person's eyes, and some not at all.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Literal

from hardfin_pipelines.sandbox.data_sets.model import Product
from hardfin_pipelines.sandbox.quickbooks.load import CatalogueRow

Verdict = Literal["linked", "unmatched", "ambiguous", "conflict", "ignored"]
_COST_SHARE = Decimal("0.62")
_CENT = Decimal("0.01")
_UNKNOWN = (
    "Fuel surcharge",
    "Late fee",
    "Trade show booth",
    "Office chairs",
    "Shop supplies",
    "Forklift, third party",
    "Warehouse insurance",
    "Coffee for the crew",
    "Consulting hours",
    "Shipping & handling",
)
_HELPERS = (("Subtotal", "Subtotal"), ("Loyalty discount", "Discount"), ("Deposit received", "Payment"))


@dataclass(frozen=True, slots=True)
class Expected:
    """What a perfect matcher says of one item.

    Attributes:
        verdict: linked, for a person to decide (unmatched, ambiguous, conflict), or none of matching's business.
        product_keys: the product it is linked to; else the products that a person would choose from, best first.
        case: which kind of mess it is.
    """

    verdict: Verdict
    product_keys: tuple[str, ...]
    case: str


@dataclass(frozen=True, slots=True)
class MessyCatalogue:
    """Rows to load, and by their keys what to expect. Categories come with the loading and are all to be ignored."""

    rows: tuple[CatalogueRow, ...]
    expected: dict[str, Expected]


Case = tuple[list[CatalogueRow], list[Expected]]


def messy_catalogue(products: Sequence[Product], *, seed: int = 0, latin1: bool = True) -> MessyCatalogue:
    """Make a catalogue of some of the products and of things that are none; the same arguments give an equal one.

    Each product is the source of one case at most, but a conflict takes two. With 40 products every case occurs; with
    more, exact SKUs make up half.

    Args:
        products: of the CRM's price list; every SKU and name once.
        seed: of the random numbers.
        latin1: keeps to what a US company can hold; otherwise some SKUs have dashes outside ISO-8859-1.
    """
    rng = Random(seed)  # noqa: S311  # reproducible data, guards nothing
    left = list(products)
    rng.shuffle(left)
    maker = _Maker(rng, latin1=latin1)
    cases = itertools.chain(maker.usual_round(), itertools.cycle([maker.same_sku, *maker.usual_round()]))
    rows: list[CatalogueRow] = []
    expected: dict[str, Expected] = {}
    for case in cases:
        needed = 2 if case == maker.conflict else 1
        if len(left) < needed:
            break
        taken = [left.pop() for _ in range(needed)]
        _collect(rows, expected, case(taken))
    for made in maker.not_products():
        _collect(rows, expected, made)
    rng.shuffle(rows)
    return MessyCatalogue(tuple(rows), expected)


def _collect(rows: list[CatalogueRow], expected: dict[str, Expected], made: Case) -> None:
    for row, verdict in zip(*made, strict=True):
        rows.append(row)
        expected[row.key] = verdict


class _Maker:
    """Makes the cases. Row keys are numbered."""

    def __init__(self, rng: Random, *, latin1: bool) -> None:
        self._rng = rng
        self._latin1 = latin1
        self._numbers = itertools.count(1)

    def usual_round(self) -> list[Callable[[Sequence[Product]], Case]]:
        """One round of cases; exact SKUs are half of them."""
        odd = [
            self.same_sku_other_name,
            self.sku_in_another_form,
            self.name_only,
            self.name_in_another_form,
            self.placeholder_sku,
            self.name_with_suffix,
            self.sub_item,
            self.duplicate_sku,
            self.same_name_twice,
            self.conflict,
            self.inactive,
            self.lost_characters if self._latin1 else self.sku_with_other_dashes,
        ]
        return [case for each in odd for case in (self.same_sku, each)]

    def _row(self, product: Product, **changes: object) -> CatalogueRow:
        kind = "Service" if product.billing_months else self._rng.choice(["Inventory", "NonInventory"])
        row = CatalogueRow(
            key=f"item-{next(self._numbers):05d}",
            name=product.name,
            sku=product.sku,
            type=kind,
            price=product.price,
            cost=None if kind == "Service" else (product.price * _COST_SHARE).quantize(_CENT),
            category="Robots/Rentals" if product.billing_months else "Parts & services",
            description=product.description,
        )
        return replace(row, **changes)  # type: ignore[arg-type]  # each change names a field of the row

    def _one(self, product: Product, verdict: Verdict, case: str, **changes: object) -> Case:
        return [self._row(product, **changes)], [Expected(verdict, (product.key,), case)]

    def same_sku(self, products: Sequence[Product]) -> Case:
        return self._one(products[0], "linked", "same_sku")

    def same_sku_other_name(self, products: Sequence[Product]) -> Case:
        name = f"{products[0].name} [fleet]"
        return self._one(products[0], "linked", "same_sku_other_name", name=name)

    def sku_in_another_form(self, products: Sequence[Product]) -> Case:
        sku = products[0].sku.replace("-", " - ").lower()
        return self._one(products[0], "linked", "sku_in_another_form", sku=sku, name=f"{products[0].name} (books)")

    def sku_with_other_dashes(self, products: Sequence[Product]) -> Case:
        sku = products[0].sku.replace("-", "\N{EN DASH}")
        return self._one(products[0], "linked", "sku_with_other_dashes", sku=sku, name=f"{products[0].name} (books)")

    def lost_characters(self, products: Sequence[Product]) -> Case:
        """The dashes were outside ISO-8859-1, so the SKU says nothing; the name does."""
        return self._one(products[0], "linked", "lost_characters", sku=products[0].sku.replace("-", "?"))

    def name_only(self, products: Sequence[Product]) -> Case:
        return self._one(products[0], "linked", "name_only", sku="")

    def name_in_another_form(self, products: Sequence[Product]) -> Case:
        name = products[0].name.upper().replace(" ", "  ", 1)
        return self._one(products[0], "linked", "name_in_another_form", sku="", name=name)

    def placeholder_sku(self, products: Sequence[Product]) -> Case:
        return self._one(products[0], "linked", "placeholder_sku", sku="N/A")

    def name_with_suffix(self, products: Sequence[Product]) -> Case:
        return self._one(products[0], "unmatched", "name_with_suffix", sku="", name=f"{products[0].name} (refurbished)")

    def sub_item(self, products: Sequence[Product]) -> Case:
        """A parent that is no product, and the product below it under a short name."""
        product = products[0]
        parent = CatalogueRow(f"item-{next(self._numbers):05d}", f"Line {product.sku}", type="Service")
        child = self._row(product, name=product.name[:60], category="", parent_key=parent.key)
        verdicts = [Expected("unmatched", (), "parent_item"), Expected("linked", (product.key,), "sub_item")]
        return [parent, child], verdicts

    def duplicate_sku(self, products: Sequence[Product]) -> Case:
        made = [self._row(products[0], name=f"{products[0].name}, {age}") for age in ("new", "used")]
        return made, [Expected("ambiguous", (products[0].key,), "duplicate_sku")] * 2

    def same_name_twice(self, products: Sequence[Product]) -> Case:
        """One name below two parents, without SKUs."""
        places = ("Yard A", "Yard B")
        made = [self._row(products[0], sku="", category=place) for place in places]
        return made, [Expected("ambiguous", (products[0].key,), "same_name_twice")] * 2

    def conflict(self, products: Sequence[Product]) -> Case:
        """The SKU of one product under the name of another."""
        by_sku, by_name = products
        row = self._row(by_sku, name=by_name.name)
        return [row], [Expected("conflict", (by_sku.key, by_name.key), "conflict")]

    def inactive(self, products: Sequence[Product]) -> Case:
        return self._one(products[0], "ignored", "inactive", active=False)

    def not_products(self) -> Iterator[Case]:
        """Things that the CRM does not sell, and rows that are no things."""
        for name in _UNKNOWN:
            row = CatalogueRow(f"item-{next(self._numbers):05d}", name, type="Service", price=Decimal(25))
            yield [row], [Expected("unmatched", (), "unknown")]
        for name, kind in _HELPERS:
            row = CatalogueRow(f"item-{next(self._numbers):05d}", name, type=kind)
            yield [row], [Expected("ignored", (), "helper")]

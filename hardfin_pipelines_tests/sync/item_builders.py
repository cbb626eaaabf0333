"""Items of accounting systems and of Hardfin, as short to write as a sentence."""

from decimal import Decimal

from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem, CatalogueKind
from hardfin_pipelines.sync.item_facts import ItemFacts, ItemKind


def erp_item(
    name: str = "",
    sku: str = "",
    *parents: str,
    kind: ItemKind = "stocked",
    active: bool = True,
    description: str = "",
    price: str | None = None,
    currency: str = "",
) -> ItemFacts:
    """An item of an accounting system, below its parents."""
    return ItemFacts(
        name,
        (*parents, name),
        sku,
        kind,
        kind.title(),
        active=active,
        description=description,
        price=None if price is None else Decimal(price),
        currency=currency,
    )


def product(
    item_id: str,
    name: str,
    sku: str = "",
    *,
    kind: CatalogueKind = "product",
    price: str | None = None,
    currency: str = "",
) -> CatalogueItem:
    """A product of Hardfin."""
    return CatalogueItem(item_id, kind, name, sku, None if price is None else Decimal(price), currency)


def catalogue(*items: CatalogueItem) -> Catalogue:
    """A catalogue of some products."""
    return Catalogue(items)

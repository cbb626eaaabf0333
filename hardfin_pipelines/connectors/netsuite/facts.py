"""What matching looks at in a NetSuite item (Oracle docs: items; the codes are those of the column `itemtype`)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.netsuite.answers import decimal_of
from hardfin_pipelines.connectors.netsuite.errors import INTEGRATION, VENDOR
from hardfin_pipelines.connectors.netsuite.fields import PRICE, PRICE_CURRENCY
from hardfin_pipelines.sync.item_facts import ItemFacts, ItemKind
from hardfin_pipelines.sync.records import Record

DEFAULT_SKU_FIELD = "itemid"
"""The item's number: unique, and what integrations take for the SKU unless told otherwise."""


class ItemType(NamedTuple):
    """What a code of `itemtype` is for people, and for us."""

    label: str
    kind: ItemKind


TYPES: Mapping[str, ItemType] = {
    "InvtPart": ItemType("Inventory Item", "stocked"),
    "Assembly": ItemType("Assembly/Bill of Materials", "assembly"),
    "Kit": ItemType("Kit/Package", "kit"),
    "Group": ItemType("Item Group", "kit"),
    "NonInvtPart": ItemType("Non-inventory Item", "non_stocked"),
    "OthCharge": ItemType("Other Charge", "non_stocked"),
    "DwnLdItem": ItemType("Download Item", "non_stocked"),
    "GiftCert": ItemType("Gift Certificate", "non_stocked"),
    "Service": ItemType("Service", "service"),
    "Subtotal": ItemType("Subtotal", "helper"),
    "Description": ItemType("Description", "helper"),
    "Discount": ItemType("Discount", "helper"),
    "Markup": ItemType("Markup", "helper"),
    "Payment": ItemType("Payment", "helper"),
    "ShipItem": ItemType("Shipping Item", "helper"),
    "TaxItem": ItemType("Tax Item", "helper"),
    "TaxGroup": ItemType("Tax Group", "helper"),
}

_SEPARATOR = " : "
"""Between the names of a path."""


def item_facts(record: Record, *, sku_field: str = DEFAULT_SKU_FIELD, currency: str = "") -> ItemFacts:
    """What matching looks at in an item.

    Args:
        record: The item.
        sku_field: The column that holds its SKU.
        currency: The account's own, ISO 4217, for prices that do not name theirs; "" where it is not known.

    Raises:
        SkipRecord: It has no name, a type we do not know, or a price that is no number.
    """
    properties = record.properties
    number, code = properties.get("itemid") or "", properties.get("itemtype") or ""
    if not number:
        raise _unreadable(record, "it has no itemid")
    if code not in TYPES:
        raise _unreadable(
            record, f"its itemtype is {code[:40] or 'not set'}: expected one of {', '.join(sorted(TYPES))}"
        )
    name = properties.get("displayname") or number
    item_type = TYPES[code]
    return ItemFacts(
        name=name,
        path=(*_parents(properties.get("fullname") or "", number), name),
        sku=properties.get(sku_field) or "",
        kind=item_type.kind,
        vendor_type=item_type.label,
        active=properties.get("isinactive") != "T",
        description=_described(properties),
        price=_amount(record, PRICE),
        cost=_amount(record, "cost"),
        currency=properties.get(PRICE_CURRENCY) or currency,
    )


def _parents(fullname: str, number: str) -> list[str]:
    """The names above an item's own; the path ends with its number, which may have the separator in it."""
    above = fullname.removesuffix(number)
    return [each for each in above.split(_SEPARATOR) if each] if above != fullname else []


def _described(properties: Mapping[str, str | None]) -> str:
    for name in ("salesdescription", "description", "purchasedescription"):
        text = properties.get(name)
        if text:
            return text
    return ""


def _amount(record: Record, name: str) -> Decimal | None:
    text = record.properties.get(name)
    if not text:
        return None
    amount = decimal_of(text)
    if amount is None:
        raise _unreadable(record, f"its {name} is {text[:40]!r}: expected a number")
    return amount


def _unreadable(record: Record, why: str) -> SkipRecord:
    text = f"{VENDOR}'s item {record.id} cannot be read: {why}; change it in {VENDOR}"
    return SkipRecord(INTEGRATION, text, record_id=record.id)

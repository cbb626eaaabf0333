"""What matching looks at in a QuickBooks item (Intuit docs: the Item entity)."""

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.quickbooks.errors import INTEGRATION, VENDOR
from hardfin_pipelines.sync.item_facts import ItemFacts, ItemKind
from hardfin_pipelines.sync.records import Record

KINDS: Mapping[str, ItemKind] = {
    "Inventory": "stocked",
    "NonInventory": "non_stocked",
    "Service": "service",
    "Group": "kit",
    "Bundle": "kit",
    "Assembly": "assembly",
    "Category": "helper",
    "Discount": "helper",
    "Fixed Asset": "helper",
    "Other Charge": "helper",
    "Payment": "helper",
    "Subtotal": "helper",
    "Tax": "helper",
    "Tax Group": "helper",
}
"""Item types: the four that companies make, and those that the product itself and its other editions have."""

_SEPARATOR = ":"
"""Between the names of a path; no name has it."""

_SUFFIX = re.compile(r" \(deleted(?: \d+)?\)$")
"""What QuickBooks appends to the name of an item that is made inactive, so that another one may have the name."""


def item_facts(record: Record, currency: str = "") -> ItemFacts:
    """What matching looks at in an item.

    Args:
        record: The item.
        currency: The company's own, in which all its items are priced, ISO 4217; "" where it is not known.

    Raises:
        SkipRecord: It has no name, a type we do not know, or a price that is no number.
    """
    properties = record.properties
    name, kind = properties.get("Name") or "", properties.get("Type") or ""
    if not name:
        raise _unreadable(record, "it has no Name")
    if kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise _unreadable(record, f"its Type is {kind or 'not set'}: expected one of {known}")
    active = properties.get("Active") != "false"
    own = name if active else _SUFFIX.sub("", name)
    parents = (properties.get("FullyQualifiedName") or "").split(_SEPARATOR)[:-1]
    percent = properties.get("PercentBased") == "true"
    return ItemFacts(
        name=own,
        path=(*(_SUFFIX.sub("", parent) for parent in parents), own),
        sku=properties.get("Sku") or "",
        kind=KINDS[kind],
        vendor_type=kind,
        active=active,
        description=properties.get("Description") or "",
        price=None if percent else _amount(record, "UnitPrice"),
        cost=_amount(record, "PurchaseCost"),
        currency=currency,
        parent_id=properties.get("ParentRef.value") or "",
    )


def _amount(record: Record, name: str) -> Decimal | None:
    text = record.properties.get(name)
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise _unreadable(record, f"its {name} is {text[:40]!r}: expected a number")
    return amount


def _unreadable(record: Record, why: str) -> SkipRecord:
    text = f"{VENDOR}'s item {record.id} cannot be read: {why}; change it in {VENDOR}"
    return SkipRecord(INTEGRATION, text, record_id=record.id)

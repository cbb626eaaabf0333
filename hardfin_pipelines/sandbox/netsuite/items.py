"""Kinds of items: the record API has a type for each, SuiteQL one table with codes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ItemKind:
    """What a record type is in the `item` table; the codes are NetSuite's."""

    record_type: str
    itemtype: str
    subtype: str = ""
    serial: bool = False
    lot: bool = False

    @property
    def stocked(self) -> bool:
        """Whether stock of it is kept."""
        return self.itemtype in {"InvtPart", "Assembly"}

    @property
    def has_members(self) -> bool:
        """Whether it consists of other items."""
        return self.itemtype in {"Assembly", "Kit", "Group"}

    def codes(self) -> Mapping[str, str | None]:
        """Its columns in the `item` table."""
        return {
            "itemtype": self.itemtype,
            "subtype": self.subtype or None,
            "isserialitem": "T" if self.serial else "F",
            "islotitem": "T" if self.lot else "F",
        }


_ALL = (
    ItemKind("inventoryItem", "InvtPart"),
    ItemKind("serializedInventoryItem", "InvtPart", serial=True),
    ItemKind("lotNumberedInventoryItem", "InvtPart", lot=True),
    ItemKind("assemblyItem", "Assembly"),
    ItemKind("serializedAssemblyItem", "Assembly", serial=True),
    ItemKind("lotNumberedAssemblyItem", "Assembly", lot=True),
    *(
        ItemKind(f"{name}{suffix}Item", code, suffix)
        for name, code in (("nonInventory", "NonInvtPart"), ("service", "Service"), ("otherCharge", "OthCharge"))
        for suffix in ("Sale", "Purchase", "Resale")
    ),
    ItemKind("kitItem", "Kit"),
    ItemKind("itemGroup", "Group"),
    ItemKind("discountItem", "Discount"),
    ItemKind("markupItem", "Markup"),
    ItemKind("paymentItem", "Payment"),
    ItemKind("subtotalItem", "Subtotal"),
    ItemKind("descriptionItem", "Description"),
    ItemKind("downloadItem", "DwnLdItem"),
    ItemKind("giftCertificateItem", "GiftCert"),
)
ITEM_KINDS: Mapping[str, ItemKind] = {each.record_type.lower(): each for each in _ALL}
"""By the record type in lower case."""


def kind_of_item(row: Mapping[str, object]) -> ItemKind:
    """The kind of a row of the `item` table."""
    return next(
        each for each in _ALL if all((row.get(name) or None) == (code or None) for name, code in each.codes().items())
    )

"""The entities held here: their fields in the schema's order, what may be filtered and sorted by, and their names.

Order and types are those of Intuit's Finance schema, sizes and filterable fields those of Intuit's API reference.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

BASE_FIELDS = ("domain", "sparse", "Id", "SyncToken", "MetaData")
"""What every record has; in JSON it stands where the schema's `base` row is."""

ITEM_TYPES = (
    "Assembly",
    "Bundle",
    "Category",
    "Discount",
    "Fixed Asset",
    "Group",
    "Inventory",
    "NonInventory",
    "Other Charge",
    "Payment",
    "Service",
    "Subtotal",
    "Tax",
    "Tax Group",
)
API_ITEM_TYPES = ("Category", "Inventory", "NonInventory", "Service")
"""What the API creates; the other types come from the product itself and from other editions."""

ACCOUNT_CLASSES = {
    "Bank": "Asset",
    "Accounts Receivable": "Asset",
    "Other Current Asset": "Asset",
    "Fixed Asset": "Asset",
    "Other Asset": "Asset",
    "Accounts Payable": "Liability",
    "Credit Card": "Liability",
    "Other Current Liability": "Liability",
    "Long Term Liability": "Liability",
    "Equity": "Equity",
    "Income": "Revenue",
    "Other Income": "Revenue",
    "Expense": "Expense",
    "Other Expense": "Expense",
    "Cost of Goods Sold": "Expense",
}
"""Account types with their classification."""

_ENUMS = {
    "item_types": ITEM_TYPES,
    "account_types": tuple(ACCOUNT_CLASSES),
    "classifications": ("Asset", "Equity", "Expense", "Liability", "Revenue"),
}
_NAME_FIELDS = {"Item": "Name", "Account": "Name", "Customer": "DisplayName", "Vendor": "DisplayName"}
_SUB_FIELDS = {"Item": "SubItem", "Account": "SubAccount", "Customer": "Job"}

WITHOUT_CDC = ("JournalCode", "TaxAgency", "TimeActivity", "TaxCode", "TaxRate")
NOT_HELD = (
    "Attachable",
    "Bill",
    "BillPayment",
    "Budget",
    "Class",
    "CompanyCurrency",
    "CreditCardPayment",
    "CreditMemo",
    "CustomerType",
    "Department",
    "Deposit",
    "Employee",
    "Estimate",
    "ExchangeRate",
    "Invoice",
    "JournalCode",
    "JournalEntry",
    "Payment",
    "PaymentMethod",
    "Purchase",
    "PurchaseOrder",
    "RecurringTransaction",
    "RefundReceipt",
    "ReimburseCharge",
    "SalesReceipt",
    "TaxAgency",
    "TaxCode",
    "TaxRate",
    "Term",
    "TimeActivity",
    "Transfer",
    "VendorCredit",
)
"""Entities that QuickBooks has and no company here has any record of."""


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """One field. `kind` is string, boolean, integer, decimal, date, datetime, id, ref, enum, currency or object.

    Attributes:
        target: the entity that a reference points to.
        choices: the values of an enumeration.
    """

    name: str
    kind: str
    filterable: bool = False
    sortable: bool = False
    longest: int | None = None
    read_only: bool = False
    target: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """One kind of record.

    Attributes:
        fields: all of them by name, without those every record has.
        order: the names of all of them in JSON's order.
        name_field: the one that must be unique; "" where there is none.
        sub_field: the boolean that says whether a record has a parent; "" where it may not.
    """

    name: str
    fields: dict[str, FieldDefinition]
    order: tuple[str, ...]
    name_field: str = ""
    sub_field: str = ""

    def path(self, text: str) -> FieldDefinition | None:
        """A field or a base field by its path, such as `MetaData.LastUpdatedTime`, in any casing."""
        wanted = text.lower()
        if wanted in _BASE_PATHS:
            return _BASE_PATHS[wanted]
        return next((each for name, each in self.fields.items() if name.lower() == wanted), None)


_BASE_PATHS = {
    "id": FieldDefinition("Id", "id", filterable=True, sortable=True),
    "metadata.createtime": FieldDefinition("MetaData.CreateTime", "datetime", filterable=True, sortable=True),
    "metadata.lastupdatedtime": FieldDefinition("MetaData.LastUpdatedTime", "datetime", filterable=True, sortable=True),
    "metadata": FieldDefinition("MetaData", "object"),
    "synctoken": FieldDefinition("SyncToken", "string"),
    "sparse": FieldDefinition("sparse", "boolean"),
    "domain": FieldDefinition("domain", "string"),
}


def _definition(row: dict[str, str]) -> FieldDefinition:
    kind, _, detail = row["kind"].partition(":")
    return FieldDefinition(
        name=row["field"],
        kind=kind,
        filterable=bool(row["filterable"]),
        sortable=bool(row["sortable"]),
        longest=int(row["longest"]) if row["longest"] else None,
        read_only=bool(row["read_only"]),
        target=detail if kind == "ref" else "",
        choices=_ENUMS[detail] if kind == "enum" else (),
    )


@cache
def entities() -> dict[str, Entity]:
    """The entities held here, by name."""
    text = files(__package__).joinpath("fields.csv").read_text(encoding="utf-8")
    fields: dict[str, dict[str, FieldDefinition]] = {}
    order: dict[str, list[str]] = {}
    for row in csv.DictReader(text.splitlines()):
        name = row["entity"]
        if row["kind"] == "base":
            order.setdefault(name, []).extend(BASE_FIELDS)
            continue
        fields.setdefault(name, {})[row["field"]] = _definition(row)
        order.setdefault(name, []).append(row["field"])
    return {
        name: Entity(name, fields[name], tuple(order[name]), _NAME_FIELDS.get(name, ""), _SUB_FIELDS.get(name, ""))
        for name in fields
    }


@cache
def entity_name(text: str) -> str | None:
    """The name of an entity that QuickBooks has, from any casing; None for any other word."""
    known = (*entities(), *NOT_HELD)
    return next((name for name in known if name.lower() == text.lower()), None)

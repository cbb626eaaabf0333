"""What QuickBooks asks of items beyond the form of their values (Intuit docs: item entity, business rules)."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.entities import API_ITEM_TYPES
from hardfin_pipelines.sandbox.quickbooks.errors import bad_choice, business, missing

_CATEGORY_FIELDS = ("Name", "Active", "SubItem", "ParentRef", "Type", "Level", "FullyQualifiedName")
_NEEDED = {
    "Inventory": (
        "IncomeAccountRef",
        "ExpenseAccountRef",
        "AssetAccountRef",
        "TrackQtyOnHand",
        "QtyOnHand",
        "InvStartDate",
    )
}
_ACCOUNT_TYPES = {
    "IncomeAccountRef": ("Income", "Other Income"),
    "ExpenseAccountRef": ("Cost of Goods Sold", "Expense", "Other Expense"),
    "AssetAccountRef": ("Other Current Asset",),
}


def check_type(values: Mapping[str, Any], before: Mapping[str, Any] | None, *, by_api: bool) -> None:
    """A type that the API makes, and that a record may change to.

    Raises:
        VendorError: it is not one, or an inventory item or category should become something else.
    """
    kind = values.get("Type")
    if before is None:
        if by_api and kind not in API_ITEM_TYPES:
            raise bad_choice("Type", kind)
        return
    fixed = {"Inventory", "Category"}
    if kind != before.get("Type") and fixed & {kind, before.get("Type")}:
        raise business("You can't change the type of this product or service.", "Type")


def check_accounts(values: Mapping[str, Any], account_type: Callable[[str], str]) -> None:
    """The accounts that a type needs, each of a fitting type. Bundles and categories need none.

    Raises:
        VendorError: one is missing or of another type.
    """
    kind = values["Type"]
    for name in _NEEDED.get(kind, ()):
        if values.get(name) is None or values[name] is False:
            raise missing(name)
    if kind in {"Service", "NonInventory"} and not {"IncomeAccountRef", "ExpenseAccountRef"} & values.keys():
        raise missing("IncomeAccountRef")
    for name, fitting in _ACCOUNT_TYPES.items():
        if name in values and kind == "Inventory" and account_type(values[name]["value"]) not in fitting:
            raise business("When you create an item, you must use an account of a fitting type.", name)


def completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """With what QuickBooks fills in; a category keeps next to nothing."""
    if values["Type"] == "Category":
        return {name: value for name, value in values.items() if name in _CATEGORY_FIELDS}
    filled = {
        "Taxable": False,
        "UnitPrice": Decimal(0),
        "PurchaseCost": Decimal(0),
        "TrackQtyOnHand": values["Type"] == "Inventory",
    }
    return {**filled, **values}


def fits_parent(values: Mapping[str, Any], parent: Mapping[str, Any], level: int) -> None:
    """A parent that may have this child; five levels at most, four of categories.

    Raises:
        VendorError: it may not.
    """
    if values["Type"] == "Category" and parent["Type"] != "Category":
        raise business("A category can only be below another category.", "ParentRef")
    if level > (3 if values["Type"] == "Category" else 4):
        raise business("You can only have up to 5 levels of products and services.", "ParentRef")

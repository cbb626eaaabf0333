"""The Northwind trading company, from its CSV files: orders become deals, as a sales department would hold them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hardfin_pipelines.sandbox.data_sets.amounts import line_amount
from hardfin_pipelines.sandbox.data_sets.csv_tables import Row, read_table
from hardfin_pipelines.sandbox.data_sets.model import Company, DataSet, Deal, LineItem, Owner, Product
from hardfin_pipelines.sandbox.data_sets.pipelines import SALES_PIPELINE

CUSTOM_DEAL_FIELDS = {"freight": "Freight", "site_contact": "Site contact"}
"""The fields that Northwind's deals have beyond a CRM's own, each with its label."""

CURRENCY = "USD"
"""The files name no currency; Northwind's prices are in US dollars."""

_ORDERED = "contractsent"
_SHIPPED = "closedwon"

_CUSTOMERS = ("CustomerID", "CompanyName", "ContactName", "Address", "City", "Region", "PostalCode", "Country", "Phone")
_PRODUCTS = ("ProductID", "ProductName", "SupplierID", "CategoryID", "QuantityPerUnit", "UnitPrice", "Discontinued")
_SHIP_TO = ("ShipName", "ShipAddress", "ShipCity", "ShipRegion", "ShipPostalCode", "ShipCountry")
_ORDERS = ("OrderID", "CustomerID", "EmployeeID", "OrderDate", "RequiredDate", "ShippedDate", "Freight", *_SHIP_TO)
_LINES = ("OrderID", "ProductID", "UnitPrice", "Quantity", "Discount")


@dataclass(frozen=True, slots=True)
class _Order:
    """An order, its customer and its date, shifted as all record stamps are."""

    row: Row
    id: str
    customer: Row
    stamp: datetime


def northwind(folder: Path, *, newest_modified: datetime | None = None) -> DataSet:
    """Read the Northwind CSV files in `folder`.

    Customers become companies, orders deals, order lines line items, products products and employees owners. A
    shipped order is won and closed on its `ShippedDate`; one not yet shipped is in the stage before and expected to
    close on its `RequiredDate`. A line's amount is unit price x quantity less its discount, rounded half up to the
    cent; a deal's amount is the sum of its lines; freight, which is not in it, goes to a custom field, as does the
    customer's contact. Keys are the files' ids; a line's is order and product. Products have no SKU in the files:
    theirs is "NW-" and the product's id. Employees are ids without names. Suppliers and categories are read where
    their files are there, for the products' descriptions.

    Every record stamp (created, modified, stage entered) is an order's date: a deal's that of its order, a company's
    those of its first and last order, and that of the oldest order for what no order dates.

    Args:
        folder: holds customers.csv, orders.csv, order_details.csv and products.csv, maybe suppliers.csv and
            categories.csv.
        newest_modified: when given, all record stamps are shifted by one whole number of days, so that the newest
            falls in the 24 hours up to this moment. Closing dates stay.

    Raises:
        DataSetError: a file or column is missing, or a cell is not what it should be: the message names the place.
        ValueError: `newest_modified` has no time zone.
    """
    if newest_modified is not None and newest_modified.tzinfo is None:
        raise ValueError(
            f"newest_modified is {newest_modified.isoformat()}, without a time zone; expected an aware one"
        )
    customers = read_table(folder / "customers.csv", _CUSTOMERS).by_key("CustomerID")
    products = read_table(folder / "products.csv", _PRODUCTS).by_key("ProductID")
    orders = _orders(folder, customers, newest_modified)
    lines = _lines(folder, {order.id for order in orders}, products)
    oldest = min((order.stamp for order in orders), default=None)
    return DataSet(
        name="northwind",
        pipelines=(SALES_PIPELINE,),
        owners=_owners(orders),
        products=_products(folder, products, oldest),
        companies=_companies(customers, orders, oldest),
        deals=tuple(_deal(order, lines.get(order.id, [])) for order in orders),
        custom_deal_fields=dict(CUSTOM_DEAL_FIELDS),
    )


def _orders(folder: Path, customers: Mapping[str, Row], newest_modified: datetime | None) -> list[_Order]:
    rows = read_table(folder / "orders.csv", _ORDERS).by_key("OrderID")
    dates = {order_id: row.moment_in("OrderDate") for order_id, row in rows.items()}
    shift = timedelta()
    if newest_modified is not None and dates:
        # Floor division: whole days, so that the newest stamp is never after the moment asked for.
        shift = timedelta(days=(newest_modified - max(dates.values())) // timedelta(days=1))
    orders = []
    for order_id, row in rows.items():
        customer = customers.get(row.required("CustomerID"))
        if customer is None:
            raise row.refusal("CustomerID", "a CustomerID of customers.csv")
        try:
            stamp = dates[order_id] + shift
        except OverflowError:
            raise row.refusal("OrderDate", f"a date that can be shifted by {shift.days} days") from None
        orders.append(_Order(row=row, id=order_id, customer=customer, stamp=stamp))
    return orders


def _lines(folder: Path, orders: set[str], products: Mapping[str, Row]) -> dict[str, list[LineItem]]:
    """Return the line items of each order that has any, in the file's order."""
    lines: dict[str, list[LineItem]] = {}
    seen: dict[str, int] = {}
    for row in read_table(folder / "order_details.csv", _LINES):
        order_id, product_id = row.required("OrderID"), row.required("ProductID")
        if order_id not in orders:
            raise row.refusal("OrderID", "an OrderID of orders.csv")
        if product_id not in products:
            raise row.refusal("ProductID", "a ProductID of products.csv")
        key = f"{order_id}-{product_id}"
        if key in seen:
            raise row.refusal("ProductID", f"each product once in an order, but row {seen[key]} has it too")
        seen[key] = row.number
        lines.setdefault(order_id, []).append(_line(row, key, products[product_id]))
    return lines


def _line(row: Row, key: str, product: Row) -> LineItem:
    quantity, unit_price = row.number_in("Quantity"), row.number_in("UnitPrice")
    percent = _percent(row.number_in("Discount", at_most=Decimal(1)))
    return LineItem(
        key=key,
        name=product.required("ProductName"),
        quantity=quantity,
        unit_price=unit_price,
        amount=line_amount(quantity, unit_price, discount_percent=percent),
        product_key=product.required("ProductID"),
        sku=_sku(product),
        discount_percent=percent,
    )


def _percent(share: Decimal) -> Decimal | None:
    """Return 15 for 0.15 and None for 0."""
    if not share:
        return None
    percent = (share * 100).normalize()
    # normalize() writes 20 as 2E+1.
    return percent.quantize(Decimal(1)) if percent == percent.to_integral_value() else percent


def _deal(order: _Order, lines: Sequence[LineItem]) -> Deal:
    row = order.row
    shipped_at = row.optional_moment_in("ShippedDate")
    freight = row.number_in("Freight")
    custom = {"freight": str(freight), "site_contact": order.customer.text("ContactName")}
    entered = {_ORDERED: order.stamp}
    if shipped_at is not None:
        entered[_SHIPPED] = order.stamp
    return Deal(
        key=order.id,
        name=f"{order.customer.required('CompanyName')}, order {order.id}",
        pipeline_key=SALES_PIPELINE.key,
        stage_key=_ORDERED if shipped_at is None else _SHIPPED,
        amount=sum((line.amount for line in lines), Decimal("0.00")),
        currency=CURRENCY,
        created_at=order.stamp,
        modified_at=order.stamp,
        close_date=shipped_at or row.optional_moment_in("RequiredDate"),
        entered_stage_at=entered,
        company_keys=(order.customer.required("CustomerID"),),
        owner_key=_owner_key(row),
        line_items=tuple(lines),
        description=_ship_to(row),
        custom={name: value for name, value in custom.items() if value},
    )


def _ship_to(row: Row) -> str:
    parts = [part for part in map(row.text, _SHIP_TO) if part]
    return f"Ship to: {', '.join(parts)}" if parts else ""


def _companies(customers: Mapping[str, Row], orders: Sequence[_Order], oldest: datetime | None) -> tuple[Company, ...]:
    stamps: dict[str, list[datetime]] = {}
    for order in orders:
        stamps.setdefault(order.customer.required("CustomerID"), []).append(order.stamp)
    return tuple(
        Company(
            key=customer_id,
            name=row.required("CompanyName"),
            phone=row.text("Phone"),
            address=row.text("Address"),
            city=row.text("City"),
            region=row.text("Region"),
            postal_code=row.text("PostalCode"),
            country=row.text("Country"),
            created_at=min(stamps.get(customer_id, []), default=oldest),
            modified_at=max(stamps.get(customer_id, []), default=oldest),
        )
        for customer_id, row in customers.items()
    )


def _products(folder: Path, products: Mapping[str, Row], oldest: datetime | None) -> tuple[Product, ...]:
    suppliers = _optional(folder / "suppliers.csv", "SupplierID", "CompanyName")
    categories = _optional(folder / "categories.csv", "CategoryID", "CategoryName")
    return tuple(
        Product(
            key=product_id,
            name=row.required("ProductName"),
            sku=_sku(row),
            price=row.number_in("UnitPrice"),
            description="; ".join(filter(None, _description(row, suppliers, categories))),
            created_at=oldest,
        )
        for product_id, row in products.items()
    )


def _description(
    row: Row, suppliers: Mapping[str, Row] | None, categories: Mapping[str, Row] | None
) -> tuple[str, str, str, str]:
    supplier = _named(row, "SupplierID", suppliers, "CompanyName", "suppliers.csv")
    return (
        _named(row, "CategoryID", categories, "CategoryName", "categories.csv"),
        row.text("QuantityPerUnit"),
        f"supplied by {supplier}" if supplier else "",
        "discontinued" if row.number_in("Discontinued", at_most=Decimal(1)) else "",
    )


def _optional(path: Path, key: str, name: str) -> dict[str, Row] | None:
    """Return the rows by key of a file that may be absent."""
    return read_table(path, (key, name)).by_key(key) if path.exists() else None


def _named(row: Row, column: str, rows: Mapping[str, Row] | None, name: str, file: str) -> str:
    """Return the name of what `column` refers to; nothing where it is empty or the file is absent."""
    key = row.text(column)
    if not key or rows is None:
        return ""
    if key not in rows:
        raise row.refusal(column, f"a {column} of {file}")
    return rows[key].text(name)


def _sku(product: Row) -> str:
    return f"NW-{product.required('ProductID')}"


def _owner_key(order: Row) -> str | None:
    employee = order.text("EmployeeID")
    return f"employee-{employee}" if employee else None


def _owners(orders: Sequence[_Order]) -> tuple[Owner, ...]:
    employees = {order.row.text("EmployeeID") for order in orders} - {""}
    return tuple(
        Owner(
            key=f"employee-{employee}",
            email=f"employee-{employee}@northwind.example",
            first_name="Employee",
            last_name=employee,
        )
        for employee in sorted(employees)
    )

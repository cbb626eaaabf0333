"""Files that are short, wrong or missing."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hardfin_pipelines.sandbox.data_sets.csv_tables import DataSetError
from hardfin_pipelines.sandbox.data_sets.northwind import northwind

CUSTOMERS = """CustomerID,CompanyName,ContactName,Address,City,Region,PostalCode,Country,Phone
ALFKI,Alfreds Futterkiste,Maria Anders,"Obere Str. 57, Hof",Berlin,,12209,Germany,030-0074321
NA,NULL & Söhne,,,,,,,
"""
PRODUCTS = """ProductID,ProductName,SupplierID,CategoryID,QuantityPerUnit,UnitPrice,Discontinued
1,Chai,1,1,10 boxes,18,0
2,Chang,,,,19.5,1
"""
ORDERS = '''OrderID,CustomerID,EmployeeID,OrderDate,RequiredDate,ShippedDate,Freight,ShipName,ShipAddress,ShipCity,\
ShipRegion,ShipPostalCode,ShipCountry
100,ALFKI,5,1996-07-04 00:00:00.000,1996-08-01,1996-07-16,32.38,Alfreds,"Str. ""57""",Berlin,,12209,Germany
101,NA,,1996-07-05,1996-08-02,,0,,,,,,
'''
LINES = """OrderID,ProductID,UnitPrice,Quantity,Discount
100,1,14.35,3,0.15
100,2,9.80,10,0.0
101,2,0.125,1,0
"""
FILES = {"customers.csv": CUSTOMERS, "products.csv": PRODUCTS, "orders.csv": ORDERS, "order_details.csv": LINES}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def edit(folder, name, old, new):
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def refusal(folder):
    with pytest.raises(DataSetError) as caught:
        northwind(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_small_files_are_read(folder):
    data_set = northwind(folder)
    first, second = data_set.deals
    assert first.amount == Decimal("134.59")  # 14.35 x 3 x 0.85 = 36.5925
    assert [line.amount for line in first.line_items] == [Decimal("36.59"), Decimal("98.00")]
    assert [str(line.discount_percent) for line in first.line_items] == ["15", "None"]
    assert first.description == 'Ship to: Alfreds, Str. "57", Berlin, 12209, Germany'
    assert (second.amount, second.owner_key, second.stage_key) == (Decimal("0.13"), None, "contractsent")
    assert second.close_date is not None
    assert second.close_date.isoformat() == "1996-08-02T00:00:00+00:00"
    assert [owner.key for owner in data_set.owners] == ["employee-5"]


def test_text_that_looks_like_a_missing_value_is_text(folder):
    data_set = northwind(folder)
    assert [company.key for company in data_set.companies] == ["ALFKI", "NA"]
    assert data_set.companies[1].name == "NULL & Söhne"


def test_a_byte_order_mark_windows_line_ends_and_empty_lines_do_no_harm(folder):
    expected = northwind(folder)
    for name, text in FILES.items():
        (folder / name).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n\r\n").encode())
    assert northwind(folder) == expected


def test_suppliers_and_categories_are_optional_but_must_fit(folder):
    assert northwind(folder).products[0].description == "10 boxes"
    (folder / "suppliers.csv").write_text("SupplierID,CompanyName\n1,Exotic Liquids\n")
    (folder / "categories.csv").write_text("CategoryID,CategoryName\n1,Beverages\n")
    descriptions = [product.description for product in northwind(folder).products]
    assert descriptions == ["Beverages; 10 boxes; supplied by Exotic Liquids", "discontinued"]
    (folder / "categories.csv").write_text("CategoryID,CategoryName\n2,Condiments\n")
    assert refusal(folder) == (
        "products.csv, row 2, column CategoryID: '1' found, expected a CategoryID of categories.csv"
    )


def test_an_order_without_lines_comes_to_nothing(folder):
    edit(folder, "order_details.csv", "101,2,0.125,1,0\n", "")
    deal = northwind(folder).deals[1]
    assert (deal.amount, deal.line_items) == (Decimal(0), ())


def test_files_without_orders_give_customers_without_stamps(folder):
    (folder / "orders.csv").write_text(ORDERS[: ORDERS.index("100,")])
    (folder / "order_details.csv").write_text(LINES[: LINES.index("100,")])
    data_set = northwind(folder)
    assert data_set.deals == ()
    assert [company.modified_at for company in data_set.companies] == [None, None]


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("orders.csv", "100,ALFKI", "100,XXXXX", "row 2, column CustomerID: 'XXXXX' found, expected a CustomerID of"),
        ("orders.csv", "101,NA", "101,", "row 3, column CustomerID: '' found, expected a value"),
        ("orders.csv", "101,NA", "100,NA", "row 3, column OrderID: '100' found, expected a value of its own, but"),
        ("orders.csv", "1996-07-05", "05.07.1996", "row 3, column OrderDate: '05.07.1996' found, expected a date such"),
        ("orders.csv", "1996-07-05", "1996-02-30", "row 3, column OrderDate: '1996-02-30' found, expected a date"),
        ("orders.csv", "1996-07-05", "", "row 3, column OrderDate: '' found, expected a date"),
        ("orders.csv", "1996-07-16", "soon", "row 2, column ShippedDate: 'soon' found, expected a date"),
        ("orders.csv", "1996-08-02", "20th", "row 3, column RequiredDate: '20th' found, expected a date"),
        ("orders.csv", "32.38", "32,38", "row 2: 14 values, expected 13"),
        ("orders.csv", "32.38", "free", "row 2, column Freight: 'free' found, expected a number such as"),
        ("orders.csv", ",12209,Germany", "", "row 2: 11 values, expected 13"),
        ("orders.csv", '"Str. ""57"""', '"Str. "57"', "row 2: ',' expected after '\"'"),
        ("orders.csv", "ShippedDate", "Shipped", "row 1: column ShippedDate is missing; expected OrderID, CustomerID"),
        ("orders.csv", "ShipName", "ShipCity", "row 1: a column occurs twice"),
        ("order_details.csv", "101,2,", "999,2,", "row 4, column OrderID: '999' found, expected an OrderID of orders"),
        ("order_details.csv", "101,2,", "101,9,", "row 4, column ProductID: '9' found, expected a ProductID of"),
        ("order_details.csv", "100,2,", "100,1,", "row 3, column ProductID: '1' found, expected each product once in"),
        ("order_details.csv", "14.35", "fourteen", "row 2, column UnitPrice: 'fourteen' found, expected a number"),
        ("order_details.csv", "14.35", "NaN", "row 2, column UnitPrice: 'NaN' found, expected a number"),
        ("order_details.csv", "14.35", "1e3", "row 2, column UnitPrice: '1e3' found, expected a number"),
        ("order_details.csv", "14.35", "-1", "row 2, column UnitPrice: '-1' found, expected a number"),
        ("order_details.csv", "14.35", "١٤", "row 2, column UnitPrice: '١٤' found, expected a number"),
        ("order_details.csv", ",10,", ",1_0,", "row 3, column Quantity: '1_0' found, expected a number"),
        ("order_details.csv", "0.15", "15", "row 2, column Discount: '15' found, expected a number from 0 to 1"),
        ("order_details.csv", "0.15", "", "row 2, column Discount: '' found, expected a number from 0 to 1"),
        ("products.csv", "2,Chang", "2,", "row 3, column ProductName: '' found, expected a value"),
        ("products.csv", "19.5", "?", "row 3, column UnitPrice: '?' found, expected a number"),
        ("customers.csv", "NA,NULL", "ALFKI,NULL", "row 3, column CustomerID: 'ALFKI' found, expected a value of its"),
    ],
)
def test_a_wrong_cell_is_named_with_what_was_expected(folder, name, old, new, message):
    edit(folder, name, old, new)
    assert refusal(folder).startswith(f"{name}, {message}")


def test_a_line_break_in_a_wrong_cell_does_not_break_the_message(folder):
    edit(folder, "order_details.csv", "14.35", '"14\n35"')
    assert "'14\\n35' found" in refusal(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    assert refusal(folder) == f"{name}: no such file in {folder}; expected a CSV file with a header"


def test_an_empty_file_is_named(folder):
    (folder / "products.csv").write_text("")
    assert refusal(folder) == "products.csv: empty; expected a header in the first row"


def test_a_folder_in_place_of_a_file_is_named(folder):
    (folder / "products.csv").unlink()
    (folder / "products.csv").mkdir()
    assert re.match(r"products\.csv: cannot be read \(.+\); expected a CSV file$", refusal(folder))


def test_another_encoding_is_named(folder):
    (folder / "customers.csv").write_bytes(CUSTOMERS.encode("latin-1"))
    assert re.match(r"customers\.csv: byte \d+ is not UTF-8; save the file as UTF-8$", refusal(folder))


def test_a_date_that_cannot_be_shifted_is_named(folder):
    edit(folder, "orders.csv", "1996-07-05", "0001-01-01")
    with pytest.raises(DataSetError, match=r"row 3, column OrderDate: '0001-01-01' found, expected a date that can be"):
        northwind(folder, newest_modified=datetime(1990, 1, 1, tzinfo=UTC))

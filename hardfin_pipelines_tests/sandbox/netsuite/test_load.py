"""Loaders: a catalogue as bookkeepers keep it, a business around it, and very many rows."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.netsuite import Account
from hardfin_pipelines.sandbox.netsuite.load import load_bulk, load_catalogue
from hardfin_pipelines.sandbox.netsuite.load_business import load_business
from hardfin_pipelines.sandbox.quickbooks.load import CatalogueRow
from hardfin_pipelines.sandbox.quickbooks.messy_catalogue import messy_catalogue
from hardfin_pipelines_tests.sandbox.netsuite.conftest import asked, rows


@pytest.fixture(scope="module")
def products():
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    return list(robotics_rental(seed=7, won_deals=5, start=start, end=end).products)[:40]


def test_a_catalogue_made_for_another_vendor_loads(api: httpx.Client, account: Account, products):
    catalogue = messy_catalogue(products, seed=3, latin1=False)
    ids = load_catalogue(account, catalogue.rows)
    assert len(set(ids.values())) == len(catalogue.rows) == account.count("item")
    assert account.count("pricing") == len(catalogue.rows)
    inactive = {row.key for row in catalogue.rows if not row.active}
    assert inactive == {key for key, item in ids.items() if account.record("item", item)["isinactive"] == "T"}
    below = [row for row in catalogue.rows if row.parent_key]
    assert below
    assert all(str(account.record("item", ids[row.key])["parent"]) == ids[row.parent_key] for row in below)
    kinds = {row["itemtype"] for row in rows(api, "SELECT DISTINCT itemtype FROM item")}
    assert {"NonInvtPart", "Service", "Subtotal", "Discount", "Payment"} <= kinds


def test_numbers_are_skus_and_stay_unique(account: Account):
    made = [
        CatalogueRow("1", "Robot", sku="R-1", price=Decimal("9.50"), category="Robots/AMR"),
        CatalogueRow("2", "Robot, used", sku="R-1"),
        CatalogueRow("3", "Fee", type="Service"),
        CatalogueRow("4", "Fee", type="Service"),
    ]
    ids = load_catalogue(account, made)
    held = {key: account.record("item", item) for key, item in ids.items()}
    assert [held[key]["itemid"] for key in "1234"] == ["R-1", "Robot, used", "Fee", "Fee (4)"]
    assert (held["2"]["mpn"], held["1"]["mpn"]) == ("R-1", None)
    assert account.record("classification", str(held["1"]["class"]))["fullname"] == "Robots : AMR"
    with pytest.raises(ValueError, match="no parent 'x'"):
        load_catalogue(account, [CatalogueRow("5", "Part", parent_key="x")])
    with pytest.raises(ValueError, match="type is 'Nope'"):
        load_catalogue(account, [CatalogueRow("6", "Part", type="Nope")])


def test_a_business_has_stock_orders_invoices_and_balanced_books(api: httpx.Client, account: Account):
    plain = account.create("inventoryItem", {"itemid": "A", "cost": "10"})
    serial = account.create("serializedInventoryItem", {"itemid": "B", "cost": "99.99"})
    made = load_business(account, [plain, serial, account.create("serviceSaleItem", {"itemid": "C"})], seed=1)
    assert rows(api, "SELECT COUNT(*) AS n FROM aggregateitemlocation") == [{"n": "4"}]
    assert rows(api, "SELECT COUNT(*) AS n FROM inventorynumber") == [{"n": "2"}]
    lines = rows(
        api,
        "SELECT t.id, t.type, BUILTIN.DF(t.status) AS status, SUM(l.quantity * l.rate) AS net, "
        "MAX(t.foreigntotal) AS total FROM transaction t JOIN transactionline l ON l.transaction = t.id "
        "WHERE l.mainline = 'F' AND l.taxline = 'F' GROUP BY t.id, t.type, t.status ORDER BY t.id",
    )
    assert len(lines) == len(made.orders) + len(made.invoices)
    assert all(Decimal(each["net"]) == -Decimal(each["total"]) for each in lines)
    assert {each["status"] for each in lines} == {
        "Sales Order : Billed",
        "Sales Order : Pending Fulfillment",
        "Invoice : Open",
    }
    books = (
        "SELECT transaction, SUM(amount) AS n FROM transactionaccountingline WHERE posting = 'T' GROUP BY transaction"
    )
    assert {each["n"] for each in rows(api, books)} == {"0"}
    links = rows(api, "SELECT DISTINCT previousdoc, nextdoc FROM nexttransactionlinelink")
    assert {each["nextdoc"] for each in links} == set(made.invoices)
    account.delete("transaction", made.invoices[0])
    gone = rows(api, "SELECT type, scriptid FROM deletedrecord")
    assert gone == [{"type": "Transaction", "scriptid": "invoice"}]
    assert rows(api, f"SELECT id FROM transactionline WHERE transaction = {made.invoices[0]}") == []


def test_fifty_thousand_items_are_paged_like_few(api: httpx.Client, account: Account):
    loaded = load_bulk(account, items=50_000, stock_rows=100_000)
    assert (account.count("item"), account.count("aggregateitemlocation")) == (50_000, 100_000)
    statement = "SELECT id, itemid, displayname FROM item WHERE id > {} ORDER BY id"
    page = asked(api, statement.format(loaded.last_item_id - 1_500), limit=1_000).json()
    assert (page["count"], page["totalResults"], page["hasMore"]) == (1_000, 1_500, True)
    new = account.create("inventoryItem", {"itemid": "one more"})
    assert int(new) > loaded.last_item_id
    with pytest.raises(ValueError, match="1 or more"):
        load_bulk(account, items=0)

"""Purchases, sales and what a business holds besides items; statements over several tables."""

from decimal import Decimal

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.load_business import load_business
from hardfin_pipelines.sandbox.netsuite.purchases import PurchaseLine, add_purchase, receive
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine, add_sale
from hardfin_pipelines_tests.sandbox.netsuite.conftest import asked, refused, rows, value

_UTC = "TO_CHAR(SYS_EXTRACT_UTC({0}), 'HH24:MI:SS') AS {0}"
_STOCK = (
    "SELECT quantityonhand AS hand, quantityavailable AS free, quantityonorder AS ordered, averagecostmli AS cost, "
    f"{_UTC.format('lastquantityavailablechange')} FROM aggregateitemlocation"
)


def test_what_is_ordered_moves_no_available_quantity_and_what_is_received_does(
    api: httpx.Client, sandbox: NetSuiteSandbox, account: Account
):
    item, place = account.create("inventoryItem", {"itemid": "A"}), account.add_location("North")
    vendor = account.create("vendor", {"entityid": "Acme Components"})
    account.set_stock(item, place, on_hand=10, committed=2, average_cost=4)
    sandbox.clock.advance(60)
    order = add_purchase(account, vendor, [PurchaseLine(item, Decimal(10), Decimal(8), place)])
    assert rows(api, _STOCK) == [
        {"hand": "10", "free": "8", "ordered": "10", "cost": "4", "lastquantityavailablechange": "12:00:00"}
    ]
    sandbox.clock.advance(60)
    receipt = receive(account, order, [PurchaseLine(item, Decimal(5), Decimal(10), place)])
    assert rows(api, _STOCK) == [
        {"hand": "15", "free": "13", "ordered": "5", "cost": "6", "lastquantityavailablechange": "12:02:00"}
    ]
    statement = f"SELECT id, type, BUILTIN.DF(status) AS status, {_UTC.format('lastmodifieddate')} FROM transaction"
    assert rows(api, f"{statement} ORDER BY id") == [
        {
            "id": order,
            "type": "PurchOrd",
            "status": "Purchase Order : Pending Bill",
            "lastmodifieddate": "12:02:00",
        },
        {"id": receipt, "type": "ItemRcpt", "lastmodifieddate": "12:02:00"},
    ]
    moved = (
        "SELECT item FROM aggregateitemlocation WHERE item IN (SELECT transactionline.item FROM transactionline "
        "INNER JOIN transaction ON transaction.id = transactionline.transaction "
        "WHERE SYS_EXTRACT_UTC(transaction.lastmodifieddate) >= "
        "TO_TIMESTAMP('2026-03-02 12:0{}:00', 'YYYY-MM-DD HH24:MI:SS'))"
    )
    assert rows(api, moved.format(2)) == [{"item": item}]
    assert rows(api, moved.format(3)) == []
    with pytest.raises(ValueError, match="expected a purchase order"):
        receive(account, receipt, [PurchaseLine(item, Decimal(1), Decimal(1), place)])
    with pytest.raises(ValueError, match="no lines"):
        add_purchase(account, vendor, [])


def test_without_multi_location_inventory_purchases_move_the_items_own_stock(sandbox: NetSuiteSandbox):
    small = sandbox.add_account("555", one_world=False, multi_location=False)
    item, vendor = small.create("inventoryItem", {"itemid": "A"}), small.create("vendor", {"entityid": "Acme"})
    order = add_purchase(small, vendor, [PurchaseLine(item, Decimal(4), Decimal(3))])
    receive(small, order, [PurchaseLine(item, Decimal(1), Decimal(3))])
    held = small.record("item", item)
    found = [held[name] for name in ("quantityonhand", "quantityonorder", "averagecost", "lastpurchaseprice")]
    assert found == [1, 3, 3, 3]


def test_an_invoice_has_lines_for_tax_and_costs_that_people_do_not_see(api: httpx.Client, account: Account):
    item, place = account.create("inventoryItem", {"itemid": "A"}), account.add_location("North")
    account.set_stock(item, place, on_hand=10, average_cost="4.5")
    customer = account.create("customer", {"entityid": "Initech"})
    lines = [SaleLine(item, Decimal(2), Decimal(10), place)]
    add_sale(account, "CustInvc", customer, lines, tax=Decimal("1.60"))
    found = rows(api, "SELECT mainline, taxline, iscogs, quantity, foreignamount FROM transactionline ORDER BY id")
    assert [(each["mainline"] + each["taxline"] + each["iscogs"], each["foreignamount"]) for each in found] == [
        ("TFF", "21.6"),
        ("FFF", "-20"),
        ("FFT", "9"),
        ("FFT", "-9"),
        ("FTF", "-1.6"),
    ]
    assert [each.get("quantity") for each in found] == [None, "-2", None, None, None]
    assert rows(api, "SELECT SUM(amount) AS n FROM transactionaccountingline WHERE posting = 'T'") == [{"n": "0"}]


def test_a_business_has_components_prices_numbers_and_orders(api: httpx.Client, account: Account):
    kinds = ("inventoryItem", "serializedInventoryItem", "lotNumberedInventoryItem", "assemblyItem", "kitItem")
    made = [account.create(kind, {"itemid": kind, "cost": 20}) for kind in kinds]
    business = load_business(account, made, seed=2, purchases=2, negative_on_hand=True)
    assert len(business.purchases) == 2
    parents = rows(api, "SELECT DISTINCT parentitem FROM itemmember ORDER BY parentitem")
    assert [row["parentitem"] for row in parents] == made[3:]
    levels = rows(api, "SELECT quantity, unitprice FROM pricing WHERE item = " + made[0] + " ORDER BY quantity")
    assert levels == [{"quantity": "0", "unitprice": "30"}, {"quantity": "10", "unitprice": "28"}]
    numbers = rows(api, "SELECT item, TO_CHAR(expirationdate, 'YYYY-MM-DD') AS d FROM inventorynumber ORDER BY id")
    assert [row["item"] for row in numbers] == [made[1], made[1], made[2]]
    assert [row.get("d") for row in numbers] == [None, None, "2027-03-02"]
    assert rows(api, "SELECT item FROM aggregateitemlocation WHERE quantityonhand < 0") == [{"item": made[0]}]
    assert rows(api, "SELECT COUNT(*) AS n FROM aggregateitemlocation WHERE quantityonorder > 0") == [{"n": "2"}]


def test_the_same_seed_makes_the_same_business(sandbox: NetSuiteSandbox):
    found = []
    for account_id in ("701", "702"):
        account = sandbox.add_account(account_id)
        made = [account.create(kind, {"itemid": kind}) for kind in ("inventoryItem", "kitItem", "assemblyItem")]
        load_business(account, made, seed=5, purchases=3)
        statement = "SELECT item, quantityonhand, quantityonorder FROM aggregateitemlocation ORDER BY item, location"
        found.append((account.store.rows(statement), account.store.rows("SELECT item, quantity FROM itemmember")))
    assert found[0] == found[1]


def test_counts_and_sums_of_several_tables_come_in_one_answer(api: httpx.Client, account: Account):
    account.create_many("inventoryItem", [{"itemid": f"I-{n}", "cost": n} for n in range(4)])
    statement = (
        "SELECT 'item' AS part, COUNT(*) AS total, ROUND(SUM(NVL(cost, 0) * (1 + MOD(id, 997))), 4) AS sums, "
        "TO_CHAR(MAX(CASE WHEN SYS_EXTRACT_UTC(lastmodifieddate) >= TO_TIMESTAMP('2026-03-02 12:00:00', "
        "'YYYY-MM-DD HH24:MI:SS') THEN SYS_EXTRACT_UTC(lastmodifieddate) END), 'HH24:MI:SS') AS newest FROM item "
        "UNION ALL SELECT 'pricelevel' AS part, COUNT(*) AS total, 0 AS sums, '-' AS newest FROM pricelevel "
        "UNION ALL SELECT 'names' AS part, named.id AS total, 0 AS sums, named.name AS newest "
        "FROM (SELECT id, name FROM pricelevel ORDER BY id) named WHERE ROWNUM <= 1"
    )
    first = int(rows(api, "SELECT MIN(id) AS n FROM item")[0]["n"])
    total = sum(cost * (1 + (first + cost) % 997) for cost in range(4))
    assert sorted(rows(api, statement), key=lambda row: row["part"]) == [
        {"part": "item", "total": "4", "sums": str(total), "newest": "12:00:00"},
        {"part": "names", "total": "1", "sums": "0", "newest": "Base Price"},
        {"part": "pricelevel", "total": "2", "sums": "0", "newest": "-"},
    ]


def test_an_account_may_not_take_several_selects_at_once(api: httpx.Client, account: Account):
    statement = "SELECT id FROM item UNION ALL SELECT id FROM location"
    assert asked(api, statement).status_code == 200
    account.settings.change({"set_operations": False})
    status, code, text = refused(asked(api, statement))
    assert (status, code) == (400, "INVALID_PARAMETER")
    assert text.endswith("Invalid or unsupported search.")
    assert asked(api, "SELECT id FROM location").status_code == 200


def test_no_date_has_no_text(api: httpx.Client, account: Account):
    account.create("transaction", {"type": "SalesOrd", "trandate": "2026-01-31"})
    statement = "SELECT TO_CHAR(trandate, 'YYYY-MM-DD') AS day, TO_CHAR(duedate, 'YYYY-MM-DD') AS due FROM transaction"
    assert rows(api, statement) == [{"day": "2026-01-31"}]
    assert value(api, "TO_CHAR(NULL)") is None


def test_purchases_and_receipts_over_the_control_api(control: httpx.Client, api: httpx.Client, account: Account):
    base = "/accounts/1234567_SB1"
    item, place = account.create("inventoryItem", {"itemid": "A"}), account.add_location("North")
    vendor = account.create("vendor", {"entityid": "Acme"})
    line = {"item": item, "quantity": 4, "rate": "2.50", "location": place}
    order = control.post(f"{base}/purchases", json={"vendor": vendor, "lines": [line]}).json()["id"]
    assert control.post(f"{base}/receipts", json={"order": order, "lines": [line]}).status_code == 200
    assert [row["hand"] for row in rows(api, _STOCK)] == ["4"]
    lot = account.create("lotNumberedInventoryItem", {"itemid": "L"})
    made = {"item": lot, "number": "LOT-1", "expires_on": "2027-01-31"}
    assert control.post(f"{base}/serials", json=made).status_code == 200
    wrong = control.post(f"{base}/purchases", json={"vendor": vendor, "lines": [{"item": item}]})
    assert (wrong.status_code, "quantity" in wrong.json()["error"]) == (400, True)

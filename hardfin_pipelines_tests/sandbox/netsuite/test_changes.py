"""What happens to records: stamps, stock, deletions, renames, in the middle of a walk too."""

from typing import Any

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines_tests.sandbox.netsuite.conftest import rows

_UTC = "TO_CHAR(SYS_EXTRACT_UTC({0}), 'HH24:MI:SS') AS {0}"


def test_stock_and_costs_move_without_the_items_date(api: httpx.Client, sandbox: NetSuiteSandbox, account: Account):
    item, place = account.create("inventoryItem", {"itemid": "A"}), account.add_location("North")
    sandbox.clock.advance(60)
    account.set_stock(item, place, on_hand="10", committed=3, average_cost="4.25", last_price=4)
    sandbox.clock.advance(60)
    account.set_stock(item, place, on_hand="10", committed=3, average_cost="5")
    statement = f"SELECT totalquantityonhand, averagecost, {_UTC.format('lastmodifieddate')} FROM item"
    assert rows(api, statement) == [{"totalquantityonhand": "10", "averagecost": "5", "lastmodifieddate": "12:00:00"}]
    names = "quantityonhand, quantityavailable, quantitycommitted, averagecostmli, lastpurchasepricemli, onhandvaluemli"
    [stock] = rows(api, f"SELECT {names}, {_UTC.format('lastquantityavailablechange')} FROM aggregateitemlocation")
    assert stock == {
        "quantityonhand": "10",
        "quantityavailable": "7",
        "quantitycommitted": "3",
        "averagecostmli": "5",
        "lastpurchasepricemli": "4",
        "onhandvaluemli": "50",
        "lastquantityavailablechange": "12:01:00",  # the second time only the cost changed
    }
    assert rows(api, "SELECT quantityavailable, BUILTIN.DF(inventorystatus) s FROM inventorybalance") == [
        {"quantityavailable": "7", "s": "Good"}
    ]


def test_only_plain_inventory_items_are_in_inventoryitemlocations(api: httpx.Client, account: Account):
    place = account.add_location("North")
    for kind in ("inventoryItem", "assemblyItem", "serializedInventoryItem"):
        account.set_stock(account.create(kind, {"itemid": kind}), place, on_hand=1)
    with pytest.raises(ValueError, match="keeps no stock"):
        account.set_stock(account.create("kitItem", {"itemid": "kit"}), place, on_hand=1)
    assert rows(api, "SELECT COUNT(*) AS n FROM aggregateitemlocation") == [{"n": "3"}]
    assert rows(api, "SELECT BUILTIN.DF(item) AS i FROM inventoryitemlocations") == [{"i": "inventoryItem"}]


def test_deletedrecord_tells_what_went_and_when(api: httpx.Client, sandbox: NetSuiteSandbox, account: Account):
    item = account.create("assemblyItem", {"itemid": "A"})
    sandbox.clock.advance(60)
    account.delete("item", item)
    named = "recordid, name, type, scriptid, BUILTIN.DF(deletedby) b"
    statement = f"SELECT {named}, {_UTC.format('deleteddate')} FROM deletedrecord"
    gone = {"recordid": item, "name": "A", "type": "Item", "scriptid": "assemblyitem", "b": "Ada Administrator"}
    assert rows(api, statement) == [{**gone, "deleteddate": "12:01:00"}]
    assert rows(api, "SELECT id FROM item") == []
    account.settings.change({"deleted_record_type": "record"})
    account.delete("item", account.create("inventoryItem", {"itemid": "B"}))
    assert rows(api, "SELECT type FROM deletedrecord WHERE name = 'B'") == [{"type": "inventoryitem"}]
    with pytest.raises(ValueError, match="no record"):
        account.delete("item", item)


def test_a_row_changed_in_the_middle_of_a_walk_drops_out_of_its_window(
    api: httpx.Client, sandbox: NetSuiteSandbox, account: Account
):
    ids = account.create_many("inventoryItem", [{"itemid": f"I-{n}"} for n in range(4)])
    window = (
        "SELECT id FROM item WHERE SYS_EXTRACT_UTC(lastmodifieddate) >= TO_TIMESTAMP('2026-03-02 12:00:{:02}', "
        "'YYYY-MM-DD HH24:MI:SS') AND SYS_EXTRACT_UTC(lastmodifieddate) <= TO_TIMESTAMP('2026-03-02 12:00:{:02}', "
        "'YYYY-MM-DD HH24:MI:SS') AND id > {} ORDER BY id"
    )
    first = rows(api, window.format(0, 30, 0), limit=2)
    sandbox.clock.advance(60)
    account.update("item", ids[3], {"displayname": "changed"}, at=sandbox.clock.now())
    second = rows(api, window.format(0, 30, first[-1]["id"]), limit=2)
    assert [row["id"] for row in first + second] == ids[:3]
    assert account.record("item", ids[3])["displayname"] == "changed"


def test_a_renamed_parent_changes_the_paths_below_it_and_not_their_dates(api: httpx.Client, sandbox, account: Account):
    top = account.create("inventoryItem", {"itemid": "Top"})
    middle = account.create("inventoryItem", {"itemid": "Middle", "parent": top})
    account.create("inventoryItem", {"itemid": "Leaf", "parent": middle})
    sandbox.clock.advance(60)
    account.update("item", top, {"itemid": "New"})
    statement = f"SELECT fullname, {_UTC.format('lastmodifieddate')} FROM item ORDER BY id"
    assert rows(api, statement) == [
        {"fullname": "New", "lastmodifieddate": "12:01:00"},
        {"fullname": "New : Middle", "lastmodifieddate": "12:00:00"},
        {"fullname": "New : Middle : Leaf", "lastmodifieddate": "12:00:00"},
    ]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "itemid is missing"),
        ({"itemid": "A", "nope": 1}, "no column 'nope'"),
        ({"itemid": "A", "cost": "much"}, "item.cost is 'much'; expected a number"),
        ({"itemid": "A", "isinactive": "maybe"}, "item.isinactive"),
        ({"itemid": "A", "createddate": "2026-01-01T00:00:00"}, "item.createddate"),
        ({"itemid": "taken"}, "'taken' already"),
    ],
)
def test_wrong_values_are_named(account: Account, values, said: str):
    account.create("inventoryItem", {"itemid": "taken"})
    with pytest.raises(ValueError, match=said):
        account.create("inventoryItem", values)


def test_accounts_are_opened_with_care(sandbox: NetSuiteSandbox, account: Account):
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"account_id": "1234567_SB1"}, "exists already"),
        ({"account_id": "1234567-sb1"}, "expected one such as"),
        ({"account_id": "1", "tier": "gold"}, "tier is 'gold'"),
        ({"account_id": "1", "time_zone": "Mars"}, "no time zone"),
        ({"account_id": "1", "without": ["gravity"]}, "no feature 'gravity'"),
        ({"account_id": "1", "date_format": "ISO"}, "date format is 'ISO'"),
    )
    for given, said in wrong:
        with pytest.raises(ValueError, match=said):
            sandbox.add_account(**given)
    for change in ({"nope": 1}, {"query_seconds": -1}, {"overload_as": "418"}, {"maintenance": 1}):
        with pytest.raises(ValueError, match="settings"):
            account.settings.change(change)

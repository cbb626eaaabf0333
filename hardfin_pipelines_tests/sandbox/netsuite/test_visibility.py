"""Features that are off, and roles that do not see everything."""

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines_tests.sandbox.netsuite.conftest import asked, client_of, refused, rows

_SEARCH = "Invalid search query. Detailed unprocessed description follows. Search error occurred: "


@pytest.fixture
def small(sandbox: NetSuiteSandbox) -> Account:
    """An account of one company without Multi-Location Inventory."""
    return sandbox.add_account("555", one_world=False, multi_location=False, without=["locations", "classes"])


def test_without_oneworld_there_are_no_subsidiaries(sandbox: NetSuiteSandbox, small: Account, url: str):
    with client_of(url, sandbox, small) as api:
        bare = refused(asked(api, "SELECT subsidiary FROM transaction"))
        said = "Unknown identifier 'subsidiary'. Available identifiers are: {transaction=transaction}."
        assert bare == (400, "INVALID_PARAMETER", _SEARCH + said)
        table = refused(asked(api, "SELECT id FROM subsidiary"))
        assert table == (400, "INVALID_PARAMETER", f"{_SEARCH}Record 'subsidiary' was not found.")
        assert "subsidiary" not in rows(api, "SELECT * FROM account")[0]


def test_without_locations_items_have_their_stock_themselves(sandbox: NetSuiteSandbox, small: Account, url: str):
    item = small.create("inventoryItem", {"itemid": "A"})
    small.set_stock(item, on_hand=7, committed=2)
    with client_of(url, sandbox, small) as api:
        found = rows(api, "SELECT quantityonhand, quantityavailable, totalquantityonhand FROM item")
        assert found == [{"quantityonhand": "7", "quantityavailable": "5", "totalquantityonhand": "7"}]
        for table in ("aggregateitemlocation", "inventoryitemlocations", "location"):
            assert refused(asked(api, f"SELECT * FROM {table}"))[2].endswith(f"Record '{table}' was not found.")
    with pytest.raises(ValueError, match="leave location_id out"):
        small.set_stock(item, "1", on_hand=7)


def test_with_multi_location_the_items_own_stock_is_removed(api: httpx.Client, account: Account):
    answer = refused(asked(api, "SELECT item.quantityavailable FROM item"))
    reason = "Field 'quantityavailable' for record 'item' was not found. Reason: REMOVED - Field is removed"
    assert answer == (400, "INVALID_PARAMETER", _SEARCH + reason)


def test_a_role_without_a_permission_does_not_find_the_record(api: httpx.Client, account: Account):
    assert rows(api, "SELECT COUNT(*) AS n FROM deletedrecord") == [{"n": "0"}]
    account.roles["Hardfin Integration"].permissions.discard("Deleted Records")
    assert refused(asked(api, "SELECT name FROM deletedrecord"))[2] == f"{_SEARCH}Record 'deletedrecord' was not found."


def test_hidden_columns_and_tables_are_errors_not_nulls(api: httpx.Client, account: Account):
    account.create("inventoryItem", {"itemid": "A", "cost": 5})
    account.roles["Hardfin Integration"].hidden |= {"item.cost", "vendor"}
    assert "Unknown identifier 'cost'" in refused(asked(api, "SELECT id, cost FROM item"))[2]
    assert refused(asked(api, "SELECT id FROM vendor"))[2].endswith("Record 'vendor' was not found.")
    record = api.get("/services/rest/record/v1/inventoryItem", params={"limit": 1}).json()["items"][0]["id"]
    assert "cost" not in api.get(f"/services/rest/record/v1/inventoryItem/{record}").json()


def test_roles_without_rest_or_workbook_are_refused(api: httpx.Client, account: Account):
    permissions = account.roles["Hardfin Integration"].permissions
    for name in ("SuiteAnalytics Workbook", "REST Web Services"):
        permissions.discard(name)
        status, code, text = refused(asked(api, "SELECT id FROM item"))
        assert (status, code) == (403, "INSUFFICIENT_PERMISSION")
        assert f"'{name}'" in text


def test_accounts_do_not_see_each_other(sandbox: NetSuiteSandbox, account: Account, small: Account, url: str):
    small.create("inventoryItem", {"itemid": "theirs"})
    with client_of(url, sandbox, account) as api:
        assert rows(api, "SELECT itemid FROM item") == []
    with client_of(url, sandbox, small) as api:
        assert rows(api, "SELECT itemid FROM item") == [{"itemid": "theirs"}]

"""The record API, the metadata catalogue, the server's clock and the account's limits."""

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS
from hardfin_pipelines.sandbox.netsuite.schema import FEATURES, standard_tables
from hardfin_pipelines.sandbox.netsuite.store import Store
from hardfin_pipelines_tests.sandbox.netsuite.conftest import NOON, client_of, refused, rows

_RECORD = "/services/rest/record/v1"


def test_a_list_has_ids_and_links_only(api: httpx.Client, account: Account):
    ids = account.create_many("inventoryItem", [{"itemid": f"I-{n}"} for n in range(3)])
    account.create("serviceSaleItem", {"itemid": "S"})
    first = api.get(f"{_RECORD}/inventoryItem", params={"limit": 2}).json()
    assert (first["count"], first["hasMore"], first["totalResults"]) == (2, True, 3)
    assert [set(each) for each in first["items"]] == [{"id", "links"}] * 2
    second = api.get(first["links"][0]["href"]).json()
    assert [each["id"] for each in second["items"]] == ids[2:]
    out = api.get(f"{_RECORD}/inventoryItem", params={"limit": 2, "offset": 4})
    assert refused(out)[:2] == (404, "NONEXISTENT_OFFSET")


def test_a_record_has_typed_values_and_named_references(api: httpx.Client, account: Account):
    part, robot = account.create("inventoryItem", {"itemid": "P-1"}), None
    values = {"itemid": "R-1", "cost": "99.5", "incomeaccount": account.ledger["4000"], "isonline": True}
    robot = account.create("assemblyItem", values)
    account.create("itemmember", {"parentitem": robot, "item": part, "quantity": 4, "linenumber": 1})
    body = api.get(f"{_RECORD}/assemblyItem/{robot}").json()
    assert (body["id"], body["itemId"], body["cost"], body["isInactive"]) == (robot, "R-1", 99.5, False)
    assert body["lastModifiedDate"] == "2026-03-02T12:00:00Z"
    assert body["incomeAccount"]["refName"] == "Sales"
    assert list(body["member"]) == ["links"]
    whole = api.get(f"{_RECORD}/assemblyItem/{robot}", params={"expandSubResources": "true"}).json()
    assert whole["member"]["items"] == [{"links": [], "line": 1, "item": {"links": [], "id": part}, "quantity": 4.0}]
    some = api.get(f"{_RECORD}/assemblyItem/{robot}", params={"fields": "itemId,cost"}).json()
    assert set(some) == {"links", "itemId", "cost"}
    both = api.get(f"{_RECORD}/assemblyItem/{robot}", params={"fields": "itemId", "expandSubResources": "true"})
    assert refused(both)[0] == 400


def test_a_record_of_another_type_or_none_is_not_there(api: httpx.Client, account: Account):
    service = account.create("serviceSaleItem", {"itemid": "S"})
    assert refused(api.get(f"{_RECORD}/inventoryItem/{service}"))[:2] == (404, "NONEXISTENT_ID")
    assert refused(api.get(f"{_RECORD}/inventoryItem/x"))[:2] == (404, "NONEXISTENT_ID")
    assert refused(api.get(f"{_RECORD}/nope"))[:2] == (404, "INVALID_RECORD_TYPE")
    assert refused(api.get("/services/rest/nope/v1"))[:2] == (404, "INVALID_PATH")
    assert refused(api.delete(f"{_RECORD}/inventoryItem/{service}"))[:2] == (405, "METHOD_NOT_ALLOWED")
    account.roles["Hardfin Integration"].permissions.discard("Items")
    assert refused(api.get(f"{_RECORD}/inventoryItem"))[:2] == (403, "INSUFFICIENT_PERMISSION")


def test_a_patch_changes_the_record_and_its_date(api: httpx.Client, sandbox: NetSuiteSandbox, account: Account):
    item = account.create("inventoryItem", {"itemid": "A"})
    sandbox.clock.advance(60)
    done = api.patch(f"{_RECORD}/inventoryItem/{item}", json={"displayName": "Robot", "isInactive": True})
    assert (done.status_code, done.content) == (204, b"")
    assert done.headers["location"].endswith(f"/inventoryItem/{item}")
    statement = "SELECT displayname, isinactive, TO_CHAR(SYS_EXTRACT_UTC(lastmodifieddate), 'HH24:MI') AS at FROM item"
    assert rows(api, statement) == [{"displayname": "Robot", "isinactive": "T", "at": "12:01"}]
    wrong = api.patch(f"{_RECORD}/inventoryItem/{item}", json={"nope": 1})
    assert refused(wrong)[:2] == (400, "INVALID_CONTENT")
    ignored = {"X-NetSuite-PropertyNameValidation": "ignore"}
    assert api.patch(f"{_RECORD}/inventoryItem/{item}", json={"nope": 1}, headers=ignored).status_code == 204
    taken = account.create("inventoryItem", {"itemid": "B"})
    assert refused(api.patch(f"{_RECORD}/inventoryItem/{taken}", json={"itemId": "A"}))[:2] == (400, "USER_ERROR")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('itemId IS "AMR-1"', ["AMR-1"]),
        ("itemId START_WITH AMR AND isInactive IS false", ["AMR-1", "AMR-2"]),
        ("cost GREATER 5 OR itemId IS X", ["AMR-2", "X"]),
        ("displayName EMPTY", ["AMR-1", "AMR-2", "X"]),
        ('lastModifiedDate ON_OR_AFTER "3/2/2026"', ["AMR-1", "AMR-2", "X"]),
    ],
)
def test_lists_are_filtered(api: httpx.Client, account: Account, text: str, found: list[str]):
    account.create_many("inventoryItem", [{"itemid": "AMR-1", "cost": 1}, {"itemid": "AMR-2", "cost": 9}])
    account.create("inventoryItem", {"itemid": "X", "isinactive": True})
    answer = api.get(f"{_RECORD}/inventoryItem", params={"q": text}).json()
    names = [account.record("item", each["id"])["itemid"] for each in answer["items"]]
    assert names == found


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nope IS 1", "NONEXISTENT_FIELD"),
        ("itemId", "INVALID_PARAMETER"),
        ("itemId IS a AND", "INVALID_PARAMETER"),
        ("itemId IS a b", "INVALID_PARAMETER"),
        ('lastModifiedDate AFTER "2026-03-02"', "INVALID_PARAMETER"),
        ("cost GREATER much", "INVALID_PARAMETER"),
        ("isInactive IS maybe", "INVALID_PARAMETER"),
    ],
)
def test_wrong_filters_are_refused(api: httpx.Client, text: str, code: str):
    answer = api.get(f"{_RECORD}/inventoryItem", params={"q": text})
    assert refused(answer)[:2] == (400, code)
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == "q"


def test_the_catalogue_lists_types_and_describes_them(api: httpx.Client, account: Account):
    everything = api.get(f"{_RECORD}/metadata-catalog").json()
    names = {each["name"] for each in everything["items"]}
    assert {"inventoryItem", "kitItem", "location", "salesOrder", "customer"} <= names
    schema = api.get(f"{_RECORD}/metadata-catalog/inventoryitem", headers={"Accept": "application/schema+json"})
    assert schema.headers["content-type"].startswith("application/schema+json")
    assert schema.json()["properties"]["lastModifiedDate"]["format"] == "date-time"
    accept = {"Accept": "application/swagger+json"}
    some = api.get(f"{_RECORD}/metadata-catalog", params={"select": "location,account"}, headers=accept).json()
    assert set(some["paths"]) == {"/location", "/account"}
    account.set_feature("locations", on=False)
    assert refused(api.get(f"{_RECORD}/metadata-catalog/location"))[0] == 404


def test_server_time_is_for_everybody_and_limits_for_administrators(
    api: httpx.Client, sandbox: NetSuiteSandbox, account: Account, url: str
):
    assert api.get("/services/rest/system/v1/serverTime").json() == {"serverTime": f"{NOON:%Y-%m-%dT%H:%M:%S}.000Z"}
    limits = "/services/rest/system/v1/governanceLimits"
    assert refused(api.get(limits))[:2] == (403, "INSUFFICIENT_PERMISSION")
    account.settings.change({"integration_share": 2})
    with client_of(url, sandbox, account, account.admin) as admin:
        assert admin.get(limits).json() == {
            "accountConcurrencyLimit": 5,
            "accountUnallocatedConcurrencyLimit": 3,
            "integrationConcurrencyLimit": 2,
            "integrationLimitType": "integrationSpecific",
        }
        account.settings.change({"integration_share": None})
        assert admin.get(limits).json()["integrationLimitType"] == "accountLimit"


def test_every_table_and_column_of_the_lists_fits_the_database():
    kinds = {"id", "integer", "reference", "multi", "text", "select", "boolean", "number", "date", "datetime"}
    tables = standard_tables()
    for table in tables.values():
        assert not table.display or table.display in table.columns
        for column in table.columns.values():
            assert column.type in kinds
            assert not column.refers_to or "id" in tables[column.refers_to].columns
            assert column.feature.removeprefix("!") in FEATURES | {""}
    store = Store(tables)
    assert store.rows("SELECT count(*) AS n FROM inventoryitemlocations") == [{"n": 0}]
    store.close()
    assert len(tables["item"].columns) > 100


def test_every_kind_of_item_is_told_from_the_others(api: httpx.Client, account: Account):
    for kind in ITEM_KINDS.values():
        account.create(kind.record_type, {"itemid": kind.record_type})
    for kind in ITEM_KINDS.values():
        listed = api.get(f"{_RECORD}/{kind.record_type}").json()["items"]
        assert [account.record("item", each["id"])["itemid"] for each in listed] == [kind.record_type]

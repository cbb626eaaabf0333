"""Change data capture, merges, and batches."""

from datetime import timedelta

import pytest

from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, changes, fault

SINCE = "2026-03-02T04:00:00-08:00"


def test_each_entity_has_its_answer_in_the_order_asked(api, company):
    company.create("Customer", {"DisplayName": "Initech"})
    company.create_many("Item", [{"Name": "Arm"}, {"Name": "Leg"}])
    found = changes(api, "Item,Invoice,Vendor,customer", SINCE)
    assert [list(each) for each in found] == [
        ["Item", "startPosition", "maxResults", "totalCount"],
        [],
        [],
        ["Customer", "startPosition", "maxResults", "totalCount"],
    ]
    assert (found[0]["startPosition"], found[0]["maxResults"], found[0]["totalCount"]) == (1, 2, 2)
    assert found[0]["Item"][0] == api.get("/item/1").json()["Item"]


def test_changes_include_the_second_asked_for_and_inactive_ones(api, company):
    old = company.create("Item", {"Name": "Old"}, at=NOON - timedelta(days=40))
    arm = company.create("Item", {"Name": "Arm"}, at=NOON + timedelta(seconds=10))
    company.deactivate("Item", arm, at=NOON + timedelta(seconds=20))
    assert [each["Active"] for each in changes(api, "Item", "2026-03-02T04:00:20-08:00")[0]["Item"]] == [False]
    assert changes(api, "Item", "2026-03-02T12:00:21Z") == [{}]
    assert old not in [each["Id"] for each in changes(api, "Item", SINCE)[0]["Item"]]


def test_a_deleted_record_leaves_a_stub(api, company):
    arm = company.create("Item", {"Name": "Arm"})
    company.delete("Item", arm, at=NOON + timedelta(seconds=30))
    assert changes(api, "Item", SINCE)[0]["Item"] == [
        {
            "domain": "QBO",
            "status": "Deleted",
            "Id": arm,
            "MetaData": {"LastUpdatedTime": "2026-03-02T04:00:30-08:00"},
        }
    ]
    assert fault(api.get(f"/item/{arm}"))["code"] == "610"


def test_a_merge_leaves_a_stub_and_moves_what_was_below(api, company):
    keep, lose = company.create_many("Item", [{"Name": "Arms"}, {"Name": "Arms, old"}])
    child = company.create("Item", {"Name": "Left", "ParentRef": {"value": lose}})
    company.merge("Item", keep, [lose], at=NOON + timedelta(seconds=30))
    found = {each["Id"]: each for each in changes(api, "Item", "2026-03-02T04:00:30-08:00")[0]["Item"]}
    assert found[lose]["status"] == "Deleted"
    assert found[child]["FullyQualifiedName"] == "Arms:Left"
    assert found[keep]["Name"] == "Arms"
    assert [(each.operation, each.id, each.deleted_id) for each in company.events if each.deleted_id] == [
        ("Merge", keep, lose)
    ]
    with pytest.raises(ValueError, match="merged into itself"):
        company.merge("Item", keep, [keep])


def test_a_thousand_objects_is_the_most_over_all_entities(api, company):
    company.create_many("Item", [{"Name": f"Part {n}"} for n in range(995)])
    company.create_many("Customer", [{"DisplayName": f"Customer {n}"} for n in range(10)])
    found = changes(api, "Item,Customer,Account", SINCE)
    assert [each.get("totalCount") for each in found] == [995, 5, None]


def test_changes_reach_thirty_days_back(api):
    def asked_for(**params):
        return api.get("/cdc", params={"entities": "Item", "changedSince": SINCE, **params})

    assert asked_for(changedSince="2026-01-31T04:00:00-08:00").status_code == 200
    assert "30 days" in fault(asked_for(changedSince="2026-01-31T03:59:59-08:00"))["Detail"]
    assert fault(asked_for(changedSince="yesterday"))["code"] == "2010"
    assert fault(asked_for(changedSince=""))["element"] == "changedSince"
    assert fault(asked_for(entities="Item,TaxCode"))["code"] == "2010"
    assert fault(asked_for(entities="Widget"))["code"] == "2010"


def test_a_late_write_is_older_than_the_answer_it_was_missing_from(api, sandbox, company):
    company.settings.visible_after_seconds = 30
    company.create("Item", {"Name": "Late"})
    sandbox.clock.advance(20)
    answer = api.get("/cdc", params={"entities": "Item", "changedSince": SINCE}).json()
    assert answer["CDCResponse"][0]["QueryResponse"] == [{}]
    assert answer["time"] > "2026-03-02T04:00:19"
    sandbox.clock.advance(10)
    assert changes(api, "Item", SINCE)[0]["Item"][0]["MetaData"]["LastUpdatedTime"] == SINCE


def test_the_servers_clock_may_be_off_that_of_its_stamps(api, company):
    company.settings.envelope_time_skew_seconds = 90
    assert api.get("/preferences").json()["time"] == "2026-03-02T04:01:30.000-08:00"


def batch(api, *parts):
    answer = api.post("/batch", json={"BatchItemRequest": list(parts)})
    assert answer.status_code == 200, answer.text
    return answer.json()["BatchItemResponse"]


def test_parts_of_a_batch_succeed_and_fail_by_themselves(api, company):
    arm = company.create("Item", {"Name": "Arm"})
    found = batch(
        api,
        {"bId": "a", "Query": "SELECT * FROM Item"},
        {"bId": "b", "Query": "SELECT * FROM Widget"},
        {"bId": "c", "operation": "create", "Customer": {"DisplayName": "Initech"}},
        {"bId": "d", "operation": "update", "Item": {"Id": arm, "SyncToken": "7", "sparse": True}},
        {"bId": "e", "operation": "delete", "Item": {"Id": arm, "SyncToken": "0"}},
        {"bId": "f", "operation": "void", "Item": {"Id": arm}},
        {"bId": "g", "operation": "create"},
        {"bId": "h", "operation": "create", "Widget": {}},
        {"bId": "i", "operation": "update", "Item": {"Name": "x"}},
    )
    assert [each["bId"] for each in found] == list("abcdefghi")
    assert found[0]["QueryResponse"]["maxResults"] == 1
    assert found[2]["Customer"]["DisplayName"] == "Initech"
    codes = [each["Fault"]["Error"][0]["code"] for each in found if "Fault" in each]
    assert codes == ["4001", "5010", "500", "500", "2020", "500", "610"]
    assert found[1]["Fault"]["type"] == "ValidationFault"


def test_a_batch_holds_thirty_parts(api):
    part = {"operation": "create", "Item": {}}
    answer = api.post("/batch", json={"BatchItemRequest": [part] * 31})
    assert "30 is the most" in fault(answer)["Detail"]
    assert len(batch(api, *[part] * 30)) == 30
    assert fault(api.post("/batch", json={}))["element"] == "BatchItemRequest"


def test_a_batch_of_writes_is_answered_once_for_its_request_id(api, company):
    body = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Customer": {"DisplayName": "Initech"}}]}
    first = api.post("/batch", json=body, params={"requestid": "b-1"}).json()
    assert api.post("/batch", json=body, params={"requestid": "b-1"}).json() == first
    assert company.count("Customer") == 1

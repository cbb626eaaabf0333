"""The control API: what demos and other processes do to the sandbox."""

from typing import Any

import httpx

from hardfin_pipelines.sandbox.salesforce import Org
from hardfin_pipelines_tests.sandbox.salesforce.conftest import NOON, found, refused


def _done(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_records_are_made_changed_merged_and_brought_back(control: httpx.Client, api: httpx.Client, org: Org):
    records = "/orgs/acme/records/Account"
    first = _done(control.post(records, json={"values": {"Name": "One"}}))["id"]
    late = {"values": {"Name": "Late"}, "commit_after_seconds": 60, "at": "2026-03-02T11:59:00Z"}
    second = _done(control.post(records, json=late))["id"]
    assert found(api, "SELECT Id FROM Account")["totalSize"] == 1
    assert _done(control.post("/clock", json={"advance": 60}))["now"] == "2026-03-02T12:01:00+00:00"
    assert found(api, "SELECT Id FROM Account")["totalSize"] == 2
    values = _done(control.patch(f"{records}/{first}", json={"values": {"Phone": "1"}, "stamp": "none"}))["values"]
    assert (values["Phone"], values["SystemModstamp"]) == ("1", NOON.isoformat())
    _done(control.post(f"{records}/merge", json={"winner": first, "losers": [second]}))
    assert found(api, "SELECT Id FROM Account")["totalSize"] == 1
    assert control.delete(f"{records}/{first}").status_code == 200
    _done(control.post(f"{records}/{first}/undelete"))
    assert _done(control.get(f"{records}/{first}"))["values"]["IsDeleted"] is False
    made = _done(control.post(f"{records}/bulk-create", json={"values": {"Name": "Many"}, "count": 3}))["ids"]
    assert len(set(made)) == 3


def test_schema_and_visibility_are_changed(control: httpx.Client, api: httpx.Client, org: Org):
    _done(control.post("/orgs/acme/objects", json={"name": "Site__c", "label": "Site"}))
    reference = {"name": "Site__c", "type": "reference", "refers_to": "Site__c", "children": "Deals__r"}
    _done(control.post("/orgs/acme/fields", json={"object": "Opportunity", "field": reference}))
    assert found(api, "SELECT Site__r.Name FROM Opportunity")["totalSize"] == 0
    _done(control.post("/orgs/acme/visibility", json={"object": "Site__c"}))
    assert refused(api, "SELECT Site__r.Name FROM Opportunity")[0] == "INVALID_FIELD"
    assert refused(api, "SELECT Id FROM Site__c")[0] == "INVALID_TYPE"
    _done(control.post("/orgs/acme/visibility", json={"object": "Site__c", "hidden": False}))
    assert found(api, "SELECT Id FROM Site__c")["totalSize"] == 0
    _done(control.request("DELETE", "/orgs/acme/fields", json={"object": "Opportunity", "field": "Site__c"}))
    assert refused(api, "SELECT Site__c FROM Opportunity")[0] == "INVALID_FIELD"


def test_faults_sessions_settings_and_the_log(control: httpx.Client, api: httpx.Client, org: Org):
    _done(control.post("/faults", json={"name": "query_timeout", "path": "*/query", "times": 1}))
    assert refused(api, "SELECT Id FROM Account")[0] == "QUERY_TIMEOUT"
    _done(control.patch("/orgs/acme/settings", json={"daily_calls": 50}))
    api.get("/limits")
    calls = _done(control.get("/calls"))
    assert calls["by_org"][org.id]["by_status"] == {"400": 1, "200": 1}
    entries = _done(control.get("/calls/entries"))
    assert entries[0]["query"].startswith("q=SELECT")
    assert _done(control.delete("/orgs/acme/sessions")) == {"ended": 1}
    assert api.get("/limits").status_code == 401
    token = _done(control.post("/orgs/acme/sessions"))["access_token"]
    assert api.get("/limits", headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_organizations_are_added_and_listed(control: httpx.Client, url: str):
    made = _done(
        control.post("/orgs", json={"my_domain": "other", "additional_currencies": ["EUR"], "name": "<Other>"})
    )
    assert made["multi_currency"]
    stages = [{"api_name": "Won", "label": "Won!", "probability": 100, "closed": True}]
    _done(control.put("/orgs/other/stages", json={"stages": stages}))
    _done(control.post("/orgs/other/sales-processes", json={"name": "P", "developer_name": "P", "stages": ["Won"]}))
    assert "other" in [each["my_domain"] for each in _done(control.get("/orgs"))]
    home = httpx.get(url).text
    assert "&lt;Other&gt;" in home


def test_wrong_requests_are_named(control: httpx.Client, org: Org):
    wrong = [
        control.get("/orgs/nowhere"),
        control.post("/orgs/acme/records/Nope", json={"values": {}}),
        control.post("/orgs/acme/records/Account", json={"values": {"Nope": 1}}),
        control.post("/orgs/acme/records/Account", json={"valeus": {}}),
        control.post("/orgs/acme/records/Account", json={"values": {"Name": "x"}, "commit_after_seconds": -1}),
        control.post("/faults", json={"name": "nope"}),
        control.patch("/orgs/acme/settings", json={"daily_calls": "many"}),
        control.post("/orgs/acme/fields", json={"object": "Account", "field": {"name": "X__c", "type": "nope"}}),
        control.post("/orgs", json={"my_domain": "acme"}),
    ]
    assert [answer.status_code for answer in wrong] == [400] * len(wrong)
    assert all(answer.json()["error"] for answer in wrong)
    assert "organizations here: acme" in wrong[0].json()["error"]

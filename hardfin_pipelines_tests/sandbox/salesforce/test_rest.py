"""The REST API besides SOQL: paging, describes, composite calls, limits, visibility, and records that hide."""

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.salesforce import Field, Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.vendor_faults import named_fault
from hardfin_pipelines_tests.sandbox.salesforce.conftest import NOON, add_lines, found, new_deal, refused


def _at(api: httpx.Client, path: str) -> httpx.URL:
    return httpx.URL(str(api.base_url)).join(path)


def test_versions_are_listed_to_anyone_and_resources_to_users(api: httpx.Client, url: str):
    listed = httpx.get(f"{url}/services/data").json()
    assert listed[-1] == {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"}
    assert api.get("/").json()["query"] == "/services/data/v62.0/query"
    assert api.get(_at(api, "/services/data/v68.0/limits")).status_code == 200
    assert api.get(_at(api, "/services/data/v99.0/limits")).status_code == 404
    assert httpx.get(f"{url}/services/data/v62.0/limits").json()[0]["errorCode"] == "INVALID_SESSION_ID"


def test_a_page_says_where_the_next_begins_and_locators_die_after_two_days(api: httpx.Client, org: Org):
    org.create_many("Account", [{"Name": f"A {number}"} for number in range(450)])
    page = api.get("/query/", params={"q": "SELECT Id FROM Account"}, headers={"Sforce-Query-Options": "batchSize=200"})
    body = page.json()
    assert set(body) == {"totalSize", "done", "nextRecordsUrl", "records"}
    following = body["nextRecordsUrl"]
    assert following.startswith("/services/data/v62.0/query/01g")
    assert following.endswith("-200")
    again = [api.get(_at(api, following)).json()["records"] for _ in range(2)]
    assert again[0] == again[1]
    dead = {"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}
    assert api.get(_at(api, following.replace("-200", "-300"))).json() == [dead]
    org.settings.change({"session_minutes": 10_000})
    org.clock.advance(2 * 86_400)
    assert api.get(_at(api, following)).json() == [dead]


def test_rows_with_two_long_texts_come_in_pages_of_200(api: httpx.Client, org: Org):
    for name in ("One__c", "Two__c"):
        org.add_field("Account", Field(name, "textarea", name, 32_000))
    org.create_many("Account", [{"Name": "A"}] * 201)
    assert len(found(api, "SELECT Id, One__c, Two__c FROM Account")["records"]) == 200
    assert len(found(api, "SELECT Id, One__c FROM Account")["records"]) == 201


def test_what_a_user_may_not_see_is_not_there(api: httpx.Client, org: Org):
    deal = new_deal(org)
    user = org.integration_user_id
    org.hide_field(user, "Opportunity", "Amount")
    assert "Amount" not in [each["name"] for each in api.get("/sobjects/Opportunity/describe").json()["fields"]]
    assert refused(api, "SELECT Id, Amount FROM Opportunity")[0] == "INVALID_FIELD"
    assert refused(api, "SELECT Id FROM Opportunity WHERE Amount > 1")[0] == "INVALID_FIELD"
    org.hide_record(user, deal)
    assert found(api, "SELECT Id FROM Opportunity")["totalSize"] == 0
    assert api.get(f"/sobjects/Opportunity/{deal}").status_code == 404
    assert api.post("/composite/sobjects/Opportunity", json={"ids": [deal], "fields": ["Id"]}).json() == [None]
    org.hide_object(user, "Opportunity")
    assert "Opportunity" not in [each["name"] for each in api.get("/sobjects").json()["sobjects"]]
    assert refused(api, "SELECT Id FROM Opportunity")[0] == "INVALID_TYPE"
    assert api.get("/sobjects/Opportunity/describe").status_code == 404
    assert org.count("Opportunity") == 1


def test_describe_is_304_until_the_schema_changes(api: httpx.Client, org: Org):
    first = api.get("/sobjects/Account/describe")
    since = {"If-Modified-Since": first.headers["Last-Modified"]}
    assert api.get("/sobjects/Account/describe", headers=since).status_code == 304
    org.clock.advance(1)
    org.add_field("Account", Field("New__c", "double", "New", precision=18, scale=3))
    changed = api.get("/sobjects/Account/describe", headers=since)
    [field] = [each for each in changed.json()["fields"] if each["name"] == "New__c"]
    assert (field["custom"], field["scale"], field["soapType"]) == (True, 3, "xsd:double")
    assert len(field) == 57
    assert {"field": "AccountId", "relationshipName": "Opportunities"}.items() <= next(
        each for each in changed.json()["childRelationships"] if each["childSObject"] == "Opportunity"
    ).items()


def test_a_sales_process_shows_its_own_stages(api: httpx.Client, org: Org):
    rental = org.add_sales_process("Rental", "Rental", ["Prospecting", "Closed Won"])
    org.add_sales_process("Service", "Service", ["Qualification", "Closed Lost"])
    path = f"/ui-api/object-info/Opportunity/picklist-values/{rental.record_type_id}"
    values = api.get(f"{path}/StageName").json()["values"]
    assert [each["value"] for each in values] == ["Prospecting", "Closed Won"]
    assert values[1]["attributes"]["won"]
    assert "LeadSource" in api.get(path).json()["picklistFieldValues"]
    [record] = found(api, "SELECT Name, BusinessProcess.Name FROM RecordType WHERE DeveloperName = 'Rental'")["records"]
    assert record["BusinessProcess"]["Name"] == "Rental"
    infos = api.get("/sobjects/Opportunity/describe").json()["recordTypeInfos"]
    assert [each["developerName"] for each in infos] == ["Rental", "Service", "Master"]
    assert infos[-1]["recordTypeId"] == "012000000000000AAA"


def test_ids_are_taken_in_both_forms(api: httpx.Client, org: Org):
    account = org.create("Account", {"Name": "A"})
    assert api.get(f"/sobjects/Account/{account[:15]}?fields=Name").json()["Name"] == "A"
    assert found(api, f"SELECT Id FROM Account WHERE Id = '{account[:15]}'")["records"][0]["Id"] == account
    record = api.get(f"/sobjects/Account/{account}")
    assert api.get(f"/sobjects/Account/{account}", headers={"If-None-Match": record.headers["ETag"]}).status_code == 304


def test_a_late_commit_is_seen_late_with_its_old_stamp(api: httpx.Client, org: Org):
    seen = org.create("Account", {"Name": "Before"})
    late = org.create("Account", {"Name": "Late"}, commit_after=timedelta(minutes=20))
    org.update("Account", seen, {"Name": "After"}, commit_after=timedelta(minutes=20))
    query = "SELECT Id, Name, SystemModstamp FROM Account ORDER BY Id"
    assert [each["Name"] for each in found(api, query)["records"]] == ["Before"]
    window = {"start": "2026-03-02T11:00:00Z", "end": "2026-03-02T12:30:00Z"}
    org.clock.advance(19 * 60)
    assert api.get("/sobjects/Account/updated", params=window).json() == {
        "ids": [seen],
        "latestDateCovered": "2026-03-02T12:00:00.000+0000",
    }
    org.clock.advance(60)
    records = found(api, query)["records"]
    assert [(each["Id"], each["Name"]) for each in records] == [(seen, "After"), (late, "Late")]
    assert {each["SystemModstamp"] for each in records} == {"2026-03-02T12:00:00.000+0000"}


def test_formulas_change_and_no_stamp_moves(api: httpx.Client, org: Org):
    org.add_field(
        "Opportunity", Field("City__c", "string", "City", 40, calculated=True, formula_path="Account.ShippingCity")
    )
    org.add_field("Opportunity", Field("Score__c", "double", "Score", precision=4, calculated=True, formula="RANDOM()"))
    deal = new_deal(org)
    before = org.record("Opportunity", deal)["SystemModstamp"]
    org.clock.advance(3_600)
    org.update("Account", org.record("Opportunity", deal)["AccountId"], {"ShippingCity": "Denver"})
    org.set_silently("Opportunity", deal, {"Score__c": 7})
    [record] = found(api, "SELECT City__c, Score__c, SystemModstamp FROM Opportunity WHERE City__c = 'denver'")[
        "records"
    ]
    assert (record["City__c"], record["Score__c"]) == ("Denver", 7.0)
    assert org.record("Opportunity", deal)["SystemModstamp"] == before
    described = api.get("/sobjects/Opportunity/describe").json()["fields"]
    assert {each["name"] for each in described if each["calculated"]} == {"City__c", "Score__c"}


def test_deleting_takes_along_undeleting_brings_back_and_hard_deleting_leaves_nothing(api: httpx.Client, org: Org):
    deal = new_deal(org, lines=2)
    account = org.record("Opportunity", deal)["AccountId"]
    org.delete("Account", account)
    assert found(api, "SELECT Id FROM OpportunityLineItem")["totalSize"] == 0
    gone = api.get("/queryAll", params={"q": "SELECT Id FROM OpportunityLineItem WHERE IsDeleted = true"}).json()
    assert gone["totalSize"] == 2
    org.undelete("Account", account)
    assert found(api, "SELECT Id FROM OpportunityLineItem")["totalSize"] == 2
    org.delete("Opportunity", deal)
    org.settings.change({"session_minutes": 100_000})
    org.clock.advance(15 * 86_400 + 1)
    assert api.get("/queryAll", params={"q": "SELECT Id FROM Opportunity"}).json()["totalSize"] == 0
    org.delete("Account", account, hard=True)
    assert api.get("/queryAll", params={"q": "SELECT Id FROM Account"}).json()["totalSize"] == 0


def test_a_merge_leaves_the_loser_with_its_master_and_moves_what_pointed_at_it(api: httpx.Client, org: Org):
    deal, other = new_deal(org, "Kept"), new_deal(org, "Merged")
    winner, loser = (org.record("Opportunity", each)["AccountId"] for each in (deal, other))
    org.clock.advance(60)
    org.merge("Account", winner, [loser])
    everything = api.get(
        "/queryAll", params={"q": "SELECT Id, IsDeleted, MasterRecordId FROM Account ORDER BY Id"}
    ).json()
    assert [(each["IsDeleted"], each["MasterRecordId"]) for each in everything["records"]] == [
        (False, None),
        (True, winner),
    ]
    assert found(api, f"SELECT Id FROM Opportunity WHERE AccountId = '{winner}'")["totalSize"] == 2
    assert org.record("Opportunity", other)["SystemModstamp"] == NOON + timedelta(seconds=60)
    assert org.record("Opportunity", other)["LastModifiedDate"] == NOON


def test_composite_batches_and_collections_keep_their_limits(api: httpx.Client, org: Org):
    ids = org.create_many("Account", [{"Name": f"A {number}"} for number in range(3)])
    part = {"method": "GET", "url": "/services/data/v62.0/query?q=SELECT+Id+FROM+Account", "referenceId": "q"}
    six = [{**part, "referenceId": f"q{number}"} for number in range(6)]
    assert api.post("/composite", json={"compositeRequest": six}).status_code == 400
    assert api.post("/composite", json={"compositeRequest": [part] * 26}).status_code == 400
    used = org.calls.remaining(org.clock.now_ms(), 1_000)
    batch = [{"method": "GET", "url": "v62.0/sobjects/Account/describe"}, {"method": "GET", "url": "v62.0/nothing"}]
    answer = api.post("/composite/batch", json={"batchRequests": batch}).json()
    assert (answer["hasErrors"], [each["statusCode"] for each in answer["results"]]) == (True, [200, 404])
    assert used - org.calls.remaining(org.clock.now_ms(), 1_000) == 3
    wanted = [ids[2], "001000000000000AAA", ids[0]]
    rows = api.post("/composite/sobjects/Account", json={"ids": wanted, "fields": ["Name"]}).json()
    assert [row and row["Name"] for row in rows] == ["A 2", None, "A 0"]
    assert api.get("/composite/sobjects/Account", params={"ids": ids[1], "fields": "Id,Name"}).json()[0]["Id"] == ids[1]
    unknown = api.post("/composite/sobjects/Account", json={"ids": ids, "fields": ["Nope"]})
    assert (unknown.status_code, unknown.json()[0]["errorCode"]) == (400, "INVALID_FIELD")


def test_a_composite_call_is_all_or_nothing_when_asked(api: httpx.Client, org: Org):
    parts = [
        {"method": "POST", "url": "/services/data/v62.0/sobjects/Account", "referenceId": "a", "body": {"Name": "A"}},
        {"method": "POST", "url": "/services/data/v62.0/sobjects/Account", "referenceId": "b", "body": {}},
    ]
    answer = api.post("/composite", json={"allOrNone": True, "compositeRequest": parts}).json()["compositeResponse"]
    assert [each["body"][0]["errorCode"] for each in answer] == ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"]
    assert org.count("Account") == 0


def test_limits_are_told_and_kept(api: httpx.Client, org: Org):
    assert api.get("/limits").headers["Sforce-Limit-Info"] == "api-usage=1/110000"
    org.settings.change({"daily_calls": 2, "per_app_usage": True})
    assert "per-app-api-usage=2/2(appName=" in api.get("/limits").headers["Sforce-Limit-Info"]
    refusal = api.get("/limits")
    assert refusal.status_code == 403
    assert refusal.json() == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert "retry-after" not in refusal.headers
    org.settings.change({"daily_calls": None, "long_calls_of_others": 25})
    assert api.get("/limits").json()[0]["message"] == "ConcurrentPerOrgLongTxn Limit exceeded."
    org.settings.change({"limits_enabled": False})
    assert api.get("/limits").status_code == 200


def test_too_long_requests_meet_jettys_pages(api: httpx.Client):
    long = api.get("/query", params={"q": "x" * 17_000})
    assert (long.status_code, long.text) == (414, "<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>")
    assert api.get("/query", params={"q": "x" * 9_000}, headers={"X-Filler": "y" * 9_000}).status_code == 431


def test_replies_are_packed_pretty_or_xml_as_asked(api: httpx.Client, org: Org):
    org.create_many("Account", [{"Name": "A & B"}] * 30)
    packed = api.get("/query", params={"q": "SELECT Id FROM Account"}, headers={"Accept-Encoding": "gzip"})
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert b"\n" not in packed.content
    assert b"\n  " in api.get("/limits", headers={"X-PrettyPrint": "1"}).content
    xml = api.get("/query", params={"q": "SELECT Name FROM Account LIMIT 1"}, headers={"Accept": "application/xml"})
    assert xml.text.startswith('<?xml version="1.0" encoding="UTF-8"?><QueryResult><totalSize>1</totalSize>')
    assert "<Name>A &amp; B</Name>" in xml.text
    error = api.get("/nothing", headers={"Accept": "application/xml"})
    assert "<errorCode>NOT_FOUND</errorCode>" in error.text
    body = gzip.compress(b'{"Name":"Packed"}')
    made = api.post(
        "/sobjects/Account", content=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"}
    )
    assert made.status_code == 201


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("session_expired", 401, "INVALID_SESSION_ID"),
        ("daily_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("query_timeout", 400, "QUERY_TIMEOUT"),
        ("server_unavailable", 503, "SERVER_UNAVAILABLE"),
        ("unknown_exception", 500, "UNKNOWN_EXCEPTION"),
    ],
)
def test_named_failures_are_salesforces(
    api: httpx.Client, sandbox: SalesforceSandbox, name: str, status: int, code: str
):
    sandbox.faults.add(named_fault(name, path="*/limits"))
    answer = api.get("/limits")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)
    assert api.get("/limits").status_code == 200


def test_maintenance_is_a_redirect_to_a_page(api: httpx.Client, sandbox: SalesforceSandbox):
    sandbox.faults.add(named_fault("maintenance_redirect"))
    page = api.get("/limits", follow_redirects=True)
    assert (page.status_code, page.history[0].status_code) == (503, 302)
    assert "down for maintenance" in page.text


def test_a_query_with_too_many_formulas_is_too_complicated(api: httpx.Client, org: Org):
    org.settings.change({"most_formulas": 1})
    for name in ("One__c", "Two__c"):
        org.add_field("Account", Field(name, "double", name, precision=4, calculated=True, formula="1"))
    assert refused(api, "SELECT One__c, Two__c FROM Account")[0] == "QUERY_TOO_COMPLICATED"
    assert found(api, "SELECT One__c FROM Account")["done"]


def test_files_are_found_by_their_link_and_read_as_bytes(api: httpx.Client, org: Org):
    deal = new_deal(org)
    document = org.create("ContentDocument", {"Title": "Plan", "FileExtension": "pdf"})
    version = org.create(
        "ContentVersion", {"Title": "Plan", "ContentDocumentId": document, "VersionData": b"%PDF\0", "IsLatest": True}
    )
    org.create("ContentDocumentLink", {"LinkedEntityId": deal, "ContentDocumentId": document, "ShareType": "V"})
    query = f"SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId IN ('{deal}')"
    assert found(api, query)["records"][0]["ContentDocument"]["Title"] == "Plan"
    [record] = found(api, "SELECT VersionData FROM ContentVersion")["records"]
    assert record["VersionData"] == f"/services/data/v62.0/sobjects/ContentVersion/{version}/VersionData"
    assert api.get(_at(api, record["VersionData"])).content == b"%PDF\0"


def test_equal_stamps_and_a_cursor_that_outlives_changes(api: httpx.Client, org: Org):
    ids = org.create_many("Account", [{"Name": "Same"}] * 401, at=NOON)
    page = api.get(
        "/query",
        params={"q": "SELECT Id FROM Account ORDER BY SystemModstamp"},
        headers={"Sforce-Query-Options": "batchSize=200"},
    ).json()
    org.delete("Account", ids[250], hard=True)
    org.create("Account", {"Name": "Newer"})
    second = api.get(_at(api, page["nextRecordsUrl"])).json()
    third = api.get(_at(api, second["nextRecordsUrl"])).json()
    assert (len(second["records"]), len(third["records"]), third["done"]) == (199, 1, True)


def test_a_line_needs_a_price_book_on_its_opportunity(org: Org):
    deal = org.create("Opportunity", {"Name": "Bare", "StageName": "Prospecting", "CloseDate": "2026-01-01"})
    with pytest.raises(Exception, match="price book"):
        add_lines(org, deal, 1)
    assert org.count("OpportunityLineItem") == 0


def test_long_calls_under_way_stop_further_ones(api: httpx.Client, org: Org, sandbox: SalesforceSandbox):
    sandbox.calls_under_way.long_seconds = 0.05
    org.settings.change({"long_calls_of_others": 24})
    sandbox.faults.add(Fault(path="*/sobjects", delay_seconds=0.5))
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(api.get, "/sobjects")
        time.sleep(0.2)
        refusal = api.get("/limits")
        assert refusal.json()[0]["message"] == "ConcurrentPerOrgLongTxn Limit exceeded."
        assert slow.result().status_code == 403  # others have 24 and it is itself the 25th
    assert api.get("/limits").status_code == 200


def test_a_session_is_good_at_its_own_organization_only(api: httpx.Client, sandbox: SalesforceSandbox, org: Org):
    sandbox.add_org("other")
    statuses = [
        api.get("/limits", headers={"Host": host}).status_code
        for host in ("acme.my.salesforce.com", "other.my.salesforce.com")
    ]
    assert statuses == [200, 401]

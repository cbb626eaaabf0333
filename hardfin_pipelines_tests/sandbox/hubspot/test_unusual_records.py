"""What tests need and people seldom do: batches in one millisecond, poison, deals of unusual size, circles."""

from datetime import timedelta

import pytest

from hardfin_pipelines.sandbox.hubspot import NewRecord, RefusedWriteError
from hardfin_pipelines.sandbox.hubspot.object_types import PARENT_TO_CHILD_COMPANY
from hardfin_pipelines.sandbox.hubspot.values import instant_ms
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

PORTAL = "/portals/4242"
STORM = NOON + timedelta(days=30, milliseconds=7)


@pytest.fixture
def unlimited(portal):
    portal.settings.limits_enabled = False


def at_storm(**more):
    filters = [{"propertyName": "hs_lastmodifieddate", "operator": "EQ", "value": str(instant_ms(STORM))}]
    return {"filterGroups": [{"filters": [*filters, *more.pop("filters", [])]}], "limit": 200, **more}


def test_more_than_ten_thousand_deals_share_one_millisecond_and_are_all_reachable(api, control, portal, unlimited):
    made = {"count": 10_450, "properties": {"dealname": "x"}, "created_at": NOON.isoformat()}
    deals = control.post(f"{PORTAL}/objects/deals/bulk-create", json=made).json()["ids"]
    stamped = control.post(
        f"{PORTAL}/objects/deals/bulk-update", json={"count": 10_400, "at": STORM.isoformat()}, timeout=60
    ).json()
    assert (stamped["count"], stamped["ids"]) == (10_400, deals[:10_400])
    path = "/crm/v3/objects/deals/search"
    assert api.post(path, json=at_storm(after="10000")).status_code == 400
    seen: list[str] = []
    last = "0"
    while True:
        filters = [{"propertyName": "hs_object_id", "operator": "GT", "value": last}]
        page = api.post(path, json=at_storm(filters=filters, sorts=["hs_object_id"])).json()
        if not seen:
            assert page["total"] == 10_400
        if not page["results"]:
            break
        seen += [each["id"] for each in page["results"]]
        last = seen[-1]
    assert seen == deals[:10_400]


def test_a_bulk_update_writes_values_derives_others_and_keeps_history(portal, api):
    portal.create_many("deals", (NewRecord({"dealname": "x", "dealstage": "contractsent"}) for _ in range(3)))
    ids = portal.bulk_update("deals", {"dealstage": "closedwon"}, count=2, at=STORM)
    for deal in ids:
        values = portal.properties("deals", deal)
        assert values["hs_is_closed_won"] == "true"
        assert values["hs_lastmodifieddate"] == values["hs_v2_date_entered_closedwon"] == "2026-04-01T12:00:00.007Z"
    history = api.get(f"/crm/v3/objects/deals/{ids[0]}?propertiesWithHistory=dealstage").json()
    assert [each["value"] for each in history["propertiesWithHistory"]["dealstage"]] == ["closedwon", "contractsent"]
    with pytest.raises(RefusedWriteError, match="nope"):
        portal.bulk_update("deals", {"nope": "1"})
    assert portal.touch("deals", ids[:1]) == 1
    assert portal.properties("deals", ids[0])["hs_lastmodifieddate"] == "2026-03-02T12:00:00Z"


def test_a_bulk_update_reaches_search_after_the_lag(portal, api, sandbox, unlimited):
    portal.create_many("deals", (NewRecord({"dealname": "x"}, created_at=NOON) for _ in range(3)))
    portal.settings.search_lag_seconds = 30
    portal.bulk_update("deals", at=STORM, count=2)
    assert api.post("/crm/v3/objects/deals/search", json=at_storm()).json()["total"] == 0
    listed = api.get("/crm/v3/objects/deals").json()["results"]
    assert [each["updatedAt"] for each in listed] == ["2026-04-01T12:00:00.007Z"] * 2 + ["2026-03-02T12:00:00Z"]
    sandbox.clock.advance(31)
    assert api.post("/crm/v3/objects/deals/search", json=at_storm()).json()["total"] == 2


POISON = {
    "number that is none": ("amount", "N/A"),
    "number without end": ("amount", "1e400"),
    "year one": ("closedate", "0001-01-01T00:00:00Z"),
    "day that is none": ("closedate", "2026-02-30"),
    "a megabyte": ("description", "x" * 1_000_000),
    "NUL": ("dealname", "A\x00B"),
    "right to left": ("dealname", "\u202eevil\u202c \u05d0\u05d1"),
    "emoji": ("dealname", "🤖👩‍🚀 Ärm"),
    "option that is gone": ("dealtype", "no_longer_there"),
    "stage that is nowhere": ("dealstage", "104999999"),
    "markup": ("dealname", "<script>alert(1)</script>'; DROP TABLE deals; --"),
    "JSON number": ("amount", 12.5),
    "JSON list": ("dealname", ["a"]),
    "modified date that is none": ("hs_lastmodifieddate", "soon"),
    "modified in year one": ("hs_lastmodifieddate", "0001-01-01T00:00:00Z"),
    "id of nobody": ("hs_object_id", None),
}


@pytest.mark.parametrize(("name", "value"), POISON.values(), ids=POISON)
def test_any_value_goes_on_the_wire_everywhere(api, control, portal, unlimited, name, value):
    deal = portal.create("deals", {"dealname": "A", "amount": "1"})
    path = f"{PORTAL}/objects/deals/{deal}/raw"
    assert control.put(path, json={"properties": {name: value}}).status_code == 200
    replies = [
        api.get(f"/crm/v3/objects/deals/{deal}", params={"properties": name}).json(),
        api.get("/crm/v3/objects/deals", params={"properties": name}).json()["results"][0],
        api.post("/crm/v3/objects/deals/search", json={"properties": [name]}).json()["results"][0],
        api.post("/crm/v3/objects/deals/batch/read", json={"inputs": [{"id": deal}], "properties": [name]}).json()[
            "results"
        ][0],
    ]
    assert [each["properties"][name] for each in replies] == [value] * 4
    assert [each["id"] for each in replies] == [deal] * 4
    changed = api.patch(f"/crm/v3/objects/deals/{deal}", json={"properties": {"description": "still works"}})
    assert changed.status_code == 200


def test_whole_members_of_a_record_are_poisoned(api, control, portal):
    deal = portal.create("deals", {"dealname": "A"})
    path = f"{PORTAL}/objects/deals/{deal}/raw"
    wrong = {"updatedAt": "0001-01-01T00:00:00Z", "createdAt": None}
    assert control.put(path, json={"properties": None, "record": wrong}).status_code == 200
    for query in ("", "?properties=dealname", "?propertiesWithHistory=dealname"):
        record = api.get(f"/crm/v3/objects/deals/{deal}{query}").json()
        assert (record["properties"], record["updatedAt"], record["createdAt"]) == (None, wrong["updatedAt"], None)
    control.put(path, json={"properties": {"dealname": "Healed"}})
    assert api.get(f"/crm/v3/objects/deals/{deal}").json()["properties"]["dealname"] == "Healed"
    assert control.put(path, json={"record": {"id": "7"}}).status_code == 400
    assert control.put(path, json={"nope": 1}).status_code == 400


def test_poison_can_come_without_a_trace_in_the_modified_date(control, portal, sandbox):
    deal = portal.create("deals", {"dealname": "A"})
    sandbox.clock.advance(60)
    path = f"{PORTAL}/objects/deals/{deal}/raw"
    control.put(path, json={"properties": {"amount": "N/A"}, "modified": False})
    assert portal.properties("deals", deal)["hs_lastmodifieddate"] == "2026-03-02T12:00:00Z"
    control.put(path, json={"properties": {"amount": "N/A"}})
    assert portal.properties("deals", deal)["hs_lastmodifieddate"] == "2026-03-02T12:01:00Z"


def test_a_poisoned_price_leaves_a_line_without_an_amount(api, portal):
    line = portal.create("line_items", {"name": "L", "price": "10"})
    portal.set_raw("line_items", line, {"price": "1e999999"})
    changed = api.patch(f"/crm/v3/objects/line_items/{line}", json={"properties": {"quantity": "2"}})
    assert changed.status_code == 200
    portal.set_raw("line_items", line, {"price": "N/A"})
    assert api.patch(f"/crm/v3/objects/line_items/{line}", json={"properties": {"quantity": "3"}}).status_code == 200
    assert portal.properties("line_items", line).get("amount") is None


@pytest.mark.parametrize("value", ["99999999999999999", "-99999999999999999", "9999999999999999999999"])
def test_instants_beyond_the_years_are_refused_by_the_api(api, value):
    for name, kind in (("closedate", "deals"), ("hs_recurring_billing_start_date", "line_items")):
        made = api.post(f"/crm/v3/objects/{kind}", json={"properties": {name: value}})
        assert (made.status_code, made.json()["errors"][0]["code"]) == (400, "INVALID_LONG")


def test_a_deal_with_ten_thousand_line_items(api, control, portal, unlimited):
    deal = portal.create("deals", {"dealname": "Huge"}, created_at=NOON)
    body = {"count": 10_000, "properties": {"name": "Bolt", "price": "0.01", "quantity": "2"}}
    lines = control.post(f"{PORTAL}/deals/{deal}/line-items", json=body, timeout=60).json()["ids"]
    assert len(lines) == 10_000
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "10000"
    seen, cursor = [], None
    while True:
        given = {"id": deal, **({"after": cursor} if cursor else {})}
        path = "/crm/associations/2026-03/deals/line_items/batch/read"
        result = api.post(path, json={"inputs": [given]}).json()["results"][0]
        seen += [str(each["toObjectId"]) for each in result["to"]]
        cursor = result.get("paging", {}).get("next", {}).get("after")
        if cursor is None:
            break
    assert seen == lines
    inline = api.get("/crm/v3/objects/deals", params={"associations": "line_items"}).json()["results"][0]
    assert len(inline["associations"]["line items"]["results"]) == 100


def test_a_company_can_be_its_own_parent_for_tests_only(api, control, portal):
    company, child = (portal.create("companies", {"name": name}) for name in ("Ouroboros", "Child"))
    ends = {"from_type": "companies", "from_id": company, "to_type": "companies", "to_id": company}
    circle = {**ends, "type_id": PARENT_TO_CHILD_COMPANY}
    assert control.post(f"{PORTAL}/associations", json=circle).status_code == 200
    portal.associate("companies", company, "companies", child, PARENT_TO_CHILD_COMPANY)
    read = api.post("/crm/v4/associations/companies/companies/batch/read", json={"inputs": [{"id": company}]}).json()
    kinds = {
        str(each["toObjectId"]): [(kind["typeId"], kind["label"]) for kind in each["associationTypes"]]
        for each in read["results"][0]["to"]
    }
    assert kinds == {
        company: [(450, None), (13, "Child Company"), (14, "Parent Company")],
        child: [(450, None), (13, "Child Company")],
    }
    assert control.request("DELETE", f"{PORTAL}/associations", json=ends).status_code == 200
    read = api.post("/crm/v4/associations/companies/companies/batch/read", json={"inputs": [{"id": company}]}).json()
    assert [str(each["toObjectId"]) for each in read["results"][0]["to"]] == [child]
    refused = api.put(f"/crm/v4/objects/companies/{company}/associations/default/companies/{company}")
    assert refused.status_code == 400


@pytest.mark.parametrize("keeps", [False, True])
def test_companies_merge_into_a_new_record_or_as_they_used_to(api, portal, keeps):
    portal.settings.company_merge_keeps_primary = keeps
    first, second = (portal.create("companies", {"name": name, "city": name}) for name in ("Mill", "Bank"))
    portal.update("companies", first, {"city": None})
    deal = portal.create("deals", {"dealname": "A"})
    portal.associate("deals", deal, "companies", second)
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    merged = api.post("/crm/v3/objects/companies/merge", json=body).json()
    assert (merged["id"] == first) is keeps
    assert merged["properties"]["hs_merged_object_ids"] == (second if keeps else f"{first};{second}")
    assert (merged["properties"]["name"], merged["properties"]["city"]) == ("Mill", "Bank")
    for old in (first, second):
        assert api.get(f"/crm/v3/objects/companies/{old}").json()["id"] == merged["id"]
    assert [each["id"] for each in api.get("/crm/v3/objects/companies").json()["results"]] == [merged["id"]]
    assert api.get("/crm/v3/objects/companies?archived=true").json()["results"] == []
    found = api.post("/crm/v3/objects/companies/search", json={}).json()
    assert [each["id"] for each in found["results"]] == [merged["id"]]
    read = api.post("/crm/v4/associations/deals/companies/batch/read", json={"inputs": [{"id": deal}]}).json()
    assert [str(each["toObjectId"]) for each in read["results"][0]["to"]] == [merged["id"]]

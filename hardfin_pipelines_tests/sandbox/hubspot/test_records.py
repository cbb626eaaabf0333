"""Reading and writing records over plain HTTP: paths, value forms, lists, batches, errors of single properties."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox, NewRecord
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

PREFIXES = ("/crm/v3/objects", "/crm/objects/2026-03", "/crm/objects/2026-09")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("name", ["line_items", "line_item", "0-8"])
def test_every_version_takes_plural_singular_and_type_id(api, portal, prefix, name):
    made = portal.create("line_items", {"name": "Line"})
    assert [each["id"] for each in api.get(f"{prefix}/{name}").json()["results"]] == [made]


@pytest.mark.parametrize(
    "path", ["/crm/v3/objects/widgets", "/crm/objects/2026-05/deals", "/nowhere", "/crm/v4/objects/deals"]
)
def test_unknown_types_versions_and_paths_are_404(api, path):
    reply = api.get(path)
    assert reply.status_code == 404
    assert reply.json()["status"] == "error"


def test_values_are_text_or_null_sorted_and_undefined_names_are_left_out(api, portal):
    deal = portal.create("deals", {"dealname": "A", "amount": Decimal("10.50"), "description": ""}, created_at=NOON)
    names = "hs_is_closed,description,amount,nothing_like_it,closed_won_reason"
    record = api.get(f"/crm/v3/objects/deals/{deal}", params={"properties": names}).json()
    assert list(record["properties"].items()) == [
        ("amount", "10.50"),
        ("closed_won_reason", None),
        ("createdate", "2026-03-02T12:00:00Z"),
        ("description", ""),
        ("hs_is_closed", None),
        ("hs_lastmodifieddate", "2026-03-02T12:00:00Z"),
        ("hs_object_id", deal),
    ]
    assert record["url"] == f"https://app.hubspot.com/contacts/4242/record/0-3/{deal}"
    assert (record["id"], record["archived"]) == (deal, False)
    assert (record["createdAt"], record["updatedAt"]) == ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z")


def test_instants_have_a_fraction_only_where_milliseconds_are_not_zero(api, portal):
    at = NOON + timedelta(milliseconds=70)
    deal = portal.create("deals", {"dealname": "A", "closedate": at}, created_at=NOON, modified_at=at)
    properties = api.get(f"/crm/v3/objects/deals/{deal}").json()["properties"]
    assert properties["createdate"] == "2026-03-02T12:00:00Z"
    assert properties["closedate"] == properties["hs_lastmodifieddate"] == "2026-03-02T12:00:00.070Z"


def test_default_properties_come_when_none_is_asked_for(api, portal):
    portal.create("products", {"name": "Arm", "price": "3"})
    properties = api.get("/crm/v3/objects/products").json()["results"][0]["properties"]
    assert set(properties) == {"createdate", "description", "hs_lastmodifieddate", "hs_object_id", "name", "price"}


def test_ids_of_different_types_may_be_equal(portal):
    assert portal.create("deals", {"dealname": "A"}) == portal.create("companies", {"name": "B"})


def test_list_pages_by_next_id_ten_at_a_time_and_takes_both_array_forms(api, portal):
    deals = portal.create_many("deals", (NewRecord({"dealname": str(n)}) for n in range(12)))
    first = api.get("/crm/v3/objects/deals", params=[("properties", "dealname"), ("properties", "amount")]).json()
    assert len(first["results"]) == 10
    assert first["paging"]["next"]["after"] == deals[10]
    assert first["paging"]["next"]["link"].startswith(str(api.base_url))
    assert set(first["results"][0]["properties"]) >= {"dealname", "amount"}
    second = api.get("/crm/v3/objects/deals", params={"after": deals[10], "properties": "dealname,amount"}).json()
    assert [each["id"] for each in second["results"]] == deals[10:]
    assert "paging" not in second
    assert set(second["results"][0]["properties"]) == set(first["results"][0]["properties"])


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 101},
        {"limit": 0},
        {"limit": "x"},
        {"limit": 51, "propertiesWithHistory": "amount"},
        {"after": "x"},
        {"archived": "maybe"},
        {"associations": "widgets"},
    ],
)
def test_list_refuses_wrong_parameters(api, params):
    reply = api.get("/crm/v3/objects/deals", params=params)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/crm/v3/objects/deals"),
        ("GET", "/crm/v3/objects/deals/1"),
        ("POST", "/crm/v3/objects/deals/search"),
        ("GET", "/crm/v3/pipelines/deals"),
        ("GET", "/crm/v3/owners"),
    ],
)
def test_unknown_query_parameters_are_refused(api, method, path):
    reply = api.request(method, path, params={"offset": "5"}, json={} if method == "POST" else None)
    assert reply.status_code == 400
    assert "offset" in reply.json()["message"]


def test_archived_records_are_listed_apart(api, portal):
    kept, gone = (portal.create("deals", {"dealname": name}) for name in "ab")
    assert api.delete(f"/crm/v3/objects/deals/{gone}").status_code == 204
    assert [each["id"] for each in api.get("/crm/v3/objects/deals").json()["results"]] == [kept]
    archived = api.get("/crm/v3/objects/deals", params={"archived": "true"}).json()["results"]
    assert [(each["id"], each["archived"], each["archivedAt"]) for each in archived] == [
        (gone, True, "2026-03-02T12:00:00Z")
    ]
    assert api.get(f"/crm/v3/objects/deals/{gone}").status_code == 404
    assert api.get(f"/crm/v3/objects/deals/{gone}", params={"archived": True}).status_code == 200
    portal.restore("deals", gone)
    assert api.get(f"/crm/v3/objects/deals/{gone}").status_code == 200


def test_missing_and_non_numeric_ids(api):
    missing = api.get("/crm/v3/objects/deals/5")
    assert missing.status_code == 404
    assert missing.json() == {
        "status": "error",
        "message": "resource not found",
        "correlationId": missing.headers["X-HubSpot-Correlation-Id"],
    }
    named = api.get("/crm/v3/objects/deals/abc").json()
    assert named["message"] == "Object not found.  objectId are usually numeric."
    assert named["category"] == "OBJECT_NOT_FOUND"
    assert api.get(f"/crm/v3/objects/deals/{2**70}").status_code == 404


def test_batch_read_is_207_with_what_is_missing_and_not_in_order(api, portal):
    deals = portal.create_many("deals", (NewRecord({"dealname": str(n)}) for n in range(15)))
    portal.archive("deals", deals[0])
    body = {"inputs": [{"id": each} for each in [*deals, "7"]], "properties": ["dealname"]}
    reply = api.post("/crm/v3/objects/deals/batch/read", json=body)
    read = reply.json()
    assert (reply.status_code, read["status"], read["numErrors"]) == (207, "COMPLETE", 1)
    assert read["errors"][0]["context"] == {"ids": [deals[0], "7"]}
    assert read["errors"][0]["message"].startswith("Could not get some DEAL objects")
    ids = [each["id"] for each in read["results"]]
    assert sorted(ids) == deals[1:]
    assert ids != deals[1:]
    archived = api.post("/crm/v3/objects/deals/batch/read?archived=true", json={"inputs": [{"id": deals[0]}]})
    assert (archived.status_code, archived.json()["results"][0]["archived"]) == (200, True)


@pytest.mark.parametrize(("extra", "most"), [({}, 100), ({"propertiesWithHistory": ["amount"]}, 50)])
def test_oversized_batches_are_refused(api, portal, extra, most):
    deals = portal.create_many("deals", (NewRecord({"dealname": str(n)}) for n in range(most + 1)))
    inputs = [{"id": each} for each in deals]
    assert api.post("/crm/v3/objects/deals/batch/read", json={"inputs": inputs[:most], **extra}).status_code == 200
    reply = api.post("/crm/v3/objects/deals/batch/read", json={"inputs": inputs, **extra})
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", b'{"inputs": [{}]}', b'{"inputs": 5}', b'{"inputs": [], "nope": 1}']
)
def test_malformed_bodies_are_refused(api, body):
    reply = api.post("/crm/v3/objects/deals/batch/read", content=body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


def test_reads_by_a_unique_property(api, portal):
    portal.add_property("companies", "erp_number", "ERP number", unique=True)
    company = portal.create("companies", {"name": "Mill", "erp_number": "C-1"})
    assert api.get("/crm/v3/objects/companies/C-1", params={"idProperty": "erp_number"}).json()["id"] == company
    body = {"inputs": [{"id": "C-1"}, {"id": "C-2"}], "idProperty": "erp_number"}
    read = api.post("/crm/v3/objects/companies/batch/read", json=body).json()
    assert [each["id"] for each in read["results"]] == [company]
    assert read["errors"][0]["context"]["ids"] == ["C-2"]
    assert api.get("/crm/v3/objects/companies/Mill", params={"idProperty": "name"}).status_code == 400


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"nope": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_is_closed_won": "true"}, "READ_ONLY_VALUE"),
        ({"hs_lastmodifieddate": "1"}, "READ_ONLY_VALUE"),
        ({"dealstage": "nowhere"}, "INVALID_OPTION"),
        ({"amount": "ten"}, "INVALID_LONG"),
        ({"closedate": "soon"}, "INVALID_LONG"),
        ({"hubspot_owner_id": "5"}, "INVALID_OWNER_ID"),
    ],
)
def test_wrong_values_are_refused_and_nothing_is_written(api, portal, properties, code):
    deal = portal.create("deals", {"dealname": "A"})
    for reply in (
        api.patch(f"/crm/v3/objects/deals/{deal}", json={"properties": {"dealname": "B", **properties}}),
        api.post("/crm/v3/objects/deals", json={"properties": {"dealname": "B", **properties}}),
    ):
        body = reply.json()
        assert (reply.status_code, body["category"]) == (400, "VALIDATION_ERROR")
        assert body["message"].startswith("Property values were not valid: [{")
        assert [each["code"] for each in body["errors"]] == [code]
        assert body["errors"][0]["context"]["propertyName"] == list(properties)
    assert portal.properties("deals", deal)["dealname"] == "A"
    assert portal.count("deals") == 1


def test_a_stage_of_another_pipeline_is_refused(api, portal):
    renewals = portal.add_pipeline("Renewals", [("Signed", Decimal(1), True)])
    signed = portal.schema.pipelines[renewals]["stages"][0]["id"]
    reply = api.post("/crm/v3/objects/deals", json={"properties": {"dealname": "A", "dealstage": signed}})
    assert reply.status_code == 400
    reply = api.post(
        "/crm/v3/objects/deals", json={"properties": {"dealname": "A", "dealstage": signed, "pipeline": renewals}}
    )
    assert reply.status_code == 201


def test_dates_come_in_as_iso_or_epoch_milliseconds(api):
    made = api.post(
        "/crm/v3/objects/line_items",
        json={"properties": {"name": "A", "hs_recurring_billing_start_date": "1772409600000"}},
    )
    assert made.json()["properties"]["hs_recurring_billing_start_date"] == "2026-03-02"
    deal = api.post(
        "/crm/v3/objects/deals", json={"properties": {"dealname": "A", "closedate": "2026-03-02T01:00:00+01:00"}}
    )
    assert deal.json()["properties"]["closedate"] == "2026-03-02T00:00:00Z"


def test_a_stage_move_sets_dates_marks_and_probability(api, portal, sandbox):
    deal = portal.create("deals", {"dealname": "A", "dealstage": "appointmentscheduled"}, created_at=NOON)
    assert portal.properties("deals", deal)["hs_deal_stage_probability"] == (
        "0.200000000000000011102230246251565404236316680908203125"
    )
    sandbox.clock.advance(60.5)
    portal.move_deal(deal, "closedwon")
    values = portal.properties("deals", deal)
    entered = "2026-03-02T12:01:00.500Z"
    for name in (
        "hs_v2_date_entered_closedwon",
        "hs_date_entered_closedwon",
        "hs_v2_date_entered_current_stage",
        "hs_v2_date_exited_appointmentscheduled",
        "hs_lastmodifieddate",
        "closedate",
    ):
        assert values[name] == entered, name
    assert values["hs_v2_date_entered_appointmentscheduled"] == "2026-03-02T12:00:00Z"
    assert (values["hs_is_closed"], values["hs_is_closed_won"], values["hs_deal_stage_probability"]) == (
        "true",
        "true",
        "1",
    )
    described = {each["name"] for each in api.get("/crm/v3/properties/deals").json()["results"]}
    assert set(values) <= described


def test_line_items_work_out_their_amount(api):
    properties = {"name": "A", "price": "100", "quantity": "3", "hs_discount_percentage": "10"}
    made = api.post("/crm/v3/objects/line_items", json={"properties": properties}).json()
    assert made["properties"]["amount"] == "270"
    path = f"/crm/v3/objects/line_items/{made['id']}"
    assert api.patch(path, json={"properties": {"quantity": "0.5"}}).json()["properties"]["amount"] == "45"
    assert api.patch(path, json={"properties": {"amount": "1"}}).status_code == 400


def test_history_lists_values_newest_first(api, portal, sandbox):
    deal = portal.create("deals", {"dealname": "A", "amount": "1"})
    sandbox.clock.advance(1)
    portal.update("deals", deal, {"amount": "2"})
    reply = api.get(f"/crm/v3/objects/deals/{deal}", params={"propertiesWithHistory": "amount,dealname"}).json()
    history = reply["propertiesWithHistory"]
    assert [(each["value"], each["timestamp"]) for each in history["amount"]] == [
        ("2", "2026-03-02T12:00:01Z"),
        ("1", "2026-03-02T12:00:00Z"),
    ]
    assert [each["value"] for each in history["dealname"]] == ["A"]


def test_a_merge_makes_a_new_record_that_both_old_ids_lead_to(api, portal):
    company = portal.create("companies", {"name": "Mill"})
    first = portal.create("deals", {"dealname": "First", "amount": "1"})
    second = portal.create("deals", {"dealname": "Second", "description": "kept"})
    portal.associate("deals", second, "companies", company)
    body = {"primaryObjectId": first, "objectIdToMerge": second}
    merged = api.post("/crm/v3/objects/deals/merge", json=body).json()
    assert merged["id"] not in {first, second}
    assert merged["properties"]["hs_merged_object_ids"] == f"{first};{second}"
    assert (merged["properties"]["dealname"], merged["properties"]["description"]) == ("First", "kept")
    for old in (first, second):
        assert api.get(f"/crm/v3/objects/deals/{old}").json()["id"] == merged["id"]
    assert [each["id"] for each in api.get("/crm/v3/objects/deals").json()["results"]] == [merged["id"]]
    assert api.get("/crm/v3/objects/deals?archived=true").json()["results"] == []

    read = api.post("/crm/v3/objects/deals/batch/read", json={"inputs": [{"id": first}, {"id": merged["id"]}]})
    assert (read.status_code, [each["id"] for each in read.json()["results"]]) == (200, [merged["id"]])

    inputs = {"inputs": [{"id": second}, {"id": merged["id"]}]}
    associations = api.post("/crm/v4/associations/deals/companies/batch/read", json=inputs).json()
    assert [each["from"]["id"] for each in associations["results"]] == [merged["id"]]

    assert (
        api.patch(f"/crm/v3/objects/deals/{first}", json={"properties": {"amount": "9"}}).json()["id"] == merged["id"]
    )
    update = {"inputs": [{"id": first, "properties": {"amount": "8"}}]}
    assert api.post("/crm/v3/objects/deals/batch/update", json=update).status_code == 207
    assert portal.properties("deals", merged["id"])["amount"] == "9"

    third = portal.create("deals", {"dealname": "Third"})
    last = portal.merge_deals(first, third)
    assert portal.properties("deals", second)["hs_merged_object_ids"] == f"{first};{second};{merged['id']};{third}"
    assert portal.record("deals", first).id == int(last)


def test_created_records_may_bring_associations(api, portal):
    deal = portal.create("deals", {"dealname": "A"})
    association = {
        "to": {"id": deal},
        "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}],
    }
    made = api.post("/crm/v3/objects/line_items", json={"properties": {"name": "L"}, "associations": [association]})
    assert made.status_code == 201
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "1"


def test_records_stay_in_a_file(tmp_path):
    first = HubSpotSandbox(directory=tmp_path)
    portal = first.add_portal(7, name="On disk")
    portal.add_property("deals", "crew", "Crew")
    deal = portal.create("deals", {"dealname": "A", "crew": "night"}, created_at=datetime(2020, 1, 1, tzinfo=UTC))
    first.close()
    second = HubSpotSandbox(directory=tmp_path).add_portal(7)
    assert second.properties("deals", deal)["crew"] == "night"
    assert list(second.schema.pipelines) == ["default"]
    second.store.close()

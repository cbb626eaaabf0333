"""Deal pipelines over plain HTTP: editing them, what is refused, and what it does to the deals in them."""

from decimal import Decimal

import pytest

from hardfin_pipelines.sandbox.hubspot import NewRecord
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

PREFIXES = ("/crm/v3/pipelines", "/crm/pipelines/2026-03", "/crm/pipelines/2026-09")
DEFAULT = "/crm/pipelines/2026-09/deals/default"
LATER = "2026-03-02T12:20:00Z"


@pytest.fixture
def renewals(portal):
    """A second pipeline with two stages."""
    return portal.add_pipeline("Renewals", [("Open", Decimal("0.5"), False), ("Signed", Decimal(1), True)])


@pytest.fixture
def deals(portal, renewals):
    """Two deals in the default pipeline (one of them won) and one among the renewals, 20 minutes old by the clock."""
    stages = [("default", "closedwon"), ("default", "contractsent")]
    stages.append((renewals, portal.schema.pipelines[renewals]["stages"][0]["id"]))
    made = portal.create_many(
        "deals", (NewRecord({"dealname": "A", "pipeline": p, "dealstage": s}, created_at=NOON) for p, s in stages)
    )
    portal.clock.advance(1200)
    return made


def modified(portal, deals):
    return [portal.properties("deals", deal)["hs_lastmodifieddate"] for deal in deals]


EARLIER = "2026-03-02T12:00:00Z"
EDITS = [
    ("PATCH", "", {"label": "New name"}),
    ("PATCH", "", {"displayOrder": 3}),
    ("POST", "/stages", {"label": "Extra", "displayOrder": 9, "metadata": {"probability": "0.3"}}),
    ("PATCH", "/stages/contractsent", {"label": "Papers out"}),
    ("PATCH", "/stages/contractsent", {"displayOrder": 0}),
    ("PUT", "/stages/contractsent", {"label": "C", "displayOrder": 4, "metadata": {"probability": "0.9"}}),
    ("DELETE", "/stages/qualifiedtobuy", None),
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("method", "path", "body"), EDITS, ids=lambda value: str(value)[:40])
def test_every_edit_moves_the_modified_date_of_the_pipelines_deals_only(api, portal, deals, prefix, method, path, body):
    before = {name: value for name, value in portal.properties("deals", deals[1]).items() if name != "x"}
    reply = api.request(method, f"{prefix}/deals/default{path}", json=body)
    assert reply.status_code in {200, 201, 204}, reply.text
    assert modified(portal, deals) == [LATER, LATER, EARLIER]
    after = portal.properties("deals", deals[1])
    assert {name for name in after if after[name] != before.get(name)} == {"hs_lastmodifieddate"}


def test_search_sees_the_storm_in_one_millisecond(api, deals):
    api.patch(DEFAULT, json={"label": "Storm"})
    body = {"filterGroups": [{"filters": [{"propertyName": "hs_lastmodifieddate", "operator": "EQ", "value": LATER}]}]}
    found = api.post("/crm/v3/objects/deals/search", json=body).json()
    assert [each["id"] for each in found["results"]] == deals[:2]


def test_a_patch_changes_its_members_and_every_stages_updated_at(api, portal, sandbox):
    before = api.get(DEFAULT).json()
    sandbox.clock.advance(60)
    changed = api.patch(DEFAULT, json={"label": "Sales, new"}).json()
    assert (changed["label"], changed["displayOrder"], changed["id"]) == ("Sales, new", 0, "default")
    assert changed["createdAt"] == before["createdAt"]
    assert {stage["updatedAt"] for stage in changed["stages"]} == {changed["updatedAt"]} == {"2026-03-02T12:01:00Z"}
    assert [stage["id"] for stage in changed["stages"]] == [stage["id"] for stage in before["stages"]]
    options = {each["value"]: each["label"] for each in api.get("/crm/v3/properties/deals/pipeline").json()["options"]}
    assert options == {"default": "Sales, new"}


def test_a_new_stage_gets_a_number_and_its_date_properties(api, portal):
    given = {"label": "Signed off", "displayOrder": 7, "metadata": {"probability": "0.50", "isClosed": "true", "x": 1}}
    made = api.post(f"{DEFAULT}/stages", json=given)
    assert made.status_code == 201
    stage_id = made.json()["id"]
    assert stage_id.isdigit()
    assert made.json()["metadata"] == {"isClosed": "true", "probability": "0.50", "x": "1"}  # as sent
    read = api.get(f"{DEFAULT}/stages/{stage_id}").json()
    assert read["metadata"] == {"isClosed": "false", "probability": "0.5"}  # as kept
    assert read["writePermissions"] == "CRM_PERMISSIONS_ENFORCEMENT"
    names = {each["name"] for each in api.get("/crm/v3/properties/deals").json()["results"]}
    assert f"hs_v2_date_entered_{stage_id}" in names
    assert portal.properties("deals", portal.create("deals", {"dealname": "A", "dealstage": stage_id}))["pipeline"]


def orders(api):
    return {stage["id"]: stage["displayOrder"] for stage in api.get(DEFAULT).json()["stages"]}


def test_a_stage_goes_behind_the_one_whose_place_it_is_given(api):
    api.patch(f"{DEFAULT}/stages/closedlost", json={"displayOrder": 0})
    assert list(orders(api)) == [
        "appointmentscheduled", "closedlost", "qualifiedtobuy", "presentationscheduled", "decisionmakerboughtin",
        "contractsent", "closedwon",
    ]  # fmt: skip
    assert list(orders(api).values()) == list(range(7))
    api.patch(f"{DEFAULT}/stages/closedlost", json={"displayOrder": 40})
    assert orders(api)["closedlost"] == 40
    assert api.patch(f"{DEFAULT}/stages/closedlost", json={"displayOrder": -1}).status_code == 400


def test_a_new_probability_is_worked_out_for_the_deals_in_the_stage(api, portal, deals):
    api.patch(f"{DEFAULT}/stages/closedwon", json={"metadata": {"probability": "0.5"}})
    won, sent, _ = (portal.properties("deals", deal) for deal in deals)
    assert (won["hs_is_closed_won"], won["hs_is_closed"], won["hs_deal_stage_probability"]) == ("false", "false", "0.5")
    assert sent["hs_deal_stage_probability"].startswith("0.9")
    assert api.get(f"{DEFAULT}/stages/closedwon").json()["metadata"] == {"isClosed": "false", "probability": "0.5"}


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_stage_with_deals_is_not_deleted(api, portal, deals, prefix):
    reply = api.delete(f"{prefix}/deals/default/stages/closedwon")
    assert reply.status_code == 400
    body = reply.json()
    assert (body["category"], body["subCategory"]) == ("VALIDATION_ERROR", "PipelineError.STAGE_ID_IN_USE")
    assert body["message"] == f"Stage IDs: [closedwon] are being referenced by object IDs: [{deals[0]}]"
    assert body["context"] == {"stageIds": ["[closedwon]"], "objectIds": [f"[{deals[0]}]"]}
    pipeline = api.delete(f"{prefix}/deals/default")
    assert (pipeline.status_code, pipeline.json()["subCategory"]) == (400, "PipelineError.STAGE_ID_IN_USE")
    portal.archive("deals", deals[0])
    assert api.delete(f"{prefix}/deals/default/stages/closedwon").status_code == 204
    assert api.get(f"{prefix}/deals/default/stages/closedwon").status_code == 404


def test_older_versions_can_be_told_not_to_check(api, portal, deals, renewals):
    unchecked = {"validateDealStageUsagesBeforeDelete": "false"}
    stage = f"/deals/{renewals}/stages/{portal.properties('deals', deals[2])['dealstage']}"
    assert api.delete(f"/crm/pipelines/2026-09{stage}", params=unchecked).status_code == 400
    assert api.delete(f"/crm/v3/pipelines{stage}", params=unchecked).status_code == 204
    assert stage.endswith(portal.properties("deals", deals[2])["dealstage"])  # which is nowhere now


def test_deleting_a_pipeline_is_for_good(api, renewals):
    assert api.delete(f"/crm/v3/pipelines/deals/{renewals}").status_code == 204
    assert [each["id"] for each in api.get("/crm/v3/pipelines/deals?archived=true").json()["results"]] == ["default"]
    again = api.delete(f"/crm/v3/pipelines/deals/{renewals}")
    assert (again.status_code, again.json()["category"]) == (404, "OBJECT_NOT_FOUND")
    assert api.delete(DEFAULT).status_code == 400


def test_replacing_a_pipeline_keeps_named_stages_and_deletes_the_others(api, portal, deals):
    stages = [
        {"label": "Sent", "displayOrder": 0, "metadata": {"probability": "0.9"}, "stageId": "contractsent"},
        {"label": "Fresh", "displayOrder": 1, "metadata": {"probability": 0.1}},
    ]
    body = {"label": "Short", "displayOrder": 2, "stages": stages}
    assert api.put(DEFAULT, json=body).json()["subCategory"] == "PipelineError.STAGE_ID_IN_USE"
    portal.move_deal(deals[0], "contractsent")
    replaced = api.put(DEFAULT, json=body)
    assert replaced.status_code == 200
    kept = api.get(DEFAULT).json()
    assert [(stage["id"] == "contractsent", stage["label"]) for stage in kept["stages"]] == [
        (True, "Sent"),
        (False, "Fresh"),
    ]
    assert (kept["label"], kept["displayOrder"], kept["stages"][0]["createdAt"]) == ("Short", 2, EARLIER)


STAGE = {"label": "One", "displayOrder": 0, "metadata": {"probability": "0.5"}}
NEW = {"label": "Third", "displayOrder": 2, "stages": [STAGE]}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/deals", {**NEW, "stages": []}, 400),
        ("/deals", {**NEW, "label": "renewals"}, 400),
        ("/deals", {**NEW, "pipelineId": "default"}, 400),
        ("/deals", {**NEW, "stages": [{**STAGE, "stageId": "closedwon"}]}, 409),
        ("/deals", {**NEW, "stages": [STAGE, {**STAGE, "label": " ONE "}]}, 400),
        ("/deals", {**NEW, "stages": [{**STAGE, "metadata": {}}]}, 400),
        ("/deals", {**NEW, "stages": [{**STAGE, "metadata": {"probability": "2"}}]}, 400),
        ("/deals", {**NEW, "stages": [{**STAGE, "metadata": {"probability": "NaN"}}]}, 400),
        ("/deals", {**NEW, "stages": [{**STAGE, "label": str(n)} for n in range(101)]}, 400),
        ("/deals", {**NEW, "nope": 1}, 400),
        ("/companies", NEW, 400),
        ("/deals/default/stages", {**STAGE, "label": "closed WON "}, 400),
        ("/deals/default/stages", {**STAGE, "stageId": "closedwon"}, 400),
        ("/deals/default/stages", {**STAGE, "metadata": {"probability": None}}, 400),
        ("/deals/nowhere/stages", STAGE, 404),
    ],
)
def test_what_is_refused(api, renewals, path, body, status):
    assert api.post(f"/crm/v3/pipelines{path}", json=body).status_code == status
    assert len(api.get("/crm/v3/pipelines/deals").json()["results"]) == 2


def test_archived_can_be_sent_only_to_restore(api):
    assert api.patch(DEFAULT, json={"archived": False}).status_code == 400
    assert api.patch(f"{DEFAULT}/stages/closedwon", json={"archived": True}).status_code == 400


def test_a_pipeline_that_is_not_there_has_no_json_to_show(api):
    missing = "/crm/v3/pipelines/deals/nowhere"
    as_json = api.get(missing, headers={"Accept": "application/json"})
    assert (as_json.status_code, as_json.content) == (404, b"")
    page = api.get(missing)
    assert (page.status_code, page.headers["content-type"].split(";")[0]) == (404, "text/html")
    assert api.get(f"{missing}/stages").json()["message"] == "resource not found"
    assert api.delete(f"{missing}/stages/closedwon").status_code == 204
    assert api.delete(f"{DEFAULT}/stages/nowhere").status_code == 204


def test_writing_pipelines_needs_a_scope(server, portal, api):
    api.headers["Authorization"] = f"Bearer {portal.issue_access_token(['crm.schemas.deals.read'])}"
    assert api.get(DEFAULT).status_code == 200
    for method, path, body in EDITS:
        assert api.request(method, DEFAULT + path, json=body).json()["category"] == "MISSING_SCOPES"


def test_the_last_stage_stays(portal, api):
    single = portal.add_pipeline("Single", [("Only", Decimal(1), True)])
    stage = portal.schema.pipelines[single]["stages"][0]["id"]
    reply = api.delete(f"/crm/v3/pipelines/deals/{single}/stages/{stage}")
    assert (reply.status_code, reply.json()["message"]) == (400, "Pipeline must have at least one stage")


def test_pipelines_are_edited_through_the_control_api(control, portal, deals):
    base = "/portals/4242/pipelines"
    assert control.patch(f"{base}/default", json={"label": "Via control"}).status_code == 200
    assert modified(portal, deals) == [LATER, LATER, EARLIER]
    made = control.post(f"{base}/default/stages", json={"label": "Extra", "probability": "0.3"}).json()["id"]
    assert control.patch(f"{base}/default/stages/{made}", json={"label": "More", "probability": 1}).status_code == 200
    assert portal.schema.stage(made)[1]["metadata"] == {"isClosed": "true", "probability": "1.0"}
    assert control.delete(f"{base}/default/stages/{made}").status_code == 200
    refused = control.delete(f"{base}/default/stages/closedwon")
    assert (refused.status_code, "being referenced" in refused.json()["error"]) == (400, True)
    forced = control.request("DELETE", f"{base}/default/stages/closedwon", json={"even_if_used": True})
    assert forced.status_code == 200
    assert portal.properties("deals", deals[0])["dealstage"] == "closedwon"
    other = control.post(base, json={"label": "Other", "stages": [{"label": "A", "probability": 0.2}]}).json()["id"]
    assert control.delete(f"{base}/{other}").status_code == 200
    assert control.patch(f"{base}/default", json={"nope": 1}).status_code == 400
    assert control.post(f"{base}/default/stages", json={"label": "B", "probability": 3}).status_code == 400

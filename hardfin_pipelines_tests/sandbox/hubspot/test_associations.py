"""Associations over plain HTTP: batch read, inline lists, writing, labels."""

import pytest

from hardfin_pipelines.sandbox.hubspot import NewRecord

VERSIONS = ("/crm/v4/associations", "/crm/associations/2026-03", "/crm/associations/2026-09")


@pytest.fixture
def deal(portal):
    return portal.create("deals", {"dealname": "Deal"})


def companies(portal, count):
    return portal.create_many("companies", (NewRecord({"name": str(n)}) for n in range(count)))


@pytest.mark.parametrize("prefix", VERSIONS)
def test_batch_read_in_the_wires_form(api, portal, deal, prefix):
    first, second = companies(portal, 2)
    portal.associate("deals", deal, "companies", second)
    portal.associate("deals", deal, "companies", first)
    reply = api.post(f"{prefix}/0-3/company/batch/read", json={"inputs": [{"id": deal}]})
    body = reply.json()
    assert reply.status_code == 200
    assert "errors" not in body
    plain = {"category": "HUBSPOT_DEFINED", "typeId": 341, "label": None}
    primary = {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"}
    assert body["results"] == [
        {
            "from": {"id": deal},
            "to": [
                {"toObjectId": int(first), "associationTypes": [plain]},
                {"toObjectId": int(second), "associationTypes": [plain, primary]},
            ],
        }
    ]


def test_inputs_without_associations_make_the_reply_207(api, deal):
    reply = api.post("/crm/v4/associations/deals/companies/batch/read", json={"inputs": [{"id": deal}, {"id": "5"}]})
    body = reply.json()
    assert (reply.status_code, body["results"], body["numErrors"]) == (207, [], 2)
    assert body["errors"][0] == {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No company is associated with deal {deal}.",
        "context": {"fromObjectId": [deal], "fromObjectType": ["deal"], "toObjectType": ["company"]},
    }


def test_batch_read_takes_a_thousand_inputs(api, deal):
    path = "/crm/v4/associations/deals/companies/batch/read"
    assert api.post(path, json={"inputs": [{"id": str(n)} for n in range(1, 1001)]}).status_code == 207
    assert api.post(path, json={"inputs": [{"id": str(n)} for n in range(1, 1002)]}).status_code == 400


def test_each_input_is_paged_by_its_own_cursor(api, portal, deal):
    ids = companies(portal, 7)
    portal.associate_many("deals", "companies", [(deal, each, 341) for each in ids])
    portal.settings.association_page_size = 3
    seen, cursor = [], None
    for _ in range(3):
        given = {"id": deal} if cursor is None else {"id": deal, "after": cursor}
        result = api.post("/crm/v4/associations/deals/companies/batch/read", json={"inputs": [given]}).json()[
            "results"
        ][0]
        seen += [str(each["toObjectId"]) for each in result["to"]]
        cursor = result.get("paging", {}).get("next", {}).get("after")
    assert seen == ids
    assert cursor is None
    wrong = {"inputs": [{"id": deal, "after": "%%%"}]}
    assert api.post("/crm/v4/associations/deals/companies/batch/read", json=wrong).status_code == 400


def test_inline_associations_repeat_ids_and_spell_line_items_with_a_space_in_v3(api, portal, deal):
    first, second = companies(portal, 2)
    line = portal.create("line_items", {"name": "Line"})
    portal.associate("deals", deal, "companies", first)
    portal.associate("deals", deal, "companies", second)
    portal.associate("deals", deal, "line_items", line)
    for prefix, key in (("/crm/v3/objects", "line items"), ("/crm/objects/2026-09", "line_items")):
        record = api.get(f"{prefix}/deals/{deal}", params={"associations": "companies,line_items"}).json()
        assert record["associations"]["companies"]["results"] == [
            {"id": first, "type": "deal_to_company"},
            {"id": first, "type": "deal_to_company_unlabeled"},
            {"id": second, "type": "deal_to_company_unlabeled"},
        ]
        assert record["associations"][key] == {"results": [{"id": line, "type": "deal_to_line_item"}]}
    line_items = api.get("/crm/v3/objects/line_items", params={"associations": "deals"}).json()
    assert line_items["results"][0]["associations"]["deals"]["results"] == [{"id": deal, "type": "line_item_to_deal"}]


def test_inline_associations_are_cut_at_a_hundred_and_the_cursor_leads_on(api, portal, deal):
    lines = portal.create_many("line_items", (NewRecord({"name": str(n)}) for n in range(130)))
    portal.associate_many("deals", "line_items", [(deal, each, 19) for each in lines])
    for version, record_id in (("v3", "id"), ("v4", "toObjectId")):
        prefix = "/crm/v3/objects" if version == "v3" else "/crm/objects/2026-03"
        entry = next(iter(api.get(f"{prefix}/deals/{deal}?associations=line_items").json()["associations"].values()))
        assert [each["id"] for each in entry["results"]] == lines[:100]
        rest = api.get(entry["paging"]["next"]["link"]).json()
        assert [str(each[record_id]) for each in rest["results"]] == lines[100:]
        same = api.get(
            f"/crm/{version}/objects/deals/{deal}/associations/line_items",
            params={"after": entry["paging"]["next"]["after"]},
        )
        assert len(same.json()["results"]) == 30


def test_archived_records_are_associated_with_nothing_until_restored(api, portal, deal):
    line = portal.create("line_items", {"name": "Line"})
    portal.associate("deals", deal, "line_items", line)
    path, body = "/crm/v4/associations/deals/line_items/batch/read", {"inputs": [{"id": deal}]}
    portal.archive("line_items", line)
    assert api.post(path, json=body).status_code == 207
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "0"
    portal.restore("line_items", line)
    assert api.post(path, json=body).status_code == 200
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "1"
    portal.archive("deals", deal)
    assert api.post(path, json=body).status_code == 207


def test_a_second_primary_company_takes_the_mark_from_the_first(api, portal, deal):
    first, second = companies(portal, 2)
    portal.associate("deals", deal, "companies", first)
    body = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]
    assert api.put(f"/crm/v4/objects/deals/{deal}/associations/companies/{second}", json=body).status_code == 201
    read = api.post("/crm/v4/associations/deals/companies/batch/read", json={"inputs": [{"id": deal}]}).json()
    labels = {
        each["toObjectId"]: [kind["label"] for kind in each["associationTypes"]] for each in read["results"][0]["to"]
    }
    assert labels == {int(first): [None], int(second): [None, "Primary"]}


@pytest.mark.parametrize(("prefix", "status"), zip(VERSIONS, (201, 201, 200), strict=True))
def test_batch_create_replies_201_and_in_2026_09_200(api, portal, deal, prefix, status):
    line = portal.create("line_items", {"name": "Line"})
    types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 19}]
    body = {"inputs": [{"from": {"id": deal}, "to": {"id": line}, "types": types}]}
    assert api.post(f"{prefix}/deals/line_items/batch/create", json=body).status_code == status
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "1"


def test_wrong_associations_are_refused(api, portal, deal):
    line = portal.create("line_items", {"name": "Line"})
    other = portal.create("deals", {"dealname": "Other"})
    portal.associate("deals", other, "line_items", line)
    create = "/crm/v4/associations/deals/line_items/batch/create"

    def given(to_id, type_id):
        spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": type_id}
        return {"inputs": [{"from": {"id": deal}, "to": {"id": to_id}, "types": [spec]}]}

    assert api.post(create, json=given(line, 5)).status_code == 400
    assert api.post(create, json=given("999", 19)).status_code == 404
    assert "another deal" in api.post(create, json=given(line, 19)).json()["message"]
    assert api.put(f"/crm/v4/objects/deals/{deal}/associations/default/products/1").status_code in {400, 404}
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "0"


def test_association_changes_leave_the_modified_date_alone_until_told_otherwise(api, portal, sandbox, deal):
    before = portal.properties("deals", deal)["hs_lastmodifieddate"]
    sandbox.clock.advance(60)
    first, second = (portal.create("line_items", {"name": name}) for name in "ab")
    portal.associate("deals", deal, "line_items", first)
    assert portal.properties("deals", deal)["hs_lastmodifieddate"] == before
    portal.settings.association_changes_bump = True
    portal.associate("deals", deal, "line_items", second)
    assert portal.properties("deals", deal)["hs_lastmodifieddate"] == "2026-03-02T12:01:00Z"
    assert portal.properties("deals", deal)["hs_num_of_associated_line_items"] == "2"


def test_batch_archive_and_label_archive(api, portal, deal):
    first, second = companies(portal, 2)
    portal.associate("deals", deal, "companies", first)
    portal.associate("deals", deal, "companies", second)
    primary = {"types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 5}]}
    ends = {"from": {"id": deal}, "to": {"id": first}}
    prefix = "/crm/v4/associations/deals/companies/batch"
    assert api.post(f"{prefix}/labels/archive", json={"inputs": [{**ends, **primary}]}).status_code == 204
    listed = api.get(f"/crm/v4/objects/deals/{deal}/associations/companies").json()["results"]
    assert [len(each["associationTypes"]) for each in listed] == [1, 1]
    body = {"inputs": [{"from": {"id": deal}, "to": [{"id": first}, {"id": second}]}]}
    assert api.post(f"{prefix}/archive", json=body).status_code == 204
    assert api.get(f"/crm/v4/objects/deals/{deal}/associations/companies").json()["results"] == []


def test_labels_standard_and_own(api, portal, deal):
    path = "/crm/v4/associations/deals/companies/labels"
    assert {(each["typeId"], each["label"]) for each in api.get(path).json()["results"]} == {
        (341, None),
        (5, "Primary"),
    }
    made = api.post(path, json={"label": "Installer", "name": "installer"}).json()["results"]
    assert made[0]["category"] == "USER_DEFINED"
    company = companies(portal, 1)[0]
    portal.associate("deals", deal, "companies", company, made[0]["typeId"])
    listed = api.get(f"/crm/v4/objects/deals/{deal}/associations/companies").json()["results"][0]
    assert [(each["label"], each["category"]) for each in listed["associationTypes"]] == [
        (None, "HUBSPOT_DEFINED"),
        ("Installer", "USER_DEFINED"),
    ]

"""Property definitions over plain HTTP and through the control API: changing, archiving, retyping."""

import pytest

from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox

PREFIXES = ("/crm/v3/properties", "/crm/properties/2026-03", "/crm/properties/2026-09")
CREW = "/crm/properties/2026-09/deals/crew"
NEW = {"name": "fleet", "label": "Fleet", "type": "string", "fieldType": "text", "groupName": "dealinformation"}
OPTIONS = {"night": "Night", "day": "Day"}


@pytest.fixture
def crew(portal):
    """An enumeration of the account's own, and a deal that has a value of it."""
    portal.add_property("deals", "crew", "Crew", type="enumeration", field_type="select", options=OPTIONS)
    return portal.create("deals", {"dealname": "A", "crew": "night"})


def option(value, label):
    return {"value": value, "label": label, "displayOrder": 0, "hidden": False}


def shown(api, deal, name="crew"):
    return api.get(f"/crm/v3/objects/deals/{deal}", params={"properties": name}).json()["properties"].get(name, "-")


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_label_is_changed_and_nothing_else(api, crew, sandbox, prefix):
    before = api.get(f"{prefix}/deals/crew").json()
    sandbox.clock.advance(60)
    changed = api.patch(f"{prefix}/deals/crew", json={"label": "Shift", "hidden": True}).json()
    assert changed == {**before, "label": "Shift", "hidden": True, "updatedAt": "2026-03-02T12:01:00Z"}
    assert api.get(f"{prefix}/deals/crew").json() == changed


def test_options_are_replaced_and_records_keep_what_they_have(api, portal, crew):
    changed = api.patch(CREW, json={"options": [option("day", "Day"), option("swing", "Swing")]}).json()
    assert [each["value"] for each in changed["options"]] == ["day", "swing"]
    assert shown(api, crew) == "night"
    deals = f"/crm/v3/objects/deals/{crew}"
    refused = api.patch(deals, json={"properties": {"crew": "night"}})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "INVALID_OPTION")
    assert api.patch(deals, json={"properties": {"crew": "swing"}}).status_code == 200
    found = api.post(
        "/crm/v3/objects/deals/search",
        json={"filters": [{"propertyName": "crew", "operator": "EQ", "value": "swing"}]},
    ).json()
    assert found["total"] == 1


def test_what_is_set_once_is_not_changed(api, crew):
    changed = api.patch(CREW, json={"hasUniqueValue": True, "dataSensitivity": "sensitive"})
    assert (changed.status_code, changed.json()["hasUniqueValue"]) == (200, False)
    assert changed.json()["dataSensitivity"] == "non_sensitive"


def test_texts_may_become_phone_numbers_and_no_other_type_changes(api, portal, crew):
    portal.add_property("deals", "contact", "Contact")
    path = "/crm/v3/properties/deals/contact"
    assert api.patch(path, json={"type": "phone_number", "fieldType": "phonenumber"}).json()["type"] == "phone_number"
    assert api.patch(path, json={"type": "number", "fieldType": "number"}).status_code == 400
    assert api.patch(CREW, json={"type": "string"}).status_code == 400
    assert api.patch(CREW, json={"fieldType": "radio"}).json()["fieldType"] == "radio"
    assert api.patch(CREW, json={"fieldType": "date"}).status_code == 400


def test_hubspots_own_properties_are_read_only_but_for_some_options(api):
    assert api.patch("/crm/v3/properties/deals/amount", json={"label": "Sum"}).status_code == 400
    assert api.patch("/crm/v3/properties/deals/dealstage", json={"options": [option("a", "A")]}).status_code == 400
    assert api.delete("/crm/v3/properties/deals/amount").status_code == 400
    changed = api.patch("/crm/v3/properties/deals/dealtype", json={"options": [option("rent", "Rent")]})
    assert [each["value"] for each in changed.json()["options"]] == ["rent"]


def test_an_archived_property_is_gone_with_its_values_until_its_name_is_created_again(api, crew):
    assert api.delete(CREW).status_code == 204
    assert api.delete(CREW).json()["category"] == "OBJECT_NOT_FOUND"
    assert shown(api, crew) == "-"
    assert api.get(CREW).json()["category"] == "OBJECT_NOT_FOUND"
    archived = api.get(CREW, params={"archived": "true"}).json()
    assert (archived["archived"], archived["archivedAt"]) == (True, "2026-03-02T12:00:00Z")
    listed = api.get("/crm/v3/properties/deals", params={"archived": "true"}).json()["results"]
    assert [each["name"] for each in listed] == ["crew"]
    assert "crew" not in {each["name"] for each in api.get("/crm/v3/properties/deals").json()["results"]}
    write = api.patch(f"/crm/v3/objects/deals/{crew}", json={"properties": {"crew": "day"}})
    assert write.json()["errors"][0]["code"] == "PROPERTY_DOESNT_EXIST"

    again = api.post("/crm/v3/properties/deals", json={**NEW, "name": "crew"})  # of another type this time
    assert (again.status_code, again.json()["type"]) == (201, "string")
    assert again.headers["Location"].endswith("/crm/v3/properties/deals/crew")
    assert shown(api, crew) == "night"
    assert api.get(CREW, params={"archived": "true"}).status_code == 404


def test_a_name_that_is_taken_is_refused(api, crew):
    reply = api.post("/crm/v3/properties/deals", json={**NEW, "name": "crew"})
    assert (reply.status_code, reply.json()["category"]) == (409, "OBJECT_ALREADY_EXISTS")
    assert reply.json()["subCategory"] == "Properties.PROPERTY_WITH_NAME_EXISTS"


@pytest.mark.parametrize(
    "change",
    [
        {"type": "json"},
        {"fieldType": "date"},
        {"name": "Not Fine"},
        {"type": "enumeration", "fieldType": "select"},
        {"type": "bool", "fieldType": "booleancheckbox", "options": [option("true", "Yes")]},
        {"type": "enumeration", "fieldType": "select", "options": [option("a", "A"), option("a", "B")]},
        {"options": [{"label": "A"}]},
        {"options": ["A"]},
        {"dataSensitivity": "secret"},
        {"label": None},
        {"nope": 1},
    ],
    ids=str,
)
def test_wrong_definitions_are_refused(api, change):
    reply = api.post("/crm/v3/properties/deals", json={**NEW, **change})
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert api.get("/crm/v3/properties/deals/fleet").status_code == 404


def test_a_boolean_needs_both_its_options(api):
    both = [option("true", "Yes"), option("false", "No")]
    made = api.post(
        "/crm/v3/properties/deals", json={**NEW, "type": "bool", "fieldType": "booleancheckbox", "options": both}
    )
    assert made.status_code == 201


def test_batches_and_groups(api, crew):
    path = "/crm/v3/properties/deals"
    made = api.post(f"{path}/batch/create", json={"inputs": [NEW, {**NEW, "name": "dock", "label": "Dock"}]})
    assert (made.status_code, len(made.json()["results"])) == (201, 2)
    read = api.post(f"{path}/batch/read", json={"inputs": [{"name": "fleet"}, {"name": "zzz"}], "archived": False})
    assert (read.status_code, [each["name"] for each in read.json()["results"]]) == (207, ["fleet"])
    assert read.json()["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    gone = api.post(f"{path}/batch/archive", json={"inputs": [{"name": "fleet"}, {"name": "zzz"}]})
    assert gone.status_code == 204
    assert api.get(f"{path}/fleet").status_code == 404
    assert "dealinformation" in {group["name"] for group in api.get(f"{path}/groups").json()["results"]}
    assert api.get(f"{path}/groups/dealinformation").json()["archived"] is False
    assert api.get(f"{path}/groups/nowhere").status_code == 404
    assert (
        api.post(f"{path}/batch/create", json={"inputs": [{**NEW, "name": "e"}, NEW | {"type": "?"}]}).status_code
        == 400
    )
    assert api.get(f"{path}/e").status_code == 404


def test_the_control_api_changes_what_the_api_refuses(api, control, portal, crew):
    base = "/portals/4242/properties/deals"
    retyped = control.patch(f"{base}/crew", json={"type": "number", "fieldType": "number", "options": {}})
    assert (retyped.json()["type"], retyped.json()["options"]) == ("number", [])
    assert shown(api, crew) == "night"
    assert api.patch(f"/crm/v3/objects/deals/{crew}", json={"properties": {"crew": "x"}}).status_code == 400
    renamed = control.patch(f"{base}/amount", json={"label": "Sum", "hidden": True, "options": {"a": "A"}}).json()
    assert api.get("/crm/v3/properties/deals/amount").json() == renamed
    assert [each["value"] for each in renamed["options"]] == ["a"]
    assert control.delete(f"{base}/crew").status_code == 200
    assert shown(api, crew) == "-"
    assert control.post(f"{base}/crew/restore").status_code == 200
    assert api.get(CREW).json()["type"] == "number"
    added = {"name": "secret", "label": "Secret", "sensitivity": "sensitive"}
    assert control.post(base, json=added).status_code == 200
    assert portal.schema.properties("deals")["secret"]["dataSensitivity"] == "sensitive"


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("PATCH", "crew", {"name": "x"}, "name"),
        ("PATCH", "crew", {"colour": "red"}, "colour"),
        ("PATCH", "nowhere", {"label": "x"}, "nowhere"),
        ("DELETE", "amount", None, "amount"),
        ("POST", "crew/restore", None, "crew"),
        ("POST", "", {"name": "x", "label": "X", "nope": 1}, "nope"),
    ],
)
def test_wrong_control_requests_say_what_is_wrong(control, crew, method, path, body, named):
    reply = control.request(method, f"/portals/4242/properties/deals/{path}".rstrip("/"), json=body)
    assert (reply.status_code, named in reply.json()["error"]) == (400, True)


def test_changed_definitions_go_with_a_transaction_that_is_undone(portal, crew):
    def change_and_fail():
        with portal.store.writing():
            portal.redefine_property("deals", "crew", label="Undone")
            portal.archive_property("deals", "crew")
            portal.archive_property("deals", "amount")

    with pytest.raises(ValueError, match="amount"):
        change_and_fail()
    assert portal.schema.properties("deals")["crew"]["label"] == "Crew"
    assert portal.schema.archived_properties("deals") == {}


def test_changed_definitions_stay_in_the_file(tmp_path):
    first = HubSpotSandbox(directory=tmp_path)
    portal = first.add_portal(7)
    portal.add_property("deals", "crew", "Crew")
    portal.add_property("deals", "dock", "Dock")
    portal.redefine_property("deals", "amount", label="Sum")
    portal.archive_property("deals", "dock")
    portal.change_pipeline("default", label="Ours")
    first.close()
    second = HubSpotSandbox(directory=tmp_path)
    kept = second.add_portal(7).schema
    assert (kept.properties("deals")["amount"]["label"], kept.pipelines["default"]["label"]) == ("Sum", "Ours")
    assert list(kept.archived_properties("deals")) == ["dock"]
    second.close()

"""HubSpot's `hubspot-sdk` as an oracle: in strict mode it refuses three things, which HubSpot itself sends.

With the portal's `spec_strict` on, it refuses none: all other shapes are as HubSpot's specification has them.
"""

from collections.abc import Callable

import pytest

hubspot_sdk = pytest.importorskip("hubspot_sdk", reason="HubSpot's own client, hubspot-sdk, is not installed")

NULL_VALUES, NUMERIC_IDS, TOKEN_USE = "null property values", "numeric toObjectId", "no token_use"
ASKED = ["dealname", "description"]  # the second has no value


@pytest.fixture
def account(portal):
    """An account with a bit of everything."""
    deals = [portal.create("deals", {"dealname": name, "dealstage": "contractsent"}) for name in "abc"]
    company = portal.create("companies", {"name": "Mill"})
    portal.associate("deals", deals[0], "companies", company)
    portal.add_line_items(deals[0], 120)
    portal.add_property("deals", "crew", "Crew", type="enumeration", field_type="select", options={"a": "A"})
    return {"deals": deals, "company": company, "owner": portal.add_owner("ann@example.com", "Ann", "Lee")}


@pytest.fixture
def strict(server, portal):
    with hubspot_sdk.HubSpot(
        access_token=portal.issue_access_token(),
        base_url=server.url,
        max_retries=0,
        _strict_response_validation=True,
    ) as client:
        yield client


def operations(client, account, portal) -> dict[str, tuple[Callable[[], object], str | None]]:
    """Each operation with what HubSpot sends in reply that its specification does not have."""
    objects, deal = client.crm.objects, account["deals"][0]
    stage = {"label": "Extra", "display_order": 9, "metadata": {"probability": "0.3"}}
    by_name = {"filters": [{"propertyName": "dealname", "operator": "EQ", "value": "a"}]}
    inputs = [{"id": deal}, {"id": account["deals"][1]}, {"id": "999"}]
    page = {"limit": 2, "after": "0", "sorts": []}
    token = {
        "grant_type": "refresh_token",
        "refresh_token": portal.issue_refresh_token(),
        "client_id": "an-app",
        "client_secret": "its-secret",
    }
    return {
        "list": (lambda: list(objects.deals.list(limit=2, properties=ASKED, associations=["line_items"])), NULL_VALUES),
        "list with values only": (lambda: list(objects.deals.list(properties=["dealname"])), None),
        "list with history": (
            lambda: list(objects.deals.list(properties_with_history=["dealname"], limit=50)),
            NULL_VALUES,
        ),
        "get": (lambda: objects.deals.get(deal, properties=ASKED, associations=["companies"]), NULL_VALUES),
        "search": (
            lambda: objects.deals.search(filter_groups=[by_name], properties=ASKED, **page),
            NULL_VALUES,
        ),
        "batch read": (
            lambda: objects.deals.batch.get(inputs=inputs, properties=ASKED, properties_with_history=[]),
            NULL_VALUES,
        ),
        "create": (lambda: objects.deals.create(associations=[], properties={"dealname": "d"}), NULL_VALUES),
        "update": (lambda: objects.deals.update(deal, properties={"dealname": "e"}), NULL_VALUES),
        "line items": (lambda: list(objects.line_items.list(properties=["name"])), None),
        "companies": (lambda: objects.companies.get(account["company"], properties=["name", "city"]), NULL_VALUES),
        "associations": (
            lambda: client.crm.associations.batch.get(
                from_object_type="deals", to_object_type="line_items", inputs=inputs
            ),
            NUMERIC_IDS,
        ),
        "properties": (lambda: client.crm.properties.list("deals"), None),
        "property": (lambda: client.crm.properties.get("crew", object_type="deals"), None),
        "property update": (
            lambda: client.crm.properties.update("crew", object_type="deals", label="Shift", hidden=False),
            None,
        ),
        "property groups": (lambda: client.crm.properties.groups.list("deals"), None),
        "pipelines": (lambda: client.crm.pipelines.list("deals"), None),
        "pipeline": (lambda: client.crm.pipelines.get("default", object_type="deals"), None),
        "pipeline update": (
            lambda: client.crm.pipelines.update("default", object_type="deals", label="Ours", display_order=1),
            None,
        ),
        "stages": (lambda: client.crm.pipelines.list_stages("default", object_type="deals"), None),
        "stage create": (
            lambda: client.crm.pipelines.create_stage("default", object_type="deals", **stage),
            None,
        ),
        "owners": (client.crm.owners.list, None),
        "account": (client.account.get, None),
        "token": (lambda: client.auth.oauth.create_token(**token), TOKEN_USE),
    }


def refused(client, account, portal) -> dict[str, str | None]:
    found = {}
    for name, (operation, deviation) in operations(client, account, portal).items():
        try:
            operation()
        except hubspot_sdk.APIResponseValidationError:
            found[name] = deviation
    return found


def test_as_on_the_wire_it_refuses_the_three_known_deviations_only(strict, account, portal):
    expected = {
        name: deviation for name, (_, deviation) in operations(strict, account, portal).items() if deviation is not None
    }
    assert refused(strict, account, portal) == expected
    assert set(expected.values()) == {NULL_VALUES, NUMERIC_IDS, TOKEN_USE}


def test_following_the_specification_it_refuses_nothing(strict, account, portal):
    portal.settings.change({"spec_strict": True})
    assert refused(strict, account, portal) == {}


def test_what_the_switch_changes(api, account, portal):
    portal.settings.change({"spec_strict": True})
    deal = account["deals"][0]
    record = api.get(f"/crm/v3/objects/deals/{deal}", params={"properties": ",".join(ASKED)}).json()
    assert "description" not in record["properties"]
    read = api.post("/crm/v4/associations/deals/companies/batch/read", json={"inputs": [{"id": deal}]}).json()
    assert read["results"][0]["to"] == [
        {
            "toObjectId": account["company"],
            "associationTypes": [
                {"category": "HUBSPOT_DEFINED", "typeId": 341},
                {"category": "HUBSPOT_DEFINED", "typeId": 5, "label": "Primary"},
            ],
        }
    ]

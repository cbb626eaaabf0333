"""Requests with anything HubSpot does not know are refused, so that a client's slip shows as an error."""

import pytest

BATCH = "/crm/objects/2026-03/deals/batch"
LINKS = "/crm/associations/2026-03/deals/companies/batch"
TYPES = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 341}]
PAIR = {"from": {"id": "1"}, "to": {"id": "2"}}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/crm/objects/2026-03/deals"),
        ("GET", "/crm/objects/2026-03/deals/1"),
        ("POST", "/crm/objects/2026-03/deals/search"),
        ("POST", f"{BATCH}/read"),
        ("POST", f"{LINKS}/read"),
        ("GET", "/crm/objects/2026-03/deals/1/associations/companies"),
        ("GET", "/crm/associations/2026-03/deals/companies/labels"),
        ("GET", "/crm/properties/2026-03/deals"),
        ("PATCH", "/crm/properties/2026-03/deals/amount"),
        ("GET", "/crm/pipelines/2026-03/deals"),
        ("PATCH", "/crm/pipelines/2026-03/deals/default"),
        ("GET", "/crm/owners/2026-03"),
    ],
)
@pytest.mark.parametrize("name", ["offset", "Limit", "page", "since", "limit[]"])
def test_unknown_query_parameters(api, method, path, name):
    body = None if method == "GET" else {"inputs": [{"id": "1"}]}
    reply = api.request(method, path, params={name: "5"}, json=body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert name in reply.json()["message"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"{BATCH}/read", {"inputs": [{"id": "1"}], "limit": 100}),
        (f"{BATCH}/read", {"inputs": [{"id": "1"}], "associations": ["companies"]}),
        (f"{BATCH}/read", {"inputs": [{"id": "1", "properties": ["a"]}]}),
        (f"{BATCH}/read", {"inputs": ["1"]}),
        (f"{BATCH}/read", {"inputs": [{"id": ["1"]}]}),
        (f"{BATCH}/read", {"inputs": [{"id": "1"}], "properties": "dealname"}),
        (f"{BATCH}/create", {"inputs": [{"properties": {}, "id": "1"}]}),
        (f"{BATCH}/update", {"inputs": [{"properties": {}, "id": "1", "archived": True}]}),
        (f"{BATCH}/archive", {"inputs": [{"id": "1", "hard": True}]}),
        (f"{LINKS}/read", {"inputs": [{"id": "1"}], "after": "5"}),
        (f"{LINKS}/read", {"inputs": [{"id": "1", "limit": 5}]}),
        (f"{LINKS}/create", {"inputs": [{**PAIR, "types": TYPES, "label": "x"}]}),
        (f"{LINKS}/associate/default", {"inputs": [{**PAIR, "types": TYPES}]}),
        (f"{LINKS}/archive", {"inputs": [PAIR], "all": True}),
        (f"{LINKS}/labels/archive", {"inputs": [{**PAIR, "types": TYPES, "x": 1}]}),
        ("/crm/objects/2026-03/deals/search", {"offset": 5}),
        ("/crm/objects/2026-03/deals/search", {"filterGroups": [{"filters": [], "operator": "OR"}]}),
        ("/crm/objects/2026-03/deals/search", {"sorts": [{"propertyName": "amount", "order": "ASC"}]}),
        (
            "/crm/objects/2026-03/deals/search",
            {"filters": [{"propertyName": "amount", "operator": "EQ", "value": "1", "type": "x"}]},
        ),
        ("/crm/objects/2026-03/deals", {"properties": {}, "dealname": "A"}),
        ("/crm/objects/2026-03/deals/merge", {"primaryObjectId": "1", "objectIdToMerge": "2", "keep": "1"}),
    ],
    ids=str,
)
def test_unknown_and_mistyped_members_of_a_body(api, portal, path, body):
    reply = api.post(path, json=body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")
    assert portal.count("deals") == 0

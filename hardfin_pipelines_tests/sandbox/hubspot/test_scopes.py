"""What a token does not see: objects without their scope, values of sensitive properties."""

import httpx
import pytest

OBJECTS = ("deals", "companies", "line_items", "products")
DEALS = "crm.objects.deals.read"
SENSITIVE = "crm.objects.deals.sensitive.read"


@pytest.fixture
def with_scopes(server, portal):
    def client(*scopes):
        headers = {"Authorization": f"Bearer {portal.issue_access_token(scopes)}"}
        return httpx.Client(base_url=server.url, headers=headers)

    return client


@pytest.mark.parametrize("hidden", OBJECTS)
def test_an_object_without_its_scope_is_403_everywhere(with_scopes, hidden):
    scopes = [f"crm.objects.{name}.read" for name in OBJECTS if name != hidden]
    needed = f"crm.objects.{hidden}.read"
    base = f"/crm/objects/2026-03/{hidden}"
    other = "companies" if hidden == "deals" else "deals"
    calls = [
        ("GET", base, None),
        ("GET", f"{base}/1", None),
        ("POST", f"{base}/search", {}),
        ("POST", f"{base}/batch/read", {"inputs": [{"id": "1"}]}),
        ("GET", f"/crm/objects/2026-03/{other}?associations={hidden}", None),
        ("POST", f"/crm/associations/2026-03/{other}/{hidden}/batch/read", {"inputs": [{"id": "1"}]}),
        ("POST", f"/crm/associations/2026-03/{hidden}/{other}/batch/read", {"inputs": [{"id": "1"}]}),
    ]
    with with_scopes(*scopes) as client:
        for method, path, body in calls:
            reply = client.request(method, path, json=body)
            told = reply.json()
            assert (reply.status_code, told["category"]) == (403, "MISSING_SCOPES"), path
            assert needed in told["errors"][0]["context"]["requiredGranularScopes"]
            assert told["links"] == {"scopes": "https://developers.hubspot.com/scopes"}
            assert told["correlationId"] == reply.headers["X-HubSpot-Correlation-Id"]
        assert client.get(f"/crm/objects/2026-03/{other}").status_code == 200


@pytest.fixture
def secret_deal(portal):
    portal.add_property("deals", "passport", "Passport", sensitivity="sensitive", unique=True)
    portal.add_property("deals", "diagnosis", "Diagnosis", sensitivity="highly_sensitive")
    return portal.create("deals", {"dealname": "A", "passport": "X1", "diagnosis": "fine"})


def test_sensitive_properties_are_described_only_where_asked_for(api, secret_deal):
    path = "/crm/v3/properties/deals"
    names = {each["name"] for each in api.get(path).json()["results"]}
    assert not names & {"passport", "diagnosis"}
    listed = api.get(path, params={"dataSensitivity": "sensitive"}).json()["results"]
    assert [(each["name"], each["dataSensitivity"]) for each in listed] == [("passport", "sensitive")]
    assert api.get(f"{path}/passport").status_code == 404
    assert api.get(f"{path}/passport", params={"dataSensitivity": "sensitive"}).status_code == 200
    assert api.get(f"{path}/amount", params={"dataSensitivity": "sensitive"}).status_code == 404
    assert api.get(path, params={"dataSensitivity": "secret"}).status_code == 400


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        ([DEALS], {}),
        ([DEALS, SENSITIVE], {"passport": "X1"}),
        ([DEALS, f"{SENSITIVE}.v2"], {"passport": "X1"}),
        ([DEALS, SENSITIVE, "crm.objects.deals.highly_sensitive.read"], {"passport": "X1", "diagnosis": "fine"}),
        ([DEALS, "crm.objects.companies.sensitive.read"], {}),
    ],
)
def test_sensitive_values_are_left_out_without_their_scope(with_scopes, secret_deal, scopes, seen):
    asked = ["passport", "diagnosis"]
    with with_scopes(*scopes) as client:
        replies = [
            client.get(f"/crm/v3/objects/deals/{secret_deal}", params={"properties": ",".join(asked)}).json(),
            client.get("/crm/v3/objects/deals", params={"properties": asked}).json()["results"][0],
            client.post("/crm/v3/objects/deals/search", json={"properties": asked}).json()["results"][0],
            client.post(
                "/crm/v3/objects/deals/batch/read", json={"inputs": [{"id": secret_deal}], "properties": asked}
            ).json()["results"][0],
        ]
        for record in replies:
            assert {name: record["properties"][name] for name in asked if name in record["properties"]} == seen
        history = client.get(
            f"/crm/v3/objects/deals/{secret_deal}", params={"propertiesWithHistory": ",".join(asked)}
        ).json()
        assert history.get("propertiesWithHistory", {}).keys() == seen.keys()
        filtered = client.post(
            "/crm/v3/objects/deals/search",
            json={"filters": [{"propertyName": "passport", "operator": "EQ", "value": "x1"}]},
        )
        assert filtered.status_code == (200 if "passport" in seen else 400)


def test_sensitive_values_and_definitions_need_a_scope_to_write(with_scopes, secret_deal, portal):
    scopes = [DEALS, SENSITIVE, "crm.objects.deals.write", "crm.schemas.deals.write"]
    update = {"properties": {"passport": "X2"}}
    new = {"name": "ssn", "label": "SSN", "type": "string", "fieldType": "text", "groupName": "dealinformation"}
    for extra, status in (([], 400), (["crm.objects.deals.sensitive.write"], 200)):
        with with_scopes(*scopes, *extra) as client:
            assert client.patch(f"/crm/v3/objects/deals/{secret_deal}", json=update).status_code == status
            made = client.post("/crm/v3/properties/deals", json={**new, "dataSensitivity": "sensitive"})
            assert made.status_code == (201 if extra else 403)
    assert portal.properties("deals", secret_deal)["passport"] == "X2"

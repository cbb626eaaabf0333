"""HubSpot's own `hubspot-sdk`, unmodified; strict validation fails only where HubSpot leaves its specification."""

import hubspot_sdk
import pytest
from hubspot_sdk import APIResponseValidationError, AuthenticationError, HubSpot


@pytest.fixture
def client(server, portal):
    with HubSpot(access_token=portal.issue_access_token(), base_url=server.url, max_retries=0) as made:
        yield made


@pytest.fixture
def strict(server, portal):
    with HubSpot(
        access_token=portal.issue_access_token(),
        base_url=server.url,
        max_retries=0,
        _strict_response_validation=True,
    ) as made:
        yield made


def test_lists_all_pages(client, portal):
    deals = [portal.create("deals", {"dealname": f"Deal {number}"}) for number in range(23)]
    assert [deal.id for deal in client.crm.objects.deals.list(limit=10, properties=["dealname", "amount"])] == deals


def test_creates_updates_searches_and_batch_reads(client):
    made = client.crm.objects.deals.create(associations=[], properties={"dealname": "New", "dealstage": "contractsent"})
    client.crm.objects.deals.update(made.id, properties={"dealstage": "closedwon"})
    found = client.crm.objects.deals.search(
        filter_groups=[{"filters": [{"propertyName": "dealstage", "operator": "EQ", "value": "closedwon"}]}],
        properties=["dealname"],
        sorts=[],
        limit=10,
        after="0",
    )
    assert [each.id for each in found.results] == [made.id]
    read = client.crm.objects.deals.batch.get(
        inputs=[{"id": made.id}], properties=["hs_is_closed_won"], properties_with_history=[]
    )
    assert read.results[0].properties["hs_is_closed_won"] == "true"


def test_reads_another_version_through_the_generic_call(client, portal):
    deal = portal.create("deals", {"dealname": "Deal"})
    body = client.get("/crm/objects/2026-09/deals", cast_to=object)
    assert [each["id"] for each in body["results"]] == [deal]


def test_strict_validation_accepts_what_the_specification_allows(strict, portal):
    owner = portal.add_owner("ann@example.com", "Ann", "Lee")
    deal = portal.create("deals", {"dealname": "Deal", "dealstage": "closedwon", "amount": "1", "pipeline": "default"})
    company = portal.create("companies", {"name": "Mill", "domain": "mill.example"})
    portal.associate("deals", deal, "companies", company)
    names = ["dealname", "dealstage"]
    assert strict.crm.objects.deals.get(deal, properties=names, associations=["companies"]).id == deal
    assert [each.id for each in strict.crm.objects.deals.list(properties=names)] == [deal]
    assert strict.crm.objects.companies.get(company).properties["name"] == "Mill"
    assert strict.crm.pipelines.list("deals").results[0].stages[5].metadata["isClosed"] == "true"
    assert len(strict.crm.properties.list("deals").results) > 40
    assert strict.crm.owners.list().results[0].id == owner
    assert strict.account.get().portal_id == 4242


def test_strict_validation_fails_on_null_values_as_on_the_wire(strict, portal):
    deal = portal.create("deals", {"dealname": "Deal"})
    with pytest.raises(APIResponseValidationError):
        strict.crm.objects.deals.get(deal, properties=["description"])


def test_strict_validation_fails_on_numeric_association_ids_as_on_the_wire(strict, portal):
    deal = portal.create("deals", {"dealname": "Deal"})
    portal.associate("deals", deal, "line_items", portal.create("line_items", {"name": "Line"}))
    with pytest.raises(APIResponseValidationError):
        strict.crm.associations.batch.get(from_object_type="deals", to_object_type="line_items", inputs=[{"id": deal}])


def test_strict_validation_fails_on_a_token_reply_without_token_use_as_in_the_docs(strict, portal):
    arguments = {
        "grant_type": "refresh_token",
        "refresh_token": portal.issue_refresh_token(),
        "client_id": "an-app",
        "client_secret": "its-secret",
    }
    with pytest.raises(APIResponseValidationError):
        strict.auth.oauth.create_token(**arguments)


def test_gets_tokens_with_a_json_body(client, portal):
    tokens = client.auth.oauth.create_token(
        grant_type="refresh_token",
        refresh_token=portal.issue_refresh_token(),
        client_id="an-app",
        client_secret="its-secret",
    )
    assert tokens.expires_in == 1800
    described = client.auth.oauth.introspect_token(
        client_id="an-app", client_secret="its-secret", token=tokens.access_token, token_type_hint="access_token"
    )
    assert described.hub_id == 4242


def test_refused_calls_raise_the_clients_own_errors(client, sandbox):
    with pytest.raises(hubspot_sdk.NotFoundError):
        client.crm.objects.deals.get("99")
    sandbox.clock.advance(1801)
    with pytest.raises(AuthenticationError, match="expired 1 second"):
        client.crm.objects.deals.list()


def test_its_retries_get_over_a_rate_limit(server, portal):
    portal.settings.search_per_second = 1
    portal.clock.run()
    with HubSpot(access_token=portal.issue_access_token(), base_url=server.url, max_retries=5) as client:
        for _ in range(3):
            client.crm.objects.deals.search(filter_groups=[], properties=[], sorts=[], limit=1, after="0")
    assert portal.sandbox.call_log.count(bucket="search", status=200) == 3
    assert portal.sandbox.call_log.count(bucket="search", status=429) > 0

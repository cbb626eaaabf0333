"""HubSpot's own `hubspot-api-client`, unmodified, works against the sandbox."""

from datetime import timedelta

import hubspot
import pytest
from hubspot.crm.associations.v4 import (
    AssociationSpec,
    BatchInputPublicAssociationMultiPost,
    BatchInputPublicDefaultAssociationMultiPost,
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicAssociationMultiPost,
    PublicDefaultAssociationMultiPost,
    PublicFetchAssociationsBatchRequest,
    PublicObjectId,
)
from hubspot.crm.deals import (
    BatchInputSimplePublicObjectBatchInput,
    BatchInputSimplePublicObjectBatchInputForCreate,
    BatchInputSimplePublicObjectId,
    BatchReadInputSimplePublicObjectId,
    Filter,
    FilterGroup,
    PublicObjectSearchRequest,
    SimplePublicObjectBatchInput,
    SimplePublicObjectBatchInputForCreate,
    SimplePublicObjectId,
    SimplePublicObjectInput,
    SimplePublicObjectInputForCreate,
)
from hubspot.crm.deals.exceptions import ApiException, UnauthorizedException
from hubspot.crm.pipelines import PipelinePatchInput, PipelineStageInput, PipelineStagePatchInput
from hubspot.crm.pipelines.exceptions import ApiException as PipelinesApiException
from hubspot.crm.properties import OptionInput, PropertyCreate, PropertyUpdate
from hubspot.crm.properties.exceptions import ApiException as PropertiesApiException

from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

HOUR = timedelta(hours=1)


@pytest.fixture
def client(server, portal):
    return hubspot.Client.create(access_token=portal.issue_access_token(), host=server.url)


def test_lists_every_page_with_associations(client, portal):
    company = portal.create("companies", {"name": "Mill"})
    deals = [portal.create("deals", {"dealname": f"Deal {number}"}) for number in range(25)]
    portal.associate("deals", deals[0], "companies", company)

    first = client.crm.deals.basic_api.get_page(limit=10, properties=["dealname"], associations=["companies"])
    assert first.results[0].properties["dealname"] == "Deal 0"
    assert {each.id for each in first.results[0].associations["companies"].results} == {company}
    assert first.paging.next.after == deals[10]
    assert [deal.id for deal in client.crm.deals.get_all()] == deals


def test_creates_reads_updates_and_archives(client, portal):
    made = client.crm.deals.basic_api.create(
        SimplePublicObjectInputForCreate(properties={"dealname": "New", "dealstage": "contractsent", "amount": "12.5"})
    )
    read = client.crm.deals.basic_api.get_by_id(made.id, properties=["dealname", "amount", "description"])
    assert read.properties["amount"] == "12.5"
    assert read.properties["description"] is None

    changed = client.crm.deals.basic_api.update(made.id, SimplePublicObjectInput(properties={"dealstage": "closedwon"}))
    assert changed.properties["hs_is_closed_won"] == "true"

    client.crm.deals.basic_api.archive(made.id)
    with pytest.raises(ApiException) as refused:
        client.crm.deals.basic_api.get_by_id(made.id)
    assert refused.value.status == 404
    assert client.crm.deals.basic_api.get_by_id(made.id, archived=True).archived_at is not None
    assert portal.count("deals", archived=True) == 1


def test_batches_create_read_update_and_archive(client):
    made = client.crm.deals.batch_api.create(
        BatchInputSimplePublicObjectBatchInputForCreate(
            inputs=[SimplePublicObjectBatchInputForCreate(properties={"dealname": name}) for name in "ab"]
        )
    )
    ids = [each.id for each in made.results]
    read = client.crm.deals.batch_api.read(
        BatchReadInputSimplePublicObjectId(
            inputs=[SimplePublicObjectId(id=each) for each in [*ids, "77"]],
            properties=["dealname"],
            properties_with_history=[],
        )
    )
    assert {each.properties["dealname"] for each in read.results} == {"a", "b"}
    assert read.num_errors == 1
    assert read.errors[0].category == "OBJECT_NOT_FOUND"

    updated = client.crm.deals.batch_api.update(
        BatchInputSimplePublicObjectBatchInput(
            inputs=[SimplePublicObjectBatchInput(id=ids[0], properties={"dealname": "c"})]
        )
    )
    assert updated.results[0].properties["dealname"] == "c"
    client.crm.deals.batch_api.archive(
        BatchInputSimplePublicObjectId(inputs=[SimplePublicObjectId(id=each) for each in ids])
    )
    assert client.crm.deals.get_all() == []


def test_searches(client, portal):
    won = portal.create("deals", {"dealname": "Won", "dealstage": "closedwon"})
    portal.create("deals", {"dealname": "Open", "dealstage": "contractsent"})
    found = client.crm.deals.search_api.do_search(
        PublicObjectSearchRequest(
            filter_groups=[FilterGroup(filters=[Filter(property_name="dealstage", operator="EQ", value="closedwon")])],
            sorts=["-hs_lastmodifieddate"],
            properties=["dealname"],
            limit=200,
        )
    )
    assert (found.total, [each.id for each in found.results]) == (1, [won])


def test_associates_and_reads_associations(client, portal):
    deal = portal.create("deals", {"dealname": "Deal"})
    lonely = portal.create("deals", {"dealname": "Lonely"})
    first, second = (portal.create("companies", {"name": name}) for name in ("First", "Second"))
    batch = client.crm.associations.v4.batch_api
    batch.create_default(
        "deals",
        "companies",
        BatchInputPublicDefaultAssociationMultiPost(
            inputs=[PublicDefaultAssociationMultiPost(_from=PublicObjectId(id=deal), to=PublicObjectId(id=first))]
        ),
    )
    batch.create(
        "deals",
        "companies",
        BatchInputPublicAssociationMultiPost(
            inputs=[
                PublicAssociationMultiPost(
                    types=[AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=341)],
                    _from=PublicObjectId(id=deal),
                    to=PublicObjectId(id=second),
                )
            ]
        ),
    )
    read = batch.get_page(
        "deals",
        "companies",
        BatchInputPublicFetchAssociationsBatchRequest(
            inputs=[PublicFetchAssociationsBatchRequest(id=each) for each in (deal, lonely)]
        ),
    )
    types = {
        each.to_object_id: [(kind.type_id, kind.label) for kind in each.association_types]
        for each in read.results[0].to
    }
    assert types == {first: [(341, None), (5, "Primary")], second: [(341, None)]}
    assert read.errors[0].sub_category == "crm.associations.NO_ASSOCIATIONS_FOUND"

    listed = client.crm.associations.v4.basic_api.get_page("deals", deal, "companies")
    assert [each.to_object_id for each in listed.results] == [first, second]
    client.crm.associations.v4.basic_api.archive("deals", deal, "companies", second)
    listed = client.crm.associations.v4.basic_api.get_page("deals", deal, "companies")
    assert [each.to_object_id for each in listed.results] == [first]


def test_reads_properties_pipelines_and_owners(client, portal):
    owner = portal.add_owner("ann@example.com", "Ann", "Lee")
    described = {each.name: each for each in client.crm.properties.core_api.get_all("deals").results}
    assert described["hs_v2_date_entered_closedwon"].type == "datetime"
    assert described["hubspot_owner_id"].options == []
    assert described["hubspot_owner_id"].referenced_object_type == "OWNER"
    assert described["amount"].show_currency_symbol is True
    pipeline = client.crm.pipelines.pipelines_api.get_all("deals").results[0]
    assert pipeline.id == "default"
    assert {stage.id: stage.metadata for stage in pipeline.stages}["closedwon"] == {
        "isClosed": "true",
        "probability": "1.0",
    }
    assert client.crm.owners.owners_api.get_page().results[0].id == owner
    assert client.crm.owners.owners_api.get_by_id(int(owner)).email == "ann@example.com"


def test_exchanges_and_describes_tokens(server, portal):
    client = hubspot.Client.create(host=server.url)
    code = portal.issue_authorization_code("http://localhost/back", ["oauth", "crm.objects.deals.read"])
    tokens = client.oauth.tokens_api.create(
        grant_type="authorization_code",
        code=code,
        redirect_uri="http://localhost/back",
        client_id="an-app",
        client_secret="its-secret",
    )
    assert tokens.expires_in == 1800
    again = client.oauth.tokens_api.create(
        grant_type="refresh_token",
        refresh_token=tokens.refresh_token,
        client_id="an-app",
        client_secret="its-secret",
    )
    described = client.oauth.access_tokens_api.get(again.access_token)
    assert (described.hub_id, described.scopes) == (4242, ["oauth", "crm.objects.deals.read"])
    client.oauth.refresh_tokens_api.archive(tokens.refresh_token)
    with pytest.raises(hubspot.oauth.exceptions.ApiException) as refused:
        client.oauth.tokens_api.create(
            grant_type="refresh_token",
            refresh_token=tokens.refresh_token,
            client_id="an-app",
            client_secret="its-secret",
        )
    assert "BAD_REFRESH_TOKEN" in refused.value.body


def test_an_expired_token_raises_the_clients_unauthorized(client, sandbox):
    sandbox.clock.advance(1801)
    with pytest.raises(UnauthorizedException):
        client.crm.deals.basic_api.get_page()


def test_edits_pipelines_and_stages(client, portal):
    deal = portal.create("deals", {"dealname": "Deal", "dealstage": "contractsent"}, created_at=NOON - HOUR)
    pipelines, stages = client.crm.pipelines.pipelines_api, client.crm.pipelines.pipeline_stages_api
    assert pipelines.update("deals", "default", PipelinePatchInput(label="Ours")).label == "Ours"
    assert portal.properties("deals", deal)["hs_lastmodifieddate"] == "2026-03-02T12:00:00Z"
    made = stages.create(
        "deals", "default", PipelineStageInput(label="Extra", display_order=9, metadata={"probability": "0.3"})
    )
    assert (
        stages.update("deals", "default", made.id, PipelineStagePatchInput(label="More", metadata={})).label == "More"
    )
    stages.archive("deals", "default", made.id)
    with pytest.raises(PipelinesApiException) as refused:
        stages.archive("deals", "default", "contractsent")
    assert (refused.value.status, "STAGE_ID_IN_USE" in refused.value.body) == (400, True)
    with pytest.raises(PipelinesApiException) as refused:
        pipelines.get_by_id("deals", "nowhere")
    assert (refused.value.status, refused.value.body) == (404, "")


def test_edits_properties(client, portal):
    core = client.crm.properties.core_api
    options = [OptionInput(label=label, value=label, display_order=0, hidden=False) for label in ("night", "day")]
    core.create(
        "deals",
        PropertyCreate(
            name="crew", label="Crew", type="enumeration", field_type="select", group_name="dealinformation",
            options=options,
        ),
    )  # fmt: skip
    changed = core.update("deals", "crew", PropertyUpdate(label="Shift", options=options[:1]))
    assert (changed.label, [each.value for each in changed.options]) == ("Shift", ["night"])
    core.archive("deals", "crew")
    assert core.get_by_name("deals", "crew", archived=True).archived is True
    with pytest.raises(PropertiesApiException) as refused:
        core.get_by_name("deals", "crew")
    assert refused.value.status == 404


def test_reads_poisoned_records_and_follows_association_pages(client, portal):
    deal = portal.create("deals", {"dealname": "A"})
    lines = portal.add_line_items(deal, 120)
    portal.set_raw("deals", deal, {"amount": "1e400", "dealname": "\u202e🤖"})
    read = client.crm.deals.basic_api.get_by_id(deal, properties=["amount", "dealname"], associations=["line_items"])
    assert (read.properties["amount"], read.properties["dealname"]) == ("1e400", "\u202e🤖")
    page = read.associations["line items"]
    assert (len(page.results), page.paging.next.after[:4]) == (100, "MC04")  # base64 of `0-8`, the type of line items
    batch = client.crm.associations.v4.batch_api
    portal.settings.association_page_size = 50
    seen: list[str] = []
    after = None
    while len(seen) < 120:
        given = PublicFetchAssociationsBatchRequest(id=deal, after=after)
        result = batch.get_page(
            "deals", "line_items", BatchInputPublicFetchAssociationsBatchRequest(inputs=[given])
        ).results[0]
        seen += [each.to_object_id for each in result.to]
        after = result.paging.next.after if result.paging else None
    assert (seen, after) == (lines, None)

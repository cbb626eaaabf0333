import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import CallCounts, ReadResult, References
from hardfin_pipelines.connectors.errors import NeedsAttention, VendorContractError
from hardfin_pipelines.connectors.hubspot import HubSpotLimits
from hardfin_pipelines.connectors.hubspot.oauth import SCOPES
from hardfin_pipelines.connectors.hubspot.reading import SURVIVORS_LOOKED_FOR
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sandbox.hubspot import NewRecord
from hardfin_pipelines.sync.records import AccountDescription, Role
from hardfin_pipelines_tests.connectors.conformance import collect, minutes
from hardfin_pipelines_tests.connectors.hubspot.account import LINE_ITEM, PRIMARY_COMPANY, HubSpotAccount

BATCH = "/crm/objects/2026-03/{}/batch/read"
ASSOCIATIONS = "/crm/associations/2026-03/deals/companies/batch/read"


def read(
    account: HubSpotAccount, role: Role, ids: Sequence[str], names: Sequence[str] = ()
) -> tuple[ReadResult, CallCounts]:
    async def run() -> tuple[ReadResult, CallCounts]:
        async with account.connector() as connector:
            return await connector.read(role, ids, names), connector.calls

    return asyncio.run(run())


def references(account: HubSpotAccount, ids: Sequence[str], *roles: Role) -> tuple[References, CallCounts]:
    async def run() -> tuple[References, CallCounts]:
        async with account.connector() as connector:
            return await connector.references(ids, roles), connector.calls

    return asyncio.run(run())


def test_records_come_in_the_order_asked_for_by_hundreds(account: HubSpotAccount) -> None:
    ids = account.portal.create_many("companies", [NewRecord({"name": f"Firm {each}"}) for each in range(250)])
    asked = [*reversed(ids), ids[0]]
    result, calls = read(account, "company", asked, ["name"])
    assert [record.id for record in result.records] == list(reversed(ids))
    assert result.records[0].properties["name"] == "Firm 249"
    assert result.missing == ()
    assert calls.by_bucket == {"general": 3}


def test_nothing_asked_for_is_no_call(account: HubSpotAccount) -> None:
    result, calls = read(account, "deal", [])
    assert (result.records, result.missing, calls.total) == ((), (), 0)


def test_a_merged_company_answers_with_its_survivor(account: HubSpotAccount) -> None:
    one, two, three = account.portal.create_many("companies", [NewRecord({"name": each}) for each in "abc"])
    between = account.portal.merge("companies", one, two)
    last = account.portal.merge("companies", between, three)
    result, calls = read(account, "company", [two], ["name"])
    (record,) = result.records
    assert (record.id, record.properties["name"]) == (last, "a")
    assert two in record.merged_ids
    assert calls.by_bucket == {"general": 3}  # the batch, whose survivor it is, the survivor


def test_a_survivor_in_the_same_batch_costs_no_call(account: HubSpotAccount) -> None:
    one, two = account.create_deals(minutes(2))
    survivor = account.merge(one, two)
    result, calls = read(account, "deal", [one, survivor, two])
    assert [record.id for record in result.records] == [survivor]
    assert (result.missing, calls.total) == ((), 1)


def test_line_items_are_never_looked_up_singly(account: HubSpotAccount) -> None:
    result, calls = read(account, "line_item", ["123"])
    assert [(each.role, each.id, each.kind) for each in result.missing] == [("line_item", "123", "gone")]
    assert "may be deleted or not exist" in result.missing[0].reason
    assert calls.total == 1


def test_the_calls_for_many_missing_ids_are_bounded(account: HubSpotAccount) -> None:
    ids = [str(each) for each in range(1, SURVIVORS_LOOKED_FOR + 51)]
    result, calls = read(account, "company", ids)
    assert [each.id for each in result.missing] == ids
    assert calls.total == 2 + SURVIVORS_LOOKED_FOR
    assert "150 ids did not come" in result.missing[-1].reason


def test_what_is_no_record_id_is_missing_without_a_call(account: HubSpotAccount) -> None:
    (deal,) = account.create_deals(minutes(1))
    result, calls = read(account, "deal", ["x/../y", deal, ""])
    assert [record.id for record in result.records] == [deal]
    assert {each.id: each.reason for each in result.missing} == dict.fromkeys(
        ["x/../y", ""], "not a HubSpot record id (a number)"
    )
    assert calls.total == 1


def test_a_product_that_is_archived_is_missing(account: HubSpotAccount) -> None:
    kept, archived = account.portal.create_many("products", [NewRecord({"name": each}) for each in "ab"])
    account.portal.archive("products", archived)
    result, _ = read(account, "product", [kept, archived], ["name"])
    assert [record.id for record in result.records] == [kept]
    assert [each.id for each in result.missing] == [archived]


def test_what_was_looked_up_is_remembered_too(account: HubSpotAccount) -> None:
    one, two = account.create_deals(minutes(2))
    account.merge(one, two)
    memory = AnswerBuffer()

    async def work() -> tuple[ReadResult, int]:
        async with account.connector(memory) as connector:
            return await connector.read("deal", [one, "5"], ()), connector.calls.total

    first, calls = asyncio.run(work())
    assert calls == 4
    assert asyncio.run(work()) == (first, 0)


@pytest.mark.parametrize(
    ("errors", "reason", "kind"),
    [
        ('{"category":"OBJECT_NOT_FOUND","message":"deleted","context":{"ids":["5"]}}', "deleted", "gone"),
        ('{"category":"FORBIDDEN","message":"not yours","context":{"ids":["5"]}}', "not yours", "forbidden"),
        ('{"category":"MISSING_SCOPES","message":"no scope"}', "no scope", "forbidden"),
        ('{"category":"INTERNAL_ERROR","message":"shard 7 is away"}', "shard 7 is away", "unreadable"),
        ('{"category":"OBJECT_NOT_FOUND","message":"some are gone"}', "some are gone", "unreadable"),
        (
            (
                '{"category":"OBJECT_NOT_FOUND","message":"deleted","context":{"ids":["5"]}},'
                '{"category":"INTERNAL_ERROR","message":"shard 7 is away"}'
            ),
            "deleted",
            "gone",
        ),
        ("", "does not say why", "unreadable"),
    ],
)
def test_what_is_missing_says_whether_it_is_gone(account: HubSpotAccount, errors: str, reason: str, kind: str) -> None:
    account.fault(path=BATCH.format("line_items"), status=207, body=f'{{"results":[],"errors":[{errors}]}}')
    result, _ = read(account, "line_item", ["5"])
    assert [each.kind for each in result.missing] == [kind]
    assert reason in result.missing[0].reason


def test_what_comes_without_a_stamp_is_there_and_cannot_be_read(account: HubSpotAccount) -> None:
    account.fault(path=BATCH.format("line_items"), status=200, body='{"results":[{"id":"5","properties":{}}]}')
    result, _ = read(account, "line_item", ["5", "x"])
    assert [(each.id, each.kind) for each in result.missing] == [("5", "unreadable"), ("x", "unreadable")]


def test_a_company_that_a_failing_part_of_hubspot_left_out_is_looked_up(account: HubSpotAccount) -> None:
    (firm,) = account.portal.create_many("companies", [NewRecord({"name": "Firm"})])
    body = '{"results":[],"errors":[{"category":"INTERNAL_ERROR","message":"shard 7 is away"}]}'
    account.fault(path=BATCH.format("companies"), status=207, body=body)
    result, calls = read(account, "company", [firm, "5"], ["name"])
    assert [record.id for record in result.records] == [firm]
    assert [(each.id, each.kind) for each in result.missing] == [("5", "gone")]
    assert calls.total == 4  # the batch, a look at each, the company again


def test_a_failed_batch_fails_the_read_as_it_is(account: HubSpotAccount) -> None:
    ids = [str(each) for each in range(1, 1_001)]
    account.fault(path=BATCH.format("companies"), skip=3, status=400, body='{"message":"no"}')
    with pytest.raises(VendorContractError, match="answered 400"):
        read(account, "company", ids)


def test_references_of_many_deals_take_a_call_a_thousand_and_role(account: HubSpotAccount) -> None:
    deals = account.create_deals(minutes(1_001))
    (company,) = account.portal.create_many("companies", [NewRecord({"name": "Firm"})])
    account.portal.associate_many("deals", "companies", [(deal, company, PRIMARY_COMPANY) for deal in deals])
    found, calls = references(account, [*deals, deals[0]], "company", "line_item", "product")
    assert calls.by_bucket == {"associations": 4}
    assert list(found) == deals
    assert all([each.id for each in by_role["company"]] == [company] for by_role in found.values())
    assert all((by_role["line_item"], by_role["product"]) == ((), ()) for by_role in found.values())


def test_only_deals_that_have_more_are_asked_again(account: HubSpotAccount) -> None:
    account.portal.settings.association_page_size = 2
    big, small = account.create_deals(minutes(2))
    lines = account.create_product_lines(big, 7)
    other = account.create_product_lines(small, 2)
    found, calls = references(account, [big, small], "line_item")
    assert [each.id for each in found[big]["line_item"]] == lines
    assert [each.id for each in found[small]["line_item"]] == other
    assert calls.by_bucket == {"associations": 4}


def test_a_company_joined_in_several_ways_is_one_reference(account: HubSpotAccount) -> None:
    (deal,) = account.create_deals(minutes(1))
    first, primary = account.portal.create_many("companies", [NewRecord({"name": each}) for each in "ab"])
    partner, _ = account.portal.associations.add_label("deals", "companies", "Partner", None)
    account.portal.associate_many(
        "deals", "companies", [(deal, first, partner), (deal, first, 341), (deal, primary, PRIMARY_COMPANY)]
    )
    found, _ = references(account, [deal], "company")
    assert [(each.id, each.primary) for each in found[deal]["company"]] == [(first, False), (primary, True)]


def test_a_deal_that_is_gone_has_no_references(account: HubSpotAccount) -> None:
    found, _ = references(account, ["999"], "company")
    assert found == {"999": {"company": ()}}


def test_an_error_among_associations_is_not_taken_for_none(account: HubSpotAccount) -> None:
    body = '{"results":[],"errors":[{"category":"INTERNAL","message":"shard 7 is away"}]}'
    account.fault(path=ASSOCIATIONS, status=207, body=body)
    with pytest.raises(VendorContractError, match="shard 7 is away"):
        references(account, ["1"], "company")
    body = '{"results":[],"errors":[{"category":"MISSING_SCOPES","context":{"requiredGranularScopes":["a.read"]}}]}'
    account.fault(path=ASSOCIATIONS, status=207, body=body)
    with pytest.raises(NeedsAttention, match=r"a\.read"):
        references(account, ["1"], "company")


def test_a_cursor_that_does_not_move_is_refused(account: HubSpotAccount) -> None:
    body = '{"results":[{"from":{"id":"1"},"to":[{"toObjectId":5}],"paging":{"next":{"after":"x"}}}]}'
    account.fault(path=ASSOCIATIONS, times=None, status=200, body=body)
    with pytest.raises(VendorContractError, match="does not go on for deal 1"):
        references(account, ["1"], "company")


def describe(account: HubSpotAccount, **changes: Any) -> tuple[AccountDescription, CallCounts]:
    async def run() -> tuple[AccountDescription, CallCounts]:
        async with account.connector(**changes) as connector:
            return await connector.describe(), connector.calls

    return asyncio.run(run())


def test_the_description_of_an_account(account: HubSpotAccount) -> None:
    portal = account.portal
    portal.add_property("deals", "tier", "Tier", type="enumeration", field_type="select", options={"g": "Gold"})
    portal.add_property(
        "deals", "parts", "Parts", type="enumeration", field_type="checkbox", options={"a": "A", "b": "B"}
    )
    pipeline = portal.add_pipeline("Renewals", [("Won?", Decimal("0.9"), True), ("Signed", Decimal(1), True)])
    description, calls = describe(account)
    assert (description.account_id, description.currency, calls.by_bucket) == ("4242", "USD", {"general": 8})
    found = description.pipeline(pipeline)
    assert found is not None
    assert [(stage.label, stage.won, stage.closed) for stage in found.stages] == [
        ("Won?", False, True),
        ("Signed", True, True),
    ]
    deals = description.properties["deal"]
    assert (deals["tier"].type, deals["tier"].options) == ("option", {"g": "Gold"})
    assert (deals["parts"].type, deals["parts"].label) == ("options", "Parts")
    types = {name: deals[name].type for name in ("dealname", "amount", "closedate", "hs_is_closed_won", "pipeline")}
    assert types == {
        "dealname": "text",
        "amount": "number",
        "closedate": "datetime",
        "hs_is_closed_won": "boolean",
        "pipeline": "option",
    }
    assert deals["amount"].currency_property == "deal_currency_code"
    assert description.described_at.tzinfo is not None


def test_owners_are_the_options_of_the_properties_that_hold_their_ids(account: HubSpotAccount) -> None:
    portal = account.portal
    ann, left = portal.add_owner("ann@example.com", "Ann", "Lee"), portal.add_owner("bo@example.com", "Bo", "")
    nameless = portal.add_owner("desk@example.com", "", "")
    portal.schema.owners[left]["archived"] = True
    many = [portal.add_owner(f"{n}@example.com", "Owner", str(n)) for n in range(120)]

    description, calls = describe(account)

    owner = description.properties["deal"]["hubspot_owner_id"]
    assert owner.type == "option"
    assert {owner.options[each] for each in (ann, left, nameless)} == {"Ann Lee", "Bo", "desk@example.com"}
    assert set(owner.options) == {ann, left, nameless, *many}
    assert calls.by_bucket == {"general": 9}


def test_owners_that_this_connection_may_not_see_stay_ids(account: HubSpotAccount) -> None:
    account.portal.add_owner("ann@example.com", "Ann", "Lee")
    token = account.portal.issue_static_token(SCOPES)

    description, _ = describe(account, tokens=MemoryTokenStore(Tokens(token)), app=None)

    assert description.properties["deal"]["hubspot_owner_id"].options == {}


def test_what_hubspot_computes_is_described_as_calculated(account: HubSpotAccount) -> None:
    deals = describe(account)[0].properties["deal"]
    assert deals["amount_in_home_currency"].calculated
    assert not deals["amount"].calculated


def test_an_account_whose_details_are_hidden_is_described_without_currency(account: HubSpotAccount) -> None:
    account.fault(path="/account-info/*", times=None, status=403, body='{"category":"MISSING_SCOPES"}')
    description, _ = describe(account)
    assert (description.account_id, description.currency) == ("4242", "")


def test_descriptions_and_tokens_are_never_remembered(account: HubSpotAccount) -> None:
    memory = AnswerBuffer()
    describe(account, memory=memory)
    assert memory.kept == {}


def test_a_description_needs_the_scopes_to_see_fields(account: HubSpotAccount) -> None:
    token = account.portal.issue_static_token(["oauth", "crm.objects.deals.read"])
    with pytest.raises(NeedsAttention, match=r"crm\.(schemas|objects)\."):
        describe(account, tokens=MemoryTokenStore(Tokens(token)), app=None)


def test_a_thousand_deals_with_all_they_point_to_take_fifty_five_calls(account: HubSpotAccount) -> None:
    """The measure: 600 companies, 4,000 line items, 50 products; HubSpot's own least is 54."""
    portal = account.portal
    deals = account.create_deals(minutes(1_000))
    companies = portal.create_many("companies", [NewRecord({"name": f"Firm {each}"}) for each in range(600)])
    products = portal.create_many("products", [NewRecord({"name": f"Part {each}"}) for each in range(50)])
    lines = portal.create_many(
        "line_items", [NewRecord({"name": "Part", "hs_product_id": products[each % 50]}) for each in range(4_000)]
    )
    portal.associate_many(
        "deals", "companies", [(deal, companies[place % 600], PRIMARY_COMPANY) for place, deal in enumerate(deals)]
    )
    portal.associate_many(
        "deals", "line_items", [(deals[place // 4], line, LINE_ITEM) for place, line in enumerate(lines)]
    )

    async def run() -> tuple[CallCounts, int]:
        async with account.connector(limits=HubSpotLimits()) as connector:
            pages = await collect(connector.deal_pages(account.query(), ()))
            found = await connector.references(
                [record.id for page in pages for record in page.records], ("company", "line_item")
            )
            firms = {each.id for by_role in found.values() for each in by_role["company"]}
            parts = [each.id for by_role in found.values() for each in by_role["line_item"]]
            assert len((await connector.read("company", sorted(firms), ["name"])).records) == 600
            read_lines = await connector.read("line_item", parts, ["name"])
            assert len(read_lines.records) == 4_000
            used = {each.id for record in read_lines.records for each in record.references["product"]}
            assert len((await connector.read("product", sorted(used), ["name"])).records) == 50
            return connector.calls, connector.plan_calls(1_000, 600, 4_000, 50).total

    calls, planned = asyncio.run(run())
    assert calls.by_bucket == {"search": 6, "associations": 2, "general": 47}
    assert (calls.throttled, planned) == (0, 54)


@pytest.mark.parametrize(
    ("counts", "plan"),
    [
        ((0, 0, 0, 0), {"search": 1, "associations": 0, "general": 0}),
        ((1, 1, 1, 1), {"search": 1, "associations": 2, "general": 3}),
        ((10_000, 6_000, 40_000, 500), {"search": 50, "associations": 20, "general": 465}),
    ],
)
def test_the_plan_of_calls(account: HubSpotAccount, counts: tuple[int, int, int, int], plan: dict[str, int]) -> None:
    async def run() -> dict[str, int]:
        async with account.connector() as connector:
            return dict(connector.plan_calls(*counts).by_bucket)

    assert asyncio.run(run()) == plan

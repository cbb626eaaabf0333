"""What opportunities point to: how many calls it costs, and that nothing is lost on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from hardfin_pipelines.connectors.salesforce import SalesforceConnector
from hardfin_pipelines.sync.records import Role
from hardfin_pipelines_tests.connectors.conformance import collect, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import SalesforceAccount

FIELDS: dict[Role, tuple[str, ...]] = {
    "deal": ("Name", "Amount", "Account.Name"),
    "company": ("Name", "BillingCity"),
    "line_item": ("Name", "Quantity", "UnitPrice", "Product2.Name"),
    "product": ("Name", "ProductCode"),
}
ROLES: tuple[Role, ...] = ("company", "line_item")


def run(account: SalesforceAccount, work: Callable[[SalesforceConnector], Awaitable[Any]], **changes: Any) -> Any:
    async def in_loop() -> Any:
        async with account.connector(**changes) as connector:
            return await work(connector)

    return asyncio.run(in_loop())


async def extract(connector: SalesforceConnector, deals: list[str]) -> dict[Role, list[str]]:
    """Ask as the engine does: references, then each role by id."""
    references = await connector.references(deals, ROLES)
    ids: dict[Role, list[str]] = {
        role: list(dict.fromkeys(each.id for deal in deals for each in references[deal][role])) for role in ROLES
    }
    companies = await connector.read("company", ids["company"], FIELDS["company"])
    lines = await connector.read("line_item", ids["line_item"], FIELDS["line_item"])
    wanted = dict.fromkeys(each.id for record in lines.records for each in record.references["product"])
    products = await connector.read("product", list(wanted), FIELDS["product"])
    assert not (*companies.missing, *lines.missing, *products.missing)
    read: dict[Role, Any] = {"company": companies, "line_item": lines, "product": products}
    for role, result in read.items():
        assert all(name in each.properties for each in result.records for name in FIELDS[role])
    return {
        "company": [record.id for record in companies.records],
        "line_item": [record.id for record in lines.records],
        "product": [record.id for record in products.records],
    }


@pytest.fixture
def org(account: SalesforceAccount) -> SalesforceAccount:
    account.org.settings.largest_page = None
    return account


def filled(account: SalesforceAccount, deals: int, lines: int) -> list[str]:
    made = account.create_deals(minutes(deals))
    for deal in made:
        account.create_companies(deal, 1)
        account.create_product_lines(deal, lines)
    return made


def test_a_tick_with_changes_is_two_calls(org: SalesforceAccount) -> None:
    deals = filled(org, 6, 4)

    async def work(connector: SalesforceConnector) -> dict[Role, list[str]]:
        connector.expect(FIELDS)
        (page,) = await collect(connector.deal_pages(org.query(), FIELDS["deal"]))
        assert [record.id for record in page.records] == deals
        return await extract(connector, deals)

    found = run(org, work)
    assert {role: len(ids) for role, ids in found.items()} == {"company": 6, "line_item": 24, "product": 24}
    assert org.api_calls() == 2


def test_without_being_told_the_fields_the_second_chunk_knows_them(org: SalesforceAccount) -> None:
    deals = filled(org, 8, 2)

    async def work(connector: SalesforceConnector) -> list[int]:
        await collect(connector.deal_pages(org.query(), ()))
        counts = []
        for start in (0, 4):
            before = connector.calls.total
            await extract(connector, deals[start : start + 4])
            counts.append(connector.calls.total - before)
        return counts

    assert run(org, work) == [4, 1]


def test_a_project_is_read_again_by_one_call(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 3)

    async def work(connector: SalesforceConnector) -> dict[Role, list[str]]:
        connector.expect(FIELDS)
        names = [*FIELDS["deal"], *connector.deciding_fields(["Closed Won"])]
        result = await connector.read("deal", [deal], names)
        assert [record.id for record in result.records] == [deal]
        assert connector.deal_state(result.records[0]).stage_id == "Closed Won"
        return await extract(connector, [deal])

    found = run(org, work, record_types=False)
    assert {role: len(ids) for role, ids in found.items()} == {"company": 1, "line_item": 3, "product": 3}
    assert org.api_calls() == 1


def test_an_org_without_record_types_costs_one_call_more_where_that_is_not_known(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 1)

    async def work(connector: SalesforceConnector) -> list[int]:
        calls = []
        for _ in range(2):
            names = [*FIELDS["deal"], *connector.deciding_fields(["Closed Won"])]
            await connector.read("deal", [deal], names)
            calls.append(connector.calls.total)
        return calls

    assert run(org, work) == [2, 3]


def test_lines_come_in_the_order_people_gave(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 3)
    references = run(org, lambda each: each.references([deal], ("line_item",)))[deal]["line_item"]
    lines = [reference.id for reference in references]
    assert lines == sorted(lines)
    for line, order in zip(lines, (3, 1, 2), strict=True):
        org.org.set_silently("OpportunityLineItem", line, {"SortOrder": order})
    again = run(org, lambda each: each.references([deal], ("line_item",)))[deal]["line_item"]
    assert [reference.id for reference in again] == [lines[1], lines[2], lines[0]]


def test_a_line_that_cannot_be_read_is_still_its_deals_and_missing_with_the_reason(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 2)
    (first, second) = [each.id for each in run(org, lambda each: each.references([deal], ROLES))[deal]["line_item"]]
    org.poison(first)

    async def work(connector: SalesforceConnector) -> Any:
        connector.expect(FIELDS)
        references = await connector.references([deal], ROLES)
        assert [each.id for each in references[deal]["line_item"]] == [first, second]
        return await connector.read("line_item", [first, second], FIELDS["line_item"])

    result = run(org, work)
    assert [record.id for record in result.records] == [second]
    assert [(each.id, each.kind) for each in result.missing] == [(first, "unreadable")]


def test_every_record_says_where_people_see_it(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 1)

    async def work(connector: SalesforceConnector) -> list[Any]:
        connector.expect(FIELDS)
        (page,) = await collect(connector.deal_pages(org.query(), ()))
        references = await connector.references([deal], ROLES)
        lines = await connector.read("line_item", [each.id for each in references[deal]["line_item"]], ())
        companies = await connector.read("company", [each.id for each in references[deal]["company"]], ())
        again = await connector.read("deal", [deal], ())
        return [*page.records, *lines.records, *companies.records, *again.records]

    found = run(org, work)
    assert [record.url for record in found] == [f"{org.url}/{record.id}" for record in found]
    assert len(found) == 4


def test_a_deleted_line_is_not_referenced(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 2)
    lines = [each.id for each in run(org, lambda each: each.references([deal], ROLES))[deal]["line_item"]]
    org.org.delete("OpportunityLineItem", lines[0])
    assert [each.id for each in run(org, lambda each: each.references([deal], ROLES))[deal]["line_item"]] == lines[1:]


def test_a_record_that_is_not_shared_is_gone_with_both_reasons(org: SalesforceAccount) -> None:
    (deal,) = filled(org, 1, 1)
    org.org.hide_record(org.user, deal)
    (missing,) = run(org, lambda each: each.read("deal", [deal], ()), record_types=False).missing
    assert missing.kind == "gone"
    assert "or hides it from Hardfin's user" in missing.reason


def test_a_load_takes_no_more_calls_than_are_planned_for_it(org: SalesforceAccount) -> None:
    deals = org.create_deals(minutes(1_100))
    account = org.create_companies(deals[0], 1)[0]
    product = org.create_product_lines(deals[0], 1)[0]
    entry = org.org.record("OpportunityLineItem", product)["PricebookEntryId"]
    org.org._after_line = lambda *_: None  # type: ignore[method-assign]  # a sum for each line would take long
    with org.org.store.writing():
        for deal in deals[1:]:
            org.org.set_silently("Opportunity", deal, {"AccountId": account})
            for _ in range(3):
                given = {"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": "2.00"}
                org.org.create("OpportunityLineItem", given)

    async def work(connector: SalesforceConnector) -> int:
        connector.expect(FIELDS)
        pages = await collect(connector.deal_pages(org.query(), FIELDS["deal"]))
        found = [record.id for page in pages for record in page.records]
        lines = 0
        for start in range(0, len(found), 1_000):
            lines += len((await extract(connector, found[start : start + 1_000]))["line_item"])
        assert lines == 3 * 1_099 + 1
        # The account and the product, which the engine would not ask for twice, are asked for again with each chunk.
        return connector.calls.total - connector.plan_calls(1_100, 1, 3_298, 1).total

    assert run(org, work) <= 1


def test_ten_thousand_ids_are_one_call(org: SalesforceAccount) -> None:
    with org.org.store.writing():
        accounts = [org.org.create("Account", {"Name": f"Firm {each}"}) for each in range(3_000)]
    asked = accounts + [f"{each[:3]}zz{each[5:15]}" for each in accounts] * 2
    result = run(org, lambda each: each.read("company", asked, ("Name",)))
    assert len(result.records) == 3_000
    assert len(result.missing) == 3_000
    assert org.api_calls() == 1

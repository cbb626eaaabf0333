"""Hazards of access, of fields and of records that are gone, by name: see `test_hazards.py`."""

from dataclasses import replace
from typing import Any

import pytest

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.errors import NeedsAttention, UnknownField, VendorContractError
from hardfin_pipelines.connectors.salesforce import SalesforceConnector, SalesforceLimits
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.salesforce import Field
from hardfin_pipelines_tests.connectors.conformance import START, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import DATA, QUERY, WON, SalesforceAccount
from hardfin_pipelines_tests.connectors.salesforce.test_hazards import exactly_once, run, scan

# access


@pytest.mark.parametrize("page", range(5))
def test_a_session_that_expires_mid_page_costs_one_renewal_and_no_row(account: SalesforceAccount, page: int) -> None:
    deals = account.create_deals(minutes(23))

    async def work(connector: SalesforceConnector) -> list[str]:
        found: list[str] = []
        pages = 0
        async for each in connector.deal_pages(account.query(), ()):
            found += [record.id for record in each.records]
            if pages == page:
                account.age_access_token()
            pages += 1
        assert connector.calls.token_refreshes == (2 if page < 4 else 1)
        return found

    assert exactly_once(run(account, work), deals)


def test_a_session_that_expires_while_a_bulk_job_runs_costs_one_renewal_and_no_row(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(23))
    account.fault("session_expired", path=f"{DATA}jobs/query/*", skip=1, times=1)

    async def work(connector: SalesforceConnector) -> list[str]:
        found = ids_of(await collect(connector.deal_pages(account.query(), ())))
        assert connector.calls.token_refreshes == 2
        return found

    assert exactly_once(run(account, work, limits=SalesforceLimits(bulk_from_calls=1)), deals)


def test_a_refresh_token_that_was_rotated_away_needs_a_person_and_is_named_in_one_line(
    account: SalesforceAccount,
) -> None:
    stolen = account.store.load()
    scan(account)  # rotates it
    account.age_access_token()
    with pytest.raises(NeedsAttention, match="connect Salesforce again") as caught:
        scan(account, tokens=MemoryTokenStore(stolen))
    assert "\n" not in str(caught.value)
    assert stolen.refresh not in str(caught.value)


def test_a_refresh_token_that_another_process_rotated_away_is_taken_up_from_the_store(
    account: SalesforceAccount,
) -> None:
    deals = account.create_deals(minutes(12))
    store = MemoryTokenStore(account.store.load())

    async def work(connector: SalesforceConnector) -> list[str]:
        found: list[str] = []
        async for page in connector.deal_pages(account.query(), ()):
            found += [record.id for record in page.records]
            if len(found) == 5:
                await account.new_connector(tokens=store).keep_alive()
                session = store.load().access
                account.age_access_token()
                account.sandbox.clock.advance(1)
                fresh = account.sandbox.session(account.org)
                assert session != fresh
                store.save(replace(store.load(), access=fresh))
        assert connector.calls.token_refreshes == 1
        return found

    assert exactly_once(run(account, work, tokens=store), deals)


def test_an_app_that_the_admin_removed_is_named_in_one_line(account: SalesforceAccount) -> None:
    account.create_deals(minutes(12))

    async def work(connector: SalesforceConnector) -> None:
        async for _ in connector.deal_pages(account.query(), ()):
            account.revoke()

    with pytest.raises(NeedsAttention, match="the app must be installed in the org") as caught:
        run(account, work)
    assert "\n" not in str(caught.value)


# fields and statements


def test_a_field_removed_between_describe_and_query_is_named_in_one_line(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    account.org.add_field("Opportunity", Field("Site_Contact__c", "string", length=80))
    deals = account.create_deals(minutes(3))

    async def work(connector: SalesforceConnector) -> None:
        described = (await connector.describe()).properties["deal"]
        assert "Site_Contact__c" in described
        account.org.remove_field("Opportunity", "Site_Contact__c")
        with pytest.raises(UnknownField, match=r"does not know the field Site_Contact__c of Opportunity") as caught:
            await collect(connector.deal_pages(account.query(), ("Name", "Site_Contact__c")))
        assert caught.value.context["properties"] == "Site_Contact__c"
        assert "\n" not in str(caught.value)
        assert exactly_once(ids_of(await collect(connector.deal_pages(account.query(), ("Name",)))), deals)

    run(account, work)


def test_a_query_too_long_for_a_url_goes_in_a_body_and_is_still_one_call(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(7))
    stages = (WON, *(f"Stage number {each:04} of a very long process" for each in range(400)))
    assert exactly_once(ids_of(scan(account, TriggerQuery({"default": stages}, START))), deals)
    assert account.api_calls() == 2  # and its second page


@pytest.mark.parametrize("count", [1, 300, 480, 500, 520, 540, 560, 600])
def test_a_query_too_long_is_never_made_by_a_number_of_ids(account: SalesforceAccount, count: int) -> None:
    firm = account.org.create("Account", {"Name": "Firm"})
    asked = [firm, *(f"001A00000{each:06}" for each in range(count))]
    result = run(account, lambda each: each.read("company", asked, ("Name",)))
    assert [record.id for record in result.records] == [firm]
    assert len(result.missing) == count
    assert account.api_calls() == 1


@pytest.mark.parametrize(("status", "reason"), [(414, "URI Too Long"), (431, "Request Header Fields Too Large")])
def test_a_query_too_long_for_something_in_between_is_named_in_one_line(
    account: SalesforceAccount, status: int, reason: str
) -> None:
    page = f"<h1>Bad Message {status}</h1><pre>reason: {reason}</pre>"
    account.sandbox.faults.add(Fault(path=QUERY, times=None, status=status, body=page, content_type="text/html"))
    with pytest.raises(VendorContractError, match=f"Salesforce answered {status}") as caught:
        scan(account)
    assert "\n" not in str(caught.value)
    assert account.api_calls() == 1


# records that are gone, and their ids


def test_a_deal_that_was_deleted_is_gone_and_one_that_was_restored_is_there(account: SalesforceAccount) -> None:
    kept, deleted, erased, restored = account.create_deals(minutes(4))
    account.org.delete("Opportunity", deleted)
    account.org.delete("Opportunity", erased, hard=True)
    account.org.delete("Opportunity", restored)
    account.org.undelete("Opportunity", restored)
    result = run(account, lambda each: each.read("deal", [kept, deleted, erased, restored], ()), record_types=False)
    assert exactly_once([record.id for record in result.records], [kept, restored])
    assert [(each.id, each.kind) for each in result.missing] == [(deleted, "gone"), (erased, "gone")]
    assert "recycle bin" in result.missing[0].reason
    assert exactly_once(ids_of(scan(account)), [kept, restored])


def test_a_deals_account_that_was_merged_is_the_survivor_and_one_that_was_deleted_is_gone(
    account: SalesforceAccount,
) -> None:
    org = account.org
    org.settings.largest_page = None
    kept, loser, other, gone = (
        org.create("Account", {"Name": name}) for name in ("Kept", "Loser", "Other loser", "Gone")
    )
    (deal,) = account.create_deals(minutes(1), AccountId=other)
    org.merge("Account", loser, [other])
    org.merge("Account", kept, [loser])
    org.delete("Account", gone)

    async def work(connector: SalesforceConnector) -> Any:
        references = await connector.references([deal], ("company",))
        assert [each.id for each in references[deal]["company"]] == [kept]
        return await connector.read("company", [other[:15], loser, gone, "42"], ("Name",))

    result = run(account, work)
    (record,) = result.records
    assert record.id == kept
    assert set(record.merged_ids) == {other[:15], other, loser}
    assert [(each.id, each.kind) for each in result.missing] == [(gone, "gone"), ("42", "unreadable")]
    assert "recycle bin" in result.missing[0].reason
    assert account.api_calls() == 1 + 2  # the deal's account; those asked for, and the survivor


def test_ids_of_15_and_18_characters_are_one_record(account: SalesforceAccount) -> None:
    account.org.settings.largest_page = None
    (deal,) = account.create_deals(minutes(1))
    lines = account.create_product_lines(deal, 2)

    async def work(connector: SalesforceConnector) -> None:
        result = await connector.read("deal", [deal[:15], deal, deal.lower()], ())
        assert [record.id for record in result.records] == [deal]
        assert result.missing == ()
        references = await connector.references([deal[:15], deal], ("line_item",))
        assert {text: [each.id for each in found["line_item"]] for text, found in references.items()} == {
            deal[:15]: lines,
            deal: lines,
        }

    run(account, work, record_types=False)


def test_a_token_store_that_lost_its_access_token_is_renewed_before_the_first_call(account: SalesforceAccount) -> None:
    deals = account.create_deals(minutes(3))
    scan(account)
    account.store.save(Tokens("", account.store.load().refresh))
    assert exactly_once(ids_of(scan(account)), deals)

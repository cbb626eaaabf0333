"""What an account is like is found out before anything is read: features, permissions, clock, currency, limits."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, UnknownField
from hardfin_pipelines.connectors.netsuite import NetSuiteLimits
from hardfin_pipelines.connectors.netsuite.describe import AccountFacts
from hardfin_pipelines.connectors.netsuite.errors import NotPermitted, NotVisible
from hardfin_pipelines.connectors.netsuite.probing import visible_columns
from hardfin_pipelines.connectors.netsuite.requests import Request
from hardfin_pipelines.sync.records import AccountDescription, PropertyDescription
from hardfin_pipelines_tests.connectors.netsuite.account import SUITEQL, SYSTEM, NetSuiteAccount


def described(
    account: NetSuiteAccount, named: tuple[str, ...] = (), **changes: Any
) -> tuple[AccountDescription, AccountFacts]:
    async def run() -> tuple[AccountDescription, AccountFacts]:
        async with account.connector(**changes) as connector:
            description = await connector.describe({"item": named})
            assert connector.account is not None
            return description, connector.account

    return asyncio.run(run())


def fields_of(description: AccountDescription) -> dict[str, PropertyDescription]:
    return dict(description.properties["item"])


def hidden_in(description: AccountDescription) -> dict[str, str]:
    return {name: each.needs for name, each in description.properties["item"].items() if each.hidden}


def test_a_full_account_hides_nothing_and_takes_five_calls(account: NetSuiteAccount) -> None:
    description, facts = described(account)
    assert hidden_in(description) == {}
    assert facts == AccountFacts(
        one_world=True,
        locations=True,
        multi_location=True,
        deletions=True,
        currency="EUR",
        utc_offset=timedelta(hours=-5),
        concurrency=None,
        lacking={},
    )
    assert description.account_id == "1234567_SB1"
    assert abs(description.described_at - account.now()) < timedelta(minutes=1)
    assert (account.calls(SUITEQL), account.calls(SYSTEM)) == (3, 2)
    fields = fields_of(description)
    assert fields["itemtype"].options["InvtPart"] == "Inventory Item"
    assert (fields["baseprice"].type, fields["baseprice"].currency_property) == ("number", "baseprice_currency")
    assert fields["totalquantityonhand"].calculated


def test_a_small_account_names_what_it_lacks() -> None:
    small = NetSuiteAccount(one_world=False, multi_location=False, without=["locations", "classes", "multicurrency"])
    with small.serving(described=False):
        description, facts = described(small)
    assert (facts.one_world, facts.locations, facts.multi_location) == (False, False, False)
    assert facts.deletions
    assert description.currency == facts.currency == "EUR"
    assert hidden_in(description) == {
        "subsidiary": "NetSuite OneWorld",
        "location": "the feature Locations and the permission Lists > Locations",
        "class": "the feature Classes",
        "baseprice_currency": "the feature Multiple Currencies and the permission Lists > Currency",
        "aggregateitemlocation": "the feature Multi-Location Inventory",
    }


def test_columns_that_the_role_does_not_see_are_hidden_and_not_asked_for(account: NetSuiteAccount) -> None:
    (item,) = account.create_items([account.now()], cost=5)
    account.role.hidden |= {"item.cost", "item.upccode", "pricing"}
    account.role.permissions -= {"Deleted Records"}
    description, facts = described(account)
    assert set(hidden_in(description)) == {"cost", "upccode", "baseprice", "baseprice_currency", "deletedrecord"}
    assert hidden_in(description)["deletedrecord"] == "the permission Deleted Records"
    assert not facts.deletions
    account.described = description
    account.sandbox.call_log.reset()

    async def run() -> None:
        async with account.connector() as connector:
            (record,) = (await connector.read_items([item])).records
            assert "cost" not in record.properties
            assert connector.item_facts(record).name == "Item 1"

    asyncio.run(run())
    assert account.calls(status=400) == 0
    assert account.calls() == 1


def test_a_refusal_that_names_no_column_is_narrowed_down(account: NetSuiteAccount) -> None:
    """Some accounts answer a bad column with 500 UNEXPECTED_ERROR."""
    fault = account.fault("unexpected_error", times=None)
    with pytest.raises(RetryLater, match="UNEXPECTED_ERROR"):  # nothing at all can be asked: no word on columns
        described(account)
    fault.times = fault.hits

    async def run() -> set[str]:
        async with account.connector() as connector:

            async def ask(request: Request):
                for bad in ("nope", "never"):
                    if f"item.{bad}" in request.statement:
                        raise RetryLater("netsuite", "500", delay=timedelta(1), context={"code": "UNEXPECTED_ERROR"})
                return await connector._send(request)

            return await visible_columns(ask, ["id", "itemid", "nope", "cost", "never", "displayname"])

    assert asyncio.run(run()) == {"id", "itemid", "cost", "displayname"}


def test_custom_fields_are_asked_for_by_name(account: NetSuiteAccount) -> None:
    description, _ = described(account, named=("custitem_hardfin_model", "custitem_gone"))
    fields = fields_of(description)
    assert not fields["custitem_hardfin_model"].hidden
    assert fields["custitem_gone"].hidden
    assert fields["custitem_gone"].needs
    (item,) = account.create_items([account.now()], custitem_hardfin_model="MK2")

    async def run() -> None:
        async with account.connector(fields=["custitem_hardfin_model"], sku_field="CUSTITEM_HARDFIN_MODEL") as one:
            (record,) = (await one.read_items([item])).records
            assert one.item_facts(record).sku == "MK2"

    asyncio.run(run())


@pytest.mark.parametrize("name", ["x; DROP TABLE item", "a b", "", "1st", "item.cost", "'", "x" * 200, "kosten€"])
def test_what_is_no_column_is_refused_before_anything_is_asked(account: NetSuiteAccount, name: str) -> None:
    with pytest.raises(UnknownField, match="no field of a NetSuite item"):
        described(account, named=(name,))
    with pytest.raises(UnknownField, match="no field of a NetSuite item"):
        described(account, fields=[name])
    assert account.sandbox.call_log.total == 0


def test_administrators_are_told_the_accounts_limit_and_half_of_it_is_ours(account: NetSuiteAccount) -> None:
    account.role.administrator = True
    account.account.settings.change({"concurrent_requests": 12})
    _, facts = described(account)
    assert facts.concurrency == 12
    limits = NetSuiteLimits(in_flight=8)
    assert limits.most_under_way(facts.concurrency) == 6
    assert limits.most_under_way() == 2
    assert NetSuiteLimits(in_flight=1).most_under_way(100) == 1
    assert NetSuiteLimits().most_under_way(1) == 1


def test_a_role_without_items_or_queries_says_what_it_needs(account: NetSuiteAccount) -> None:
    account.role.permissions -= {"Items"}
    with pytest.raises(NotVisible, match=r"the record type item, or our role does not see it: .* permission") as caught:
        described(account)
    assert isinstance(caught.value, NeedsAttention)
    account.role.permissions -= {"SuiteAnalytics Workbook"}
    with pytest.raises(NotPermitted, match=r"our role at NetSuite lacks a permission.*'SuiteAnalytics Workbook'"):
        described(account)


def test_a_prohibited_clock_and_unknown_time_zone_stop_nothing(account: NetSuiteAccount) -> None:
    account.fault("invalid_search", path=SYSTEM, times=None)
    description, facts = described(account)
    assert abs(description.described_at - account.now()) < timedelta(minutes=1)
    assert facts.concurrency is None


def test_without_a_description_the_first_reading_describes_once(account: NetSuiteAccount) -> None:
    account.create_items([account.now()] * 3)

    async def run() -> None:
        async with account.connector(described=None) as connector:
            pages = [page async for page in connector.item_pages()]
            assert len(pages) == 1
            _ = [page async for page in connector.item_pages()]

    asyncio.run(run())
    assert account.calls(SYSTEM) == 2
    assert account.calls() == 3 + 2

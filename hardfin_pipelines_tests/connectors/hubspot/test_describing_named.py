"""Why a property that a mapping names is not among an account's: archived, or closed to this connection."""

import asyncio
from collections.abc import Collection, Mapping

import pytest

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.hubspot.oauth import ALL_SCOPES
from hardfin_pipelines.sync.records import AccountDescription, Role
from hardfin_pipelines_tests.connectors.hubspot.account import HubSpotAccount

Named = Mapping[Role, Collection[str]]


def describe(account: HubSpotAccount, named: Named) -> tuple[AccountDescription, CallCounts]:
    async def run() -> tuple[AccountDescription, CallCounts]:
        async with account.connector() as connector:
            return await connector.describe(named), connector.calls

    return asyncio.run(run())


def test_properties_that_are_there_cost_no_further_call(account: HubSpotAccount) -> None:
    description, calls = describe(account, {"deal": {"amount"}, "company": {"name"}})

    assert calls.by_bucket == {"general": 8}
    assert description.archived == {}


def test_an_archived_property_is_told_with_its_label_where_it_is_named(account: HubSpotAccount) -> None:
    for name in ("po_number", "colour"):
        account.portal.add_property("deals", name, name.title())
        account.portal.schema.archive_property("deals", name, "2026-01-01T00:00:00Z")

    description, calls = describe(account, {"deal": {"po_number", "never_there"}})

    assert {name: about.label for name, about in description.archived["deal"].items()} == {"po_number": "Po_Number"}
    assert {"po_number", "colour", "never_there"}.isdisjoint(description.properties["deal"])
    assert calls.by_bucket == {"general": 11}


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("records", [0, 1])
def test_a_sensitive_property_is_hidden_where_a_record_shows_that_it_is(
    account: HubSpotAccount,
    records: int,
    granted: bool,
) -> None:
    account.portal.add_property("companies", "bank", "Bank", sensitivity="sensitive")
    for _ in range(records):
        account.portal.create("companies", {"name": "Globex"})
    scope = "crm.objects.companies.sensitive.read.v2"
    open_scopes = [each for each in ALL_SCOPES if "sensitive" not in each]
    token = account.portal.issue_static_token([*open_scopes, scope] if granted else open_scopes)

    async def run() -> AccountDescription:
        async with account.connector(tokens=MemoryTokenStore(Tokens(token)), app=None) as connector:
            return await connector.describe({"company": {"bank"}})

    about = asyncio.run(run()).properties["company"]["bank"]

    assert about.hidden is (records > 0 and not granted)
    assert about.needs == f"the scope {scope}"

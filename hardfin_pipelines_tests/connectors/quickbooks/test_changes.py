"""What changed and what is gone, up to more changes than QuickBooks tells at once."""

import asyncio
from datetime import datetime, timedelta

import pytest

from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.quickbooks import QuickBooksLimits
from hardfin_pipelines.connectors.quickbooks.changes import ChangeReader
from hardfin_pipelines.connectors.quickbooks.connector import LOOK_BACK
from hardfin_pipelines.connectors.quickbooks.limits import METERED
from hardfin_pipelines_tests.connectors.erp_harness import START, collect, gone_in, ids_of, minutes
from hardfin_pipelines_tests.connectors.quickbooks.account import NOW, QuickBooksAccount

REAL = QuickBooksLimits()


def changes(
    account: QuickBooksAccount, since: datetime = START, limits: QuickBooksLimits = REAL
) -> tuple[list[ItemPage], int]:
    async def run() -> tuple[list[ItemPage], int]:
        connector = account.new_connector(limits=limits)
        pages = await collect(connector.changed_pages(since))
        return pages, connector.calls.by_bucket[METERED]

    return asyncio.run(run())


@pytest.mark.parametrize(("items", "calls"), [(0, 1), (1, 1), (999, 1)])
def test_fewer_changes_than_fit_are_one_call(account: QuickBooksAccount, items: int, calls: int) -> None:
    made = account.create_items(minutes(items))
    pages, metered = changes(account)
    assert sorted(ids_of(pages)) == sorted(made)
    assert (len(pages), metered) == (1, calls)
    assert pages[0].deletions_from is None


@pytest.mark.parametrize("items", [1000, 1001, 2500])
def test_as_many_changes_as_fit_are_not_taken_for_all(account: QuickBooksAccount, items: int) -> None:
    made = account.create_items(minutes(items))
    account.deactivate(made[-1])
    pages, metered = changes(account)
    assert set(ids_of(pages)) == set(made)
    assert len(ids_of(pages)) == items  # what the first call told is not given again
    assert metered == 2 + account.new_connector(limits=REAL).plan_calls(items).total
    assert metered == account.metered()


def test_of_too_many_changes_the_newest_deletions_are_told_and_since_when(account: QuickBooksAccount) -> None:
    made = account.create_items(minutes(1500))
    early, late = made[0], made[-1]
    account.company.delete("Item", early, at=START + timedelta(minutes=2))
    account.company.delete("Item", late, at=NOW - timedelta(hours=1))
    pages, _ = changes(account)
    assert set(ids_of(pages)) == set(made) - {early, late}
    assert late in gone_in(pages)
    since = pages[-1].deletions_from
    assert since is not None
    assert START + timedelta(minutes=2) < since < NOW - timedelta(hours=1)
    assert [page.deletions_from for page in pages[:-1]] == [None] * (len(pages) - 1)


def test_where_nothing_is_known_of_deletions_it_says_so(account: QuickBooksAccount, caplog) -> None:
    """All in one second: no time has fewer changes in it."""
    account.create_items([START] * 1200)
    pages, calls = changes(account)
    assert pages[-1].deletions_from == pages[0].vendor_time
    assert calls == 6  # two of change data capture, four of the scan
    assert "are found by a census" in caplog.text


def test_changes_that_go_on_while_they_are_read_all_come(account: QuickBooksAccount) -> None:
    limits = QuickBooksLimits(page=5, changes=8)
    account.company.settings.cdc_cap = 8
    made = account.create_items(minutes(30))
    new: list[str] = []

    async def run() -> list[str]:
        pages = []
        async for page in account.new_connector(limits=limits).changed_pages(START):
            pages.append(page)
            if len(pages) < 5:
                account.modify(made[3])
                account.modify(made[-len(pages)])
                new.extend(account.create_items([account.now()]))
        return ids_of(pages)

    assert set(asyncio.run(run())) >= {*made, *new}


def test_entities_that_have_too_many_together_are_asked_for_one_by_one(account: QuickBooksAccount) -> None:
    items = account.create_items(minutes(6))
    account.company.settings.cdc_cap = 12

    async def run() -> tuple[dict[str, tuple[int, bool]], int]:
        connector = account.new_connector()
        reader = ChangeReader(connector._ask, 12)
        found = await reader.changes(["Item", "Account", "Vendor"], START)
        told = {name: (len(each.rows), each.complete) for name, each in found.by_entity.items()}
        return told, connector.calls.total

    accounts = account.company.count("Account")
    assert 6 < accounts < 12
    told, calls = asyncio.run(run())
    assert told == {"Item": (len(items), True), "Account": (accounts, True), "Vendor": (0, True)}
    assert calls == 4


def test_all_entities_are_one_call_where_they_fit(account: QuickBooksAccount) -> None:
    account.create_items(minutes(2))

    async def run() -> tuple[int, int]:
        connector = account.new_connector()
        found = await ChangeReader(connector._ask, 1000).changes(["Item", "Account"], START)
        return sum(len(each.rows) for each in found.by_entity.values()), connector.calls.total

    assert asyncio.run(run()) == (2 + account.company.count("Account"), 1)


def test_a_gap_of_thirty_one_days_is_refused_and_costs_nothing(account: QuickBooksAccount) -> None:
    with pytest.raises(ValueError, match="looks back to 2025-12-12 01:00"):
        changes(account, NOW - timedelta(days=31))
    assert account.api_calls() == 0
    pages, _ = changes(account, account.now() - LOOK_BACK + timedelta(seconds=30))
    assert pages[-1].last


def test_the_vendors_clock_is_that_of_the_answer(account: QuickBooksAccount) -> None:
    account.company.settings.envelope_time_skew_seconds = 600
    pages, _ = changes(account)
    assert abs(pages[0].vendor_time - account.now() - timedelta(minutes=10)) < timedelta(seconds=5)


def test_a_merge_leaves_a_stub_that_names_no_survivor(account: QuickBooksAccount) -> None:
    kept, lost = account.create_items(minutes(2))
    account.merge(kept, lost)
    pages, _ = changes(account)
    assert ids_of(pages) == [kept]
    (gone,) = gone_in(pages).values()
    assert (gone.id, gone.how, gone.survivor_id) == (lost, "deleted", "")

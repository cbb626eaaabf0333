"""Hazards at which well-known tools were seen to lose data, each one as far as it reaches the engine."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.platform.tables import ledger
from hardfin_pipelines_tests.engine.interference import interfere
from hardfin_pipelines_tests.engine.product import SEARCH, WON, values_of

PAGE = 20
SMALL_PAGES = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, search_page=PAGE)
A_DAY_AGO = timedelta(days=1)


@pytest.fixture
def paged(acme):
    """A portal with 100 won deals of the past, a minute apart, read twenty at a time; with their ids."""
    acme.deployment.vendors.hubspot_limits = SMALL_PAGES
    first = datetime.now(UTC) - timedelta(days=3)
    made = [
        acme.record({"dealname": f"Deal {n}", "pipeline": "default", "dealstage": WON}, at=first + timedelta(minutes=n))
        for n in range(100)
    ]
    return acme, acme.portal.create_many("deals", made)


@pytest.mark.parametrize("page", [0, 1, 3])
def test_a_record_of_a_page_read_already_is_modified_while_the_next_is_read_and_no_other_is_lost(paged, page):
    acme, deals = paged
    happened = interfere(
        acme,
        after=SEARCH,
        skip=page + 1,
        change=lambda: [
            acme.portal.update("deals", deal, {"description": "moved"}) for deal in deals[page * PAGE :][:5]
        ],
    )

    acme.load()

    assert happened == [True]
    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)


def test_records_modified_ahead_of_the_scan_are_not_lost_either(paged):
    acme, deals = paged
    interfere(
        acme,
        after=SEARCH,
        skip=1,
        change=lambda: [acme.portal.update("deals", deal, {"description": "moved"}) for deal in deals[60:80]],
    )

    acme.load()
    acme.tick()

    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)


def test_pages_that_are_not_full_do_not_end_the_scan(paged):
    acme, deals = paged
    acme.portal.settings.change({"ragged_search_pages": True})

    acme.load()

    assert len(acme.rows(ledger)) == len(deals)


def test_one_401_in_the_middle_of_a_run_is_no_failure(paged):
    acme, deals = paged
    fault = acme.fault(path=SEARCH, skip=2, status=401, body='{"category":"EXPIRED_AUTHENTICATION"}')

    acme.load()

    assert fault.hits == 1
    assert len(acme.rows(ledger)) == len(deals)
    assert acme.row().status == "active"


def test_a_deal_with_more_line_items_than_an_answer_holds_gets_all_of_them(acme):
    large, middle, small = (acme.add_deal(name, lines=[]) for name in ("Large", "Middle", "Small"))
    for deal, count in ((large, 600), (middle, 501), (small, 150)):
        acme.add_lines(deal, count)

    acme.tick()

    assert [len(acme.lines(deal)) for deal in (large, middle, small)] == [600, 501, 150]


def test_deals_modified_in_the_cursors_own_moment_are_all_found(acme):
    acme.poll()
    cursor = acme.cursor()
    moments = [cursor - timedelta(milliseconds=1), cursor, cursor, cursor + timedelta(milliseconds=1)]
    deals = [acme.add_deal(f"Deal {n}", at=moment) for n, moment in enumerate(moments)]

    acme.tick()

    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)


@pytest.mark.parametrize("minutes", [5, 14])
def test_a_deal_whose_stamp_is_older_than_the_cursor_when_it_appears_is_found(acme, minutes):
    acme.add_deal("First")
    acme.tick()
    acme.poll()

    late = acme.add_deal("Late", at=datetime.now(UTC) - timedelta(minutes=minutes))
    acme.tick()

    assert late in values_of(acme.rows(ledger), "external_id")


def test_many_deals_of_one_millisecond_are_all_loaded_once(acme):
    acme.deployment.vendors.hubspot_limits = SMALL_PAGES
    moment = datetime.now(UTC) - A_DAY_AGO
    same = [acme.record({"dealname": "Same", "pipeline": "default", "dealstage": WON}, at=moment) for _ in range(73)]
    deals = acme.portal.create_many("deals", same)

    synced = acme.load()

    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)
    assert synced.deal_counts()["synced"] == 73


def test_splitting_the_range_of_a_load_or_changing_the_page_size_gives_the_same_projects(
    paged, tmp_path, migrated_sqlite
):
    acme, _ = paged
    store = tmp_path / "other.db"
    store.write_bytes(migrated_sqlite.read_bytes())
    acme.load()

    with acme.product.beside(f"sqlite:///{store}", tmp_path / "other") as other:
        twin = other.organizations["acme"]
        edges = [
            datetime(2025, 1, 1, tzinfo=UTC),
            *(datetime.now(UTC) - timedelta(hours=hours) for hours in (71, 40, 0)),
        ]
        for number, (start, end) in enumerate(pairwise(edges)):
            twin.load_between(start, end, run_id=f"part-{number}")
        assert twin.dump(stamps=False, tables=twin.product.entity_tables()[:-1]) == acme.dump(
            stamps=False, tables=acme.product.entity_tables()[:-1]
        )

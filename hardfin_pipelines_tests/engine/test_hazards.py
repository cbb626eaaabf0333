"""Hazards at which well-known tools were seen to lose data while reporting success, by the names they are known under.

P1 a page shifts under the reader; P2 the search cap; P3 short pages; P4 throttling; P5 a token ages out; P7 long lists
of associations; P8 stamps at the cursor, records changed later, stamps older than the cursor; P11 one poison record;
P12 parameters a vendor does not know. P9 is in test_quickbooks_hazards.py, P10 (a killed load) in test_crashes.py.
"""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import httpx
import pytest

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.hubspot import client
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.platform.tables import ledger, load_windows
from hardfin_pipelines_tests.engine.interference import interfere
from hardfin_pipelines_tests.engine.invariants import check_invariants
from hardfin_pipelines_tests.engine.product import SEARCH, WON, values_of

PAGE = 20
SMALL_PAGES = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, search_page=PAGE)
A_DAY_AGO = timedelta(days=1)
LINES = "/crm/objects/*/line_items/batch/read"
THROTTLED = '{"status":"error","category":"RATE_LIMITS","policyName":"TEN_SECONDLY_ROLLING","message":"too many"}'
DAILY = '{"status":"error","category":"RATE_LIMITS","policyName":"DAILY","message":"daily limit reached"}'


@pytest.fixture
def paged(acme):
    """A portal with 100 won deals of the past, a minute apart, read twenty at a time; with their ids."""
    acme.deployment.vendors.hubspot.limits = SMALL_PAGES
    first = datetime.now(UTC) - timedelta(days=3)
    made = [
        acme.record({"dealname": f"Deal {n}", "pipeline": "default", "dealstage": WON}, at=first + timedelta(minutes=n))
        for n in range(100)
    ]
    return acme, acme.portal.create_many("deals", made)


@pytest.mark.parametrize("page", [0, 1, 3])
def test_p1_a_record_of_a_page_read_already_is_modified_and_no_other_is_lost(paged, page):
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


def test_p1_records_modified_ahead_of_the_scan_are_not_lost_either(paged):
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


def test_p3_pages_that_are_not_full_do_not_end_the_scan(paged):
    acme, deals = paged
    acme.portal.settings.change({"ragged_search_pages": True})

    acme.load()

    assert len(acme.rows(ledger)) == len(deals)


def test_p5_one_401_in_the_middle_of_a_run_is_no_failure(paged):
    acme, deals = paged
    fault = acme.fault(path=SEARCH, skip=2, status=401, body='{"category":"EXPIRED_AUTHENTICATION"}')

    synced = acme.load()

    assert fault.hits == 1
    assert synced.notes == ["acme:hubspot: the access token ended on the way; it was renewed and the work went on"]
    assert len(acme.rows(ledger)) == len(deals)
    assert acme.row().status == "active"


def test_p7_a_deal_with_more_line_items_than_an_answer_holds_gets_all_of_them(acme):
    large, middle, small = (acme.add_deal(name, lines=[]) for name in ("Large", "Middle", "Small"))
    for deal, count in ((large, 600), (middle, 501), (small, 150)):
        acme.add_lines(deal, count)

    acme.tick()

    assert [len(acme.lines(deal)) for deal in (large, middle, small)] == [600, 501, 150]


def test_p8_deals_modified_in_the_cursors_own_moment_are_all_found(acme):
    acme.poll()
    cursor = acme.cursor()
    moments = [cursor - timedelta(milliseconds=1), cursor, cursor, cursor + timedelta(milliseconds=1)]
    deals = [acme.add_deal(f"Deal {n}", at=moment) for n, moment in enumerate(moments)]

    acme.tick()

    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)


@pytest.mark.parametrize("minutes", [5, 14])
def test_p8c_a_deal_whose_stamp_is_older_than_the_cursor_when_it_appears_is_found(acme, minutes):
    acme.add_deal("First")
    acme.tick()
    acme.poll()

    late = acme.add_deal("Late", at=datetime.now(UTC) - timedelta(minutes=minutes))
    acme.tick()

    assert late in values_of(acme.rows(ledger), "external_id")


def test_p2_many_deals_of_one_millisecond_are_all_loaded_once(acme):
    acme.deployment.vendors.hubspot.limits = SMALL_PAGES
    moment = datetime.now(UTC) - A_DAY_AGO
    same = [acme.record({"dealname": "Same", "pipeline": "default", "dealstage": WON}, at=moment) for _ in range(73)]
    deals = acme.portal.create_many("deals", same)

    synced = acme.load()

    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)
    assert synced.deal_counts()["synced"] == 73


@pytest.mark.parametrize("same_moment", [True, False], ids=["one millisecond", "over days"])
def test_p2_more_deals_than_a_search_answers_for_are_all_loaded_once(sqlite_acme, same_moment):
    acme = sqlite_acme
    first = datetime.now(UTC) - timedelta(days=20)
    step = timedelta() if same_moment else timedelta(minutes=1)
    values = {"dealname": "One of many", "pipeline": "default", "dealstage": WON}
    deals = acme.portal.create_many("deals", [acme.record(values, at=first + n * step) for n in range(10_050)])

    synced = acme.load()

    assert synced.deal_counts()["synced"] == len(deals) == 10_050
    assert set(values_of(acme.rows(ledger), "external_id")) == set(deals)
    assert values_of(acme.rows(load_windows), "state") == ["closed"]


@pytest.mark.parametrize("retry_after", ["0", None], ids=["Retry-After", "without Retry-After"])
def test_p4_twenty_429s_in_a_row_are_waited_out_and_said(sqlite_acme, monkeypatch, retry_after):
    acme = sqlite_acme
    deals = acme.won_deals(30)
    monkeypatch.setattr(client, "_default_pause", lambda _bucket, _policy: 0.01)  # ten seconds, twenty times
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    fault = acme.fault(path=LINES, times=20, status=429, headers=headers, body=THROTTLED)

    synced = acme.load()

    assert fault.hits == 20
    assert set(values_of(acme.rows(ledger), "external_id")) == set(deals)
    assert acme.row().status == "active"
    assert any("refused 20 call(s) for now; they were waited for" in note for note in synced.notes)


def test_p4_a_daily_limit_that_is_gone_rests_the_connection_says_so_and_loses_nothing(acme):
    acme.poll()
    cursor = acme.cursor()
    deals = acme.won_deals(3)
    acme.poll()
    acme.fault(path=LINES, times=None, status=429, headers={"Retry-After": "36000"}, body=DAILY)
    (claim,) = acme.product.claims()

    with pytest.raises(RetryLater, match="daily"):
        acme.product.run(claim)

    assert acme.cursor() == cursor
    assert "daily" in acme.row().status_reason
    assert acme.row().next_due_at >= acme.deployment.now() + timedelta(hours=9)
    calls = acme.calls()
    acme.deployment.ahead = timedelta(hours=5)
    assert acme.product.poll().asked == 0
    assert acme.product.claims() == []
    assert acme.calls() == calls

    acme.product.sandbox.faults.clear()
    acme.deployment.ahead = timedelta(hours=11)
    acme.tick()
    acme.product.run_all()
    assert set(values_of(acme.rows(ledger), "external_id")) == set(deals)


def test_p5_a_token_that_ages_out_in_the_middle_of_a_page_is_renewed_and_the_page_read_once(paged):
    acme, deals = paged
    happened = interfere(acme, after=SEARCH, skip=2, change=lambda: acme.product.sandbox.clock.advance(2_000))

    synced = acme.load()

    assert happened == [True]
    assert synced.notes == ["acme:hubspot: the access token ended on the way; it was renewed and the work went on"]
    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)


def test_p8b_a_record_modified_after_it_synced_makes_no_second_project(acme):
    deal = acme.add_deal()
    acme.tick()
    for number in range(3):
        acme.portal.update("deals", deal, {"description": f"again {number}"})
        acme.tick()

    check_invariants(acme)
    assert len(acme.projects()) == 1


@pytest.mark.parametrize(
    "poison",
    [
        {"amount": "N/A"},
        {"closedate": "soon"},
        {"amount": "1e400"},
        {"closedate": "0001-01-01T00:00:00Z"},
        {"dealname": None},
        {"dealname": "nul \0 and \u202eright to left\u202c \U0001f916"},
    ],
    ids=["amount", "date", "overflow", "year one", "no name", "control characters"],
)
def test_p11_one_poison_record_leaves_all_others_alone(acme, poison):
    deals = acme.won_deals(20)
    acme.force(deals[7], poison)

    acme.load()

    synced = set(values_of(acme.rows(ledger), "external_id"))
    aside = {each.rejection.external_id for each in acme.rejected()}
    assert synced | aside == set(deals)
    assert synced.isdisjoint(aside)
    assert aside <= {deals[7]}
    assert all("\n" not in each.rejection.reason for each in acme.rejected())
    assert values_of(acme.rows(load_windows), "state") == ["closed"]


def test_p11_a_record_without_properties_is_set_aside_with_its_reason(acme):
    deals = acme.won_deals(5)
    body = {
        "total": 1,
        "results": [
            {
                "id": "77",
                "properties": None,
                "createdAt": "2026-01-01T00:00:00Z",
                "updatedAt": "2026-01-01T00:00:00Z",
                "archived": False,
            }
        ],
    }
    acme.load()
    acme.fault(path=SEARCH, status=200, body=json.dumps(body))
    acme.tick()

    assert set(values_of(acme.rows(ledger), "external_id")) == set(deals)
    (aside,) = acme.rejected()
    assert (aside.rejection.external_id, aside.rejection.reason) == (
        "77",
        "the CRM gave neither its pipeline nor its stage",
    )


def test_p12_a_parameter_hubspot_does_not_know_is_refused_by_the_sandbox_and_none_is_sent(acme):
    acme.won_deals(3)
    token = acme.portal.issue_access_token()
    url = f"{acme.product.url}/crm/objects/2026-03/line_items"
    answer = httpx.get(url, params={"offset": "5"}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 400

    acme.load()
    assert [call for call in acme.portal.calls if call.status == 400 and "offset" not in call.query] == []


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

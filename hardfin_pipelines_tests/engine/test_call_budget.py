"""Rule 10 over real HTTP: a limiter shared by processes, a reserve left to others, counted calls, a forecast."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from itertools import pairwise

import pytest

from hardfin_pipelines.connectors.errors import ReserveReached, RetryLater
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine import health
from hardfin_pipelines.engine.call_budget import call_forecasts
from hardfin_pipelines.engine.connecting import connect_account
from hardfin_pipelines.engine.loading import loads_needed
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import call_counts, call_reservations, ledger
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment, load_end
from hardfin_pipelines_tests.engine.product import FAST, IMPATIENT, SEARCH, Organization, Product

HOUR = timedelta(hours=1)
CALLS_A_DAY = 1_000


def calls(organization: Organization) -> dict[tuple[str, str], int]:
    """Counted calls by purpose and bucket."""
    return {(row["purpose"], row["bucket"]): row["calls"] for row in organization.rows(call_counts)}


@pytest.fixture
def limited(product: Product) -> Organization:
    """A connection with a static token, which HubSpot tells what is left of the day, of 1,000; one deal is synced."""
    acme = product.add_organization(connect=False)
    secret = Secret(access_token=acme.portal.issue_static_token())
    acme.deployment.run(connect_account(acme.deployment, "acme", "hubspot", secret, actor="cli:ann"))
    acme.portal.settings.change({"limits_enabled": True, "daily_calls": CALLS_A_DAY, "search_per_second": 1_000})
    acme.add_deal()
    acme.tick()
    return acme


def test_calls_are_counted_by_day_bucket_and_purpose(acme):
    deal = acme.add_deal()
    acme.tick()
    acme.poll()
    acme.load()
    acme.resync(deal)
    acme.resync(deal, preview=True, run_id="preview")

    counted = calls(acme)
    assert counted["describe", "general"] == 8
    assert counted["poll", "search"] == 2
    assert {purpose for purpose, _ in counted} == {"describe", "poll", "tick", "load", "resync", "preview"}
    assert sum(counted.values()) == len([call for call in acme.portal.calls if "oauth" not in call.path])


def test_calls_of_work_that_fails_are_counted_too(acme):
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    acme.fault(path=SEARCH, times=None, status=503)
    acme.poll()
    with pytest.raises(RetryLater):
        acme.load()

    counted = calls(acme)
    assert (counted["poll", "search"], counted["load", "search"]) == (1, 1)


def test_refused_calls_are_told_apart(acme):
    acme.fault(path=SEARCH, times=2, status=429, body='{"message":"secondly"}', headers={"Retry-After": "1"})
    acme.poll()

    (row,) = [row for row in acme.rows(call_counts) if row["purpose"] == "poll"]
    assert (row["calls"], row["throttled"]) == (3, 2)
    (forecast,) = call_forecasts(acme.deployment, "acme")
    assert forecast.throttled_today == 2


@pytest.mark.slow
def test_two_processes_together_meet_no_refusal(acme):
    acme.portal.settings.change({"limits_enabled": True, "search_per_second": 5, "associations_per_ten_seconds": 20})
    command = [sys.executable, "-m", "hardfin_pipelines_tests.engine.calling_process", "acme", "12", "12", "20"]
    environment = {**os.environ, **acme.product.environment()}
    began = time.monotonic()
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=120) for process in started]

    assert [process.returncode for process in started] == [0, 0], ends
    made = [tuple(map(int, out.split())) for out, _ in ends]
    assert [refused for _, refused in made] == [0, 0], ends
    # Where a connection ends while a call waits for its place, that call is tried once more.
    assert all(24 <= calls_made < 30 for calls_made, _ in made)
    assert time.monotonic() - began >= 10  # 24 calls do not fit into one window of 20


def test_a_search_refused_in_one_process_is_heard_of_in_another(acme):
    """Another deployment object at the same store: as another process has it."""
    other = MovableDeployment(acme.deployment.settings, acme.deployment.engine, acme.deployment.vault)
    acme.deployment.vendors.hubspot.limits = other.vendors.hubspot.limits = HubSpotLimits()
    acme.fault(path=SEARCH, status=429, body='{"message":"secondly"}', headers={"Retry-After": "1"})
    acme.poll()

    (row,) = [row for row in acme.product.rows(call_reservations) if row["places"] == 0]
    assert row["rate_window"].endswith(f"{acme.portal.hub_id} search")
    assert row["until_ms"] - row["at_ms"] == 600_000


def leave(acme: Organization, calls_left: int) -> None:
    """The customer's other integrations use up the day but for so many calls, and a re-sync of ours hears of it."""
    limits = acme.product.sandbox.limits[acme.portal.hub_id]
    limits._daily.used = CALLS_A_DAY - calls_left
    (deal,) = {row["external_id"] for row in acme.rows(ledger)}
    acme.resync(deal, run_id=f"with-{calls_left}-left")


def an_hour_later(acme: Organization) -> None:
    """The account's day has begun anew, and so has another process of ours."""
    acme.product.sandbox.limits[acme.portal.hub_id]._daily.used = 0
    later = MovableDeployment(acme.deployment.settings, acme.deployment.engine, acme.deployment.vault)
    later.vendors.hubspot.limits = FAST
    later.ahead = timedelta(minutes=65)
    acme.product.deployment = later


def test_a_load_rests_first_and_ticks_and_people_go_on(limited):
    leave(limited, 150)
    before = limited.calls()

    with pytest.raises(ReserveReached, match=r"^1\d\d of the account's 1,000 .*; initial loads leave 200 to its other"):
        limited.load()

    assert limited.calls() == before
    assert (limited.row().failures, limited.row().status_reason) == (0, "")
    month = (load_end() - timedelta(days=40), load_end())
    assert loads_needed(limited.deployment, [month]) == []
    (forecast,) = call_forecasts(limited.deployment, "acme")
    assert [line.split(" rest")[0] for line in forecast.resting] == ["initial loads"]
    assert limited.product.poll("acme").errors == 0

    an_hour_later(limited)
    assert [needed.org for needed in loads_needed(limited.deployment, [month])] == ["acme"]
    assert limited.load(run_id="later").deal_counts()["protected"] == 1


def test_a_load_that_comes_to_the_reserve_on_its_way_rests_where_it_is(limited):
    for number in range(3):
        limited.add_deal(f"Deal {number}")
    limits = limited.product.sandbox.limits[limited.portal.hub_id]
    limits._daily.used = 798

    with pytest.raises(ReserveReached, match="to its other integrations"):
        limited.load()

    assert limited.row().failures == 0
    assert limits.used_today <= 803
    an_hour_later(limited)
    limited.load(run_id="later")
    assert len(limited.projects()) == 4


def test_ticks_rest_under_a_smaller_reserve_and_say_so(limited):
    leave(limited, 51)
    before = limited.calls()

    report = limited.product.poll("acme")

    row = limited.row()
    assert (report.asked, report.errors, limited.calls()) == (1, 1, before)
    assert "polls leave 50 to its other integrations" in row.status_reason
    assert (row.status, row.failures) == ("active", 0)
    assert timedelta(minutes=55) < row.next_due_at - limited.deployment.now() <= HOUR
    (forecast,) = call_forecasts(limited.deployment, "acme")
    assert [line.split(" rest")[0] for line in forecast.resting] == ["initial loads", "ticks"]
    an_hour_later(limited)
    assert (limited.product.poll().asked, limited.row().status_reason) == (1, "")


def test_what_a_person_asks_for_goes_on_until_hubspot_refuses_and_the_check_tells(limited):
    leave(limited, 6)
    deal = limited.rows(ledger)[0]["external_id"]

    def go_on() -> None:
        for number in range(9):
            limited.resync(deal, run_id=f"again-{number}")

    with pytest.raises(RetryLater, match="The day's calls are used up"):
        go_on()

    (line,) = health.connections_over_budget(limited.deployment)
    assert line.startswith("acme:hubspot: the account's calls of the day were used up at 20")


def test_a_store_that_is_away_lets_no_call_out(sqlite_acme):
    with writing(sqlite_acme.deployment.engine) as connection:
        call_reservations.drop(connection)
    before = sqlite_acme.calls()

    report = sqlite_acme.poll()

    assert sqlite_acme.calls() == before
    assert "no call to HubSpot was made: Hardfin's database does not let it be counted" in report.notes[0]


def test_the_forecast_tells_the_room_in_every_window(acme):
    acme.deployment.vendors.hubspot.limits = HubSpotLimits()
    acme.poll()
    (forecast,) = call_forecasts(acme.deployment, "acme")
    rooms = {room.bucket: room for room in forecast.windows}
    assert {name: (room.limit, room.seconds) for name, room in rooms.items()} == {
        "general": (110, 10),
        "search": (5, 1),
        "associations": (100, 10),
    }
    assert rooms["search"].taken == 1
    assert (forecast.ticks, forecast.limit_per_day, forecast.over_budget(acme.deployment.now())) == (288, None, "")


# -- cadence over real polls ----------------------------------------------------------------------------------------


def failing(acme: Organization, **fault: object) -> None:
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    acme.fault(path=SEARCH, times=None, **fault)


def test_polls_of_a_failing_connection_are_further_and_further_apart(acme):
    failing(acme, status=503)
    waits = []
    for _ in range(9):
        acme.deployment.ahead = (
            acme.row().next_due_at
            - acme.deployment.now()
            + getattr(acme.deployment, "ahead", timedelta())
            + timedelta(seconds=1)
        )
        assert acme.product.poll().errors == 1
        waits.append((acme.row().next_due_at - acme.deployment.now()) / timedelta(minutes=1))

    assert acme.row().failures == 9
    assert all(earlier <= later + 0.1 for earlier, later in pairwise(waits))
    assert waits[0] < 11
    assert 170 < waits[-1] <= 245

    acme.product.sandbox.faults.clear()
    acme.deployment.ahead += timedelta(hours=5)
    assert acme.product.poll().errors == 0
    row = acme.row()
    assert (row.failures, row.status_reason) == (0, "")
    assert row.next_due_at - acme.deployment.now() <= timedelta(minutes=5)


def test_the_vendors_own_word_decides_when_a_connection_is_due_again(acme):
    failing(acme, status=503, headers={"Retry-After": "7200"})
    acme.product.poll()
    row = acme.row()
    assert timedelta(minutes=119) < row.next_due_at - acme.deployment.now() <= timedelta(hours=2)
    before = acme.calls()
    acme.deployment.ahead = timedelta(minutes=110)
    assert acme.product.poll().asked == 0
    acme.deployment.ahead = timedelta(minutes=121)
    assert acme.product.poll().asked == 1
    assert acme.calls() == before + 1


def test_pausing_and_resuming_take_effect_at_once_and_forget_the_back_off(acme):
    failing(acme, status=503)
    for _ in range(3):
        acme.poll()
    assert acme.row().failures == 3
    assert acme.product.poll().asked == 0

    acme.pause()
    acme.deployment.ahead = timedelta(hours=5)
    assert acme.product.poll().asked == 0
    acme.deployment.ahead = timedelta()
    acme.product.sandbox.faults.clear()
    row = acme.pause(paused=False)

    assert (row.status, row.failures, row.failing_since) == ("active", 0, None)
    assert row.next_due_at <= acme.deployment.now()
    assert (acme.product.poll().asked, acme.row().failures) == (1, 0)


def test_quiet_connections_are_polled_together_with_few_transactions_of_the_limiter(sqlite_product):
    for number in range(30):
        sqlite_product.add_organization(f"org-{number}")
    sqlite_product.deployment.vendors.hubspot.limits = HubSpotLimits()
    sqlite_product.poll()
    sqlite_product.sandbox.faults.latency_ms = 250
    sqlite_product.deployment.ahead = timedelta(minutes=5)
    before = sqlite_product.deployment.vendors.places.transactions

    report = sqlite_product.poll()

    assert (report.asked, report.calls, report.throttled, report.errors) == (30, 30, 0, 0)
    assert sqlite_product.deployment.vendors.places.transactions - before < 15

"""Rule 7: every run can die at any moment and be done again, with the same result and hardly a call more."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.client import HubSpotClient
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.connectors.hubspot.requests import Request
from hardfin_pipelines.engine import applying, crm_sync
from hardfin_pipelines.engine.visits import ANSWERS_AGE, LEASE_TIME
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit, journal_paths, landed_paths, part_paths
from hardfin_pipelines.platform.tables import leases, ledger, load_windows, pending_work
from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines_tests.engine.hardfin_team import load_end
from hardfin_pipelines_tests.engine.interference import interfere, take_over
from hardfin_pipelines_tests.engine.product import IMPATIENT, OPEN, SEARCH, Organization, values_of

SEARCH_PAGE = 20
SMALL_CHUNK = 60
SMALL_PAGES = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, search_page=SEARCH_PAGE)
IN_FLIGHT = SMALL_PAGES.in_flight
AFTER_THE_LEASE = LEASE_TIME + timedelta(seconds=1)


@pytest.fixture
def filled(acme: Organization, monkeypatch: pytest.MonkeyPatch) -> Organization:
    """A portal with 240 won deals and what belongs to them, loaded in small pieces."""
    monkeypatch.setattr(crm_sync, "CHUNK", SMALL_CHUNK)
    end = datetime.now(UTC) - timedelta(hours=1)
    data_set = robotics_rental(
        seed=11, won_deals=240, open_deals=20, products=150, start=end - timedelta(days=200), end=end
    )
    load_data_set(acme.portal, data_set)
    acme.redescribe()  # its people are new to us
    acme.deployment.vendors.hubspot.limits = SMALL_PAGES
    return acme


@pytest.fixture
def reference(filled: Organization, migrated_sqlite: Path, tmp_path: Path) -> Iterator[Organization]:
    """The same portal loaded without disturbance, into a store of its own."""
    store = tmp_path / "reference.db"
    store.write_bytes(migrated_sqlite.read_bytes())
    with filled.product.beside(f"sqlite:///{store}", tmp_path / "reference") as other:
        other.deployment.vendors.hubspot.limits = SMALL_PAGES
        yield other.organizations["acme"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of all requests that this process puts to HubSpot, in their order."""
    keys: list[str] = []
    send = HubSpotClient.send

    async def noting(client: HubSpotClient, request: Request) -> Answer:
        keys.append(request.key)
        return await send(client, request)

    monkeypatch.setattr(HubSpotClient, "send", noting)
    return keys


def kept_answers(acme: Organization, keys: Sequence[str]) -> Counter[str]:
    """Those of some requests whose answers the journal of the load that was cut off has."""
    (path,) = journal_paths(acme.product.landing)
    with UnitJournal(acme.product.landing, Unit(acme.org, acme.connection_id, path.stem)) as journal:
        return Counter({key for key in keys if key in journal})


def load_and_kill(acme: Organization, after_calls: int) -> None:
    """Start the load in a process of its own and kill it once the vendor has been asked so often."""
    acme.product.sandbox.call_log.reset()
    acme.product.sandbox.faults.latency_ms = 25
    window = [f"{acme.start_date}T00:00:00+00:00", load_end().isoformat()]
    module = "hardfin_pipelines_tests.engine.load_process"
    command = [sys.executable, "-m", module, "acme", *window, str(SEARCH_PAGE), str(SMALL_CHUNK)]
    with subprocess.Popen(command, env={**os.environ, **acme.product.environment()}) as process:
        deadline = time.monotonic() + 120
        while acme.calls() < after_calls:
            assert process.poll() is None, "the load ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    acme.product.sandbox.faults.latency_ms = 0


def searches(acme: Organization) -> int:
    return acme.product.sandbox.call_log.count(path=SEARCH)


@pytest.mark.parametrize("after_calls", [1, 7, 12, 20, 33])
def test_p10_a_load_killed_at_any_moment_goes_on_where_it_was(filled, reference, after_calls):
    reference.product.sandbox.call_log.reset()
    reference.load()
    undisturbed, pages = reference.calls(), searches(reference)
    assert undisturbed > 34

    load_and_kill(filled, after_calls)
    filled.deployment.ahead = AFTER_THE_LEASE
    filled.load("resumed")

    assert filled.dump(stamps=False) == reference.dump(stamps=False)
    assert filled.calls() <= undisturbed + IN_FLIGHT
    assert searches(filled) <= pages + 1
    assert list(journal_paths(filled.product.landing)) == []
    assert len([path for path in landed_paths(filled.product.landing) if path.object_name == "deals"]) == 1


def test_a_load_killed_twice_goes_on_where_it_was(filled, reference):
    reference.product.sandbox.call_log.reset()
    reference.load()
    undisturbed = reference.calls()
    load_and_kill(filled, 6)
    first = filled.calls()
    with filled.deployment.engine.begin() as connection:  # as if a minute had passed
        connection.execute(leases.update().values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    load_and_kill(filled, 6)
    second = filled.calls()

    filled.deployment.ahead = AFTER_THE_LEASE
    filled.load("resumed")

    assert filled.dump(stamps=False) == reference.dump(stamps=False)
    assert first + filled.calls() <= undisturbed + 2 * IN_FLIGHT
    assert second <= filled.calls()


def test_a_load_that_was_cut_off_long_ago_asks_for_everything_anew(filled):
    load_and_kill(filled, 10)
    (journal,) = journal_paths(filled.product.landing)
    long_ago = time.time() - ANSWERS_AGE.total_seconds() - 60
    os.utime(journal, (long_ago, long_ago))
    # Meanwhile a deal was renamed: days-old answers would still have its old name.
    deal = sorted(row["id"] for row in filled.portal_deals())[0]
    filled.portal.update("deals", deal, {"dealname": "Renamed meanwhile", "dealstage": "closedwon"})

    filled.deployment.ahead = AFTER_THE_LEASE
    filled.load("resumed")
    filled.tick()

    held = {row["external_id"]: row["project_id"] for row in filled.rows(ledger)}
    assert filled.project(deal)["name"] == "Renamed meanwhile"
    assert len(held) == len(filled.projects())
    assert list(journal_paths(filled.product.landing)) == []


def test_a_tick_that_fails_half_way_leaves_its_cursor_and_loses_nothing(acme):
    acme.poll()
    cursor = acme.cursor()
    deals = acme.won_deals(5)
    acme.poll()
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    fault = acme.fault(path="/crm/objects/*/line_items/batch/read", status=500, times=None)
    (claim,) = acme.product.claims()

    with pytest.raises(RetryLater):
        acme.product.run(claim)

    assert fault.hits > 0
    assert acme.cursor() == cursor
    assert acme.projects() == []
    assert acme.row().failures == 1
    (work,) = acme.rows(pending_work)
    assert (work["claim"], work["attempts"]) == ("", 1)
    assert list(part_paths(acme.product.landing)) == []

    acme.product.sandbox.faults.clear()
    acme.deployment.ahead = timedelta(minutes=20)  # not before the vendor's word, and its answers are kept for an hour
    calls = acme.calls()
    acme.product.run_all()
    assert len(acme.projects()) == 5
    assert acme.cursor() is not None
    assert acme.cursor() >= cursor
    assert acme.rows(pending_work) == []
    # The search and the associations were answered before the failure: they are not asked for again.
    assert [call.path for call in acme.portal.calls[calls:]].count(SEARCH) == 0
    assert all(acme.project(deal) for deal in deals)


def test_the_lease_of_a_killed_run_is_taken_over_after_its_time_and_not_before(filled):
    load_and_kill(filled, 8)
    (lease,) = [row for row in filled.rows(leases) if row["name"].startswith("load:")]
    assert lease["holder"] == "killed"
    assert lease["expires_at"] - datetime.now(UTC) <= LEASE_TIME

    filled.deployment.ahead = AFTER_THE_LEASE
    filled.load("successor")

    (after,) = [row for row in filled.rows(leases) if row["name"].startswith("load:")]
    assert (after["holder"], after["fence"]) == ("", lease["fence"] + 1)


def test_a_ghost_that_slept_past_its_lease_writes_nothing(acme):
    acme.won_deals(3)
    before = acme.dump()
    taken_over = interfere(acme, after=SEARCH, change=lambda: take_over(acme))
    synced = acme.load("ghost")

    assert taken_over == [True]
    assert acme.dump() == before
    (note,) = synced.notes
    assert "was taken over" in note
    assert acme.rows(load_windows) == []


def test_a_token_that_ends_in_the_middle_of_a_load_is_renewed(acme):
    acme.won_deals(250)
    acme.fault(path=SEARCH, skip=1, status=401, body='{"status":"error","category":"EXPIRED_AUTHENTICATION"}')

    acme.load()

    assert len(acme.projects()) == 250
    assert acme.row().status == "active"


def test_a_storm_of_429_is_waited_out(sqlite_acme):
    acme = sqlite_acme
    acme.won_deals(250)
    acme.fault(
        times=8,
        status=429,
        headers={"Retry-After": "0"},
        body='{"status":"error","category":"RATE_LIMITS","policyName":"SECONDLY"}',
        skip=1,
        path=SEARCH,
    )
    acme.deployment.vendors.hubspot.limits = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, patience_seconds=60)

    synced = acme.load()

    assert len(acme.projects()) == 250
    assert synced.calls() >= 10


def test_a_vendor_that_is_down_for_ever_is_asked_ever_less_often_and_nothing_is_lost(acme):
    acme.poll()
    cursor = acme.cursor()
    deal = acme.add_deal()
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    acme.fault(times=None, status=503)

    waits = []
    for attempt in range(4):
        now = acme.deployment.now()
        report = acme.poll()
        row = acme.row()
        assert report.errors == 1
        assert (row.status, row.failures) == ("active", attempt + 1)
        assert "503" in row.status_reason
        assert "\n" not in row.status_reason
        assert row.next_due_at is not None
        waits.append(row.next_due_at - now)
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    assert acme.cursor() == cursor
    assert acme.product.poll().asked == 0

    acme.product.sandbox.faults.clear()
    acme.tick()
    assert acme.project(deal)["name"] == "Ten robots"
    assert (acme.row().failures, acme.row().status_reason) == (0, "")


def test_a_load_whose_vendor_is_down_leaves_its_window_open_and_ends_later(acme):
    acme.won_deals(3)
    acme.deployment.vendors.hubspot.limits = IMPATIENT
    acme.fault(path="/crm/objects/*/companies/batch/read", times=1, status=502)
    with pytest.raises(VendorError):
        acme.load()
    assert acme.rows(load_windows) == []

    acme.load("again")

    assert len(acme.projects()) == 3
    assert values_of(acme.rows(load_windows), "state") == ["closed"]


def test_an_access_that_is_taken_away_during_a_load_needs_a_person_and_keeps_what_is_done(acme):
    acme.won_deals(3)
    acme.fault(
        path="/crm/objects/*/line_items/batch/read", status=403, body='{"category":"MISSING_SCOPES","message":"no"}'
    )

    with pytest.raises(NeedsAttention):
        acme.load()

    assert acme.row().status == "needs attention"
    assert acme.projects() == []


def test_a_deal_changed_while_its_tick_is_at_work_is_seen_by_the_next(acme):
    open_deal = acme.add_deal("Second", stage=OPEN)
    acme.add_deal("First")
    acme.poll()
    interfere(acme, after="/crm/objects/*/line_items/batch/read", change=lambda: acme.win(open_deal))
    acme.product.run_all()
    assert values_of(acme.projects(), "name") == ["First"]

    acme.tick()

    assert values_of(acme.projects(), "name") == ["First", "Second"]


def test_a_load_cut_off_between_two_transactions_asks_again_for_no_answer_that_was_kept(
    filled, reference, asked, monkeypatch
):
    reference.load()
    undisturbed = Counter(asked)
    asked.clear()
    monkeypatch.setattr(applying, "_BATCH", 25)
    apply_batch = applying._apply_batch
    applied: list[None] = []

    def apply_or_die(*arguments):
        if len(applied) == 4:  # in the midst of the second chunk
            raise KeyboardInterrupt
        applied.append(apply_batch(*arguments))

    with monkeypatch.context() as dying:
        dying.setattr(applying, "_apply_batch", apply_or_die)
        with pytest.raises(KeyboardInterrupt):
            filled.load()
    assert len(filled.rows(ledger)) in range(1, 240)
    # While one chunk is applied the next are read: what was on its way is nobody's any more, and is asked for again.
    kept = kept_answers(filled, asked)
    assert 2 * kept.total() >= undisturbed.total()
    asked.clear()
    filled.load("resumed")

    assert filled.dump(stamps=False) == reference.dump(stamps=False)
    assert kept + Counter(asked) == undisturbed

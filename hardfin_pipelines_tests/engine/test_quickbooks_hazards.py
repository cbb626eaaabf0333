"""What is known to make clients of QuickBooks lose data or their access, each over real HTTP, on each database.

P9 is the lessons' number: an item modified while pages are read by position.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.engine.vendors import renewal
from hardfin_pipelines.platform.cursor_store import read_cursor
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.tables import leases, links
from hardfin_pipelines.platform.triage_tables import vendor_items
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.quickbooks.vendor_faults import named_fault
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment
from hardfin_pipelines_tests.engine.quickbooks_product import FAST
from hardfin_pipelines_tests.engine.test_quickbooks import linked, paths, sub_item, waiting

TOKEN = "/oauth2/v1/tokens/bearer"


def test_p9_an_item_modified_while_paging_hides_no_other(ledgerly):
    """Paged by offset in the order of LastUpdatedTime, the record at the page's border was never delivered."""
    ledgerly.deployment.vendors.quickbooks.limits = replace(FAST, page=4)
    began = datetime.now(UTC) - timedelta(hours=2)
    made = [ledgerly.add_item(f"Part {number}", at=began + timedelta(seconds=number)) for number in range(20)]
    touched = iter(made)
    path = f"/v3/company/{ledgerly.company.realm_id}/query"
    ledgerly.product.between.do(path, *[lambda: ledgerly.company.touch("Item", next(touched), {})] * 5)

    ledgerly.tick_items()

    assert set(waiting(ledgerly)) == set(made)
    assert len(ledgerly.rows(vendor_items)) == len(made)


def test_a_merge_while_paging_loses_nothing(ledgerly):
    ledgerly.deployment.vendors.quickbooks.limits = replace(FAST, page=4)
    ledgerly.add_products(("itm_a", "Arm", "A-1"))
    began = datetime.now(UTC) - timedelta(hours=2)
    arm = ledgerly.add_item("Arm", "A-1", at=began)
    others = [ledgerly.add_item(f"Part {n}", at=began + timedelta(seconds=n + 1)) for n in range(10)]
    path = f"/v3/company/{ledgerly.company.realm_id}/query"
    ledgerly.product.between.do(path, lambda: ledgerly.company.merge("Item", others[-1], [arm]))

    ledgerly.tick_items()
    ledgerly.tick_items()

    gone = {row["external_id"] for row in ledgerly.rows(vendor_items) if row["gone_at"] is not None}
    assert set(waiting(ledgerly)) == set(others)
    assert gone == {arm}
    (row,) = ledgerly.rows(links)
    assert (row["external_id"], bool(row["broken_because"])) == (arm, True)


def test_cdc_saturation_at_1000_still_finds_what_was_deleted(ledgerly):
    """Beyond 1,000 changed objects QuickBooks tells of no more, and says nothing of that."""
    ledgerly.add_products(("itm_a", "Arm", "A-1"))
    arm = ledgerly.add_item("Arm", "A-1")
    ledgerly.tick_items()
    clock = ledgerly.product.sandbox.clock
    clock.advance(3600)
    ledgerly.deployment.ahead = timedelta(hours=1)
    ledgerly.company.delete("Item", arm)
    clock.advance(60)
    for number in range(1_200):
        ledgerly.add_item(f"Part {number:05}")

    ledgerly.tick_items()

    (row,) = ledgerly.rows(links)
    assert row["broken_because"]
    assert len(waiting(ledgerly)) == 1_200


def test_a_gap_of_31_days_reads_everything_and_finds_what_is_gone(ledgerly):
    ledgerly.add_products(("itm_a", "Arm", "A-1"), ("itm_b", "Base", "B-1"))
    arm, base = ledgerly.add_item("Arm", "A-1"), ledgerly.add_item("Base", "B-1")
    ledgerly.tick_items()
    ledgerly.company.delete("Item", base)
    ledgerly.product.sandbox.clock.advance(timedelta(days=31).total_seconds())
    ledgerly.deployment.ahead = timedelta(days=31)

    ledgerly.tick_items()

    rows = {row["external_id"]: row["broken_because"] for row in ledgerly.rows(links)}
    assert rows[arm] == ""
    assert rows[base]


@pytest.mark.parametrize("which", ["parent", "child"])
def test_a_parent_renamed_while_paging_leaves_no_old_path(ledgerly, which):
    """Of parent and child the one is read before the parent is renamed, and the other after it."""
    ledgerly.deployment.vendors.quickbooks.limits = replace(FAST, page=2)
    began = datetime.now(UTC) - timedelta(hours=2)
    robots = ledgerly.add_item("Robots", Type="Category", at=began)
    child = sub_item(ledgerly, "Claw", robots, at=began + timedelta(seconds=1))
    if which == "child":
        ledgerly.company.touch("Item", robots, {}, at=began + timedelta(seconds=9))
    else:
        ledgerly.company.touch("Item", child, {}, at=began + timedelta(seconds=9))
    for number in range(4):
        ledgerly.add_item(f"Part {number}", at=began + timedelta(seconds=2 + number))
    path = f"/v3/company/{ledgerly.company.realm_id}/query"
    ledgerly.product.between.do(path, lambda: ledgerly.company.update("Item", robots, {"Name": "Machines"}))

    ledgerly.tick_items()
    ledgerly.tick_items()

    assert paths(ledgerly) == ledgerly.true_paths()
    assert paths(ledgerly)[child] == "Machines:Claw"


def test_a_second_change_within_the_second_of_the_first_is_not_taken_for_it(ledgerly):
    """Stamps are whole seconds: an item may be read between two changes that have one stamp."""
    ledgerly.add_products(("itm_winch", "Winch", "W-9"))
    now = datetime.now(UTC)
    item = ledgerly.add_item("Winsh", at=now)
    ledgerly.tick_items()
    assert waiting(ledgerly) == {item: "unmatched"}

    ledgerly.company.update("Item", item, {"Name": "Winch"}, at=now)
    ledgerly.tick_items()

    assert linked(ledgerly) == {item: ("itm_winch", "name")}
    assert ledgerly.tick_items() is None


def test_more_than_1000_changes_of_one_tick_all_come_and_are_counted(ledgerly):
    """A list of SKUs is imported: every item changes, and the first answer has a thousand of them."""
    began = datetime.now(UTC) - timedelta(hours=2)
    made = [ledgerly.add_item(f"Part {number:05}", at=began + timedelta(seconds=number)) for number in range(1_200)]
    ledgerly.tick_items()
    imported = datetime.now(UTC) - timedelta(minutes=10)
    for number, item in enumerate(made):
        ledgerly.company.update("Item", item, {"Sku": f"P-{item}"}, at=imported + timedelta(seconds=number // 4))
    ledgerly.add_products(*((f"itm_{item}", f"Product {item}", f"P-{item}") for item in made))
    before = ledgerly.calls()

    ledgerly.tick_items()

    assert linked(ledgerly) == {item: (f"itm_{item}", "sku") for item in made}
    assert waiting(ledgerly) == {}
    # One that tells of a thousand, two pages of all that changed, the newest deletions, and a look at all there is.
    assert ledgerly.calls() - before <= 1 + 2 + 1 + 2


def renewing(ledgerly, *options):
    """A process of its own that is about to ask the company something with a token that has ended."""
    module = "hardfin_pipelines_tests.engine.renewing_process"
    command = [sys.executable, "-m", module, f"{ledgerly.org}:quickbooks", *options]
    environment = {**os.environ, **ledgerly.product.environment()}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def token_calls(ledgerly):
    return ledgerly.product.sandbox.call_log.count(path=TOKEN)


@pytest.mark.slow
def test_two_refreshes_at_once_by_two_processes_are_one_and_both_go_on(ledgerly):
    """Each refresh makes the one before worthless: two at once are what most dead connections died of."""
    sandbox = ledgerly.product.sandbox
    sandbox.settings.refresh_rotates_after_seconds = 0
    sandbox.tokens.expire_access(ledgerly.company)
    before = token_calls(ledgerly)
    with ExitStack() as stack:
        started = [stack.enter_context(renewing(ledgerly)) for _ in range(2)]
        assert [process.stdout.readline() for process in started] == ["ready\n"] * 2
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [process.communicate(timeout=120) for process in started]

    assert [process.returncode for process in started] == [0, 0], ends
    assert sorted(out for out, _ in ends) == ["0\n", "1\n"]
    assert token_calls(ledgerly) - before == 1
    ledgerly.poll()
    assert ledgerly.row().status == "active"


def test_a_refresh_that_takes_longer_than_its_lease_is_still_the_only_one(ledgerly, monkeypatch):
    """Another process that took the lease over meanwhile would ask with a value that is replaced by then."""
    monkeypatch.setattr(renewal, "RENEWAL_TIME", timedelta(seconds=0.6))
    ours = ledgerly.deployment
    other = MovableDeployment(ours.settings, ours.engine, ours.vault)
    sandbox = ledgerly.product.sandbox
    sandbox.settings.refresh_rotates_after_seconds = 0
    sandbox.tokens.expire_access(ledgerly.company)
    sandbox.faults.add(Fault(path=TOKEN, status=None, delay_seconds=2))
    before = token_calls(ledgerly)

    async def ask(deployment):
        connector = deployment.erp_connector(ledgerly.row())
        await connector.describe()
        return connector.calls.token_refreshes

    async def both():
        return await asyncio.gather(ask(ours), ask(other))

    assert sorted(asyncio.run(both())) == [0, 1]
    assert token_calls(ledgerly) - before == 1


def crash_between_refresh_and_save(ledgerly):
    """A process is killed when it has new tokens and has not kept them; its lease has run out since."""
    ledgerly.product.sandbox.tokens.expire_access(ledgerly.company)
    before = token_calls(ledgerly)
    with renewing(ledgerly, "--dies") as process:
        process.communicate("go\n", timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert token_calls(ledgerly) - before == 1
    with ledgerly.deployment.engine.begin() as connection:  # as if a minute had passed
        connection.execute(leases.update().values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))


@pytest.mark.slow
@pytest.mark.parametrize(("rotates_after", "old_works_for"), [(86_400, 0), (0, 3_600)])
def test_a_crash_between_refresh_and_save_is_mended_by_the_kept_token(ledgerly, rotates_after, old_works_for):
    """Within a day the value stays the same; and where Intuit still takes a replaced one, that mends it as well."""
    settings = ledgerly.product.sandbox.settings
    settings.refresh_rotates_after_seconds = rotates_after
    settings.previous_refresh_token_seconds = old_works_for
    item = ledgerly.add_item("Winch")
    crash_between_refresh_and_save(ledgerly)

    ledgerly.tick_items()

    assert waiting(ledgerly) == {item: "unmatched"}
    assert ledgerly.row().status == "active"


@pytest.mark.slow
def test_a_crash_between_refresh_and_save_needs_a_person_where_the_kept_token_is_dead(ledgerly):
    ledgerly.tick_items()
    ledgerly.product.sandbox.settings.refresh_rotates_after_seconds = 0
    crash_between_refresh_and_save(ledgerly)

    ledgerly.poll()

    row = ledgerly.row()
    assert row.status == "needs attention"
    assert "a newer token was given that could not be kept; connect QuickBooks again" in row.status_reason
    ledgerly.connect()
    ledgerly.poll()
    assert ledgerly.row().status == "active"


@pytest.mark.parametrize("name", ["throttled", "throttled_503", "service_unavailable"])
def test_xml_where_json_was_asked_for_is_waited_out_and_loses_nothing(ledgerly, name):
    ledgerly.deployment.vendors.quickbooks.limits = replace(FAST, page=4, throttle_pause_seconds=0.01)
    began = datetime.now(UTC) - timedelta(hours=2)
    made = [ledgerly.add_item(f"Part {n}", at=began + timedelta(seconds=n)) for n in range(12)]
    fault = named_fault(name, account=ledgerly.company.realm_id, path="*/query", skip=1, times=2)
    assert fault.content_type.startswith("application/xml")
    ledgerly.product.sandbox.faults.add(fault)

    ledgerly.tick_items()

    assert fault.hits == 2
    assert set(waiting(ledgerly)) == set(made)
    assert ledgerly.row().status == "active"


def test_xml_that_is_no_refusal_is_no_answer_either(ledgerly):
    """The API has answered in XML with status 200: nothing may be taken for an empty list."""
    ledgerly.deployment.vendors.quickbooks.limits = replace(FAST, attempts=2)
    item = ledgerly.add_item("Winch")
    body = '<IntuitResponse xmlns="http://schema.intuit.com/finance/v3"><QueryResponse/></IntuitResponse>'
    spoilt = named_fault("throttled", account=ledgerly.company.realm_id, path="*/query", status=200, body=body, times=2)
    ledgerly.product.sandbox.faults.add(spoilt)

    ledgerly.poll()
    (claim,) = ledgerly.product.claims()
    with pytest.raises(RetryLater, match="application/xml"):
        ledgerly.product.run_items(claim)

    with reading(ledgerly.deployment.engine) as connection:
        assert read_cursor(connection, ledgerly.org, f"{ledgerly.org}:quickbooks", "Item") is None
    assert ledgerly.rows(vendor_items) == []
    ledgerly.deployment.ahead = timedelta(hours=1)
    ledgerly.tick_items()
    assert waiting(ledgerly) == {item: "unmatched"}

"""QuickBooks end to end over real HTTP: items find their products or wait for a person, and what it costs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.connectors.errors import ReserveReached
from hardfin_pipelines.platform.tables import links, pending_work
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items
from hardfin_pipelines_tests.engine.quickbooks_product import FAST


def linked(ledgerly):
    return {row["external_id"]: (row["entity_id"], row["matched_by"]) for row in ledgerly.rows(links)}


def waiting(ledgerly):
    return {row["external_id"]: row["reason"] for row in ledgerly.rows(triage_items) if row["state"] == "open"}


def test_items_are_linked_by_sku_and_name_and_the_others_wait(ledgerly):
    ledgerly.add_products(("itm_arm", "Robot arm", "ARM-01"), ("itm_grip", "Gripper", ""), ("itm_x", "Base", "B-1"))
    arm = ledgerly.add_item("Arm of a robot", "arm 01".replace(" ", "-"))
    grip = ledgerly.add_item("gripper")
    strange = ledgerly.add_item("Lawn mower")

    synced = ledgerly.tick_items()

    assert synced is not None
    assert linked(ledgerly) == {arm: ("itm_arm", "normalized sku"), grip: ("itm_grip", "normalized name")}
    assert waiting(ledgerly) == {strange: "unmatched"}
    assert ledgerly.rows(pending_work) == []


def test_a_quiet_tick_is_one_call(ledgerly):
    for number in range(5):
        ledgerly.add_item(f"Part {number}")
    ledgerly.tick_items()
    before = ledgerly.calls()

    assert ledgerly.tick_items() is None

    assert ledgerly.calls() - before == 1


def test_what_a_poll_found_is_not_asked_again_by_its_run(ledgerly):
    ledgerly.add_item("Part")
    ledgerly.tick_items()
    ledgerly.add_products(("itm_new", "Winch", "W-9"))
    item = ledgerly.add_item("Winch", "W-9")
    before = ledgerly.calls()

    ledgerly.tick_items()

    assert ledgerly.calls() - before == 1
    assert linked(ledgerly)[item] == ("itm_new", "sku")


def test_a_first_load_takes_a_call_for_a_thousand_items(ledgerly):
    began = datetime.now(UTC) - timedelta(hours=2)
    for number in range(2_500):
        ledgerly.add_item(f"Part {number:05}", at=began + timedelta(seconds=number))
    before = ledgerly.calls()

    ledgerly.tick_items()

    assert ledgerly.calls() - before == 3
    assert len(waiting(ledgerly)) == 2_500


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


def test_a_product_added_in_hardfin_links_what_waits_at_the_next_tick(ledgerly):
    item = ledgerly.add_item("Winch", "W-9")
    ledgerly.tick_items()
    assert waiting(ledgerly) == {item: "unmatched"}

    ledgerly.add_products(("itm_new", "Winch", "W-9"))
    ledgerly.tick_items()

    assert waiting(ledgerly) == {}
    assert linked(ledgerly)[item][0] == "itm_new"


def test_the_months_calls_are_shared_and_guarded(ledgerly):
    ledgerly.add_item("Part")
    ledgerly.tick_items()
    settings = ledgerly.deployment.settings.model_copy(update={"quickbooks_calls_per_month": 1})
    ledgerly.deployment.settings = settings
    before = ledgerly.calls()

    report = ledgerly.poll()

    assert ledgerly.calls() == before
    assert any("metered calls a month of all connections are used" in note for note in report.notes)
    assert ledgerly.row().status == "active"
    assert issubclass(ReserveReached, Exception)


def test_access_that_was_revoked_needs_a_person(ledgerly):
    ledgerly.tick_items()
    ledgerly.product.sandbox.tokens.end(ledgerly.company, "revoked")
    ledgerly.product.sandbox.tokens.expire_access(ledgerly.company)

    ledgerly.poll()

    row = ledgerly.row()
    assert row.status == "needs attention"
    assert "connect QuickBooks" in row.status_reason


@pytest.mark.parametrize("times", [1, 3])
def test_one_organization_never_sees_anothers_items(quickbooks, times):
    one, two = quickbooks.add_organization("one"), quickbooks.add_organization("two")
    one.add_products(("itm_arm", "Robot arm", "ARM-01"))
    one.add_item("Robot arm", "ARM-01")
    two.add_item("Robot arm", "ARM-01")

    for _ in range(times):
        one.tick_items()
        two.tick_items()

    assert list(linked(one).values()) == [("itm_arm", "sku")]
    assert linked(two) == {}
    assert list(waiting(two).values()) == ["unmatched"]


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


def sub_item(ledgerly, name, parent, **values):
    return ledgerly.add_item(name, SubItem=True, ParentRef={"value": parent}, **values)


def paths(ledgerly):
    return {row["external_id"]: row["full_name"] for row in ledgerly.rows(vendor_items)}


def test_a_renamed_parent_gives_what_is_below_it_new_paths_though_quickbooks_tells_of_none(ledgerly):
    assert not ledgerly.company.settings.parent_rename_moves_children
    robots = ledgerly.add_item("Robots", Type="Category")
    arms = ledgerly.add_item("Arms", Type="Category", SubItem=True, ParentRef={"value": robots})
    claw = sub_item(ledgerly, "Claw", arms)
    other = sub_item(ledgerly, "Claw", ledgerly.add_item("Robots 2", Type="Category"))
    ledgerly.tick_items()
    assert waiting(ledgerly) == {claw: "unmatched", other: "unmatched"}
    ledgerly.add_products(("itm_claw", "Machines:Arms:Claw", ""))
    before = ledgerly.calls()

    ledgerly.company.update("Item", robots, {"Name": "Machines"})
    ledgerly.tick_items()

    assert ledgerly.calls() - before == 1
    assert paths(ledgerly) == ledgerly.true_paths()
    assert linked(ledgerly) == {claw: ("itm_claw", "name")}
    assert waiting(ledgerly) == {other: "unmatched"}


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


def test_an_item_that_moves_below_another_parent_takes_what_is_below_it_along(ledgerly):
    robots, machines = (ledgerly.add_item(name, Type="Category") for name in ("Robots", "Machines"))
    arm = sub_item(ledgerly, "Arm", robots)
    claw = sub_item(ledgerly, "Claw", arm)
    ledgerly.tick_items()

    ledgerly.company.update("Item", arm, {"ParentRef": {"value": machines}})
    ledgerly.tick_items()

    assert paths(ledgerly)[claw] == "Machines:Arm:Claw"
    assert paths(ledgerly) == ledgerly.true_paths()
    assert ledgerly.tick_items() is None


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

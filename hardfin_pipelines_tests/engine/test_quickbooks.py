"""QuickBooks end to end over real HTTP: items find their products or wait for a person, and what it costs."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.connectors.errors import ReserveReached
from hardfin_pipelines.connectors.quickbooks.limits import METERED
from hardfin_pipelines.engine.health import connections_over_budget
from hardfin_pipelines.engine.month_budget import month_budgets
from hardfin_pipelines.platform.call_budget import add_calls
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.tables import links, pending_work
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items
from hardfin_pipelines.sync.call_budget import CallCount
from hardfin_pipelines.sync.month_budget import month_began


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


def test_a_product_added_in_hardfin_links_what_waits_at_the_next_tick(ledgerly):
    item = ledgerly.add_item("Winch", "W-9")
    ledgerly.tick_items()
    assert waiting(ledgerly) == {item: "unmatched"}

    ledgerly.add_products(("itm_new", "Winch", "W-9"))
    ledgerly.tick_items()

    assert waiting(ledgerly) == {}
    assert linked(ledgerly)[item][0] == "itm_new"


def limit(ledgerly, **calls):
    ledgerly.deployment.settings = ledgerly.deployment.settings.model_copy(update=calls)


@pytest.mark.parametrize(
    ("setting", "whose"),
    [("quickbooks_calls_per_month", "of all connections"), ("quickbooks_calls_per_connection", "of this connection")],
)
def test_where_the_months_calls_are_used_nothing_is_asked_until_there_are_more(ledgerly, setting, whose):
    ledgerly.add_item("Part")
    ledgerly.tick_items()
    limit(ledgerly, **{setting: 1})
    before = ledgerly.calls()

    report = ledgerly.poll()

    assert ledgerly.calls() == before
    assert any(f"metered calls a month {whose} are used" in note for note in report.notes)
    assert (ledgerly.row().status, ledgerly.row().failures) == ("active", 0)
    limit(ledgerly, **{setting: 500})
    ledgerly.deployment.ahead = timedelta(days=1, minutes=1)
    ledgerly.poll()
    assert ledgerly.calls() == before + 1


def test_the_months_calls_of_all_connections_are_one_number_and_each_has_its_own(quickbooks):
    one, two = quickbooks.add_organization("one"), quickbooks.add_organization("two")
    for _ in range(3):
        one.tick_items()
    two.tick_items()

    with reading(quickbooks.deployment.engine) as connection:
        budgets = month_budgets(quickbooks.deployment, connection)

    metered = quickbooks.sandbox.meter.by_company(datetime.now(UTC))
    first, second = metered[one.company.realm_id], metered[two.company.realm_id]
    assert first > second > 0
    assert {each: (budget.own, budget.total) for each, budget in budgets.items()} == {
        "one:quickbooks": (first, first + second),
        "two:quickbooks": (second, first + second),
    }


@pytest.mark.parametrize(
    ("setting", "whose"),
    [
        ("quickbooks_calls_per_month", "all metered connections together"),
        ("quickbooks_calls_per_connection", "ledgerly:quickbooks"),
    ],
)
def test_a_month_whose_calls_will_not_do_is_told_before_they_are_used(ledgerly, setting, whose):
    ledgerly.tick_items()
    assert connections_over_budget(ledgerly.deployment) == []

    limit(ledgerly, **{setting: 10})  # a tick every five minutes takes more in an hour
    ledgerly.deployment.ahead = _first_of_next_month() - datetime.now(UTC)

    (line,) = connections_over_budget(ledgerly.deployment)
    assert line.startswith(f"{whose}: about ")
    assert "metered calls are expected by the end of the month, and 10 are allowed" in line


def _first_of_next_month():
    return (month_began(datetime.now(UTC)) + timedelta(days=32)).replace(day=1)


def test_a_first_load_leaves_the_last_tenth_of_the_month_to_ticks(ledgerly):
    ledgerly.add_item("Part")
    today, own = ledgerly.deployment.now().date(), f"{ledgerly.org}:quickbooks"
    with writing(ledgerly.deployment.engine) as connection:
        add_calls(connection, [CallCount(ledgerly.org, own, today, METERED, "tick", 16, 0)])
    limit(ledgerly, quickbooks_calls_per_connection=20)  # describing the company took two
    before = ledgerly.calls()

    ledgerly.poll()
    (claim,) = ledgerly.product.claims()
    with pytest.raises(ReserveReached, match="initial loads leave the last tenth to ticks"):
        ledgerly.product.run_items(claim)

    assert ledgerly.calls() == before
    assert ledgerly.rows(vendor_items) == []
    limit(ledgerly, quickbooks_calls_per_connection=21)
    ledgerly.deployment.ahead = timedelta(days=1, minutes=1)
    assert ledgerly.tick_items() is not None


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

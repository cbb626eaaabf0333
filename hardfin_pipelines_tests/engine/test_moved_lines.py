"""A line item that moves from one synced deal to another: its line follows it, once, whichever is re-synced first."""

from decimal import Decimal

import pytest

from hardfin_pipelines.platform.tables import ledger, links, project_line_items
from hardfin_pipelines_tests.engine.product import LINE_ITEM, OPEN, Organization, values_of
from hardfin_pipelines_tests.engine.resync_cases import timeline_of, undo


@pytest.fixture
def deals(acme: Organization) -> tuple[str, str]:
    """Two synced deals, the first with two lines; the second of them has moved to the other deal."""
    giving = acme.add_deal("Giving", lines=[("Robot arm", "100.50"), ("Ramp", "7")])
    taking = acme.add_deal("Taking", lines=[("Support", "20")])
    acme.tick()
    move(acme, acme.lines_of(giving)[1], giving, taking)
    return giving, taking


def move(acme: Organization, line: str, giving: str, taking: str) -> None:
    acme.portal.dissociate("deals", giving, "line_items", line)
    acme.portal.associate("deals", taking, "line_items", line, LINE_ITEM)


def lines(acme: Organization, deal: str) -> list[tuple[str, str]]:
    return sorted(values_of(acme.lines(deal), "name", "status"))


@pytest.mark.parametrize("first", ["giving", "taking"])
def test_the_line_follows_whichever_is_re_synced_first(acme, deals, first):
    giving, taking = deals
    ramp = next(line["id"] for line in acme.lines(giving) if line["name"] == "Ramp")
    if first == "giving":
        acme.resync(giving, run_id="giving")
        assert lines(acme, giving) == [("Ramp", "removed"), ("Robot arm", "active")]

    report = acme.resync(taking, run_id="taking")

    assert lines(acme, giving) == [("Robot arm", "active")]
    assert lines(acme, taking) == [("Ramp", "active"), ("Support", "active")]
    assert [(change.id, change.kind) for change in report.changes] == [(ramp, "move")]
    how = "was marked removed there" if first == "giving" else "was not re-synced yet"
    (note,) = report.notes
    assert note.startswith(f"line {ramp} comes from project {acme.project(giving)['id']} ({how})")
    assert not acme.resync(giving, run_id="giving-again").changes
    assert not acme.resync(taking, run_id="taking-again").changes
    assert len(acme.rows(project_line_items)) == 3
    assert len([row for row in acme.rows(links) if row["object"] == "line_items"]) == 3


def test_a_line_that_moved_to_a_deal_won_later_comes_with_it_once_its_old_project_is_re_synced(acme):
    giving = acme.add_deal("Giving", lines=[("Robot arm", "100.50"), ("Ramp", "7")])
    acme.tick()
    taking = acme.add_deal("Taking", stage=OPEN, lines=[("Support", "20")])
    moved = acme.lines_of(giving)[1]
    move(acme, moved, giving, taking)
    acme.win(taking)
    before = acme.dump()
    origin = acme.project(giving)["id"]

    acme.tick()

    assert acme.dump() == before  # a tick changes no project, and makes none that lacks a line
    (aside,) = acme.rejected()
    assert aside.rejection.reason == (
        f"line item {moved}: is a line of project {origin} already; re-sync that project if the line item has moved "
        "here, else remove it from one of the two deals"
    )

    acme.resync(giving)
    acme.ask_for_record(taking, trigger="retry")
    acme.product.run_all()

    assert lines(acme, giving) == [("Robot arm", "active")]
    assert lines(acme, taking) == [("Ramp", "active"), ("Support", "active")]
    assert acme.rejected() == []
    assert len(acme.rows(project_line_items)) == 3
    assert [each.kind for each in timeline_of(acme, "line_items", moved)] == ["moved"]
    for project in (origin, acme.project(taking)["id"]):
        assert "project.line_moved" in [entry.event.action for entry in acme.audit(entity_id=project)]
    assert not acme.resync(giving, run_id="giving-again").changes
    assert not acme.resync(taking, run_id="taking-again").changes


def test_a_line_whose_line_in_hardfin_was_deleted_comes_with_the_deal_it_moved_to(acme):
    giving = acme.add_deal("Giving", lines=[("Robot arm", "100.50"), ("Ramp", "7")])
    acme.tick()
    moved = acme.lines_of(giving)[1]
    gone = next(line["id"] for line in acme.lines(giving) if line["name"] == "Ramp")
    with acme.deployment.engine.begin() as connection:
        connection.execute(project_line_items.delete().where(project_line_items.c.id == gone))
    taking = acme.add_deal("Taking", lines=[])
    move(acme, moved, giving, taking)

    acme.tick()

    assert lines(acme, taking) == [("Ramp", "active")]
    assert lines(acme, giving) == [("Robot arm", "active")]


def test_both_projects_and_the_line_item_tell_of_it(acme, deals):
    giving, taking = deals
    origin, target = acme.project(giving)["id"], acme.project(taking)["id"]
    line = acme.lines_of(taking)[0]

    acme.resync(taking, reason="sales moved it")

    for project in (origin, target):
        events = [entry.event for entry in acme.audit(entity_id=project)]
        (moved,) = [event for event in events if event.action == "project.line_moved"]
        assert list(moved.changes.values()) == [(origin, target)]
        assert moved.cause.reason == "sales moved it"
    assert [each.kind for each in timeline_of(acme, "line_items", line)] == ["moved"]


def test_a_line_that_is_with_both_deals_stays_where_it_is(acme, deals):
    giving, taking = deals
    line = acme.lines_of(taking)[0]
    acme.portal.associate("deals", giving, "line_items", line, LINE_ITEM)

    report = acme.resync(taking)

    assert lines(acme, giving) == [("Ramp", "active"), ("Robot arm", "active")]
    assert report.changes == ()
    assert report.notes == (
        f"line item {line} stays with project {acme.project(giving)['id']}, whose deal has it, too",
    )


def test_a_line_of_a_deal_that_is_gone_goes_with_its_line_item(acme, deals):
    giving, taking = deals
    acme.portal.archive("deals", giving)

    acme.resync(taking)

    assert lines(acme, taking) == [("Ramp", "active"), ("Support", "active")]


def test_it_is_undone_with_the_rest(acme, deals):
    giving, taking = deals
    before = (lines(acme, giving), lines(acme, taking))
    acme.portal.update("deals", taking, {"dealname": "Taken"})
    acme.resync(taking)

    undo(acme, taking)

    assert (lines(acme, giving), lines(acme, taking)) == before
    assert acme.project(taking)["name"] == "Taking"
    acme.resync(taking, run_id="again")
    assert lines(acme, taking) == [("Ramp", "active"), ("Support", "active")]


def test_edits_of_the_line_move_along_where_they_are_kept(acme, deals):
    giving, taking = deals
    ramp = next(line["id"] for line in acme.lines(giving) if line["name"] == "Ramp")
    acme.edit(project_line_items, ramp, unit_price=Decimal("6"))

    acme.resync(taking, keep_local_edits=True)

    assert {line["name"]: line["unit_price"] for line in acme.lines(taking)}["Ramp"] == Decimal(6)


@pytest.mark.parametrize("kept", ["choice", "edit"])
def test_a_line_can_be_kept_where_it_is(acme, deals, kept):
    giving, taking = deals
    ramp = next(line["id"] for line in acme.lines(giving) if line["name"] == "Ramp")
    if kept == "choice":
        acme.resync(taking, keep=(f"line:{ramp}.project",))
    else:
        # Operations had moved it the other way: the CRM's deal was the taking one's from the first.
        acme.resync(taking, run_id="first")
        acme.edit(project_line_items, ramp, project_id=acme.project(giving)["id"])
        acme.resync(taking, keep_local_edits=True)

    assert ("Ramp", "active") in lines(acme, giving)
    assert ("Ramp", "active") not in lines(acme, taking)
    acme.resync(taking, run_id="take")
    assert ("Ramp", "active") in lines(acme, taking)


def test_only_where_a_line_is_another_projects_it_costs_calls(acme, deals):
    _, taking = deals
    with_line = acme.resync(taking, preview=True, run_id="with").calls
    acme.resync(taking, run_id="moved")

    assert acme.resync(taking, preview=True, run_id="without").calls == with_line - 2


def test_a_preview_and_the_plan_it_showed_know_of_the_move(acme, deals):
    giving, taking = deals
    preview = acme.resync(taking, preview=True, run_id="preview")
    assert lines(acme, taking) == [("Support", "active")]

    report = acme.resync(taking, plan=preview.plan)

    assert report.changes == preview.changes
    assert lines(acme, giving) == [("Robot arm", "active")]


def test_another_organization_with_the_same_ids_is_not_touched(acme, deals):
    zeta = acme.product.add_organization("zeta")
    theirs = zeta.add_deal("Theirs", lines=[("Robot arm", "1"), ("Ramp", "2")])
    zeta.tick()
    before = zeta.dump()

    acme.resync(deals[1])

    assert {row["external_id"] for row in acme.rows(ledger)} & {theirs}, "the two portals use the same ids"
    assert zeta.dump() == before

"""Undoing a re-sync: exactly what it changed goes back, once, and what was edited since is never lost."""

import threading
from decimal import Decimal

import pytest

from hardfin_pipelines.engine.connecting import disconnect
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.tables import (
    customers,
    items,
    ledger,
    links,
    project_line_items,
    projects,
    resyncs,
)
from hardfin_pipelines_tests.engine.product import PRIMARY_COMPANY, Organization, values_of
from hardfin_pipelines_tests.engine.resync_cases import EVERYTHING, timeline_of, undo

SYNCED = (customers, projects, project_line_items, links, ledger)
STAMPS = {"updated_at"}


@pytest.fixture
def deal(acme: Organization) -> str:
    """A synced deal with two lines; operations have edited its value and its custom fields."""
    made = acme.add_deal(lines=[("Robot arm", "100.50"), ("Support", "20")])
    acme.tick()
    acme.edit(projects, acme.project(made)["id"], value=Decimal("77.10"), custom={"dock": "7"})
    return made


def change_everything(acme: Organization, deal: str) -> None:
    """Sales renames the deal, exchanges a line, another's product, and the company."""
    acme.portal.update("deals", deal, {"dealname": "Twelve robots", "amount": "130"})
    arm, support = acme.lines_of(deal)
    acme.portal.dissociate("deals", deal, "line_items", support)
    (product,) = acme.portal.create_many("products", [acme.record({"name": "Robot leg"})])
    acme.portal.update("line_items", arm, {"name": "Robot leg", "price": "9.90", "hs_product_id": product})
    acme.add_line(deal, ("Ramp", "7.25"))
    (firm,) = acme.portal.create_many("companies", [acme.record({"name": "Initech"})])
    acme.portal.dissociate("deals", deal, "companies", acme.companies_of(deal)[0])
    acme.portal.associate("deals", deal, "companies", firm, PRIMARY_COMPANY)


def state(acme: Organization, *tables):
    """All rows but what an undo may not put back: our own stamps of a write."""
    return {
        table.name: sorted(
            ({name: value for name, value in row.items() if name not in STAMPS} for row in acme.rows(table)), key=repr
        )
        for table in tables or SYNCED
    }


def test_everything_that_a_re_sync_changed_goes_back(acme, deal):
    change_everything(acme, deal)
    before = state(acme)
    before_items = acme.rows(items)
    acme.resync(deal)
    assert acme.project(deal)["value"] == Decimal(130)

    report = undo(acme, deal, reason="wrong deal")

    after = state(acme)
    (ramp,) = [line for line in after["project_line_items"] if line["name"] == "Ramp"]
    assert ramp["status"] == "removed"
    after["project_line_items"].remove(ramp)
    created = {row["id"] for row in acme.rows(customers) if row["name"] == "Initech"}
    created |= {row["id"] for row in acme.rows(items)} - {row["id"] for row in before_items} | {ramp["id"]}
    assert len(created) == 4
    after["customers"] = [row for row in after["customers"] if row["id"] not in created]
    after["links"] = [row for row in after["links"] if row["entity_id"] not in created]
    assert after == before
    assert acme.project(deal)["value"] == Decimal("77.10")
    assert report.changed("project_line_item") == 3
    told = [note.rsplit(": ", 1)[1] for note in report.notes]
    # The line that was added stays, and so does what it refers to; of the leg and the new customer nothing is left.
    assert sorted(told) == ["1 record(s) refer to it", "nothing refers to it", "nothing refers to it"]


def test_an_undo_is_audited_and_in_the_deals_timeline(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    resync_id = acme.resync(deal, keep=("project.value",), reason="sales asked").resync_id

    undo(acme, deal, reason="wrong deal")

    (event,) = [entry.event for entry in acme.audit() if entry.event.action == "project.resync_undone"]
    assert event.changes == {"name": ("Twelve robots", "Ten robots")}
    assert (event.cause.actor, event.cause.run_id) == ("cli:bob", "undo")
    assert event.cause.reason == f"undo of {resync_id}: wrong deal"
    told = [(each.kind, each.detail) for each in timeline_of(acme, "deals", deal)][-2:]
    assert told == [
        ("re-synced", f"{resync_id}, asked for by cli:ann"),
        ("re-sync undone", f"{resync_id}, asked for by cli:bob: 1 field(s) put back"),
    ]


def test_a_second_undo_is_refused_and_an_earlier_re_sync_can_be_named(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Eleven robots"})
    first = acme.resync(deal, run_id="first").resync_id
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    second = acme.resync(deal, run_id="second").resync_id
    undo(acme, deal)
    before = acme.dump(tables=EVERYTHING)

    with pytest.raises(Refusal, match=f"re-sync {second} of prj_.* was undone already, at .* by cli:bob") as refused:
        undo(acme, deal)
    assert f"name it with --resync: {first}" in str(refused.value)
    assert acme.dump(tables=EVERYTHING) == before

    undo(acme, deal, resync_id=first)
    assert acme.project(deal)["name"] == "Ten robots"


def test_undone_out_of_order_what_a_later_re_sync_wrote_is_not_lost(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Eleven robots", "description": "By phone"})
    first = acme.resync(deal, run_id="first").resync_id
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    acme.resync(deal, run_id="second")

    with pytest.raises(Refusal, match=r"cannot be undone as it was: project\.name changed since"):
        undo(acme, deal, resync_id=first)
    undo(acme, deal, resync_id=first, keep_local_edits=True)

    assert (acme.project(deal)["name"], acme.project(deal)["description"]) == ("Twelve robots", None)


def test_hazard_what_somebody_edited_since_is_named_and_never_lost(acme, deal):
    change_everything(acme, deal)
    acme.resync(deal)
    arm, ramp = [line for line in acme.lines(deal) if line["status"] == "active"]
    acme.edit(projects, acme.project(deal)["id"], name="Edited after it")
    acme.edit(project_line_items, arm["id"], unit_price=Decimal("8"))
    acme.edit(project_line_items, ramp["id"], quantity=Decimal("3"))
    before = acme.dump(tables=EVERYTHING)

    with pytest.raises(Refusal) as refused:
        undo(acme, deal)
    for name in ("project.name", f"line:{arm['id']}.unit_price", f"line:{ramp['id']}.quantity"):
        assert name in str(refused.value)
    assert "project.value" not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert acme.dump(tables=EVERYTHING) == before

    report = undo(acme, deal, keep_local_edits=True)

    after = acme.project(deal)
    assert (after["name"], after["value"]) == ("Edited after it", Decimal("77.10"))
    lines = {line["id"]: line for line in acme.lines(deal)}
    assert (lines[arm["id"]]["unit_price"], lines[arm["id"]]["name"]) == (Decimal(8), "Robot arm")
    assert (lines[ramp["id"]]["status"], lines[ramp["id"]]["quantity"]) == ("active", Decimal(3))
    assert "kept 3 value(s)" in report.summary()


def test_a_re_sync_after_an_undo_does_it_all_again(acme, deal):
    change_everything(acme, deal)
    acme.resync(deal)
    done = state(acme, projects, project_line_items, customers)
    undo(acme, deal)

    report = acme.resync(deal, run_id="again")

    assert state(acme, projects, project_line_items, customers) == done
    assert {change.kind for change in report.changes} == {"update", "remove", "restore"}
    undo(acme, deal, run_id="undo-again")
    assert acme.project(deal)["value"] == Decimal("77.10")


def test_after_an_undo_an_edit_still_is_one_and_the_rest_is_not(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Twelve robots", "amount": "130"})
    acme.add_line(deal, ("Ramp", "7.25"))
    acme.resync(deal)
    undo(acme, deal)

    acme.resync(deal, keep_local_edits=True, run_id="again")

    after = acme.project(deal)
    assert (after["name"], after["value"]) == ("Twelve robots", Decimal("77.10"))
    assert {line["name"]: line["status"] for line in acme.lines(deal)}["Ramp"] == "active"


@pytest.mark.parametrize("how", ["paused", "revoked", "disconnected"])
def test_it_needs_no_vendor_and_no_active_connection(acme, deal, how):
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    acme.resync(deal)
    if how == "paused":
        acme.pause()
    elif how == "revoked":
        acme.portal.uninstall_app()
        acme.poll()
    else:
        disconnect(acme.deployment, acme.org, "hubspot", actor="cli:ann", reason="moved")
    calls = acme.calls()

    undo(acme, deal)

    assert acme.project(deal)["name"] == "Ten robots"
    assert acme.calls() == calls


def test_a_preview_of_an_undo_writes_nothing_and_tells_what_it_then_does(acme, deal):
    change_everything(acme, deal)
    acme.resync(deal)
    before = acme.dump(tables=EVERYTHING)

    preview = undo(acme, deal, preview=True)
    assert acme.dump(tables=EVERYTHING) == before
    report = undo(acme, deal)

    assert preview.entities == report.entities
    assert preview.notes == report.notes


def test_what_was_never_re_synced_or_is_not_known_is_refused(acme, deal):
    with pytest.raises(Refusal, match="has no re-sync that changed anything: there is nothing to undo"):
        undo(acme, deal)
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    known = acme.resync(deal).resync_id
    with pytest.raises(Refusal, match=f"has no re-sync 'rsy_other'; it has {known}"):
        undo(acme, deal, resync_id="rsy_other")
    with pytest.raises(Refusal, match="no synced project '99'"):
        undo(acme, "99")


def test_a_re_sync_that_finds_nothing_to_change_is_none_to_undo(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    done = acme.resync(deal)
    again = acme.resync(deal, run_id="again")

    assert (done.resync_id is None, again.resync_id) == (False, None)
    assert values_of(acme.rows(resyncs), "resync_id") == [done.resync_id]


def test_another_organizations_re_sync_cannot_be_undone(acme, deal):
    zeta = acme.product.add_organization("zeta")
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    done = acme.resync(deal)

    with pytest.raises(Refusal, match="zeta: no synced project"):
        undo(zeta, done.project_id, resync_id=done.resync_id)


def test_it_waits_for_whoever_writes_the_organization(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    acme.resync(deal)
    thread = threading.Thread(target=undo, args=(acme, deal))
    with writing(acme.deployment.engine) as connection:
        hold_organization(connection, acme.org)
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()

    thread.join(30)
    assert acme.project(deal)["name"] == "Ten robots"


def test_a_crash_in_the_middle_leaves_nothing_half_undone(acme, deal, monkeypatch):
    change_everything(acme, deal)
    acme.resync(deal)
    before = acme.dump(tables=EVERYTHING)

    def crash(*_args, **_kwargs):
        raise RuntimeError("crash")

    with monkeypatch.context() as patched:
        patched.setattr("hardfin_pipelines.engine.undoing.record_events", crash)
        with pytest.raises(RuntimeError, match="crash"):
            undo(acme, deal)
    assert acme.dump(tables=EVERYTHING) == before

    undo(acme, deal)
    assert acme.project(deal)["name"] == "Ten robots"

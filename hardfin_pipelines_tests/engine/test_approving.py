"""Approval: what was previewed is what runs, or nothing of it."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from sqlalchemy import insert

from hardfin_pipelines.engine import applying
from hardfin_pipelines.engine.approving import StalePlan, approve
from hardfin_pipelines.engine.loading import loads_needed
from hardfin_pipelines.engine.plan_files import read_plan
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import items, ledger, load_windows, metadata, projects
from hardfin_pipelines.sync.census import months
from hardfin_pipelines.sync.preview import digest_of
from hardfin_pipelines_tests.engine.previews import ALL_TABLES, LAST_WEEK, run, written, yaml
from hardfin_pipelines_tests.engine.product import SEARCH, WON, values_of


def test_an_approved_plan_is_what_runs_and_is_audited_with_its_hash(acme, tmp_path):
    deals = [acme.add_deal(f"Deal {number}", at=LAST_WEEK + timedelta(minutes=number)) for number in range(3)]
    report = written(acme, tmp_path / "plan.json")
    acme.product.sandbox.call_log.reset()

    done = run(acme, tmp_path / "plan.json")

    assert (done.applied.synced, done.stale, done.window_closed) == (3, [], True)
    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted(deals)
    assert set(values_of(acme.rows(ledger), "run_id")) == {f"approve-{report.hash[:16]}"}
    (event,) = [each.event for each in acme.audit() if each.event.action == "plan.approved"]
    assert (event.cause.actor, event.changes["plan"]) == ("cli:ann", (None, report.hash))
    # Fetched once for the comparison and the run together, and counted once at the end.
    assert acme.calls() == report.cost.total + 1
    assert not list(acme.product.landing.rglob("*.journal"))
    assert list(acme.product.landing.rglob("object=deals/approve-*.parquet"))
    (window,) = acme.rows(load_windows)
    assert (window["state"], window["counts"]["synced"]) == ("closed", 3)
    # The load that the connection's start date asks for is done by it.
    assert loads_needed(acme.deployment, months(datetime(2025, 1, 1, tzinfo=UTC), datetime.now(UTC))) == []


def test_a_plan_is_refused_before_anything_is_written_when_a_deal_moved_appeared_or_went(acme, tmp_path):
    changed = acme.add_deal("Changed", at=LAST_WEEK)
    gone = acme.add_deal("Gone", at=LAST_WEEK + timedelta(minutes=1))
    acme.add_deal("As it was", at=LAST_WEEK + timedelta(minutes=2))
    written(acme, tmp_path / "plan.json")
    acme.portal.update("deals", changed, {"amount": "7"})
    acme.portal.move_deal(gone, "contractsent")
    new = acme.add_deal("New", at=LAST_WEEK)
    before = acme.product.dump(tables=ALL_TABLES)

    with pytest.raises(StalePlan) as refused:
        run(acme, tmp_path / "plan.json")

    text = str(refused.value)
    assert f"deal {changed} was modified at the CRM at" in text
    assert f"deal {gone} is gone: the CRM does not show it" in text
    assert f"deal {new} is new since: it would sync now" in text
    assert "Nothing was written" in text
    assert acme.product.dump(tables=ALL_TABLES) == before
    assert not list(acme.product.landing.rglob("*.journal"))


def test_a_line_item_that_changed_without_its_deal_makes_the_plan_stale(sqlite_acme, tmp_path):
    acme = sqlite_acme
    deal = acme.add_deal(at=LAST_WEEK, lines=[("Robot arm", "100.50")])
    (line,) = acme.lines_of(deal)
    written(acme, tmp_path / "plan.json")
    acme.force(line, {"price": "99"}, "line_items")

    with pytest.raises(StalePlan, match=r"project line item.unit_price, from line item \d+: '100.5' in the plan, '99'"):
        run(acme, tmp_path / "plan.json")


def test_what_was_edited_in_hardfin_makes_the_plan_stale(sqlite_acme, tmp_path):
    acme = sqlite_acme
    first = acme.add_deal("First", at=LAST_WEEK, lines=[("Robot arm", "1")])
    acme.load()
    acme.add_deal("Second", at=LAST_WEEK, lines=[("Robot arm", "2")])
    written(acme, tmp_path / "plan.json")
    (item,) = values_of(acme.rows(items), "id")
    acme.edit(items, item, name="Arm of old", normalized_name="arm of old")

    with pytest.raises(StalePlan, match=rf"leads to another item in Hardfin: line item \d+ is {item} by exact name in"):
        run(acme, tmp_path / "plan.json")
    assert values_of(acme.rows(ledger), "external_id") == [first]


def test_a_deal_that_another_run_synced_meanwhile_makes_the_plan_stale(sqlite_acme, tmp_path):
    acme = sqlite_acme
    deal = acme.add_deal(at=LAST_WEEK)
    written(acme, tmp_path / "plan.json")
    acme.load()

    with pytest.raises(StalePlan, match=f"deal {deal} was synced by another run meanwhile: it is project prj_"):
        run(acme, tmp_path / "plan.json")


def test_edits_of_deals_that_are_protected_do_not_make_a_plan_stale(sqlite_acme, tmp_path):
    acme = sqlite_acme
    old = acme.add_deal("Old", at=LAST_WEEK)
    acme.load()
    new = acme.add_deal("New", at=LAST_WEEK)
    written(acme, tmp_path / "plan.json")
    acme.portal.update("deals", old, {"amount": "1"})

    done = run(acme, tmp_path / "plan.json")

    assert done.applied.synced == 1
    assert acme.project(new)["name"] == "New"


def test_a_changed_configuration_makes_the_plan_stale_and_a_pause_does_not(sqlite_acme, tmp_path):
    acme = sqlite_acme
    acme.add_deal(at=LAST_WEEK)
    written(acme, tmp_path / "plan.json")
    acme.pause()
    with pytest.raises(Refusal, match="acme:hubspot is paused"):
        run(acme, tmp_path / "plan.json")
    acme.pause(paused=False)
    acme.apply(document="        trigger_stages: [contractsent]\n")

    with pytest.raises(
        StalePlan, match="its rules, its mapping, or what they name in the account are not as they were"
    ):
        run(acme, tmp_path / "plan.json")

    acme.apply()
    assert run(acme, tmp_path / "plan.json").applied.synced == 1


def test_a_plan_of_a_file_applies_the_file_only_after_the_comparison_held(sqlite_acme, tmp_path):
    acme = sqlite_acme
    sent = acme.add_deal("Sent", stage="contractsent", at=LAST_WEEK)
    written(acme, tmp_path / "plan.json", document=yaml(acme, stages="[contractsent]"))
    stale = acme.add_deal("Later", stage="contractsent", at=LAST_WEEK)
    with pytest.raises(StalePlan, match=f"deal {stale} is new"):
        run(acme, tmp_path / "plan.json")
    (revision,) = values_of([acme.product.rows(metadata.tables["organizations"])[0]], "revision")
    assert revision == 1
    acme.portal.archive("deals", stale)

    done = run(acme, tmp_path / "plan.json")

    assert (done.revision, done.applied.synced) == (2, 1)
    assert acme.project(sent)["name"] == "Sent"
    actions = [each.event.action for each in reversed(acme.audit())]
    assert actions.index("plan.approved") > actions.index("organization.applied")


def test_a_plan_whose_document_pauses_the_connection_is_refused_and_not_applied(sqlite_acme, tmp_path):
    acme = sqlite_acme
    acme.add_deal("Sent", stage="contractsent", at=LAST_WEEK)
    document = yaml(acme, stages="[contractsent]", more="    status: paused\n")
    report = written(acme, tmp_path / "plan.json", document=document)
    assert report.remarks == ("the document pauses the connection: nothing syncs until it is active there",)

    with pytest.raises(Refusal, match="the plan's document pauses it"):
        run(acme, tmp_path / "plan.json")
    assert acme.row().status == "active"


def test_a_plan_of_a_file_is_stale_once_the_document_was_changed_by_somebody_else(sqlite_acme, tmp_path):
    acme = sqlite_acme
    acme.add_deal("Sent", stage="contractsent", at=LAST_WEEK)
    written(acme, tmp_path / "plan.json", document=yaml(acme, stages="[contractsent]"))
    acme.apply(document="    cadence: daily\n")

    with pytest.raises(StalePlan, match="acme is at revision 2 now; the plan changes revision 1"):
        run(acme, tmp_path / "plan.json")


def test_a_run_of_a_plan_that_was_cut_off_is_done_again_by_approving_it_again(sqlite_acme, tmp_path, monkeypatch):
    acme = sqlite_acme
    monkeypatch.setattr("hardfin_pipelines.engine.approving._BATCH", 2)
    for number in range(5):
        acme.add_deal(f"Deal {number}", at=LAST_WEEK + timedelta(minutes=number))
    written(acme, tmp_path / "plan.json")

    batches: list[object] = []

    def cut(*args, **options):
        if len(batches) == 1:
            raise KeyboardInterrupt
        batches.append(args)
        return apply(*args, **options)

    apply = applying.apply_bundles
    monkeypatch.setattr("hardfin_pipelines.engine.approving.apply_bundles", cut)
    with pytest.raises(KeyboardInterrupt):
        run(acme, tmp_path / "plan.json")
    assert len(acme.rows(ledger)) == 2
    monkeypatch.setattr("hardfin_pipelines.engine.approving.apply_bundles", apply)

    done = run(acme, tmp_path / "plan.json")

    assert (done.done_before, done.applied.synced, done.stale) == (2, 3, [])
    assert len(acme.rows(ledger)) == 5


def test_a_batch_that_another_run_got_into_is_left_unwritten_and_told_the_others_are_committed(
    sqlite_acme, tmp_path, monkeypatch
):
    acme = sqlite_acme
    monkeypatch.setattr("hardfin_pipelines.engine.approving._BATCH", 2)
    deals = [acme.add_deal(f"Deal {n}", at=LAST_WEEK + timedelta(minutes=n), company=f"Firm {n}") for n in range(6)]
    written(acme, tmp_path / "plan.json")

    apply = applying.apply_bundles
    batches: list[object] = []

    def beside(crm, bundles, *args):
        batches.append([bundle.deal.id for bundle in bundles])
        if len(batches) == 2:  # a webhook's run is quicker
            with writing(crm.engine) as connection:
                connection.execute(
                    insert(ledger).values(
                        org="acme",
                        connection_id=acme.connection_id,
                        object="deals",
                        external_id=deals[2],
                        project_id="prj_other",
                        pipeline_id="default",
                        stage_id=WON,
                        trigger="webhook",
                        vendor_modified_at=LAST_WEEK,
                        first_synced_at=LAST_WEEK,
                        run_id="webhook",
                    )
                )
        return apply(crm, bundles, *args)

    monkeypatch.setattr("hardfin_pipelines.engine.approving.apply_bundles", beside)

    done = run(acme, tmp_path / "plan.json")

    assert batches == [deals[:2], deals[2:4], deals[4:]]
    assert done.applied.synced == 4
    assert done.stale == [
        f"deal {deals[2]} was synced by another run meanwhile: it is project prj_other",
        "none of the 2 deals of that batch was written",
    ]
    assert not done.window_closed
    assert sorted(values_of(acme.rows(ledger), "external_id")) == sorted([*deals[:3], *deals[4:]])
    assert len(acme.rows(projects)) == 4


def test_a_plan_file_that_was_edited_cut_off_or_is_another_organizations_is_refused(sqlite_acme, tmp_path):
    acme = sqlite_acme
    acme.add_deal("Ten robots", at=LAST_WEEK)
    path = tmp_path / "plan.json"
    written(acme, path)
    whole = path.read_text()

    path.write_text(whole.replace("Ten robots", "Six robots"))
    with pytest.raises(Refusal, match="was changed since it was written"):
        run(acme, path)
    path.write_text("\n".join(whole.splitlines()[:-1]))
    with pytest.raises(Refusal, match="the plan is not whole"):
        run(acme, path)
    path.write_text("not a plan")
    with pytest.raises(Refusal, match="expected one JSON document a line"):
        run(acme, path)
    path.write_text(whole)
    with pytest.raises(Refusal, match="is a plan of acme, not of zeta"):
        acme.deployment.run(approve(acme.deployment, "zeta", read_plan(path), actor="cli:ann"))


def test_a_plan_file_is_its_owners_alone_and_appears_whole_or_not_at_all(sqlite_acme, tmp_path):
    acme = sqlite_acme
    acme.add_deal(at=LAST_WEEK)
    path = tmp_path / "plan.json"
    acme.fault(path=SEARCH, status=400, body='{"category":"VALIDATION_ERROR"}')
    with pytest.raises(Exception, match="HubSpot"):
        written(acme, path)
    assert list(tmp_path.glob("*plan*")) == []

    written(acme, path)

    assert path.stat().st_mode & 0o077 == 0
    head, deal, end = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    assert (head["kind"], head["window"], end["deals"]) == ("plan", "load", 1)
    assert read_plan(path).entries[deal["deal"]].digest == digest_of({k: v for k, v in deal.items() if k != "kind"})

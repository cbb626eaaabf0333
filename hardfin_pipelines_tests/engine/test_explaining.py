"""`explain` at the engine: what is said of records in every state, and what ticks note of those they leave alone."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.explaining import ExplainRequest, explain_record
from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.engine.record_notes import note_seen
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.visits import LEASE_TIME
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.leases import acquire_lease
from hardfin_pipelines.platform.tables import call_counts, call_reservations, metadata, record_events
from hardfin_pipelines.sync.plans import Protected, Skipped
from hardfin_pipelines.sync.records import Record, Role
from hardfin_pipelines_tests.engine.product import WON, Organization

LAST_WEEK = datetime.now(UTC) - timedelta(days=7)
ALL_TABLES = [table for table in metadata.sorted_tables if table not in (call_counts, call_reservations)]
OBJECTS: dict[Role, str] = {"deal": "deals", "company": "companies", "line_item": "line_items", "product": "products"}


def explained(acme: Organization, record: str, kind: str = "deal", **options):
    request = ExplainRequest(acme.org, "hubspot", kind, record, **options)
    return acme.deployment.run(explain_record(acme.deployment, request))


def said(acme: Organization, record: str, kind: str = "deal", **options) -> str:
    return "\n".join(explained(acme, record, kind, **options).reason)


# -- deals in Hardfin -------------------------------------------------------------------------------------------


def test_a_synced_deal_is_told_with_its_project_its_run_its_stage_and_its_version(acme):
    deal = acme.add_deal("Ten robots")
    acme.tick()
    project = acme.project(deal)["id"]

    report = explained(acme, deal)

    first, second = report.reason
    assert first.startswith(f"Deal {deal} 'Ten robots' is project {project} since ")
    assert "first synced by a tick (run run" in first
    assert "because it was in stage closedwon of pipeline default" in first
    assert second.startswith("No later change of it has been seen")
    assert [each.what for each in report.record.timeline] == ["project.synced"]


def test_a_change_after_the_sync_is_told_as_not_applied_once_a_tick_has_noted_it(acme):
    deal = acme.add_deal("Ten robots")
    acme.tick()
    changed_at = datetime.now(UTC) + timedelta(minutes=3)
    note(acme, Protected(record(deal, changed_at), acme.project(deal)["id"], deal))

    report = explained(acme, deal)

    assert (
        f"modified at HubSpot at {changed_at:%Y-%m-%d %H:%M} UTC, after the version that was applied"
        in (report.reason[1])
    )
    assert f"`hardfin resync acme {deal}`" in report.reason[1]
    assert [each.what for each in report.record.timeline] == ["project.synced", "protected"]


def test_a_re_sync_brings_the_version_up_and_is_told(acme):
    deal = acme.add_deal("Ten robots")
    acme.tick()
    acme.portal.update("deals", deal, {"dealname": "Twelve robots"})
    acme.resync(deal, reason="sales renamed it")

    text = said(acme, deal)

    assert "It was last re-synced at" in text
    assert "by cli:ann: sales renamed it" in text
    assert "No later change of it has been seen" in text


def test_a_merged_deal_is_explained_under_both_ids(acme):
    survivor = acme.add_deal("Survivor")
    other = acme.add_deal("Other", stage="contractsent")
    acme.tick()
    merged = acme.portal.merge("deals", survivor, other)
    acme.ask_for_record(str(merged))
    acme.product.run_all()

    under_other = explained(acme, str(merged) if str(merged) != survivor else other)

    assert "is project" in under_other.reason[0]
    assert f"which deal {survivor} is known as since a merge" in under_other.reason[0]
    assert "merged" in [each.what for each in under_other.record.timeline]


# -- deals that are not -----------------------------------------------------------------------------------------


def test_a_deal_that_is_set_aside_is_told_with_its_reason_and_its_next_try(acme):
    deal = acme.add_deal("Nameless")
    acme.force(deal, {"dealname": None})
    acme.tick()

    text = said(acme, deal)

    assert f"Deal {deal} is set aside since" in text
    assert "project.name has no value" in text
    assert "tried 1 time(s)" in text
    assert "by the first visit after" in text


def test_work_that_waits_for_a_run_is_told(sqlite_acme):
    deal = sqlite_acme.add_deal("Ten robots")
    sqlite_acme.ask_for_record(deal)

    assert "Work for it waits for a run: a webhook named it at" in said(sqlite_acme, deal)


def test_an_id_that_nothing_is_known_of_is_told_with_what_was_looked_at_and_by_which_rules(acme):
    acme.load()
    acme.tick()

    text = said(acme, "404404404")

    assert "Deal 404404404 is not in Hardfin, and no visit has noted it." in text
    assert "acme:hubspot is active." in text
    assert "Ticks have looked at everything modified up to" in text
    assert "Initial loads are done for what was modified from 2025-01-01 to" in text
    assert "default/closedwon" in text
    assert "The rule of pipeline default (stages: won) is active since" in text


def test_a_skipped_deal_is_told_with_the_reason_a_tick_noted(sqlite_acme):
    deal = sqlite_acme.add_deal(stage="contractsent")
    at = datetime.now(UTC)
    note(sqlite_acme, Skipped(record(deal, at), "stage contractsent is not a trigger stage of pipeline default"))

    assert "stage contractsent is not a trigger stage" in said(sqlite_acme, deal)


# -- the CRM is asked -------------------------------------------------------------------------------------------


def test_asking_the_crm_says_which_rule_would_take_the_deal_and_what_brings_it(acme):
    acme.poll()
    old = acme.add_deal("Old", at=LAST_WEEK)
    new = acme.add_deal("New")
    before = acme.product.dump(tables=ALL_TABLES)

    of_new, of_old = said(acme, new, ask_crm=True), said(acme, old, ask_crm=True)

    assert f"At HubSpot deal {new} is in stage closedwon of pipeline default now" in of_new
    assert "The rule of pipeline default takes it, because of stage closedwon." in of_new
    assert "the next tick brings it" in of_new
    assert f"load it with `hardfin load acme --since {LAST_WEEK:%Y-%m-%d}`" in of_old
    assert acme.product.dump(tables=ALL_TABLES) == before


def test_asking_the_crm_says_why_no_rule_takes_the_deal_or_that_it_is_not_there(sqlite_acme):
    acme = sqlite_acme
    deal = acme.add_deal(stage="contractsent")

    assert "No rule takes it: stage contractsent is not a trigger stage of pipeline default (closedwon)." in said(
        acme, deal, ask_crm=True
    )
    assert "HubSpot does not give deal 404404404 now:" in said(acme, "404404404", ask_crm=True)


def test_asking_the_crm_sees_a_change_that_no_tick_has_noted(sqlite_acme):
    acme = sqlite_acme
    deal = acme.add_deal("Ten robots", at=LAST_WEEK)
    acme.load()
    acme.portal.update("deals", deal, {"amount": "7"})

    assert "No later change of it has been seen" in said(acme, deal)
    assert "not applied, since operations owns the project" in said(acme, deal, ask_crm=True).splitlines()[1]


def test_a_refusal_of_the_crm_is_its_own(sqlite_acme):
    sqlite_acme.fault(times=None, status=403, body='{"category":"MISSING_SCOPES"}')

    with pytest.raises(VendorError):
        said(sqlite_acme, "1", ask_crm=True)


# -- other records ----------------------------------------------------------------------------------------------


def test_companies_line_items_and_products_are_told_with_what_they_are_linked_to(acme):
    deal = acme.add_deal("Ten robots", lines=[("Robot arm", "1")])
    acme.tick()
    (company,), (line,) = acme.companies_of(deal), acme.lines_of(deal)
    product = acme.portal.properties("line_items", line)["hs_product_id"]

    assert f"Company {company} 'Globex' is customer cus_" in said(acme, company, "company")
    assert "1 project(s) belong to it." in said(acme, company, "company")
    assert f"Line item {line} 'Robot arm' is project line item pli_" in said(acme, line, "line-item")
    assert f"Product {product} 'Robot arm' is item itm_" in said(acme, str(product), "product")
    assert "1 project(s) use it." in said(acme, str(product), "product")
    assert "Company 404 is not linked to anything in Hardfin" in said(acme, "404", "company")


def test_what_cannot_be_explained_is_refused_in_one_line(sqlite_acme):
    with pytest.raises(Refusal, match="unknown kind of record 'ticket': expected one of company, deal, line-item"):
        explained(sqlite_acme, "1", "ticket")
    request = ExplainRequest("acme", "salesforce", "deal", "1")
    with pytest.raises(Refusal, match="acme has no salesforce connection; it has hubspot"):
        sqlite_acme.deployment.run(explain_record(sqlite_acme.deployment, request))
    with pytest.raises(Refusal, match="--ask-crm is for deals"):
        explained(sqlite_acme, "1", "company", ask_crm=True)


def test_one_organization_does_not_see_anothers_records(sqlite_product):
    acme, zeta = sqlite_product.add_organization("acme"), sqlite_product.add_organization("zeta")
    deal = acme.add_deal("Ten robots")
    acme.tick()

    report = explained(zeta, deal)

    assert "is not in Hardfin" in report.reason[0]
    assert report.record.timeline == ()


# -- what ticks note --------------------------------------------------------------------------------------------


def record(deal: str, at: datetime) -> Record:
    return Record("deal", deal, at, {})


def note(acme: Organization, *outcomes: Protected | Skipped, trigger: str = "poll") -> int:
    now = acme.deployment.now()
    with writing(acme.deployment.engine) as connection:
        lease = acquire_lease(connection, "acme", "tick:note", "note", now=now, ttl=LEASE_TIME)
    assert lease is not None
    row = acme.row()
    stamp = SyncStamp("acme", acme.connection_id, OBJECTS, "note", trigger, row.revision, now)
    guard = RunGuard("acme", acme.connection_id, row.revision, lease)
    return note_seen(acme.deployment.engine, outcomes, stamp, guard)


def test_a_version_is_noted_once_and_the_next_one_again(acme):
    at = datetime.now(UTC)
    skipped = Skipped(record("1", at), "stage open is not a trigger stage of pipeline default")
    later = Skipped(record("1", at + timedelta(seconds=1)), skipped.reason)

    assert [note(acme, skipped), note(acme, skipped), note(acme, later), note(acme, later)] == [1, 0, 1, 0]
    assert [row["kind"] for row in acme.rows(record_events)] == ["skipped", "skipped"]


def test_the_version_that_was_synced_and_older_ones_are_no_news(acme):
    deal = acme.add_deal("Ten robots")
    acme.tick()
    (synced,) = acme.rows(metadata.tables["ledger"])
    at, project = synced["vendor_modified_at"], synced["project_id"]

    assert note(acme, Protected(record(deal, at), project, deal)) == 0
    assert note(acme, Protected(record("99", at), project, deal)) == 0
    assert note(acme, Protected(record(deal, at + timedelta(seconds=1)), project, deal)) == 1


def test_loads_note_nothing(sqlite_acme):
    assert note(sqlite_acme, Skipped(record("1", LAST_WEEK), "no"), trigger="load") == 0
    assert sqlite_acme.rows(record_events) == []


def test_ten_thousand_protected_deals_are_looked_up_in_a_moment_and_written_once(sqlite_acme):
    at = datetime.now(UTC)
    outcomes = [Protected(record(str(number), at), "prj_1", str(number)) for number in range(10_000)]

    assert note(sqlite_acme, *outcomes) == 10_000
    assert note(sqlite_acme, *outcomes) == 0
    assert len(sqlite_acme.rows(record_events)) == 10_000


def test_a_won_deal_moves_from_not_known_to_synced(sqlite_acme):
    deal = sqlite_acme.add_deal(stage="contractsent")
    assert "is not in Hardfin" in said(sqlite_acme, deal)
    sqlite_acme.portal.move_deal(deal, WON)
    sqlite_acme.tick()
    assert "is project prj_" in said(sqlite_acme, deal)

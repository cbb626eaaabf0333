"""Rule 4 end to end: one project again, on request; what the CRM says, what was synced, what Hardfin holds."""

from decimal import Decimal

import pytest

from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import customers, items, links, project_line_items, projects
from hardfin_pipelines_tests.engine.interference import interfere
from hardfin_pipelines_tests.engine.product import OPEN, PRIMARY_COMPANY, Organization, values_of
from hardfin_pipelines_tests.engine.resync_cases import EVERYTHING


@pytest.fixture
def deal(acme: Organization) -> str:
    """A synced deal with two lines."""
    made = acme.add_deal(lines=[("Robot arm", "100.50"), ("Support", "20")])
    acme.tick()
    return made


def lines_by_name(acme: Organization, deal: str) -> dict[str, dict]:
    return {str(line["name"]): line for line in acme.lines(deal)}


@pytest.mark.parametrize("given", ["project", "deal", "merged"])
def test_a_project_is_found_by_its_id_its_deals_id_or_one_merged_into_that(acme, deal, given):
    names = {"project": acme.project(deal)["id"], "deal": deal}
    if given == "merged":
        names["merged"] = acme.portal.merge_deals(deal, acme.add_deal("Other", stage=OPEN))
        acme.tick()
        acme.portal.update("deals", names["merged"], {"dealname": "Eleven robots"})
    else:
        acme.portal.update("deals", deal, {"dealname": "Eleven robots"})

    report = acme.resync(names[given])

    assert report.project_id == names["project"]
    assert acme.project(deal)["name"] == "Eleven robots"


def test_the_crms_values_replace_mapped_fields_and_nothing_else(acme, deal):
    project = acme.project(deal)
    arm = lines_by_name(acme, deal)["Robot arm"]
    acme.edit(projects, project["id"], name="Edited here", site_contact="Sam", custom={"dock": "7"})
    acme.edit(project_line_items, arm["id"], unit_price=Decimal("90"), description="as agreed on the phone")
    acme.portal.update("deals", deal, {"amount": "130"})

    report = acme.resync(deal, reason="sales asked")

    after = acme.project(deal)
    assert (after["name"], after["value"]) == ("Ten robots", Decimal(130))
    assert (after["site_contact"], after["custom"]) == ("Sam", {"dock": "7"})
    assert lines_by_name(acme, deal)["Robot arm"]["unit_price"] == Decimal("100.50")
    assert report.changed("project") == 1
    assert report.changed("project_line_item") == 1
    (event,) = [entry.event for entry in acme.audit(entity_type="project") if entry.event.action.endswith("re-synced")]
    assert event.changes == {"name": ("Edited here", "Ten robots"), "value": ("100.5", "130")}
    assert (event.cause.actor, event.cause.reason, event.cause.run_id) == ("cli:ann", "sales asked", "resync")


def test_local_edits_are_kept_where_that_is_asked_for(acme, deal):
    project = acme.project(deal)
    acme.edit(projects, project["id"], name="Edited here")
    acme.portal.update("deals", deal, {"dealname": "Renamed there", "amount": "130"})

    acme.resync(deal, keep_local_edits=True)
    assert (acme.project(deal)["name"], acme.project(deal)["value"]) == ("Edited here", Decimal(130))

    # The edit is still known as one.
    acme.resync(deal, keep_local_edits=True, run_id="again")
    assert acme.project(deal)["name"] == "Edited here"
    acme.resync(deal, run_id="take")
    assert acme.project(deal)["name"] == "Renamed there"


def test_lines_are_added_removed_and_restored_and_those_of_hardfin_stay(acme, deal):
    _arm, support = acme.lines_of(deal)
    own = lines_by_name(acme, deal)["Robot arm"] | {"id": "pli_own", "name": "Added here", "position": 99}
    with writing(acme.deployment.engine) as connection:
        connection.execute(project_line_items.insert().values(**own))
    acme.portal.dissociate("deals", deal, "line_items", support)
    acme.add_line(deal, ("Ramp", "7.25"))

    acme.resync(deal)
    lines = lines_by_name(acme, deal)
    assert {name: line["status"] for name, line in lines.items()} == {
        "Robot arm": "active",
        "Support": "removed",
        "Ramp": "active",
        "Added here": "active",
    }
    assert lines["Ramp"]["unit_price"] == Decimal("7.25")
    assert lines["Ramp"]["item_id"] is not None

    acme.portal.associate("deals", deal, "line_items", support)
    report = acme.resync(deal, run_id="again")
    assert {line["status"] for line in acme.lines(deal)} == {"active"}
    assert [change.kind for change in report.changes] == ["restore"]


def test_another_customer_and_another_product_are_taken_over(acme, deal):
    (firm,) = acme.portal.create_many("companies", [acme.record({"name": "Initech"})])
    acme.portal.dissociate("deals", deal, "companies", acme.companies_of(deal)[0])
    acme.portal.associate("deals", deal, "companies", firm, PRIMARY_COMPANY)
    (product,) = acme.portal.create_many("products", [acme.record({"name": "Robot leg"})])
    acme.portal.update("line_items", acme.lines_of(deal)[0], {"name": "Robot leg", "hs_product_id": product})

    acme.resync(deal)

    by_id = {row["id"]: row["name"] for row in acme.rows(customers)}
    assert sorted(by_id.values()) == ["Globex", "Initech"]
    assert by_id[acme.project(deal)["customer_id"]] == "Initech"
    names = {row["id"]: row["name"] for row in acme.rows(items)}
    line = lines_by_name(acme, deal)["Robot leg"]
    assert names[line["item_id"]] == "Robot leg"


def test_the_customers_own_fields_follow_the_crm(acme, deal):
    acme.portal.update("companies", acme.companies_of(deal)[0], {"name": "Globex International", "city": "Springfield"})

    acme.resync(deal)

    (customer,) = acme.rows(customers)
    assert (customer["name"], customer["city"]) == ("Globex International", "Springfield")


def test_a_preview_writes_nothing_and_tells_what_the_run_then_does(acme, deal):
    acme.edit(projects, acme.project(deal)["id"], name="Edited here")
    acme.portal.update("deals", deal, {"amount": "130"})
    acme.portal.dissociate("deals", deal, "line_items", acme.lines_of(deal)[1])
    acme.add_line(deal, ("Ramp", "7.25"))
    before = acme.dump(tables=EVERYTHING)

    preview = acme.resync(deal, preview=True, run_id="preview")
    assert acme.dump(tables=EVERYTHING) == before
    report = acme.resync(deal, run_id="real")

    assert preview.changes == report.changes
    assert preview.preview
    assert not report.preview
    assert {change.kind for change in report.changes} >= {"update", "add", "remove"}
    assert acme.dump(tables=EVERYTHING) != before


def test_a_second_re_sync_changes_nothing(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Eleven robots", "amount": "130"})
    acme.add_line(deal, ("Ramp", "7.25"))
    acme.resync(deal)
    before = acme.dump()

    report = acme.resync(deal, run_id="again")

    assert report.changes == ()
    assert acme.dump() == before


@pytest.mark.parametrize("how", ["archived", "gone"])
def test_a_deal_that_is_gone_is_refused_in_one_line_and_nothing_changes(acme, deal, how):
    if how == "archived":
        acme.portal.archive("deals", deal)
    else:
        acme.fault(path="/crm/objects/*/deals/batch/read", status=200, body='{"status":"COMPLETE","results":[]}')
        acme.fault(path="/crm/objects/*/deals/*", method="GET", status=404, body='{"category":"OBJECT_NOT_FOUND"}')
    before = acme.dump(tables=EVERYTHING)

    with pytest.raises(Refusal, match="no longer exists or is not visible") as refused:
        acme.resync(deal)

    assert "\n" not in str(refused.value)
    assert "nothing was changed" in str(refused.value)
    assert acme.dump(tables=EVERYTHING) == before


def test_a_deal_that_cannot_be_mapped_now_is_refused_with_the_reason(acme, deal):
    acme.force(deal, {"amount": "N/A"})
    before = acme.dump(tables=EVERYTHING)

    with pytest.raises(Refusal, match=r"cannot re-sync prj_\w+: .*project\.value from 'amount'"):
        acme.resync(deal)

    assert acme.dump(tables=EVERYTHING) == before


def test_what_was_never_synced_is_refused(acme, deal):
    with pytest.raises(Refusal, match="no synced project '99'"):
        acme.resync("99")


def test_another_organizations_project_is_not_found(acme, deal):
    zeta = acme.product.add_organization("zeta")
    project = acme.project(deal)["id"]

    with pytest.raises(Refusal, match="zeta: no synced project"):
        zeta.resync(project)


def test_a_merged_deal_is_known_under_its_new_id_without_waiting_for_a_tick(acme, deal):
    survivor = acme.portal.merge_deals(deal, acme.add_deal("Other", stage=OPEN))

    acme.resync(deal)
    report = acme.resync(survivor, run_id="by-survivor")

    assert report.project_id == acme.project(deal)["id"]


def test_of_two_synced_deals_that_were_merged_each_project_keeps_its_own_lines(acme, deal):
    other = acme.add_deal("Other", lines=[("Ramp", "7")])
    acme.tick()
    acme.portal.merge_deals(deal, other)
    acme.tick()

    acme.resync(deal)
    acme.resync(other, run_id="other")

    assert values_of(acme.lines(deal), "name") == ["Robot arm", "Support"]
    assert values_of(acme.lines(other), "name") == ["Ramp"]
    assert {line["status"] for line in [*acme.lines(deal), *acme.lines(other)]} == {"active"}


def test_links_are_the_new_base_of_the_next_comparison(acme, deal):
    acme.portal.update("deals", deal, {"amount": "130"})
    acme.resync(deal)

    (link,) = [row for row in acme.rows(links) if row["object"] == "deals"]
    assert link["synced_values"]["value"] == "130"
    assert link["run_id"] == "resync"


def test_a_paused_connection_is_not_re_synced(acme, deal):
    acme.pause()

    with pytest.raises(Refusal, match="acme:hubspot is paused"):
        acme.resync(deal)


def test_a_connection_that_is_paused_while_records_are_fetched_is_refused_in_one_line(acme, deal):
    acme.portal.update("deals", deal, {"dealname": "Eleven robots"})
    happened = interfere(acme, after="/crm/objects/*/products/batch/read", change=acme.pause)

    with pytest.raises(Refusal, match=r"acme:hubspot is paused: .*; nothing was changed") as refused:
        acme.resync(deal)

    assert happened == [True]
    assert "\n" not in str(refused.value)
    assert acme.project(deal)["name"] == "Ten robots"


def test_a_deal_whose_rule_is_held_waits(acme, deal):
    stages = [("Quote", Decimal("0.5"), False, "quote"), ("Signed", Decimal(1), True, "signed")]
    acme.portal.add_pipeline("Renewals", stages, "renewals")
    acme.redescribe()
    acme.apply(["default", "renewals\n        trigger_stages: [signed]"])
    renewal = acme.add_deal("Renewal", stage="signed", pipeline="renewals")
    acme.tick()
    acme.portal.remove_stage("renewals", "signed", even_if_used=True)
    acme.redescribe()

    with pytest.raises(Refusal, match=r"cannot re-sync prj_\w+: the rule of pipeline renewals is held \(.+\); nothing"):
        acme.resync(renewal)
    acme.resync(deal)

"""A re-sync field by field: what is kept and what is taken, and the plan that somebody approved."""

import threading
from decimal import Decimal

import pytest

from hardfin_pipelines.engine import visits
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.leases import lease_holder
from hardfin_pipelines.platform.tables import customers, project_line_items, projects
from hardfin_pipelines_tests.engine.interference import interfere
from hardfin_pipelines_tests.engine.product import OPEN, PRIMARY_COMPANY, Organization
from hardfin_pipelines_tests.engine.resync_cases import EVERYTHING


@pytest.fixture
def deal(sqlite_acme: Organization) -> str:
    """A synced deal with two lines, edited since on both sides."""
    acme = sqlite_acme
    made = acme.add_deal(lines=[("Robot arm", "100.50"), ("Support", "20")])
    acme.tick()
    acme.edit(projects, acme.project(made)["id"], name="Edited here", value=Decimal("77"))
    for line in acme.lines(made):
        acme.edit(project_line_items, line["id"], quantity=Decimal("5"))
    acme.edit(customers, acme.project(made)["customer_id"], website="edited.example")
    acme.portal.update("deals", made, {"dealname": "Renamed there", "amount": "130"})
    for line_item in acme.lines_of(made):
        acme.portal.update("line_items", line_item, {"price": "9"})
    acme.portal.update("companies", acme.companies_of(made)[0], {"domain": "renamed.example"})
    return made


def prices(acme: Organization, deal: str) -> list[tuple[str, str]]:
    return [(str(line["unit_price"]), str(line["quantity"])) for line in acme.lines(deal)]


def test_what_is_to_be_kept_is_kept_and_all_else_taken(sqlite_acme, deal):
    acme = sqlite_acme
    first, _ = (line["id"] for line in acme.lines(deal))

    report = acme.resync(deal, keep=("project.name", "customer.website", f"line:{first}.quantity"))

    after = acme.project(deal)
    assert (after["name"], after["value"]) == ("Edited here", Decimal(130))
    assert [row["website"] for row in acme.rows(customers)] == ["edited.example"]
    assert prices(acme, deal) == [("9", "5"), ("9", "1")]
    assert "kept 3 value(s) of Hardfin" in report.summary()


def test_a_choice_goes_before_keeping_local_edits_and_one_line_before_all(sqlite_acme, deal):
    acme = sqlite_acme
    of_first = acme.lines_of(deal)[0]

    acme.resync(
        deal,
        keep_local_edits=True,
        keep=("project_line_item.unit_price", f"line:{of_first}.quantity"),
        take=("project.name", "project_line_item.quantity"),
    )

    after = acme.project(deal)
    assert (after["name"], after["value"]) == ("Renamed there", Decimal(77))
    assert prices(acme, deal) == [("100.50", "5"), ("20", "1")]


def test_a_line_that_left_the_crm_is_kept_where_its_status_is(sqlite_acme, deal):
    acme = sqlite_acme
    _, support = acme.lines(deal)
    acme.portal.dissociate("deals", deal, "line_items", acme.lines_of(deal)[1])

    acme.resync(deal, keep=(f"line:{support['id']}.status",))
    assert [line["status"] for line in acme.lines(deal)] == ["active", "active"]

    acme.resync(deal, keep_local_edits=True, run_id="again")
    assert [line["status"] for line in acme.lines(deal)] == ["active", "active"], (
        "what was kept is an edit from then on"
    )
    acme.resync(deal, run_id="take")
    assert [line["status"] for line in acme.lines(deal)] == ["active", "removed"]


def test_a_line_that_a_person_removed_stays_so_where_local_edits_are_kept(sqlite_acme, deal):
    acme = sqlite_acme
    support = acme.lines(deal)[1]["id"]
    acme.edit(project_line_items, support, status="removed")

    acme.resync(deal, keep_local_edits=True)
    assert [line["status"] for line in acme.lines(deal)] == ["active", "removed"]
    acme.resync(deal, run_id="take")
    assert [line["status"] for line in acme.lines(deal)] == ["active", "active"]


def test_a_customer_that_is_only_named_by_a_kept_field_is_not_created(sqlite_acme, deal):
    acme = sqlite_acme
    before = acme.rows(customers)
    (firm,) = acme.portal.create_many("companies", [acme.record({"name": "Initech"})])
    acme.portal.dissociate("deals", deal, "companies", acme.companies_of(deal)[0])
    acme.portal.associate("deals", deal, "companies", firm, PRIMARY_COMPANY)

    acme.resync(deal, keep=("project.customer",))

    assert acme.rows(customers) == before
    assert acme.project(deal)["customer_id"] == before[0]["id"]
    acme.resync(deal, run_id="take")
    assert {row["name"] for row in acme.rows(customers)} == {"Globex", "Initech"}


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        ({"keep": ("project.valu",)}, "keep project.valu: .* expected one of name, value, currency"),
        ({"take": ("value",)}, "take: 'value' names no field: expected project.FIELD"),
        ({"keep": ("project.site_contact",)}, "a re-sync does not touch 'site_contact' of the project"),
        ({"keep": ("line:99.quantity",)}, "no line '99' from the CRM; expected one of pli_"),
        ({"keep": ("project.name",), "take": ("project.name",)}, "keep and take both name project.name"),
        ({"keep": ("item.name",)}, "names no field"),
        ({"plan": "yes"}, "plan 'yes': expected the plan that a preview printed"),
    ],
)
def test_a_name_that_means_nothing_is_refused_in_one_line_without_a_vendor_call(sqlite_acme, deal, choices, says):
    acme = sqlite_acme
    before, calls = acme.dump(tables=EVERYTHING), acme.calls()

    with pytest.raises(Refusal, match=says) as refused:
        acme.resync(deal, **choices)

    assert "\n" not in str(refused.value)
    assert acme.calls() == calls
    assert acme.dump(tables=EVERYTHING) == before


def test_the_plan_that_was_approved_is_carried_out(acme):
    made = acme.add_deal()
    acme.tick()
    acme.portal.update("deals", made, {"dealname": "Renamed there"})
    approved = acme.resync(made, preview=True, run_id="preview").plan

    assert acme.resync(made, preview=True, run_id="once-more").plan == approved
    report = acme.resync(made, plan=approved)

    assert report.plan == approved
    assert acme.project(made)["name"] == "Renamed there"


def test_hazard_an_edit_made_during_the_preview_makes_the_plan_stale(sqlite_acme, deal):
    acme = sqlite_acme
    approved = acme.resync(deal, preview=True, run_id="preview").plan
    acme.edit(projects, acme.project(deal)["id"], name="Edited while the preview was read")
    before = acme.dump(tables=EVERYTHING)

    with pytest.raises(Refusal, match="is stale: values were edited in Hardfin") as refused:
        acme.resync(deal, plan=approved)

    assert "nothing was changed" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert acme.dump(tables=EVERYTHING) == before


def test_an_edit_between_the_fetch_and_the_write_makes_the_plan_stale_too(sqlite_acme, deal):
    acme = sqlite_acme
    approved = acme.resync(deal, preview=True, run_id="preview").plan
    project = acme.project(deal)["id"]
    happened = interfere(
        acme,
        after="/crm/objects/*/products/batch/read",
        change=lambda: acme.edit(projects, project, name="Edited while it was fetched"),
    )

    with pytest.raises(Refusal, match="stale: values were edited in Hardfin"):
        acme.resync(deal, plan=approved)

    assert happened == [True]
    assert acme.project(deal)["name"] == "Edited while it was fetched"


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("crm value", "records or their mapping changed at the CRM's side, last modified there is deal"),
        ("crm line", "records or their mapping changed at the CRM's side"),
        ("crm touch", "records or their mapping changed at the CRM's side"),
        ("mapping", "records or their mapping changed at the CRM's side"),
        ("choice", "other choices were made than in the preview"),
        ("another project", "it is of another project or deal"),
    ],
)
def test_what_moved_is_named(sqlite_acme, deal, what, says):
    acme = sqlite_acme
    other = acme.add_deal("Another")
    acme.tick()
    approved = acme.resync(deal, preview=True, run_id="preview").plan
    if what == "crm value":
        acme.portal.update("deals", deal, {"amount": "131"})
    elif what == "crm line":
        acme.add_line(deal, ("Ramp", "7.25"))
    elif what == "crm touch":
        acme.portal.update("deals", deal, {"hs_next_step": "call"})
    elif what == "mapping":
        acme.apply(document="    mappings:\n      project: {name: dealname, value: {field: amount, as: money}}\n")

    with pytest.raises(Refusal, match=says):
        acme.resync(
            other if what == "another project" else deal,
            plan=approved,
            keep=("project.name",) if what == "choice" else (),
        )


def test_an_edit_of_a_field_that_the_re_sync_does_not_touch_leaves_the_plan_as_it_is(sqlite_acme, deal):
    acme = sqlite_acme
    approved = acme.resync(deal, preview=True, run_id="preview").plan
    acme.edit(projects, acme.project(deal)["id"], site_contact="Sam")

    acme.resync(deal, plan=approved)

    assert acme.project(deal)["name"] == "Renamed there"


def test_asked_for_twice_at_once_the_second_waits_and_finds_nothing_to_change(acme, monkeypatch):
    made = acme.add_deal()
    acme.tick()
    acme.portal.update("deals", made, {"dealname": "Renamed there"})
    reports = []
    second = threading.Thread(target=lambda: reports.append(acme.resync(made, run_id="second")))
    waits = threading.Event()

    def told_of_the_first(*args, **options):
        waits.set()
        return lease_holder(*args, **options)

    def ask_again():
        second.start()
        assert waits.wait(60)

    monkeypatch.setattr(visits, "lease_holder", told_of_the_first)
    happened = interfere(acme, after="/crm/objects/*/deals/batch/read", change=ask_again)
    reports.append(acme.resync(made, run_id="first"))
    second.join()

    assert happened == [True]
    told = sorted(report.summary().partition(": ")[2] for report in reports)
    assert told[0].startswith("changed 1 field(s) of 1 record(s)")
    assert told[1].startswith("nothing to change, CRM and Hardfin agree")
    assert acme.project(made)["name"] == "Renamed there"
    assert [report.resync_id is None for report in sorted(reports, key=lambda each: not each.changes)] == [False, True]


def test_a_merge_is_told_and_the_survivor_counts(sqlite_acme, deal):
    acme = sqlite_acme
    survivor = acme.portal.merge_deals(deal, acme.add_deal("Other", stage=OPEN))

    report = acme.resync(deal)

    assert report.deal_id == survivor
    assert report.notes == (f"deal {deal} was merged into deal {survivor}: its survivor's values count",)
    assert acme.resync(survivor, run_id="by-survivor").project_id == report.project_id


@pytest.mark.parametrize("has_rule", [True, False])
def test_a_deal_that_moved_to_another_pipeline_is_told_with_the_mapping_that_counts(sqlite_acme, has_rule):
    acme = sqlite_acme
    acme.portal.add_pipeline("Renewals", [("Renewed", Decimal(1), True)], "renewals")
    acme.redescribe()
    made = acme.add_deal(description="Agreed by phone")
    acme.tick()
    override = "\n        project: {service_level: description}"
    acme.apply(["default", f"renewals{override}"] if has_rule else ["default"])
    acme.redescribe()
    acme.force(made, {"pipeline": "renewals"})

    report = acme.resync(made)

    counts = "renewals" if has_rule else "default"
    assert report.notes == (
        f"deal {made} is in pipeline renewals now, it was first synced from default: the mapping of {counts} counts",
    )
    assert acme.project(made)["service_level"] == ("Agreed by phone" if has_rule else None)

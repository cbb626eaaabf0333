"""Describing plans: from which property each value comes, what was matched and how, what a deal lacks, what moved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hardfin_pipelines.sync.approval import PlanHeader, configuration_hash, minutes_needed, plan_hash, what_moved
from hardfin_pipelines.sync.call_windows import CallWindow
from hardfin_pipelines.sync.first_sync import plan_batch
from hardfin_pipelines.sync.mapping_rules import EntityMapping, FieldRule
from hardfin_pipelines.sync.plans import Known, Protected
from hardfin_pipelines.sync.preview import DealPlan, described, digest_of
from hardfin_pipelines.sync.preview_totals import PreviewTotals, changed_outcome
from hardfin_pipelines.sync.records import Reference
from hardfin_pipelines.sync.trigger import DealState
from hardfin_pipelines_tests.sync.builders import (
    CONNECTION,
    MAPPINGS,
    NOON,
    ORG,
    bundle,
    company,
    context,
    line,
    product,
    rule,
)


def plan(of, known: Known | None = None, rules=None) -> DealPlan:
    rules, known = rules or context(), known or Known()
    (outcome,) = plan_batch([of], known, rules)
    return described(outcome, rules, of, known)


def entity(of: DealPlan, kind: str):
    (found,) = [each for each in of.entities if each.entity == kind]
    return found


HEADER = PlanHeader(ORG, CONNECTION, "load", NOON, "c0ffee")


def test_each_field_says_which_property_it_comes_from():
    made = plan(bundle(of_company="7", companies=[company("7", "Globex")], lines=[line("5", of_product="9")]))

    assert {name: (each.value, each.origin) for name, each in entity(made, "project").fields.items()} == {
        "name": ("Deal 1", "dealname"),
        "value": ("10", "amount"),
        "closed_on": ("2026-03-01", "closedate"),
    }
    assert entity(made, "customer").record == "company 7"
    assert entity(made, "project_line_item").fields["unit_price"].origin == "price"


def test_a_default_and_a_template_say_so():
    project = EntityMapping(
        "project",
        (
            FieldRule("name", template="{dealname} ({amount})"),
            FieldRule("service_level", "tier", default="standard"),
            FieldRule("owner", "owner_name", default="nobody"),
        ),
    )
    rules = context(mappings={**MAPPINGS, "project": project})

    fields = entity(plan(bundle(properties={"owner_name": "Ann"}), rules=rules), "project").fields

    assert (fields["name"].value, fields["name"].origin) == ("Deal 1 (10)", "{dealname} ({amount})")
    assert (fields["service_level"].value, fields["service_level"].origin) == ("standard", "the mapping's default")
    assert (fields["owner"].value, fields["owner"].origin) == ("Ann", "owner_name")


def test_an_item_without_a_product_says_which_line_gave_it_its_values():
    made = plan(bundle(lines=[line("5", "Pump", "90"), line("6", "PUMP", "80")]))

    item = entity(made, "item")
    assert (item.record, item.fields["price"].value, item.fields["price"].origin) == ("line item 5", "90", "price")
    assert made.matches == ()


def test_matches_tell_links_from_names():
    known = Known(links={("company", "7"): "cus_7", ("product", "9"): "itm_9"}, items_by_name={"valve": ("itm_v",)})
    lines = [line("5", of_product="9"), line("6", "Valve"), line("7", "Other valve", of_product="10")]
    made = plan(bundle(of_company="7", lines=lines, products=[product("10", "VALVE")]), known)

    assert [(each.entity, each.record, each.id, each.by) for each in made.matches] == [
        ("customer", "company 7", "cus_7", "link"),
        ("item", "line item 5", "itm_9", "link"),
        ("item", "line item 6", "itm_v", "exact name"),
        ("item", "line item 7", "itm_v", "exact name"),
    ]


def test_a_customer_that_was_merged_is_described_by_its_survivor():
    made = plan(bundle(of_company="7", companies=[company("8", "Globex", merged_ids=["7"])]))

    assert entity(made, "customer").record == "company 8"
    assert [link for link in made.links if link[0] == "company"] == [
        ("company", "8", entity(made, "customer").id),
        ("company", "7", entity(made, "customer").id),
    ]


def test_what_a_deal_lacks_is_named():
    of = bundle(lines=[line("5", of_product="9")])
    references = {**of.deal.references, "line_item": (Reference("5"), Reference("6"))}
    made = plan(replace(of, deal=replace(of.deal, references=references)))

    assert [kind for kind, _ in made.notes] == ["no company", "line item gone", "product gone"]
    assert "product 9 of line item 5" in made.notes[2][1]


def test_a_deal_that_passed_through_says_when_it_entered():
    since = NOON - timedelta(days=1)
    made = plan(bundle(state=DealState("default", "lost", {"won": NOON})), rules=context(rule(since=since)))

    assert made.reason == "it passed through stage won of pipeline default, entered 2026-03-02 12:00 UTC"


def test_what_does_not_sync_says_why():
    protected = plan(bundle("1"), Known(ledger={"1": ("1", "prj_1")}))
    merged = described(Protected(bundle("2").deal, "prj_1", "1"), context())
    skipped = plan(bundle(state=DealState("default", "open", {})))
    aside = plan(bundle(properties={"dealname": None}))

    assert (protected.outcome, protected.reason) == ("protected", "it is project prj_1 already")
    assert merged.reason == "it is project prj_1 already, first synced as deal 1"
    assert (skipped.outcome, aside.outcome) == ("not triggering", "set aside")
    assert "project.name has no value" in aside.reason


def test_a_deal_that_syncs_cannot_be_described_without_its_records():
    (outcome,) = plan_batch([bundle()], Known(), context())

    with pytest.raises(ValueError, match="with the records it points to"):
        described(outcome, context())


def test_the_hash_does_not_depend_on_order_and_does_on_every_value():
    one, two = plan(bundle("1")), plan(bundle("2"))
    digests = {each.deal_id: digest_of(each.document()) for each in (one, two)}

    assert plan_hash(HEADER, digests) == plan_hash(HEADER, dict(reversed(digests.items())))
    moved = digests | {"1": digest_of(plan(bundle("1", properties={"amount": "11"})).document())}
    assert plan_hash(HEADER, digests) != plan_hash(HEADER, moved)
    assert plan_hash(HEADER, digests) != plan_hash(replace(HEADER, since=NOON + timedelta(days=1)), digests)


def test_the_configurations_hash_is_of_rules_and_mapping_not_of_when_a_rule_became_active():
    plain = configuration_hash(context(rule(since=None)))

    assert configuration_hash(context(rule(since=NOON))) == plain
    assert configuration_hash(context(rule(), rule("other", status="paused"))) == plain
    assert configuration_hash(context(rule(stages=["won", "lost"]))) != plain
    other = {**MAPPINGS, "project": EntityMapping("project", (FieldRule("name", "title"),))}
    assert configuration_hash(context(rule(), mappings=other)) != plain


def test_what_moved_is_told_in_plain_words():
    was = plan(bundle(lines=[line("5", price="90")])).document()
    later = was | {"modified_at": "2026-03-03T00:00:00+00:00"}
    dearer = plan(bundle(lines=[line("5", price="95")])).document()
    fewer = plan(bundle()).document()
    matched = plan(bundle(lines=[line("5", price="90")]), Known(items_by_name={"pump": ("itm_1",)})).document()
    aside = plan(bundle(properties={"dealname": None})).document()

    assert "was modified at the CRM at 2026-03-03T00:00:00+00:00" in what_moved(was, later)
    assert what_moved(was, None).startswith("is gone")
    assert what_moved(None, was) == "is new since: it would sync now"
    assert what_moved(None, aside) == "is new since: it would be set aside now"
    assert "item.price, from line item 5: '90' in the plan, '95' now" in what_moved(was, dearer)
    assert "line item 5 would not be created any more" in what_moved(was, fewer)
    assert "line item 5 is created in the plan, is itm_1 by exact name now" in what_moved(was, matched)
    assert "would be set aside now" in what_moved(was, aside)


def test_totals_count_what_would_happen():
    totals = PreviewTotals()
    for each in (
        plan(bundle("1", lines=[line("5")])),
        plan(bundle("2", state=DealState("default", "open", {}))),
        plan(bundle("3", properties={"dealname": None})),
    ):
        totals.add(each)

    assert totals.outcomes == {"synced": 1, "not triggering": 1, "set aside": 1}
    assert totals.created == {"project": 1, "project_line_item": 1, "item": 1}
    assert totals.triggered_by == {("default", "won"): 1}
    assert list(totals.not_triggering.values()) == [1]
    assert [each.deal_id for each in totals.set_aside] == ["3"]
    assert totals.notes == {"no company": 1}


def test_what_an_earlier_deal_creates_is_not_told_as_being_there():
    rules, known = context(), Known()
    bundles = [bundle("1", lines=[line("5")]), bundle("2", lines=[line("6", "PUMP")])]
    outcomes = plan_batch(bundles, known, rules)
    totals = PreviewTotals()
    for outcome, of in zip(outcomes, bundles, strict=True):
        totals.add(described(outcome, rules, of, known))

    assert (totals.created["item"], totals.shared, totals.matched) == (1, {"item": 1}, {})


def test_another_configuration_changes_outcomes_or_fields_or_nothing():
    was = plan(bundle())
    other = {**MAPPINGS, "project": EntityMapping("project", (FieldRule("name", "amount"),))}
    as_other = plan(bundle(), rules=context(mappings=other))
    off = plan(bundle(), rules=context(rule(stages=["lost"])))

    assert changed_outcome(was, plan(bundle())) is None
    change = changed_outcome(was, as_other)
    assert change is not None
    assert "project.name, from deal 1: 'Deal 1' in the plan, '10' now" in change.why
    change = changed_outcome(was, off)
    assert change is not None
    assert (change.before, change.after) == ("synced", "not triggering")


def test_minutes_follow_from_the_accounts_limits():
    windows = [CallWindow("a", "search", 5, 1_000), CallWindow("a", "general", 110, 10_000)]

    assert minutes_needed({"search": 300, "general": 660}, windows) == pytest.approx(2.0)
    assert minutes_needed({"other": 5}, windows) == 0

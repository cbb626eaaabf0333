"""Previews: what they say, that they write nothing, and that the run does what they said."""

from datetime import UTC, date, datetime, timedelta

import pytest

from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.entity_rows import ENTITY_TABLES, entity_texts, read_entities
from hardfin_pipelines.platform.tables import (
    call_counts,
    items,
    ledger,
    links,
)
from hardfin_pipelines_tests.engine.previews import ALL_TABLES, LAST_WEEK, looked_at, written, yaml
from hardfin_pipelines_tests.engine.product import values_of

_PARENTS = {"customer", "project", "item"}
_OBJECTS = {"deal": "deals", "company": "companies", "line_item": "line_items", "product": "products"}


# -- previews ---------------------------------------------------------------------------------------------------


def test_a_preview_names_what_each_deal_becomes_field_by_field_and_where_values_come_from(acme):
    deal = acme.add_deal("Ten robots", at=LAST_WEEK, lines=[("Robot arm", "100.50")])

    report, plans = looked_at(acme)

    plan = plans[deal]
    assert (plan.outcome, plan.name) == ("synced", "Ten robots")
    assert plan.reason == "it is in stage closedwon of pipeline default"
    by_kind = {entity.entity: entity for entity in plan.entities}
    assert set(by_kind) == {"customer", "project", "project_line_item", "item"}
    assert (by_kind["customer"].fields["name"].value, by_kind["customer"].fields["name"].origin) == ("Globex", "name")
    assert (by_kind["project"].fields["value"].value, by_kind["project"].fields["value"].origin) == ("100.5", "amount")
    assert by_kind["project"].parents == {"customer_id": by_kind["customer"].id}
    assert by_kind["project_line_item"].fields["unit_price"].origin == "price"
    assert by_kind["item"].record.startswith("product ")
    assert report.totals.created == {"customer": 1, "item": 1, "project": 1, "project_line_item": 1}
    assert report.cost.calls == {"search": 1, "associations": 2, "general": 3}
    assert report.cost.least == 6


def test_a_preview_leaves_every_table_and_the_landing_root_as_they_were(acme):
    acme.add_deal("Synced before", at=LAST_WEEK)
    acme.load()
    acme.add_deal("New", at=LAST_WEEK)
    acme.add_deal("Nameless", at=LAST_WEEK, dealname="")
    before = acme.product.dump(tables=ALL_TABLES)
    files = sorted(acme.product.landing.rglob("*"))

    report, _ = looked_at(acme)

    assert report.totals.outcomes == {"synced": 1, "protected": 1, "set aside": 1}
    assert acme.product.dump(tables=ALL_TABLES) == before
    assert sorted(acme.product.landing.rglob("*")) == files
    counted = [row for row in acme.rows(call_counts) if row["purpose"] == "preview"]
    assert sum(row["calls"] for row in counted) == report.cost.total


def test_what_is_previewed_is_what_the_load_creates_id_by_id_and_value_by_value(acme):
    shared = acme.add_deal("One", at=LAST_WEEK, lines=[("Robot arm", "1.10"), ("Gripper", "2.20")])
    acme.add_deal("Two", at=LAST_WEEK + timedelta(hours=1), lines=[("robot ARM", "3.30")], company=None)
    (company,) = acme.companies_of(shared)
    third = acme.add_deal("Three", at=LAST_WEEK + timedelta(hours=2), company=None, lines=())
    acme.portal.associate_many("deals", "companies", [(third, company, 5)])
    _, plans = looked_at(acme)
    planned = {entity.id: entity for plan in plans.values() for entity in plan.entities}

    acme.load()

    stored = {}
    with reading(acme.deployment.engine) as connection:
        for kind in ENTITY_TABLES:
            for entity_id, row in read_entities(connection, "acme", kind, list(planned)).items():
                stored[entity_id] = entity_texts(kind, row)
    assert set(stored) == set(planned)
    assert sum(len(acme.rows(table)) for table in ENTITY_TABLES.values()) == len(planned)
    for entity_id, texts in stored.items():
        entity = planned[entity_id]
        values = {name: text for name, text in texts.items() if text is not None and name not in _PARENTS}
        assert {name: each.value for name, each in entity.fields.items()} == values
        assert {name: texts[name.removesuffix("_id")] for name in entity.parents} == entity.parents
    expected = {(link, external) for plan in plans.values() for link, external, _ in plan.links}
    assert {(row["object"], row["external_id"]) for row in acme.rows(links)} == {
        (_OBJECTS[role], external) for role, external in expected
    }
    assert {(plan.deal_id, plan.project_id) for plan in plans.values()} == {
        (row["external_id"], row["project_id"]) for row in acme.rows(ledger)
    }


def test_matches_say_whether_a_link_or_an_exact_name_led_to_what_is_there(acme):
    first = acme.add_deal("First", at=LAST_WEEK, lines=[("Robot arm", "1")])
    acme.load()
    (company,) = acme.companies_of(first)
    second = acme.add_deal("Second", company=None, lines=[("ROBOT  arm", "2")], at=LAST_WEEK)
    acme.portal.associate_many("deals", "companies", [(second, company, 5)])
    acme.add_line(second, ("Robot arm", "3"), product=False)

    report, plans = looked_at(acme)

    (item,) = values_of(acme.rows(items), "id")
    matches = {(match.entity, match.by) for match in plans[second].matches}
    assert matches == {("customer", "link"), ("item", "exact name")}
    assert {match.id for match in plans[second].matches if match.entity == "item"} == {item}
    assert report.totals.created == {"project": 1, "project_line_item": 2}


def test_what_deals_lack_is_told(acme):
    without_company = acme.add_deal("Alone", company=None, lines=(), at=LAST_WEEK)
    gone = acme.add_deal("Line gone", at=LAST_WEEK)
    (line,) = acme.lines_of(gone)
    nameless = acme.add_deal("Nameless", at=LAST_WEEK)
    acme.force(nameless, {"dealname": None})
    acme.portal.archive("line_items", line)

    report, plans = looked_at(acme)

    assert [kind for kind, _ in plans[without_company].notes] == ["no company", "no line items"]
    assert plans[gone].outcome == "synced"
    (aside,) = report.totals.set_aside
    assert aside.deal_id == nameless
    assert "project.name has no value" in aside.reason


def test_without_a_start_date_a_preview_is_of_the_next_tick(sqlite_product):
    acme = sqlite_product.add_organization(connect=False)
    document = "organization: acme\nplan: advanced\nconnections:\n  - integration: hubspot\n    pipelines:\n"
    documents = read_text(f"{document}      - pipeline: default\n")
    configuration.apply(acme.deployment.engine, documents, actor="cli:ann", now=acme.deployment.now())
    acme.connect()
    acme.add_deal("Old", at=LAST_WEEK)
    new = acme.add_deal("New")

    report, plans = looked_at(acme)

    assert report.header.window == "tick"
    assert {deal for deal, plan in plans.items() if plan.outcome == "synced"} == {new}


def test_since_bounds_what_is_looked_at_and_is_refused_where_it_cannot_be(sqlite_acme):
    acme = sqlite_acme
    acme.add_deal("Old", at=datetime.now(UTC) - timedelta(days=60))
    new = acme.add_deal("New", at=LAST_WEEK)

    _, plans = looked_at(acme, since=(LAST_WEEK - timedelta(days=1)).date())

    assert set(plans) == {new}
    with pytest.raises(Refusal, match="has start_date 2025-01-01"):
        looked_at(acme, since=date(2024, 1, 1))
    with pytest.raises(Refusal, match="it is in the future"):
        looked_at(acme, since=date(2999, 1, 1))


def test_an_organization_without_an_account_is_refused_in_one_line(sqlite_product):
    acme = sqlite_product.add_organization(connect=False)

    with pytest.raises(Refusal, match="acme:hubspot is not connected; connect it"):
        looked_at(acme)


def test_a_paused_connection_can_be_previewed_and_the_preview_says_so(sqlite_acme):
    sqlite_acme.add_deal(at=LAST_WEEK)
    sqlite_acme.pause()

    report, plans = looked_at(sqlite_acme)

    assert [plan.outcome for plan in plans.values()] == ["synced"]
    assert report.remarks == ("acme:hubspot is paused (quarter end): nothing syncs until it is active",)


def test_the_same_inputs_give_the_same_bytes_on_any_database_at_any_time(acme, tmp_path):
    for number in range(30):
        acme.add_deal(f"Deal {number}", at=LAST_WEEK + timedelta(minutes=number), lines=[(f"Part {number % 7}", "1.1")])
    first = written(acme, tmp_path / "first.json")
    acme.deployment.ahead = timedelta(minutes=20)

    again = written(acme, tmp_path / "again.json")

    assert first.hash == again.hash
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "again.json").read_bytes()


# -- previews of a configuration that is not applied --------------------------------------------------------------


def test_a_file_is_previewed_without_being_applied_and_shows_which_deals_it_turns_on_and_off(acme):
    won = acme.add_deal("Won", at=LAST_WEEK)
    sent = acme.add_deal("Sent", stage="contractsent", at=LAST_WEEK)
    before = acme.product.dump(tables=ALL_TABLES)

    report, plans = looked_at(acme, document=yaml(acme, stages="[contractsent]"))

    assert acme.product.dump(tables=ALL_TABLES) == before
    assert {deal: plan.outcome for deal, plan in plans.items()} == {won: "not triggering", sent: "synced"}
    assert {(each.deal_id, each.before, each.after) for each in report.outcomes_changed} == {
        (won, "synced", "not triggering"),
        (sent, "not triggering", "synced"),
    }
    assert [change.path for change in report.changes] == [
        "connections[hubspot].pipelines[default].trigger_stages",
    ]


def test_a_mapping_that_changes_shows_the_first_field_that_differs(acme):
    deal = acme.add_deal("Ten robots", at=LAST_WEEK)
    more = '    mappings:\n      project:\n        name: {template: "{dealname} (#{hs_object_id})"}\n'

    report, _ = looked_at(acme, document=yaml(acme, more=more))

    (change,) = report.outcomes_changed
    assert (change.deal_id, change.after) == (deal, "synced, but otherwise")
    assert "'Ten robots' in the plan" in change.why
    assert f"'Ten robots (#{deal})' now" in change.why

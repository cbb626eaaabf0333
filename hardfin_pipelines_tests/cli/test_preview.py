"""`hardfin preview` and `hardfin approve` as a person types them."""

from typing import Any

import dagster as dg
import pytest

from hardfin_pipelines.platform.tables import ledger, organization_revisions, projects
from hardfin_pipelines_tests.product_fixtures import YAML, months_ago


@pytest.fixture
def plan(acme, hardfin, tmp_path):
    path = tmp_path / "plan.json"
    assert hardfin("preview", "acme", "--out", str(path)).code == 0
    return path


def test_a_preview_shows_totals_cost_and_the_first_deals_in_full(acme, hardfin):
    acme.add_deal(name="Six [bold]robots[/bold]", lines=[("Gripper", "3.50")])

    ended = hardfin("preview", "acme", "--limit-shown", "1")

    assert (ended.code, ended.err) == (0, "")
    assert "acme:hubspot: what a load would sync, of deals modified since" in ended.out
    assert "stage closedwon of pipeline default" in ended.out
    assert "least possible" in ended.out
    assert "less than a minute" in ended.out
    assert ended.out.count("becomes project prj_") == 1
    assert "1 more deal(s) that would sync can be written with --out PLAN.json" in ended.out
    assert "nothing was written" in ended.out
    assert acme.table_rows(projects) == []


def test_a_preview_as_json_is_one_document(acme, hardfin):
    acme.add_deal(name="Nameless", dealname="")

    shown = hardfin("preview", "acme", "--json").json

    assert shown["outcomes"] == {"synced": 1, "set aside": 1}
    assert shown["created"] == {"customer": 1, "project": 1, "project_line_item": 1, "item": 1}
    assert shown["triggered_by"] == [{"pipeline": "default", "stage": "closedwon", "count": 1}]
    assert shown["cost"]["total"] == sum(shown["cost"]["calls"].values())
    (aside,) = shown["set_aside"]
    assert "project.name has no value" in aside["reason"]
    (deal,) = shown["deals"]
    fields = next(each["fields"] for each in deal["entities"] if each["entity"] == "project")
    assert fields["name"] == {"value": "Ten robots", "from": "dealname"}


def test_names_with_markup_are_shown_as_they_are(acme, hardfin):
    acme.add_deal(name="[red]Six[/red]", company="[b]Globex[/b]")

    ended = hardfin("preview", "acme", "--limit-shown", "9")

    assert "[red]Six[/red]" in ended.out
    assert "[b]Globex[/b]" in ended.out


def test_a_preview_of_a_file_shows_what_it_would_change_and_applies_nothing(acme, hardfin, tmp_path):
    file = tmp_path / "acme.yaml"
    text = YAML.format(org="acme", name="Acme", start=months_ago(7).replace(day=1))
    file.write_text(text.replace("trigger_stages: won", "trigger_stages: [contractsent]"))
    acme.add_deal(name="Sent", stage="contractsent")

    shown = hardfin("preview", "acme", "--file", str(file), "--json").json
    in_words = hardfin("preview", "acme", "--file", str(file))

    assert shown["outcomes"] == {"synced": 1, "not triggering": 1}
    assert {(each["name"], each["before"], each["after"]) for each in shown["outcomes_changed"]} == {
        ("Ten robots", "synced", "not triggering"),
        ("Sent", "not triggering", "synced"),
    }
    assert "the file would change" in in_words.out
    assert "something else would become of 2 deal(s)" in in_words.out
    assert len(acme.table_rows(organization_revisions)) == 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--since", "soon"], "--since: expected a day such as 2025-01-31, got 'soon'"),
        (["--since", "2011-01-01"], "--since 2011-01-01: acme:hubspot has start_date"),
        (["--out", "/nowhere/plan.json"], "--out /nowhere/plan.json: cannot be written: No such file or directory"),
    ],
)
def test_a_preview_that_cannot_be_made_says_so_in_one_line(acme, hardfin, words, line):
    ended = hardfin("preview", "acme", *words)

    assert ended.code == 2
    assert ended.error.startswith(line)


def test_a_file_that_cannot_be_used_is_refused_with_its_line(acme, hardfin, tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text("organization: acme\nplan: advanced\nconnections:\n  - integration: hubspot\n    start: x\n")

    ended = hardfin("preview", "acme", "--file", str(file))
    other = tmp_path / "zeta.yaml"
    other.write_text("organization: zeta\nplan: advanced\n")

    assert ended.code == 2
    assert "acme.yaml:5" in ended.err
    assert "has no document of acme; it has zeta" in hardfin("preview", "acme", "--file", str(other)).error


def test_an_approved_plan_runs(acme, hardfin, plan):
    ended = hardfin("approve", "acme", str(plan))

    assert (ended.code, ended.err) == (0, "")
    assert "1 deal(s) synced" in ended.out
    assert len(acme.table_rows(projects)) == 1


def test_an_approved_plan_as_json_names_the_plan_and_the_run(acme, hardfin, plan):
    shown = hardfin("approve", "acme", str(plan), "--json").json

    assert (shown["synced"], shown["stale"], shown["window_closed"]) == (1, [], True)
    assert shown["run_id"] == f"approve-{shown['plan'][:16]}"


def test_dagster_shows_what_an_approved_plan_created(acme, hardfin, plan):
    hardfin("approve", "acme", str(plan))
    hardfin("approve", "acme", str(plan))  # a second run of it creates nothing

    with dg.DagsterInstance.get() as instance:
        records = instance.fetch_materializations(dg.AssetKey(["hardfin", "projects"]), limit=10).records
        lines = instance.fetch_materializations(dg.AssetKey(["hardfin", "project_line_items"]), limit=10).records
    (shown,) = [record.asset_materialization for record in records]
    assert shown is not None
    assert shown.partition == "acme"
    numbers: dict[str, Any] = {name: value.value for name, value in shown.metadata.items()}
    assert (numbers["dagster/row_count"], numbers["created"], numbers["deals_synced"]) == (1, 1, 1)
    assert numbers["approved_by"].startswith("cli:")
    assert len(lines) == 1


def test_a_preview_lists_each_entity_with_its_record_and_the_field_of_each_value(acme, hardfin):
    ended = hardfin("preview", "acme", "--limit-shown", "1")

    shown = [" ".join(line.split()) for line in ended.out.splitlines()]
    (project,) = [line for line in shown if line.startswith("project prj_") and "created from deal" in line]
    assert shown[shown.index(project) + 1] == "name Ten robots from dealname"
    assert max(map(len, ended.out.splitlines()[1:])) <= 80


def test_a_stale_plan_is_refused_and_writes_nothing(acme, hardfin, plan):
    acme.add_deal(name="New")

    ended = hardfin("approve", "acme", str(plan))

    assert ended.code == 2
    assert "is stale: deal " in ended.error
    assert "is new since: it would sync now" in ended.error
    assert acme.table_rows(ledger) == []


def test_a_file_that_is_no_plan_is_refused(acme, hardfin, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("hello")

    assert "is no plan" in hardfin("approve", "acme", str(file)).error
    assert "cannot be read" in hardfin("approve", "acme", str(tmp_path / "none.json")).error

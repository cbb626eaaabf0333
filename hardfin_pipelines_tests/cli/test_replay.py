"""`hardfin replay`: what it prints, what it writes, and what it refuses."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hardfin_pipelines.platform.database import connect, reading
from hardfin_pipelines.platform.tables import credentials, projects
from hardfin_pipelines_tests.cli.conftest import Ended, Hardfin
from hardfin_pipelines_tests.product_fixtures import YAML, Product

OTHER_MAPPING = """\
    mappings:
      project: {name: description, value: amount, currency: deal_currency_code}
"""


@pytest.fixture
def synced(acme: Product) -> Product:
    """A product whose organization has two deals, synced by a tick and then, one of them, renamed."""
    deal = acme.add_deal(name="Twelve robots", description="for site 9")
    acme.deployment.run(_tick(acme))
    acme.portals["acme"].update("deals", deal, {"dealname": "Renamed by sales"})
    acme.deployment.run(_tick(acme))
    assert acme.count_projects() == 2
    return acme


async def _tick(product: Product) -> Any:
    from hardfin_pipelines.engine.crm_runs import sync_organization

    return await sync_organization(product.deployment, "acme", run_id="tick")


def document(tmp_path: Path, more: str = "", org: str = "acme") -> str:
    file = tmp_path / f"{org}.yaml"
    file.write_text(YAML.format(org=org, name="Acme", start=datetime(2026, 1, 1, tzinfo=UTC)) + more)
    return str(file)


def refused(ended: Ended, *says: str) -> None:
    assert "Traceback" not in ended.err + ended.out
    assert (ended.code, ended.out) == (2, "")
    for words in says:
        assert words in ended.error


def test_a_comparison_finds_nothing_and_asks_nobody(synced: Product, hardfin: Hardfin) -> None:
    before = len(synced.portals["acme"].calls)
    ended = hardfin("replay", "acme")
    assert ended.code == 0, ended.err
    assert "acme:hubspot: compared from landed records" in ended.out
    assert "vendor calls                0" in ended.out
    assert "no difference from what Hardfin holds" in ended.out
    assert len(synced.portals["acme"].calls) == before


def test_another_mapping_shows_each_field_with_examples(synced: Product, hardfin: Hardfin, tmp_path: Path) -> None:
    ended = hardfin("replay", "acme", "--file", document(tmp_path, OTHER_MAPPING))
    assert ended.code == 0, ended.err
    assert "difference(s) from what Hardfin holds" in ended.out
    assert "for site 9" in ended.out
    assert synced.project_name(synced_deal(synced)) == "Twelve robots"


def synced_deal(product: Product) -> str:
    (name,) = [each["id"] for each in product.table_rows(projects) if each["name"] == "Twelve robots"]
    from hardfin_pipelines.platform.tables import ledger

    (deal,) = [each["external_id"] for each in product.table_rows(ledger) if each["project_id"] == name]
    return str(deal)


def test_the_differences_as_json(synced: Product, hardfin: Hardfin, tmp_path: Path) -> None:
    words = ("replay", "acme", "--file", document(tmp_path, OTHER_MAPPING), "--limit-shown", "1", "--json")
    shown = hardfin(*words).json
    assert (shown["connection"], shown["rebuilt"], shown["calls"]) == ("acme:hubspot", False, 0)
    assert shown["entities"]["project"] == 1
    assert any("Ten robots" in line or "is set aside" in line for line in shown["lines"])
    by_field = {(each["entity"], each["field"]): each for each in shown["differences"]["by_field"]}
    name = by_field["project", "name"]
    assert (name["number"], name["origin"]) == (1, "replayed")
    assert [(each["held"], each["replayed"]) for each in name["shown"]] == [("Twelve robots", "for site 9")]
    assert shown["differences"]["total"] == sum(each["number"] for each in by_field.values())


def test_a_store_is_rebuilt_without_credentials(synced: Product, hardfin: Hardfin, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'again.db'}"
    ended = hardfin("replay", "acme", "--into", url)
    assert ended.code == 0, ended.err
    assert "acme:hubspot: rebuilt from landed records" in ended.out
    engine = connect(url)
    with reading(engine) as connection:
        assert connection.scalar(select(func.count()).select_from(projects)) == 2
        assert connection.scalar(select(func.count()).select_from(credentials)) == 0
    engine.dispose()
    refused(hardfin("replay", "acme", "--into", url), "has organizations of acme already", "give another database")


def test_the_versions_of_a_record(synced: Product, hardfin: Hardfin) -> None:
    deal = synced_deal(synced)
    ended = hardfin("replay", "acme", "--record", f"deal:{deal}")
    assert ended.code == 0, ended.err
    assert f"deal {deal}: 2 landed version(s)" in ended.out
    versions = hardfin("replay", "acme", "--record", f"deal:{deal}", "--json").json["versions"]
    assert versions[0]["changed"]["name"] == {"before": None, "after": "Twelve robots"}
    assert versions[1]["changed"] == {"name": {"before": "Twelve robots", "after": "Renamed by sales"}}
    assert versions[1]["unit"].startswith("tick-")


def test_a_day_limits_what_is_replayed(synced: Product, hardfin: Hardfin) -> None:
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
    assert hardfin("replay", "acme", "--until", tomorrow, "--json").json["units"] == 2
    refused(hardfin("replay", "acme", "--since", tomorrow), "nothing has landed in that time")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--since", "yesterday"], ["--since: expected a day such as 2025-01-31, got 'yesterday'"]),
        (["--until", "2026-13-01"], ["--until: expected a day"]),
        (["--into", "mysql://root:geheim@host/db"], ["--into: ", "not supported"]),
        (["--into", "postgresql://ann:geheim@127.0.0.1:1/none"], ["--into: cannot open the database"]),
        (["--file", "missing.yaml"], ["missing.yaml"]),
        (["--record", "invoice:5"], ["expected one of company, deal, line_item, product"]),
        (["--record", "deal:5"], ["no version of deal 5 has landed"]),
        (["--record", "deal:5", "--since", "2026-01-01"], ["leave --into, --file, --since and --until out"]),
        (["--connection", "salesforce"], ["--connection salesforce", "one of acme:hubspot"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value[0].startswith("--") else "",
)
def test_bad_input_is_one_clear_line(synced: Product, hardfin: Hardfin, words: list[str], says: list[str]) -> None:
    ended = hardfin("replay", "acme", *words)
    refused(ended, *says)
    assert "geheim" not in ended.err


def test_an_unknown_organization_and_another_ones_document(synced: Product, hardfin: Hardfin, tmp_path: Path) -> None:
    refused(hardfin("replay", "nobody"), "unknown organization 'nobody'", "known: acme")
    other = document(tmp_path, org="globex")
    refused(hardfin("replay", "acme", "--file", other), "globex.yaml is of organization 'globex'")
    broken = document(tmp_path, "    mappings:\n      project: {nmae: dealname}\n")
    ended = hardfin("replay", "acme", "--file", broken)
    assert (ended.code, ended.out) == (2, "")
    assert "acme.yaml:" in ended.err

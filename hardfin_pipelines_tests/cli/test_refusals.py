"""Bad input: one clear line that names the place and says what to do, an exit code, and no traceback."""

from datetime import UTC, datetime

import pytest

from hardfin_pipelines.platform.tables import connections, ledger
from hardfin_pipelines_tests.product_fixtures import REDIRECT_URI, YAML, Product

ACME = YAML.format(org="acme", name="Acme", start=datetime(2026, 1, 1, tzinfo=UTC))


def refused(ended, *says: str, code: int = 2) -> None:
    assert "Traceback" not in ended.err + ended.out
    assert ended.code == code, ended.err
    assert ended.out == ""
    for words in says:
        assert words in ended.error


@pytest.mark.parametrize(
    "words",
    [
        ["org", "export", "nobody"],
        ["org", "connect", "nobody", "hubspot"],
        ["org", "pause", "nobody", "hubspot"],
        ["org", "disconnect", "nobody", "hubspot"],
        ["sync", "nobody"],
        ["load", "nobody", "--since", "2026-01-01"],
        ["resync", "nobody", "prj_1"],
        ["resync", "nobody", "prj_1", "--preview"],
        ["status", "nobody"],
    ],
    ids=" ".join,
)
def test_an_unknown_organization(acme, hardfin, words):
    refused(hardfin(*words), "nobody", "known: acme")


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01", "01.02.2026", ""])
def test_a_bad_day(acme, hardfin, since):
    refused(hardfin("load", "acme", "--since", since), "--since: expected a day such as 2025-01-31")


def test_a_day_before_the_start_date(acme, hardfin):
    refused(hardfin("load", "acme", "--since", "2011-01-01"), "start_date", "move start_date")


def test_a_day_in_the_future(acme, hardfin):
    refused(hardfin("load", "acme", "--since", "2999-01-01"), "--since 2999-01-01", "future")


def test_yaml_that_does_not_parse(product, hardfin, tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text("organization: acme\nplan: [advanced\nconnections: []\n")

    refused(hardfin("org", "apply", str(file)), "acme.yaml:3: ")


def test_each_mistake_in_yaml_is_a_line_with_its_place(product, hardfin, tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(ACME.replace("advanced", "gold").replace("trigger_stages", "triger_stages"))

    ended = hardfin("org", "apply", str(file))

    assert ended.code == 2
    lines = ended.err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("error: acme.yaml:") for line in lines)
    assert 'expected "free", "standard" or "advanced"' in ended.err
    assert product.table_rows(connections) == []


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_is_not_there_or_a_folder_without_any(product, hardfin, tmp_path, name):
    empty = tmp_path / "empty"
    empty.mkdir()

    refused(hardfin("org", "apply", str(empty / name)), "missing.yaml" if name == "missing.yaml" else "empty")


def test_an_integration_outside_the_plan(product, hardfin, tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(ACME.replace("advanced", "free").replace("hubspot", "salesforce"))

    ended = hardfin("org", "apply", str(file))

    assert ended.code == 2
    assert any("salesforce is not in the plan" in line for line in ended.err.splitlines())


def with_account_mistake(kind: str) -> str:
    if kind == "pipeline":
        return ACME.replace("pipeline: default", "pipeline: Renewalz")
    if kind == "stage":
        return ACME.replace("trigger_stages: won", "trigger_stages: [signed]")
    return ACME + "    mappings:\n      project: {name: no_such_property}\n"


NAMED = {"pipeline": "Renewalz", "stage": "signed", "property": "no_such_property"}


@pytest.mark.parametrize("kind", ["pipeline", "stage", "property"])
def test_what_the_account_does_not_have_is_named_at_connect(product, hardfin, kind):
    product.add_organization("acme", connect=False)
    product.apply(with_account_mistake(kind))

    ended = hardfin(
        "org", "connect", "acme", "hubspot", "--code", product.consent("acme"), "--redirect-uri", REDIRECT_URI
    )

    refused(ended, NAMED[kind], code=1)


@pytest.mark.parametrize("kind", ["pipeline", "stage", "property"])
def test_what_the_account_does_not_have_is_named_at_apply(acme, hardfin, tmp_path, kind):
    file = tmp_path / "acme.yaml"
    file.write_text(with_account_mistake(kind))

    ended = hardfin("org", "apply", str(file))

    refused(ended, NAMED[kind], "acme.yaml:")


def test_a_connection_without_credentials(product, hardfin):
    product.add_organization("acme", connect=False)

    refused(hardfin("sync", "acme"), "acme:hubspot is not connected")
    refused(hardfin("org", "pause", "acme", "hubspot"), "acme:hubspot is not connected and cannot become paused")


def test_an_integration_that_is_not_in_the_document(acme, hardfin):
    ended = hardfin("org", "connect", "acme", "salesforce", "--access-token-from", "PATH")

    refused(ended, "salesforce")


def test_a_code_the_vendor_does_not_take(product, hardfin):
    product.add_organization("acme", connect=False)

    ended = hardfin("org", "connect", "acme", "hubspot", "--code", "nonsense", "--redirect-uri", REDIRECT_URI)

    refused(ended, "HubSpot", code=1)


@pytest.mark.parametrize("option", ["--refresh-token-from", "--access-token-from"])
def test_a_variable_for_a_token_that_is_empty(product, hardfin, monkeypatch, option):
    product.add_organization("acme", connect=False)
    monkeypatch.delenv("NO_SUCH_TOKEN", raising=False)

    ended = hardfin("org", "connect", "acme", "hubspot", option, "NO_SUCH_TOKEN")

    refused(ended, option, "NO_SUCH_TOKEN is empty")


def test_two_secrets_at_once(product, hardfin):
    product.add_organization("acme", connect=False)

    ended = hardfin("org", "connect", "acme", "hubspot", "--code", "x", "--access-token-from", "Y")

    refused(ended, "give one of --code")


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("HARDFIN_HUBSPOT_URL", "not a url", "expected a URL such as"),
        ("HARDFIN_POLL_CONCURRENCY", "many", "HARDFIN_POLL_CONCURRENCY"),
        ("HARDFIN_SECRET_KEY", "too-short", "HARDFIN_SECRET_KEY"),
        ("HARDFIN_DATABASE_URL", "nonsense", "HARDFIN_DATABASE_URL"),
        ("HARDFIN_DATABASE_URL", "postgresql://ann:s3cret@127.0.0.1:1/none", "cannot open the database"),
        ("HARDFIN_DATABASE_URL", "sqlite:////dev/null/store.db", "/dev/null"),
    ],
)
def test_a_wrong_setting_is_named(acme, hardfin, monkeypatch, variable, value, says):
    monkeypatch.setenv(variable, value)

    ended = hardfin("status")

    refused(ended, says)
    assert "s3cret" not in ended.err


def test_a_dagster_home_that_cannot_be_used(acme, hardfin, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "relative/folder")

    refused(hardfin("sync", "acme"), "DAGSTER_HOME", "relative/folder")


@pytest.mark.parametrize("project", ["prj_unknown", "123"])
def test_a_resync_of_an_unknown_project(acme, hardfin, project):
    refused(hardfin("resync", "acme", project), project)
    refused(hardfin("resync", "acme", project, "--preview"), project)


def test_a_resync_of_a_deal_that_was_deleted(acme: Product, hardfin):
    hardfin("sync", "acme")
    (row,) = acme.table_rows(ledger)
    acme.portals["acme"].archive("deals", row["external_id"])

    refused(hardfin("resync", "acme", row["project_id"]), row["external_id"], "nothing was changed")


def test_a_port_that_is_taken(product, hardfin):
    port = product.sandbox_url.rsplit(":", 1)[1]

    refused(hardfin("sandbox", "up", "--deals", "1", "--port", port), f"--port {port}", "in use")


def test_northwind_that_is_not_there(product, hardfin, tmp_path):
    ended = hardfin("sandbox", "up", "--port", "0", "--northwind", str(tmp_path / "none"))

    refused(ended, str(tmp_path / "none"))


def test_a_command_that_fails_as_json_is_still_one_document(acme, hardfin):
    acme.portals["acme"].uninstall_app()

    ended = hardfin("sync", "acme", "--json")

    assert ended.code == 1
    assert ended.json["success"] is False
    assert "revoked" in ended.json["failure"]

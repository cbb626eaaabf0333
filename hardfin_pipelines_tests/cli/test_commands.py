"""Every command doing what it is for, in words and as JSON."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from hardfin_pipelines.platform.call_budget import save_allowances
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import audit_events, ledger, organization_revisions, organizations, projects
from hardfin_pipelines.sync.call_budget import DailyAllowance
from hardfin_pipelines_tests.product_fixtures import REDIRECT_URI, YAML, Product, months_ago

ACME = YAML.format(org="acme", name="Acme", start=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def acme_yaml(tmp_path):
    file = tmp_path / "acme.yaml"
    file.write_text(ACME)
    return file


def only_tokens(product: Product) -> set[str]:
    tokens = product.sandbox.tokens
    kept = {token for book in vars(tokens).values() if isinstance(book, dict) for token in book}
    return {token for token in kept if isinstance(token, str)} | {tokens.app.client_secret}


def test_apply_makes_an_organization_and_again_changes_nothing(product, hardfin, acme_yaml):
    first = hardfin("org", "apply", str(acme_yaml))
    again = hardfin("org", "apply", str(acme_yaml))

    assert (first.code, first.err) == (0, "")
    assert "acme: applied as revision 1" in first.out
    assert again.out == "acme: no change (revision 1)\n"


def test_apply_with_dry_run_writes_nothing_at_all(product, hardfin, acme_yaml):
    ended = hardfin("org", "apply", str(acme_yaml), "--dry-run", "--json")

    assert ended.code == 0
    (result,) = ended.json
    assert (result["organization"], result["created"], result["written"]) == ("acme", True, False)
    assert result["changes"]
    for table in (organizations, organization_revisions, audit_events):
        assert product.table_rows(table) == []


def test_what_export_prints_can_be_applied_and_changes_nothing(product, hardfin, acme_yaml, tmp_path):
    hardfin("org", "apply", str(acme_yaml))
    exported = hardfin("org", "export", "acme")
    file = tmp_path / "exported.yaml"
    file.write_text(exported.out)

    assert hardfin("org", "apply", str(file)).out == "acme: no change (revision 1)\n"
    assert "organization: acme" in exported.out


def test_schema_is_a_json_schema(product, hardfin):
    schema = hardfin("org", "schema").json

    assert {"organization", "plan", "connections"} <= set(schema["properties"])


def test_list_names_organizations_and_their_connections(product, hardfin):
    product.add_organization("acme", connect=False)

    assert hardfin("org", "list", "--json").json == [
        {"organization": "acme", "name": "Acme", "plan": "advanced", "connections": "hubspot: not connected"}
    ]
    assert "not connected" in hardfin("org", "list").out


def test_connect_prints_where_to_consent_and_takes_the_code(product, hardfin):
    product.add_organization("acme", connect=False)

    asked = hardfin("org", "connect", "acme", "hubspot", "--redirect-uri", REDIRECT_URI)
    ended = hardfin(
        "org", "connect", "acme", "hubspot", "--code", product.consent("acme"), "--redirect-uri", REDIRECT_URI
    )

    assert asked.out.startswith(f"{product.sandbox_url}/oauth/authorize?")
    assert len(asked.out.splitlines()) == 1
    assert ended.out == "acme:hubspot: account 4200001 is active\n"
    assert product.row().status == "active"


@pytest.mark.parametrize("kind", ["refresh", "access"])
def test_connect_takes_a_token_from_a_variable_and_shows_it_nowhere(product, hardfin, monkeypatch, kind):
    portal = product.add_organization("acme", connect=False)
    token = portal.issue_refresh_token() if kind == "refresh" else portal.issue_static_token()
    monkeypatch.setenv("ACME_TOKEN", token)

    ended = hardfin("org", "connect", "acme", "hubspot", f"--{kind}-token-from", "ACME_TOKEN")

    assert ended.code == 0, ended.err
    assert product.row().status == "active"
    assert token not in ended.out + ended.err


def test_pause_resume_and_disconnect_say_what_the_connection_is_now(acme, hardfin):
    assert hardfin("org", "pause", "acme", "hubspot", "--reason", "quarter end").out == (
        "acme:hubspot is paused (quarter end)\n"
    )
    assert acme.row().status_reason == "quarter end"
    assert hardfin("org", "resume", "acme", "hubspot").out == "acme:hubspot is active\n"
    assert hardfin("org", "disconnect", "acme", "hubspot").out == "acme:hubspot is not connected\n"


def test_sync_shows_what_became_of_the_deals(acme, hardfin):
    ended = hardfin("sync", "acme")

    assert (ended.code, ended.err) == (0, "")
    assert acme.count_projects() == 1
    assert "hardfin/projects" in ended.out
    assert "deals synced" in ended.out


def test_sync_as_json_is_one_document(acme, hardfin):
    document = hardfin("sync", "acme", "--json").json

    assert document["success"] is True
    assert document["failure"] == ""
    assert document["assets"]["hardfin/projects"]["deals_synced"] == 1


def test_load_brings_in_the_past_and_again_changes_nothing(acme, hardfin):
    acme.add_deal(name="Old", at=months_ago(3))
    since = f"{months_ago(4):%Y-%m-%d}"

    first = hardfin("load", "acme", "--since", since, "--json")
    again = hardfin("load", "acme", "--since", since)

    assert first.code == 0, first.err
    assert first.json["deals_synced"] == 2
    assert again.code == 0
    assert "deals_protected" in again.out
    assert acme.count_projects() == 2


def test_load_as_a_backfill_is_left_to_the_daemon(acme, hardfin):
    document = hardfin("load", "acme", "--since", f"{months_ago(2):%Y-%m-%d}", "--backfill", "--json").json

    assert document["months"] == 3
    assert document["backfill"]
    assert acme.count_projects() == 0


def renamed_deal(acme: Product, hardfin) -> str:
    """The project of a deal that sales has renamed since it was synced."""
    assert hardfin("sync", "acme").code == 0
    (row,) = acme.table_rows(ledger)
    acme.portals["acme"].update("deals", row["external_id"], {"dealname": "Twelve robots"})
    return str(row["project_id"])


def test_resync_previews_and_then_writes(acme, hardfin):
    project = renamed_deal(acme, hardfin)

    preview = hardfin("resync", "acme", project, "--preview")
    document = hardfin("resync", "acme", project, "--preview", "--json").json
    assert preview.code == 0
    assert "Twelve robots" in preview.out
    assert [(each["field"], each["crm"]) for each in document["changes"]] == [("name", "Twelve robots")]
    assert [row["name"] for row in acme.table_rows(projects)] == ["Ten robots"]

    written = hardfin("resync", "acme", project, "--reason", "customer asked", "--json")
    assert written.json["success"] is True
    assert [row["name"] for row in acme.table_rows(projects)] == ["Twelve robots"]


def test_resync_keeps_local_edits_where_asked(acme, hardfin):
    project = renamed_deal(acme, hardfin)
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(projects).values(name="Named by operations"))

    assert hardfin("resync", "acme", project, "--keep-local-edits").code == 0

    assert [row["name"] for row in acme.table_rows(projects)] == ["Named by operations"]


def test_status_tells_how_everything_is(acme, hardfin):
    hardfin("sync", "acme")

    ended = hardfin("status")
    (document,) = hardfin("status", "acme", "--json").json

    assert ended.code == 0
    assert "active, every 5m" in ended.out
    assert "1 projects" in ended.out
    assert document["entities"]["project"] == 1
    assert document["connections"][0]["status"] == "active"


def test_status_tells_what_is_asked_of_the_account_and_how_much_room_there_is(acme, hardfin):
    hardfin("sync", "acme")

    shown = " ".join(hardfin("status", "acme").out.split())
    calls = hardfin("status", "acme", "--json").json[0]["connections"][0]["calls"]

    assert "about 288 a day expected (288 polls);" in shown
    assert "free now: general" in shown
    assert "rests" not in shown
    assert (calls["expected_a_day"], calls["polls_a_day"], calls["refused_today"]) == (288, 288, 0)
    assert calls["today"] >= 7
    assert (calls["limit_a_day"], calls["share_of_limit"], calls["over_budget"], calls["resting"]) == (
        None,
        None,
        "",
        [],
    )
    assert [(each["bucket"], each["limit"]) for each in calls["windows"]] == [
        ("general", 110),
        ("search", 5),
        ("associations", 100),
    ]


def test_status_says_what_rests_because_the_day_is_nearly_used_up(acme, hardfin):
    now = acme.deployment.now()
    with writing(acme.deployment.engine) as connection:
        save_allowances(connection, [("acme", "acme:hubspot", DailyAllowance(250_000, 40_000, now))])

    shown = " ".join(hardfin("status", "acme").out.split())

    assert "0.1% of the account's 250,000, of which 50,000 are left to its other integrations" in shown
    assert "40,000 left at" in shown
    assert "initial loads rest until" in shown
    assert "initial loads leave 50,000 to its other integrations" in shown


def test_status_of_an_account_that_was_revoked_asks_for_a_person_and_exits_with_1(acme, hardfin):
    acme.portals["acme"].uninstall_app()
    failed = hardfin("sync", "acme")

    ended = hardfin("status", "acme")

    assert failed.code == 1
    assert "revoked" in failed.error
    assert ended.code == 1
    assert "needs attention" in ended.out
    assert "connect HubSpot again" in " ".join(ended.out.split())


def test_db_upgrade_says_where_the_tables_are(product, hardfin):
    assert hardfin("db", "upgrade").out.startswith("database: at revision ")


def test_status_without_organizations_says_what_to_do(product, hardfin):
    assert "hardfin org apply FILE" in hardfin("status").out


def test_no_secret_is_in_any_output(acme, hardfin):
    secrets = only_tokens(acme) | {acme.deployment.settings.secret_key.get_secret_value()}
    shown = [
        hardfin(*words)
        for words in (
            ["org", "export", "acme"],
            ["org", "list", "--json"],
            ["status", "--json"],
            ["sync", "acme", "--json"],
            ["org", "connect", "acme", "hubspot", "--code", "wrong", "--redirect-uri", REDIRECT_URI],
        )
    ]

    assert [ended.code for ended in shown[:-1]] == [0, 0, 0, 0]
    text = "".join(ended.out + ended.err for ended in shown)
    assert len(secrets) >= 4
    assert not [secret for secret in secrets if secret in text]


@pytest.mark.parametrize("words", [["status"], ["sync", "acme"], ["org", "list"], ["org", "apply", "FILE"]])
def test_what_people_read_fits_eighty_columns(acme, hardfin, words, acme_yaml):
    ended = hardfin(*[str(acme_yaml) if word == "FILE" else word for word in words])

    assert ended.out
    assert max(len(line) for line in ended.out.splitlines()) <= 80

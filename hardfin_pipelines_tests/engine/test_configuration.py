"""Applying the documents of organizations, on both databases."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, func, select

from hardfin_pipelines.engine.configuration import apply, export
from hardfin_pipelines.organizations.account_descriptions import description_to_json
from hardfin_pipelines.organizations.document import OrganizationDocument, read_document
from hardfin_pipelines.organizations.plans import Plans
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.audit import Cause, list_audit
from hardfin_pipelines.platform.connection_store import (
    ConnectionRow,
    get_connection,
    mark_needs_attention,
    mark_polled,
    save_description,
    set_status,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.organization_store import (
    OrganizationNotFound,
    enable,
    list_organizations,
    load_organization,
)
from hardfin_pipelines.platform.rule_store import StoredRule, load_rules
from hardfin_pipelines.platform.tables import audit_events, credentials, organization_revisions
from hardfin_pipelines_tests.organizations.accounts import hubspot_account
from hardfin_pipelines_tests.organizations.strategies import documents

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
HUBSPOT = "acme:hubspot"
WON = {"pipeline": "default"}
RENEWALS = {"pipeline": "Service renewals", "trigger_stages": ["Signed"]}


def acme(*pipelines: Mapping[str, Any], plan: str = "advanced", **connection: Any) -> OrganizationDocument:
    hubspot = {"integration": "hubspot", "pipelines": list(pipelines), **connection}
    return read_document({"organization": "acme", "plan": plan, "connections": [hubspot]})


def connect(engine: Engine, connection_id: str = HUBSPOT, now: datetime = NOW) -> None:
    """What signing in at the vendor leaves behind."""
    with writing(engine) as connection:
        row = {"org": "acme", "connection_id": connection_id, "sealed": b"sealed", "updated_at": now}
        connection.execute(credentials.insert().values(**row))
        enable(connection, "acme", connection_id, now, actor="console:ann")


def hubspot(engine: Engine) -> ConnectionRow:
    with reading(engine) as connection:
        return get_connection(connection, "acme", HUBSPOT)


def rules(engine: Engine) -> dict[str, StoredRule]:
    with reading(engine) as connection:
        return {each.rule.pipeline: each for each in load_rules(connection, "acme", HUBSPOT)}


def count(engine: Engine, table: Any) -> int:
    with reading(engine) as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0


def actions(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return [entry.event.action for entry in reversed(list_audit(connection, "acme"))]


def put(engine: Engine, document: OrganizationDocument, now: datetime = NOW, *, dry_run: bool = False):
    (result,) = apply(engine, [document], actor="cli:ann", now=now, dry_run=dry_run)
    return result


def test_a_new_organization_is_stored_with_connections_that_are_not_connected_yet(engine):
    result = put(engine, acme(WON, RENEWALS | {"status": "paused"}, start_date="2025-01-01", plan="standard"))

    assert (result.org, result.created, result.revision, result.written) == ("acme", True, 1, True)
    with reading(engine) as connection:
        stored = load_organization(connection, "acme")
        assert list_organizations(connection) == ["acme"]
    assert (stored.name, stored.plan, stored.add_ons, stored.revision) == ("acme", "standard", (), 1)
    row = hubspot(engine)
    assert (row.status, row.cadence, row.start_date, row.revision) == ("not connected", "30m", date(2025, 1, 1), 1)
    assert row.configuration == stored.document["connections"][0]
    assert {name: (each.rule.status, each.active_since) for name, each in rules(engine).items()} == {
        "default": ("active", None),
        "Service renewals": ("paused", None),
    }
    assert rules(engine)["Service renewals"].rule.trigger_stages == ["Signed"]
    assert actions(engine) == ["organization.applied", "connection.created"]


def test_applying_the_same_document_again_leaves_no_trace(engine):
    put(engine, acme(WON))
    connect(engine)
    before = (hubspot(engine), actions(engine), count(engine, organization_revisions))

    result = put(engine, acme(WON), LATER)

    assert (result.changes, result.revision, result.written) == ((), 1, False)
    assert (hubspot(engine), actions(engine), count(engine, organization_revisions)) == before


def test_a_dry_run_shows_the_difference_and_writes_nothing(engine):
    assert put(engine, acme(WON), dry_run=True).created
    assert count(engine, audit_events) == 0
    put(engine, acme(WON))

    result = put(engine, acme(WON, cadence="60m"), dry_run=True)

    assert [str(change) for change in result.changes] == ['+ connections[hubspot].cadence: "60m"']
    assert (result.revision, result.written) == (1, False)
    assert hubspot(engine).cadence == "5m"


def test_a_change_is_audited_with_before_and_after_and_makes_a_revision(engine):
    put(engine, acme(WON))
    connect(engine)
    revision = hubspot(engine).revision

    put(engine, acme(WON, cadence="60m", plan="standard"), LATER)

    with reading(engine) as connection:
        event = list_audit(connection, "acme", entity_type="organization")[0].event
    assert event.changes == {"plan": ("advanced", "standard"), "connections[hubspot].cadence": (None, "60m")}
    assert (event.cause.actor, event.cause.at) == ("cli:ann", LATER)
    row = hubspot(engine)
    assert (row.revision, row.status, row.enabled_at, row.cadence) == (revision + 1, "active", NOW, "60m")


def test_a_connection_that_is_untouched_keeps_its_revision(engine):
    put(engine, acme(WON))

    named = read_document(acme(WON).configuration.document() | {"name": "Acme"})

    assert put(engine, named).revision == 2
    assert hubspot(engine).revision == 1


def test_a_plan_with_a_slower_cadence_slows_its_connections_down(engine):
    put(engine, acme(WON))
    connect(engine)

    put(engine, acme(WON, plan="free"), LATER)

    assert hubspot(engine).cadence == "daily"
    assert hubspot(engine).next_due_at == NOW  # what is due already stays due


def test_a_faster_cadence_makes_the_next_visit_come_sooner(engine):
    put(engine, acme(WON, cadence="daily"))
    connect(engine)
    with writing(engine) as connection:
        row = get_connection(connection, "acme", HUBSPOT)
        mark_polled(connection, [row], NOW + timedelta(minutes=1))
    due = hubspot(engine).next_due_at
    assert due is not None
    assert due > NOW + timedelta(minutes=5)

    put(engine, acme(WON, cadence="5m"), NOW + timedelta(minutes=1))

    assert hubspot(engine).next_due_at == NOW + timedelta(minutes=5)


def test_credentials_and_an_active_rule_enable_a_connection_whichever_comes_first(engine):
    put(engine, acme())
    connect(engine)
    assert (hubspot(engine).status, hubspot(engine).enabled_at) == ("connected", None)

    put(engine, acme(WON | {"status": "paused"}))
    assert (hubspot(engine).status, hubspot(engine).enabled_at) == ("configured", None)

    put(engine, acme(WON), LATER)
    row = hubspot(engine)
    assert (row.status, row.enabled_at, row.next_due_at) == ("active", LATER, LATER)
    assert rules(engine)["default"].active_since == LATER


def test_a_connection_that_could_not_be_enabled_when_it_got_its_credentials_is_by_a_corrected_document(engine):
    put(engine, acme(RENEWALS))
    with writing(engine) as connection:
        row = {"org": "acme", "connection_id": HUBSPOT, "sealed": b"sealed", "updated_at": NOW}
        connection.execute(credentials.insert().values(**row))

    put(engine, acme(WON), LATER)

    assert (hubspot(engine).status, hubspot(engine).enabled_at) == ("active", LATER)
    assert actions(engine)[-3:] == ["connection.connected", "connection.configured", "connection.activated"]


def test_an_erp_needs_no_pipelines_to_be_enabled(engine):
    put(engine, read_document({"organization": "acme", "plan": "free", "connections": [{"integration": "quickbooks"}]}))

    connect(engine, "acme:quickbooks")

    with reading(engine) as connection:
        assert get_connection(connection, "acme", "acme:quickbooks").status == "active"


def test_a_rule_remembers_when_it_was_first_active_over_pauses_and_removal(engine):
    put(engine, acme(WON))
    connect(engine)

    put(engine, acme(WON, RENEWALS), LATER)
    put(engine, acme(WON | {"status": "paused"}, RENEWALS), LATER + timedelta(days=1))
    put(engine, acme(RENEWALS), LATER + timedelta(days=2))
    removed = rules(engine)["default"]
    put(engine, acme(WON, RENEWALS), LATER + timedelta(days=3))

    assert (removed.rule.status, removed.active_since) == ("paused", NOW)
    assert {name: (each.rule.status, each.active_since) for name, each in rules(engine).items()} == {
        "default": ("active", NOW),
        "Service renewals": ("active", LATER),
    }
    assert hubspot(engine).enabled_at == NOW


def test_pausing_and_resuming_a_connection_by_its_document(engine):
    put(engine, acme(WON))
    connect(engine)

    put(engine, acme(WON, status="paused"))
    assert hubspot(engine).status == "paused"
    put(engine, acme(WON | {"status": "paused"}))
    assert hubspot(engine).status == "paused"
    put(engine, acme(WON), LATER)

    assert (hubspot(engine).status, hubspot(engine).enabled_at) == ("active", NOW)
    assert actions(engine)[-5:] == [
        "organization.applied",
        "connection.paused",
        "organization.applied",
        "organization.applied",
        "connection.activated",
    ]


def test_a_connection_paused_by_a_person_stays_paused_when_its_document_is_edited(engine):
    put(engine, acme(WON))
    connect(engine)
    with writing(engine) as connection:
        set_status(connection, "acme", HUBSPOT, "paused", Cause("console:ann", "stocktaking", NOW))

    put(engine, acme(WON, RENEWALS), LATER)
    assert (hubspot(engine).status, hubspot(engine).status_reason) == ("paused", "stocktaking")
    assert rules(engine)["Service renewals"].active_since is None

    with writing(engine) as connection:
        assert enable(connection, "acme", HUBSPOT, LATER) == "active"
    assert rules(engine)["Service renewals"].active_since == LATER


def test_a_connection_that_needs_attention_is_tried_again_when_its_part_changes(engine):
    put(engine, acme(WON))
    connect(engine)
    with writing(engine) as connection:
        mark_needs_attention(connection, "acme", HUBSPOT, Cause("sync", "the field zip is gone", NOW))

    put(engine, read_document(acme(WON).configuration.document() | {"name": "Acme"}))
    assert hubspot(engine).status == "needs attention"
    put(engine, acme(WON, mappings={"customer": {"name": "name"}}))

    assert (hubspot(engine).status, hubspot(engine).status_reason) == ("active", "")


def test_a_connection_that_leaves_the_document_is_disconnected_and_can_come_back(engine):
    put(engine, acme(WON))
    connect(engine)
    empty = read_document({"organization": "acme", "plan": "advanced"})

    put(engine, empty)

    assert (hubspot(engine).status, hubspot(engine).configuration) == ("not connected", {})
    assert rules(engine)["default"].rule.status == "paused"
    assert count(engine, credentials) == 0
    assert actions(engine)[-1] == "connection.disconnected"

    removed = hubspot(engine)
    put(engine, read_document({"organization": "acme", "plan": "free"}))
    assert hubspot(engine) == removed

    put(engine, acme(WON), LATER)
    assert hubspot(engine).status == "not connected"
    connect(engine, now=LATER)
    assert (hubspot(engine).status, hubspot(engine).enabled_at) == ("active", NOW)
    assert rules(engine)["default"].active_since == NOW


def test_signing_in_again_to_a_connection_outside_the_document_syncs_nothing(engine):
    put(engine, acme(WON))
    put(engine, read_document({"organization": "acme", "plan": "advanced"}))

    connect(engine)

    assert hubspot(engine).status == "connected"


def test_what_the_account_cannot_do_is_refused_and_nothing_is_written(engine):
    put(engine, acme(WON))
    connect(engine)
    with writing(engine) as connection:
        save_description(connection, "acme", HUBSPOT, description_to_json(hubspot_account()), NOW)
    before = (hubspot(engine), actions(engine))
    other = "organization: other\nplan: free\n---\n"
    yaml = "organization: acme\nplan: advanced\nconnections:\n  - integration: hubspot\n    pipelines:\n"

    with pytest.raises(ConfigurationError) as caught:
        apply(
            engine,
            read_text(other + yaml + "      - pipeline: default\n      - pipeline: nope\n", "acme.yaml"),
            actor="cli:ann",
            now=NOW,
        )

    assert str(caught.value) == (
        'acme.yaml:10: connections[0].pipelines[1].pipeline: the account has no pipeline "nope"; '
        'it has "Sales Pipeline" or "Service renewals"'
    )
    assert (hubspot(engine), actions(engine)) == before
    with reading(engine) as connection:
        assert list_organizations(connection) == ["acme"]


def test_plans_are_checked_again_when_a_document_is_applied(engine):
    smaller = Plans.model_validate({"plans": {"advanced": {"fastest": "60m", "integrations": ("quickbooks",)}}})

    with pytest.raises(ConfigurationError, match="hubspot is not in the plan"):
        apply(engine, [acme(WON)], plans=smaller, actor="cli:ann", now=NOW)

    assert count(engine, audit_events) == 0


def test_two_documents_of_one_organization_are_refused(engine):
    with pytest.raises(ConfigurationError, match='"acme" has two documents: keep one'):
        apply(engine, [acme(WON), acme()], actor="cli:ann", now=NOW)


def test_several_people_who_apply_at_once_leave_one_revision_for_each_change(engine):
    names = [f"Acme {number}" for number in range(6)]
    named = [read_document(acme(WON).configuration.document() | {"name": name}) for name in names]

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda document: put(engine, document), named))

    assert sorted(result.revision for result in results) == [1, 2, 3, 4, 5, 6]
    assert [result.created for result in results].count(True) == 1
    assert count(engine, organization_revisions) == 6


def test_an_unknown_organization_cannot_be_exported(engine):
    with pytest.raises(OrganizationNotFound, match="there is no organization nobody"):
        export(engine, "nobody")


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents())
def test_an_exported_organization_applies_back_to_no_difference(engine, data):
    document = read_document(data)
    put(engine, document)
    org = document.configuration.organization

    (result,) = apply(engine, read_text(export(engine, org)), actor="cli:ann", now=LATER)

    assert (result.changes, result.written) == ((), False)
    with reading(engine) as connection:
        assert load_organization(connection, org).document == document.configuration.document()

"""What a start date, or none, means where one organization has several CRMs."""

from datetime import UTC, datetime, timedelta

from hardfin_pipelines_tests.engine.hardfin_team import load_end

DOCUMENT = """\
organization: acme
plan: advanced
connections:
  - integration: hubspot
    pipelines: [{pipeline: default}]
"""


def test_a_connection_without_a_start_date_is_left_out_of_loads_that_nobody_asked_for(acme):
    """A backfill is an organization's: another CRM's start date must not bring this one's past."""
    acme.apply_text(DOCUMENT)
    acme.add_deal(at=datetime.now(UTC) - timedelta(days=40))
    start = datetime.now(UTC) - timedelta(days=60)

    left_out = acme.load_between(start, load_end(), only_new=True)
    asked_for = acme.load_between(start, load_end())

    assert left_out.notes == ["acme:hubspot: it has no start date: only deals from now on are synced"]
    assert left_out.created().get("project", 0) == 0
    assert asked_for.created()["project"] == 1

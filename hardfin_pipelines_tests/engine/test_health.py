"""The statements about all organizations, with data that is broken on purpose."""

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import update

from hardfin_pipelines.engine import health
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections, ledger, ledger_aliases, project_line_items, projects
from hardfin_pipelines_tests.engine.product import IMPATIENT, SEARCH


@pytest.fixture
def sound(acme):
    """A deal that adds up, synced; and another organization that nothing is wrong with."""
    zeta = acme.product.add_organization("zeta")
    for organization in (acme, zeta):
        deal = organization.add_deal(lines=[], amount="20")
        organization.add_line(deal, ("Robot arm", "20"), amount="20")
        organization.tick()
    return acme


def test_sound_data_is_told_as_sound(sound):
    deployment = sound.deployment
    found = health.sync_health(deployment)
    assert (found.organizations, found.active, found.pending, found.rejected) == (2, 2, 0, 0)
    assert (found.late, found.failing, found.needing_attention) == ((), (), ())
    assert health.projects_without_customer(deployment) == []
    assert health.external_ids_linked_twice(deployment) == []
    assert health.projects_that_do_not_add_up(deployment) == []


def test_a_project_that_lost_its_customer_is_told(sound):
    (project,) = sound.projects()
    sound.edit(projects, project["id"], customer_id=None)

    assert health.projects_without_customer(sound.deployment) == [f"acme: {project['id']}"]


def test_a_project_whose_deal_never_had_a_company_is_sound(sound):
    sound.add_deal("Nobody's", company=None, lines=[])
    sound.tick()

    assert len(sound.projects()) == 2
    assert health.projects_without_customer(sound.deployment) == []


def test_a_deal_that_leads_to_two_projects_is_told(sound):
    (project,) = sound.projects()
    (entry,) = sound.rows(ledger)
    other = sound.add_deal("Other", lines=[])
    sound.tick()
    with writing(sound.deployment.engine) as connection:
        alias = {name: entry[name] for name in ("org", "connection_id", "object", "external_id")}
        connection.execute(ledger_aliases.insert().values(**alias, alias_id=other))
        connection.execute(ledger.insert().values(**{**entry, "external_id": "999"}))

    assert health.external_ids_linked_twice(sound.deployment) == [
        f"acme: acme:hubspot deal {other}",
        f"acme: {project['id']} has several deals",
    ]


def test_a_project_whose_lines_come_to_another_amount_is_told_with_both(sound):
    (project,) = sound.projects()
    (line,) = sound.rows(project_line_items)
    sound.edit(project_line_items, line["id"], amount=Decimal("19.99"))

    assert health.projects_that_do_not_add_up(sound.deployment) == [f"acme: {project['id']}: lines 19.99, deal 20"]

    sound.edit(project_line_items, line["id"], status="removed")
    assert health.projects_that_do_not_add_up(sound.deployment) == []


def test_late_failing_and_waiting_connections_are_told(sound):
    deployment = sound.deployment
    zeta = sound.product.organizations["zeta"]
    deployment.vendors.hubspot.limits = IMPATIENT
    sound.fault(path=SEARCH, times=None, status=503)
    sound.poll()
    zeta.portal.uninstall_app()
    zeta.poll()
    bad = sound.add_deal()
    sound.ask_for_record(bad)
    with writing(deployment.engine) as connection:
        long_ago = deployment.now() - timedelta(hours=1)
        connection.execute(update(connections).where(connections.c.org == "acme").values(last_polled_at=long_ago))

    found = health.sync_health(deployment)

    (late,), (failing,), (needing,) = found.late, found.failing, found.needing_attention
    assert late.startswith("acme:hubspot: last visited ")
    assert failing.startswith("acme:hubspot: 1 failure(s) in a row: HubSpot answered 503")
    assert needing.startswith("zeta:hubspot: ")
    assert (found.active, found.pending) == (1, 1)


def test_a_record_set_aside_is_counted(sound):
    bad = sound.add_deal()
    sound.force(bad, {"amount": "N/A"})
    sound.tick()

    assert health.sync_health(sound.deployment).rejected == 1

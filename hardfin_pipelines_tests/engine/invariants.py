"""What must hold after everything that can happen to an organization."""

from collections import Counter

from sqlalchemy import select

from hardfin_pipelines.platform.tables import ledger, ledger_aliases, links, project_line_items, projects
from hardfin_pipelines.sandbox.hubspot.store import RECORDS
from hardfin_pipelines_tests.engine.product import WON, Organization, values_of


def won_deals_now(acme: Organization) -> set[str]:
    """The deals of the portal that stand in a trigger stage now and are not archived."""
    portal = acme.portal
    rows = portal.store.rows(select(RECORDS.c.id).where(RECORDS.c.type == "deals", RECORDS.c.archived_ms.is_(None)))
    ids = [str(row.id) for row in rows]
    return {each for each in ids if portal.properties("deals", each)["dealstage"] == WON}


def check_invariants(acme: Organization) -> None:
    """Exactly one ledger row and one project for every deal; no line without its project; nothing linked twice.

    I1 (each triggering record has exactly one ledger row and at most one project), I6 (every row names its
    organization), and that links and projects belong together.
    """
    rows = acme.rows(ledger)
    ids = values_of(rows, "external_id")
    known_as = ids + values_of(acme.rows(ledger_aliases), "alias_id")
    assert len(ids) == len(set(ids))
    made = Counter(values_of(rows, "project_id"))
    assert set(made.values()) <= {1}
    assert set(made) == set(values_of(acme.rows(projects), "id"))
    assert won_deals_now(acme) <= set(known_as) | {each.rejection.external_id for each in acme.rejected()}
    assert set(values_of(acme.rows(project_line_items), "project_id")) <= set(made)
    linked = [row["entity_id"] for row in acme.rows(links) if row["entity_type"] == "project"]
    assert Counter(linked) == made

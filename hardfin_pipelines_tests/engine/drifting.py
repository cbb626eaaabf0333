"""What tests of drift do to an account, and what they look at."""

from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import update

from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.rule_store import HeldRule, held_rules, load_rules
from hardfin_pipelines.platform.tables import connections, cursors
from hardfin_pipelines.sandbox.hubspot import NewStage
from hardfin_pipelines_tests.engine.product import Organization

QUOTE = NewStage("Quote", Decimal("0.5"), False, "quote")
SIGNED = NewStage("Signed", Decimal(1), True, "signed")
LOST = NewStage("Lost", Decimal(0), True, "lost")

TWO_RULES = ["default", "renewals\n        project: {custom.po: po_number}"]
"""Won deals of the default pipeline, and of "renewals", whose own mapping reads a field of the account's own."""


def with_two_rules(org: Organization, start_date: str = "") -> Organization:
    org.portal.add_property("deals", "po_number", "PO number")
    org.portal.add_pipeline("Renewals", [QUOTE, SIGNED, LOST], "renewals")
    org.start_date = start_date or org.start_date
    org.apply(TWO_RULES)
    if not start_date:
        forget_start_date(org)
    org.connect()
    org.tick()
    return org


def forget_start_date(org: Organization) -> None:
    with writing(org.deployment.engine) as connection:
        connection.execute(update(connections).where(connections.c.org == org.org).values(start_date=None))


def a_day_later(org: Organization) -> None:
    """Let the account's description be a day old."""
    with writing(org.deployment.engine) as connection:
        old = org.deployment.now() - timedelta(days=2)
        connection.execute(update(connections).where(connections.c.org == org.org).values(described_at=old))


def cursor_is(org: Organization, moment: datetime) -> None:
    """As if ticks had come so far only."""
    with writing(org.deployment.engine) as connection:
        connection.execute(update(cursors).where(cursors.c.org == org.org).values(position=moment))


def held(org: Organization) -> list[HeldRule]:
    with reading(org.deployment.engine) as connection:
        return held_rules(connection, org.org)


def rule_actions(org: Organization) -> list[tuple[str, str]]:
    found = org.audit(entity_type="pipeline_rule")
    return [(entry.event.action, entry.event.entity_id) for entry in reversed(found)]


def unseen(org: Organization, pipeline: str = "renewals") -> datetime | None:
    with reading(org.deployment.engine) as connection:
        (rule,) = [
            each for each in load_rules(connection, org.org, org.connection_id) if each.rule.pipeline == pipeline
        ]
    return rule.unseen_since


def archive_field(org: Organization) -> None:
    assert org.portal.schema.archive_property("deals", "po_number", "2026-01-01T00:00:00Z")


def restore_field(org: Organization) -> None:
    assert org.portal.schema.restore_property("deals", "po_number")


def hide_field(org: Organization) -> None:
    org.portal.schema.redefine_property("deals", "po_number", {"hidden": True})


def show_field(org: Organization) -> None:
    org.portal.schema.redefine_property("deals", "po_number", {"hidden": False})


def delete_pipeline(org: Organization) -> None:
    org.portal.schema.remove_pipeline("renewals")


def make_pipeline(org: Organization) -> None:
    org.portal.add_pipeline("Renewals", [QUOTE, SIGNED, LOST], "renewals")


def unmake_won(org: Organization) -> None:
    org.portal.add_pipeline("Renewals", [QUOTE, SIGNED._replace(probability=Decimal("0.9")), LOST], "renewals")

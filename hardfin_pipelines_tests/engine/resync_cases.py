"""What the tests of re-syncs look at."""

from typing import Any

from hardfin_pipelines.engine.undoing import UndoReport, UndoRequest, undo_resync
from hardfin_pipelines.platform.all_tables import metadata
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.record_log import RecordEvent, timeline
from hardfin_pipelines_tests.engine.product import Organization

_OF_EVERY_VISIT = frozenset({"leases", "call_reservations", "call_counts", "call_allowances"})

EVERYTHING = [table for table in metadata.sorted_tables if table.name not in _OF_EVERY_VISIT]
"""All tables but those that a visit writes whatever it is for."""


def undo(acme: Organization, project: str, run_id: str = "undo", **options: Any) -> UndoReport:
    """Undo a re-sync, as a person asks for it."""
    return undo_resync(acme.deployment, UndoRequest(acme.org, project, run_id=run_id, actor="cli:bob", **options))


def timeline_of(acme: Organization, vendor_object: str, external_id: str) -> list[RecordEvent]:
    """What happened to a record."""
    with reading(acme.deployment.engine) as connection:
        return timeline(connection, acme.org, acme.connection_id, vendor_object, external_id)

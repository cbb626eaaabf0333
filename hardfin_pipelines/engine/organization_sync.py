"""What the work of a run came to for one organization, and what every kind of such work has in common."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.crm_sync import SyncReport
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.failures import note_failure
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.entity_rows import count_entities
from hardfin_pipelines.sync.entities import EntityType


@dataclass(slots=True)
class OrganizationSync:
    """What a run did for one organization, by integration."""

    org: str
    reports: dict[str, SyncReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    held: dict[EntityType, int] = field(default_factory=dict)

    def note(self, connection_id: str, report: SyncReport) -> None:
        """Keep what a person may want to know of one visit."""
        self.notes.extend(f"{connection_id}: {remark}" for remark in report.remarks())

    def created(self) -> dict[EntityType, int]:
        """Entities created, by kind."""
        totals: dict[EntityType, int] = {}
        for report in self.reports.values():
            for entity, number in report.applied.created.items():
                totals[entity] = totals.get(entity, 0) + number
        return totals

    def deal_counts(self) -> dict[str, int]:
        """What became of the deals."""
        applied = [report.applied for report in self.reports.values()]
        return {
            "synced": sum(counts.synced for counts in applied),
            "protected": sum(counts.protected for counts in applied),
            "not_triggered": sum(counts.not_triggered for counts in applied),
            "set_aside": sum(counts.set_aside for counts in applied),
        }

    def calls(self) -> int:
        """Calls sent to the vendors."""
        return sum(report.calls for report in self.reports.values())

    def reasons(self) -> list[str]:
        """Why deals were set aside."""
        return [reason for report in self.reports.values() for reason in report.applied.reasons]


def interrupt(synced: OrganizationSync, report: SyncReport, wish: WorkInterrupted) -> None:
    """Note that a person's wish ended the work in good order."""
    report.interrupted = str(wish)
    synced.notes.append(report.interrupted)


def held_entities(deployment: Deployment, org: str) -> dict[EntityType, int]:
    """How many entities of each kind the organization has now."""
    with reading(deployment.engine) as connection:
        return count_entities(connection, org)


@contextlib.asynccontextmanager
async def noting_failures(deployment: Deployment, row: ConnectionRow) -> AsyncIterator[None]:
    """Let the connection say what the vendor refused, before the run fails with the same line."""
    try:
        yield
    except VendorError as error:
        note_failure(deployment, row, error)
        raise

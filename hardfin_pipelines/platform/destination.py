"""The small interface between the engine and where projects are made.

The rules make plans as plain values; a destination carries them out. Hardfin's own tables are the one there is. Another
one has the same three things to do, in the transaction that also writes links, ledger and audit, so that a project and
the proof that it was made cannot come apart.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from sqlalchemy import Connection

from hardfin_pipelines.platform.first_sync_store import SyncStamp, write_synced
from hardfin_pipelines.platform.resync_store import read_held_project, write_resync
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.plans import Synced
from hardfin_pipelines.sync.resync_plan import HeldProject, ResyncPlan


class Destination(Protocol):
    """Where projects are made and re-synced."""

    def create(self, connection: Connection, synced: Sequence[Synced], stamp: SyncStamp) -> Mapping[EntityType, int]:
        """Make the projects of a first-sync plan with all that belongs to them; how many entities of each kind.

        Raises:
            sqlalchemy.exc.IntegrityError: Another run has synced one of the deals since the plan was made.
        """
        ...

    def held(
        self, connection: Connection, stamp: SyncStamp, project_id: str, customer_id: str | None
    ) -> HeldProject | None:
        """A project as it is held now, with its customer and its linked lines; None where there is none."""
        ...

    def update(self, connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> None:
        """Carry out the plan of a re-sync."""
        ...


class HardfinTables:
    """Hardfin's own tables."""

    def create(self, connection: Connection, synced: Sequence[Synced], stamp: SyncStamp) -> Mapping[EntityType, int]:
        """Insert the projects with all that belongs to them."""
        return write_synced(connection, synced, stamp)

    def held(
        self, connection: Connection, stamp: SyncStamp, project_id: str, customer_id: str | None
    ) -> HeldProject | None:
        """Read a project with its customer and its linked lines."""
        return read_held_project(connection, stamp.org, stamp.connection_id, project_id, customer_id)

    def update(self, connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> None:
        """Write what the plan says, and the audit of it."""
        write_resync(connection, plan, stamp, reason)

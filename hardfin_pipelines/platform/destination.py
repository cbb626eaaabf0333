"""The small interface between the engine and where projects are made.

The rules make plans as plain values; a destination carries them out. Hardfin's own tables are the one there is. Another
one has the same few things to do, in the transaction that also writes links, ledger and audit, so that a project and
the proof that it was made cannot come apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from hardfin_pipelines.platform.entity_values import entity_rows, stored_texts
from hardfin_pipelines.platform.first_sync_store import SyncStamp, write_synced
from hardfin_pipelines.platform.resync_history import ResyncRecord, undo_resync
from hardfin_pipelines.platform.resync_store import lines_elsewhere, read_held_project, write_resync
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.plans import Synced
from hardfin_pipelines.sync.resync import HeldEntity
from hardfin_pipelines.sync.resync_plan import HeldProject, ResyncPlan
from hardfin_pipelines.sync.undo_plan import EntityKey, StoredTexts, UndoPlan


class Destination(Protocol):
    """Where projects are made and re-synced. `for_update` keeps others from writing what was read."""

    def create(self, connection: Connection, synced: Sequence[Synced], stamp: SyncStamp) -> Mapping[EntityType, int]:
        """Make the projects of a first-sync plan with all that belongs to them; how many entities of each kind.

        Raises:
            sqlalchemy.exc.IntegrityError: Another run has synced one of the deals since the plan was made.
        """
        ...

    def held(
        self,
        connection: Connection,
        stamp: SyncStamp,
        project_id: str,
        customer_id: str | None,
        *,
        for_update: bool = False,
    ) -> HeldProject | None:
        """A project as it is held now, with its customer and its linked lines; None where there is none."""
        ...

    def elsewhere(
        self,
        connection: Connection,
        stamp: SyncStamp,
        project_id: str,
        line_ids: Iterable[str],
        *,
        for_update: bool = False,
    ) -> Mapping[str, HeldEntity]:
        """Lines of other projects that some line items are linked to, by the line item's id."""
        ...

    def update(self, connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> str | None:
        """Carry out the plan of a re-sync; the id under which it can be undone, None where it wrote nothing."""
        ...

    def stored(
        self, connection: Connection, org: str, keys: Iterable[EntityKey], *, for_update: bool = False
    ) -> Mapping[EntityKey, StoredTexts]:
        """All fields of some entities as they are now, digit for digit; those that are gone are absent."""
        ...

    def undo(
        self, connection: Connection, org: str, record: ResyncRecord, plan: UndoPlan, *, actor: str, now: datetime
    ) -> None:
        """Carry out the plan of an undo."""
        ...


class HardfinTables:
    """Hardfin's own tables."""

    def create(self, connection: Connection, synced: Sequence[Synced], stamp: SyncStamp) -> Mapping[EntityType, int]:
        """Insert the projects with all that belongs to them."""
        return write_synced(connection, synced, stamp)

    def held(
        self,
        connection: Connection,
        stamp: SyncStamp,
        project_id: str,
        customer_id: str | None,
        *,
        for_update: bool = False,
    ) -> HeldProject | None:
        """Read a project with its customer and its linked lines."""
        return read_held_project(
            connection, stamp.org, stamp.connection_id, project_id, customer_id, for_update=for_update
        )

    def elsewhere(
        self,
        connection: Connection,
        stamp: SyncStamp,
        project_id: str,
        line_ids: Iterable[str],
        *,
        for_update: bool = False,
    ) -> Mapping[str, HeldEntity]:
        """Read lines of other projects by their links."""
        vendor_object = stamp.objects["line_item"]
        return lines_elsewhere(
            connection, stamp.org, stamp.connection_id, vendor_object, line_ids, project_id, for_update=for_update
        )

    def update(self, connection: Connection, plan: ResyncPlan, stamp: SyncStamp, reason: str) -> str | None:
        """Write what the plan says, the audit of it, and what an undo needs."""
        return write_resync(connection, plan, stamp, reason)

    def stored(
        self, connection: Connection, org: str, keys: Iterable[EntityKey], *, for_update: bool = False
    ) -> Mapping[EntityKey, StoredTexts]:
        """Read entities by their ids."""
        rows = entity_rows(connection, org, keys, for_update=for_update)
        return {key: stored_texts(key[0], row) for key, row in rows.items()}

    def undo(
        self, connection: Connection, org: str, record: ResyncRecord, plan: UndoPlan, *, actor: str, now: datetime
    ) -> None:
        """Write what was before, and what the links remembered."""
        undo_resync(connection, org, record, plan, actor=actor, now=now)

"""Rule 11: what a person changes takes effect at the next transaction, not after the run."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from hardfin_pipelines.platform.leases import Lease, LeaseLost, check_fence
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.tables import connections


class WorkInterrupted(Exception):
    """The connection was paused, edited or disconnected while a run was at it, or another run has taken its place.

    What is committed stands.
    """


@dataclass(frozen=True, slots=True)
class RunGuard:
    """Asked at the start of every transaction whether the run may still write.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        revision: The revision of its configuration that the run began with.
        lease: The run's lease on the connection: a run that slept past it must not write beside its successor.
    """

    org: str
    connection_id: str
    revision: int
    lease: Lease

    def check(self, connection: Connection) -> None:
        """Refuse to go on when anything the run relies on has changed; holds the row until the transaction ends.

        Raises:
            WorkInterrupted: Says what changed, or that another run has taken over.
        """
        # One writer an organization at a time: two connections may be about to create an item of the same name.
        hold_organization(connection, self.org)
        row = connection.execute(
            select(connections.c.status, connections.c.revision)
            .where(connections.c.org == self.org, connections.c.connection_id == self.connection_id)
            .with_for_update(key_share=True)
        ).one_or_none()
        if row is None or row.status != "active":
            status = "disconnected" if row is None else row.status
            raise WorkInterrupted(f"{self.connection_id} is {status}: stopped before the next transaction")
        if row.revision != self.revision:
            raise WorkInterrupted(f"{self.connection_id} was edited during the run: the next run uses the new rules")
        self.check_lease(connection)

    def check_lease(self, connection: Connection) -> None:
        """Refuse to go on only when another run has taken over: for notes of how far the work came.

        Raises:
            WorkInterrupted: Another run has the lease.
        """
        try:
            check_fence(connection, self.lease)
        except LeaseLost as lost:
            raise WorkInterrupted(str(lost)) from None

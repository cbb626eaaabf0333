"""Opening a visit to an accounting system: its lease, connector, landing and stamp, closed again whatever happens."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.erp import ErpConnector
from hardfin_pipelines.engine.call_budget import count_visit, require_allowance
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import RunGuard
from hardfin_pipelines.engine.month_budget import require_month
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.visits import UnitLanding, forget_stale_answers, held_lease
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.organizations.integrations import KINDS
from hardfin_pipelines.platform.connection_store import ConnectionNotFound, ConnectionRow, get_connection
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.sync.call_budget import Purpose

ERPS = frozenset(name for name, kind in KINDS.items() if kind == "ERP")


class Connect(Protocol):
    """Makes connectors, as `Deployment.erp_connector` does."""

    def __call__(
        self, row: ConnectionRow, memory: PageMemory | None = None, *, purpose: Purpose = "describe"
    ) -> ErpConnector:
        """A connector for a connection, which remembers answers where it is given where to, for a purpose."""
        ...


@dataclass(frozen=True, slots=True)
class ErpVisit:
    """Everything one visit works with."""

    row: ConnectionRow
    connector: ErpConnector
    landing: UnitLanding
    stamp: SyncStamp
    guard: RunGuard


def active_erp(deployment: Deployment, org: str, connection_id: str) -> ConnectionRow:
    """An accounting system's connection that may be visited.

    Raises:
        Refusal: There is no such connection, or it is not visited as it stands.
    """
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, org, connection_id)
        except ConnectionNotFound as error:
            raise Refusal(str(error)) from None
    if row.integration not in ERPS:
        raise Refusal(f"{connection_id} is no accounting system: only those have items to sync")
    if row.status != "active":
        reason = f" ({row.status_reason})" if row.status_reason else ""
        raise Refusal(f"{connection_id} is {row.status}{reason}: it is not synced")
    return row


@asynccontextmanager
async def open_erp_visit(
    deployment: Deployment,
    row: ConnectionRow,
    connect: Connect,
    *,
    lane: str,
    unit: str,
    purpose: Purpose,
    run_id: str,
    trigger: str,
    actor: str,
) -> AsyncIterator[ErpVisit]:
    """A visit under a lease; its landed files appear at its end at the latest, its journal goes when all is done.

    Args:
        deployment: The deployment.
        row: The connection.
        connect: Makes the connector.
        lane: Visits of one lane of a connection never overlap.
        unit: The name of the unit of work: one that was cut off goes on with the answers it has.
        purpose: What its calls are counted as.
        run_id: The run.
        trigger: What asked for it.
        actor: Who asked for it, for the audit.

    Raises:
        ReserveReached: No calls are left for this.
        Refusal: Another run is at it, or the landing root cannot be written to.
    """
    unit_of_work = Unit(row.org, row.connection_id, unit)
    try:
        async with AsyncExitStack() as stack:
            require_allowance(deployment, row, purpose)
            require_month(deployment, row, purpose)
            lease = await stack.enter_async_context(
                held_lease(deployment, row.org, f"{lane}:{row.connection_id}", run_id)
            )
            forget_stale_answers(deployment, unit_of_work)
            journal = stack.enter_context(UnitJournal(deployment.settings.landing_root, unit_of_work))
            connector = connect(row, journal, purpose=purpose)
            stack.push_async_callback(connector.aclose)
            stack.callback(count_visit, deployment, row.org, row.connection_id, purpose, connector.calls)
            objects = MappingProxyType(dict(connector.objects()))
            stamp = SyncStamp(
                row.org, row.connection_id, objects, run_id, trigger, row.revision, deployment.now(), actor
            )
            landing = UnitLanding(deployment.settings.landing_root, unit_of_work, objects, stamp)
            guard = RunGuard(row.org, row.connection_id, row.revision, lease)
            try:
                yield ErpVisit(row, connector, landing, stamp, guard)
            except BaseException:
                landing.abort()
                raise
            landing.finish()
            journal.discard()
    except LandingError as error:
        raise Refusal(str(error)) from error

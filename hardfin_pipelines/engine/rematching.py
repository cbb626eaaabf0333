"""Matching again what waits in triage, after products or parts were made or renamed in Hardfin.

Whether that is due is read off the catalogue itself: its mark is kept with whatever waits. So nothing that writes an
item has to know of triage, in its transaction or after it, and nothing is lost where a process dies in between: every
tick of an accounting system looks as well.
"""

import logging
from functools import partial

from sqlalchemy import Connection, select

from hardfin_pipelines.engine.customer_links import link_customers_again
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.item_sync import ItemCounts, ItemStore, apply_sightings
from hardfin_pipelines.engine.overlapping import in_thread
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.item_store import catalogue_mark
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.tables import connections
from hardfin_pipelines.platform.triage_store import count_triage, scopes_to_match_again
from hardfin_pipelines.platform.vendor_item_store import ItemScope
from hardfin_pipelines.sync.vendor_items import Sightings

_log = logging.getLogger(__name__)


async def match_again(deployment: Deployment, org: str, *, run_id: str, customers_made: bool) -> None:
    """After a CRM's sync: let what waits in accounting systems find the items, and the customers, that it made."""
    await in_thread(partial(rematch_open, deployment, org, run_id=run_id))
    if customers_made:
        await link_customers_again(deployment, org, run_id=run_id)


def rematch_open(deployment: Deployment, org: str, *, run_id: str = "") -> ItemCounts:
    """Match what waits in triage again, where Hardfin's products and parts are others than when it was matched last.

    Nothing is asked of any vendor. Connections that are not active are left as they are until they are resumed.
    Without anything in triage it is one query.

    Args:
        deployment: The deployment.
        org: The organization.
        run_id: The run, where one made the items.

    Returns:
        What came of it.
    """
    counts = ItemCounts()
    with reading(deployment.engine) as connection:
        scopes: list[ItemScope] = []
        if count_triage(connection, org)["open"]:
            scopes = scopes_to_match_again(connection, org, catalogue_mark(connection, org))
        revisions = _active_revisions(connection, org)
    for scope in scopes:
        if scope.connection_id not in revisions:
            continue
        stamp = SyncStamp(
            org,
            scope.connection_id,
            {"item": scope.object},
            run_id,
            "rematch",
            revisions[scope.connection_id],
            deployment.now(),
        )
        try:
            store = ItemStore(deployment.engine, scope, stamp, partial(_require_active, scope))
            apply_sightings(store, Sightings(), counts, only_triage=True)
        except WorkInterrupted as wish:
            _log.info("%s", wish)  # the next tick matches the rest
    return counts


def _active_revisions(connection: Connection, org: str) -> dict[str, int]:
    query = select(connections.c.connection_id, connections.c.revision)
    rows = connection.execute(query.where(connections.c.org == org, connections.c.status == "active"))
    return {row.connection_id: row.revision for row in rows}


def _require_active(scope: ItemScope, connection: Connection) -> None:
    """A person may have paused the connection meanwhile."""
    hold_organization(connection, scope.org)
    if scope.connection_id not in _active_revisions(connection, scope.org):
        raise WorkInterrupted(f"{scope.connection_id} is not active: its items are not matched for now")

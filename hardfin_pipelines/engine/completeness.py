"""Proving that nothing was missed: the vendor's count of a window beside the deals that have an answer here.

Where both disagree, the window's deals are listed once more, never from memory, and every one that is neither in the
ledger, nor set aside, nor without a trigger is synced by its id. A window that still does not agree stays open.
"""

from collections.abc import Sequence
from typing import Protocol

from hardfin_pipelines.connectors.base import CrmConnector, TriggerQuery
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.sorting_out import known_deals, sort_out
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.record_log import set_aside_versions
from hardfin_pipelines.sync.completeness import Proof, agrees
from hardfin_pipelines.sync.first_sync import protection
from hardfin_pipelines.sync.records import Record

_ROUNDS = 3


class SyncsByIds(Protocol):
    """Syncs deals that were named, as far as a person's wish to stop does not end it."""

    async def sync_records(self, ids: Sequence[str]) -> None:
        """Sync them."""
        ...


async def prove(
    crm: CrmConnection, connector: CrmConnector, visit: SyncsByIds, query: TriggerQuery, *, seen: set[str]
) -> Proof:
    """Compare a window with what the vendor has now, and sync what is found missing. One call where both agree.

    Args:
        crm: The connection.
        connector: Its connector.
        visit: Syncs what is missing.
        query: The window, whole.
        seen: The ids that the visit has given an answer to.

    Raises:
        VendorError: The vendor refused or failed; nothing is proved.
    """
    late: set[str] = set()
    proof = Proof(None, len(seen))
    for attempt in range(_ROUNDS):
        # A count alone is proof only of the first look: later ones ask for what the store itself has an answer to.
        proof = await _compare(crm, connector, query, seen if attempt == 0 else None)
        if proof.holds:
            break
        late.update(proof.unaccounted)
        if proof.unaccounted:
            await visit.sync_records(proof.unaccounted)
    return Proof(proof.at_vendor, proof.accounted, proof.unaccounted, len(late))


async def list_unaccounted(crm: CrmConnection, connector: CrmConnector, query: TriggerQuery) -> Proof:
    """Every deal of a window that the vendor shows now and that has no answer here. A call per page.

    Raises:
        VendorError: The vendor refused or failed.
    """
    return await _compare(crm, connector, query, None)


async def _compare(crm: CrmConnection, connector: CrmConnector, query: TriggerQuery, seen: set[str] | None) -> Proof:
    at_vendor: int | None = None
    listed: set[str] = set()
    unaccounted: dict[str, None] = {}
    first = True
    async for page in connector.census_pages(query):
        if first:
            at_vendor, first = page.total, False
            if seen is not None and agrees(at_vendor, seen, exactly=True):
                return Proof(at_vendor, len(seen))
        listed.update(deal.id for deal in page.records)
        unaccounted.update(dict.fromkeys(unaccounted_deals(crm, connector, page.records)))
    return Proof(at_vendor, len(listed) - len(unaccounted), tuple(unaccounted))


def unaccounted_deals(crm: CrmConnection, connector: CrmConnector, deals: Sequence[Record]) -> list[str]:
    """Those of some deals that a rule triggers and that are neither in the ledger nor set aside."""
    row, deal_object = crm.row, connector.objects()["deal"]
    with reading(crm.engine) as connection:
        known = known_deals(connection, row.org, row.connection_id, deal_object, deals)
        wanted, _settled = sort_out(deals, known, connector, crm.context.rules)
        ids = [deal.id for deal in wanted if protection(deal, known) is None]
        aside = set_aside_versions(connection, row.org, row.connection_id, deal_object, ids)
    return [each for each in ids if each not in aside]

"""Which deals are worth reading further, and what became of the others: the first thing every visit decides."""

from collections.abc import Sequence

from sqlalchemy import Connection

from hardfin_pipelines.connectors.base import CrmConnector
from hardfin_pipelines.engine.set_aside import ids_of
from hardfin_pipelines.platform.known_records import ledger_ids
from hardfin_pipelines.sync.first_sync import protection
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.plans import Known, Protected, Skipped
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.trigger import NotTriggered, evaluate_trigger


def known_deals(
    connection: Connection, org: str, connection_id: str, deal_object: str, deals: Sequence[Record]
) -> Known:
    """What the ledger holds of some deals, under any of their ids."""
    ids = [external_id for deal in deals for external_id in ids_of(deal)]
    return Known(ledger=ledger_ids(connection, org, connection_id, deal_object, ids))


def sort_out(
    deals: Sequence[Record], known: Known, connector: CrmConnector, *rules: Sequence[PipelineRule]
) -> tuple[list[Record], list[Protected | Skipped]]:
    """The deals worth reading further (triggered and not in the ledger), and what became of the others.

    Args:
        deals: The deals.
        known: What the ledger holds of them.
        connector: Reads a deal's pipeline and stage.
        rules: The connection's rules; of several sets of rules, one that takes the deal is enough.
    """
    wanted: list[Record] = []
    settled: list[Protected | Skipped] = []
    for deal in deals:
        protected = protection(deal, known)
        if protected is not None and not protected.new_aliases:
            settled.append(protected)
            continue
        verdicts = [evaluate_trigger(connector.deal_state(deal), each) for each in rules]
        reasons = [each.reason for each in verdicts if isinstance(each, NotTriggered) and not each.waits]
        if protected is None and len(reasons) == len(verdicts):
            settled.append(Skipped(deal, reasons[0]))
            continue
        wanted.append(deal)
    return wanted, settled

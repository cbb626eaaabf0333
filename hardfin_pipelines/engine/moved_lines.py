"""Line items that moved from one synced deal to another: whose they are now is for the CRM to say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.resync_targets import deals_of_projects
from hardfin_pipelines.engine.visits import Visit
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.resync import PROJECT, HeldEntity


@dataclass(frozen=True, slots=True)
class OtherDeals:
    """What the CRM says of the line items of this deal that are lines of other projects.

    Attributes:
        asked: The line items of which it was asked.
        still_there: Those that are with the other project's deal, too.
    """

    asked: frozenset[str] = frozenset()
    still_there: frozenset[str] = frozenset()

    def gave_up(self, line_id: str, line: HeldEntity) -> bool:
        """Whether a line may come here: it is marked removed where it is, or is not with that deal any more."""
        return line.removed or (line_id in self.asked and line_id not in self.still_there)


async def ask_other_deals(
    deployment: Deployment, visit: Visit, project_id: str, deal: Record, line_ids: Iterable[str]
) -> OtherDeals:
    """Ask the CRM whether line items that are active lines of other projects still are with those projects' deals.

    It costs calls (two, whatever the number of lines) only where there are such lines. A deal that was merged into
    this one is this one: its line items are where they were. One that is gone has none.

    Raises:
        VendorError: The vendor refused or failed.
    """
    with reading(deployment.engine) as connection:
        elsewhere = visit.crm.destination.elsewhere(connection, visit.stamp, project_id, line_ids)
        owners = {line_id: line.texts[PROJECT] or "" for line_id, line in elsewhere.items() if not line.removed}
        deals = deals_of_projects(connection, visit.stamp.org, visit.stamp.connection_id, sorted(set(owners.values())))
    if not owners:
        return OtherDeals()
    held = await _line_items_of(visit, sorted(set(deals.values())), deal)
    there = {line_id for line_id, owner in owners.items() if line_id in held.get(deals.get(owner, ""), frozenset())}
    return OtherDeals(frozenset(owners), frozenset(there))


async def _line_items_of(visit: Visit, deal_ids: list[str], deal: Record) -> Mapping[str, frozenset[str]]:
    """The line items that deals have now, by the id each deal had when it was synced."""
    if not deal_ids:
        return {}
    result = await visit.connector.read("deal", deal_ids, ())
    survivors = {any_id: record.id for record in result.records for any_id in (record.id, *record.merged_ids)}
    survivors |= dict.fromkeys((deal.id, *deal.merged_ids), deal.id)
    living = sorted({survivors[each] for each in deal_ids if each in survivors})
    references = await visit.connector.references(living, ("line_item",)) if living else {}
    return {
        each: frozenset(reference.id for reference in references[survivors[each]]["line_item"])
        for each in deal_ids
        if each in survivors
    }

"""What changed and what is gone since a moment: one call for all entities, as long as QuickBooks tells all of it.

Change data capture tells of 1,000 objects at once, over all entities together, without a sign that there are more and
without a way to go on (Intuit docs: change data capture). From 1,000 on each entity is asked for alone, and one that
still has as many is scanned by query. Queries know nothing of deletions: those of the latest time are told by another
call, for a time with fewer changes in it; earlier ones only a census finds, since a window of change data capture has
no end that could be moved.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.quickbooks.answers import (
    EntityChanges,
    changes_in,
    stamp_of,
    vendor_time,
)
from hardfin_pipelines.connectors.quickbooks.requests import changes
from hardfin_pipelines.connectors.quickbooks.scan import Ask

_SHARES = (0.8, 0.2, 0.05)
"""The part of what fits into an answer that the newest known changes may fill, at each try: deletions that are not
known have to fit in as well."""


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of several entities.

    Attributes:
        by_entity: Each entity that was asked for.
        vendor_time: QuickBooks' clock at the first answer.
    """

    by_entity: Mapping[str, EntityChanges]
    vendor_time: datetime


@dataclass(frozen=True, slots=True)
class Deletions:
    """What is gone, completely from a moment on.

    Attributes:
        stubs: What is left of it.
        complete_from: The moment.
    """

    stubs: list[Row]
    complete_from: datetime


class ChangeReader:
    """Asks change data capture."""

    def __init__(self, ask: Ask, most: int) -> None:
        """`most` is how many objects one answer tells of."""
        self._ask = ask
        self._most = most

    async def changes(self, entities: Sequence[str], since: datetime) -> Changes:
        """What changed since a moment; one call, and one for each entity where together they have too many."""
        together = await self._asked(entities, since)
        if len(entities) == 1 or all(each.complete for each in together.by_entity.values()):
            return together
        alone = {entity: (await self._asked([entity], since)).by_entity[entity] for entity in entities}
        return Changes(alone, together.vendor_time)

    async def newest_deletions(self, entity: str, known: Sequence[Row], until: datetime) -> Deletions:
        """What is gone of an entity that has too many changes, as far back as QuickBooks still tells all of it.

        Args:
            entity: QuickBooks' name of it.
            known: All that is known to have changed, stubs among it.
            until: QuickBooks' clock; where nothing can be told, deletions are known from then on, which is none.
        """
        stamps = sorted((stamp for stamp in map(stamp_of, known) if stamp is not None), reverse=True)
        places = [int(self._most * share) - 1 for share in _SHARES]
        moments = dict.fromkeys(stamps[place] for place in places if 0 <= place < len(stamps))
        for since in moments:
            found = (await self._asked([entity], since)).by_entity[entity]
            if found.complete:
                return Deletions(found.stubs, since)
        return Deletions([], until)

    async def _asked(self, entities: Sequence[str], since: datetime) -> Changes:
        request = changes(entities, since)
        answer = await self._ask(request)
        found = changes_in(answer, request.call)
        told = sum(len(each.rows) + len(each.stubs) for each in found.values())
        by_entity = {entity: found.get(entity, EntityChanges()) for entity in entities}
        for each in by_entity.values():
            each.complete = told < self._most
        return Changes(by_entity, vendor_time(answer))

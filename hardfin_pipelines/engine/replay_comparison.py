"""Comparing what Hardfin holds with what a replay made, page by page, whatever databases the two are in."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, func, select, true

from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.entity_rows import ENTITY_TABLES, entity_texts, read_entities
from hardfin_pipelines.platform.tables import links, resyncs
from hardfin_pipelines.sync.comparison import Difference, EntityState, Origin, compare_states
from hardfin_pipelines.sync.entities import ENTITY_TYPES, EntityType

PAGE = 500
"""Entities compared at a time."""

_BESIDE_FIELDS = ("status", "position")
"""Columns that no mapping fills and a sync writes, of the kinds that have them."""

DifferenceKey = tuple[EntityType, str, Origin]


@dataclass(slots=True)
class Differences:
    """How many fields differ, and a few of them.

    Attributes:
        examples: How many to keep of each kind, field and origin.
        counts: (kind, field, origin) to how many differ.
        shown: Some of them, alike.
    """

    examples: int = 3
    counts: Counter[DifferenceKey] = field(default_factory=Counter)
    shown: dict[DifferenceKey, list[Difference]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return self.counts.total()

    def add(self, difference: Difference) -> None:
        """Count one, and keep it while there is room."""
        key = (difference.entity, difference.field, difference.origin)
        self.counts[key] += 1
        if self.counts[key] <= self.examples:
            self.shown.setdefault(key, []).append(difference)


def count_made(connection: Connection, org: str, since: datetime | None) -> dict[EntityType, int]:
    """How many entities of each kind the organization has that were made since a moment, or at any time."""
    made: dict[EntityType, int] = {}
    for entity, table in ENTITY_TABLES.items():
        query = select(func.count()).select_from(table).where(table.c.org == org)
        made[entity] = connection.execute(query.where(_since(table, since))).scalar_one()
    return made


def compare_stores(
    held: Engine, replayed: Engine, org: str, connection_id: str, *, since: datetime | None, whole: bool
) -> Iterator[Difference]:
    """What differs between two stores in what came from one connection; both are only read.

    Entities that were made in Hardfin, and that no record of the connection led to, are not looked at.

    Args:
        held: What Hardfin holds.
        replayed: What the replay made.
        org: The organization.
        connection_id: The connection.
        since: What the replayed store has from before is not looked at: it was seeded with it.
        whole: Whether everything that landed was replayed; else what the replay did not make is no difference.
    """
    with reading(held) as ours, reading(replayed) as theirs:
        resyncs_of = {row.run_id for row in ours.execute(_resync_runs(org, connection_id))}
        of_held = _Side(ours, org, connection_id, frozenset(resyncs_of))
        of_replay = _Side(theirs, org, connection_id, frozenset())
        for entity in ENTITY_TYPES:
            for ids in of_replay.pages(entity, since):
                first, second = of_held.states(entity, ids), of_replay.states(entity, ids)
                for each in ids:
                    yield from compare_states(first.get(each), second.get(each))
            for ids in of_held.linked_pages(entity) if whole else ():
                there = read_entities(theirs, org, entity, ids)
                lost = of_held.states(entity, [each for each in ids if each not in there])
                for state in lost.values():
                    yield from compare_states(state, None)


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two stores, in a snapshot."""

    connection: Connection
    org: str
    connection_id: str
    resync_runs: frozenset[str]

    def pages(self, entity: EntityType, since: datetime | None) -> Iterator[list[str]]:
        """The ids of all entities of a kind that were made since a moment, in the database's own order."""
        table = ENTITY_TABLES[entity]
        yield from self._pages(table.c.id, and_(table.c.org == self.org, _since(table, since)))

    def linked_pages(self, entity: EntityType) -> Iterator[list[str]]:
        """The ids of all entities of a kind that records of the connection led to."""
        yield from self._pages(links.c.entity_id, self._links_of(entity))

    def states(self, entity: EntityType, ids: Sequence[str]) -> dict[str, EntityState]:
        """Some entities by id; those that are not there are absent."""
        rows = read_entities(self.connection, self.org, entity, ids)
        query = select(links.c.entity_id, links.c.synced_values, links.c.run_id).where(
            self._links_of(entity), links.c.entity_id.in_(ids)
        )
        synced: dict[str, dict[str, str | None]] = {}
        resynced: set[str] = set()
        for link in self.connection.execute(query.order_by(links.c.external_id)):
            # An id that was merged away has a link without values beside the survivor's.
            synced.setdefault(link.entity_id, {}).update(link.synced_values)
            if link.run_id in self.resync_runs:
                resynced.add(link.entity_id)
        return {
            each: EntityState(entity, each, _texts(entity, row), synced.get(each, {}), each in resynced)
            for each, row in rows.items()
        }

    def _pages(self, column: Any, where: ColumnElement[bool]) -> Iterator[list[str]]:
        query = select(column).where(where).distinct().order_by(column).limit(PAGE)
        ids = list(self.connection.scalars(query))
        while ids:
            yield ids
            ids = list(self.connection.scalars(query.where(column > ids[-1])))

    def _links_of(self, entity: EntityType) -> ColumnElement[bool]:
        return and_(links.c.org == self.org, links.c.connection_id == self.connection_id, links.c.entity_type == entity)


def _since(table: Table, since: datetime | None) -> ColumnElement[bool]:
    return true() if since is None else table.c.created_at >= since


def _texts(entity: EntityType, row: Any) -> dict[str, str | None]:
    beside = {name: str(row[name]) for name in _BESIDE_FIELDS if name in row}
    return {**entity_texts(entity, row), **beside}


def _resync_runs(org: str, connection_id: str) -> Any:
    return select(resyncs.c.run_id).where(resyncs.c.org == org, resyncs.c.connection_id == connection_id)

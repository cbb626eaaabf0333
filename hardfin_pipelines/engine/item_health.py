"""How the items of accounting systems stand, over ALL organizations: what the asset checks of triage ask."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, and_, case, func, or_, select

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items

WAITS_LONG = timedelta(days=7)
"""How long an item may wait for a person before a check says so."""

FEW = 0.5
"""The share of items linked or decided about below which a check says so: a catalogue was hardly matched at all."""


@dataclass(frozen=True, slots=True)
class ItemShare:
    """How many of a connection's items have their product or part.

    Attributes:
        connection_id: The connection.
        settled: Items linked, or decided about.
        items: Active items that can be sold or stocked.
    """

    connection_id: str
    settled: int
    items: int

    @property
    def share(self) -> float:
        """From 0 to 1; 1 where there are no items."""
        return self.settled / self.items if self.items else 1.0


@dataclass(frozen=True, slots=True)
class ItemState:
    """How a connection's items stand.

    Attributes:
        linked: Items linked to a product or part, by links that can be followed.
        waiting: Items that wait in triage.
        broken: Links that cannot be followed any more: their item was deleted, or merged into another one.
    """

    linked: int
    waiting: int
    broken: int = 0


def item_states(connection: Connection, org: str | None) -> dict[str, ItemState]:
    """How the items of each connection stand that has any, of an organization or of ALL."""
    whole = func.sum(case((links.c.broken_because == "", 1), else_=0))
    of_items = and_(links.c.entity_type == "item", links.c.matched_by != "")
    linked = select(links.c.connection_id, whole, func.count()).where(of_items)
    waiting = select(triage_items.c.connection_id, func.count()).where(triage_items.c.state == "open")
    if org is not None:
        linked, waiting = linked.where(links.c.org == org), waiting.where(triage_items.c.org == org)
    of_links = connection.execute(linked.group_by(links.c.connection_id))
    counted: dict[str, tuple[int, int]] = {row[0]: (int(row[1]), int(row[2])) for row in of_links}
    of_triage = connection.execute(waiting.group_by(triage_items.c.connection_id))
    open_items: dict[str, int] = {row[0]: row[1] for row in of_triage}
    states = {}
    for each in sorted({*counted, *open_items}):
        followed, every = counted.get(each, (0, 0))
        states[each] = ItemState(followed, open_items.get(each, 0), every - followed)
    return states


def triage_waiting_long(deployment: Deployment) -> list[str]:
    """Connections whose oldest open item waits for longer than a week, a line each."""
    oldest = func.min(triage_items.c.state_at)
    query = (
        select(triage_items.c.connection_id, func.count(), oldest)
        .where(triage_items.c.state == "open", triage_items.c.state_at < deployment.now() - WAITS_LONG)
        .group_by(triage_items.c.org, triage_items.c.connection_id)
        .order_by(triage_items.c.connection_id)
    )
    with reading(deployment.engine) as connection:
        rows = connection.execute(query).all()
    return [f"{row[0]}: {row[1]} item(s) wait for a decision, the oldest since {row[2]:%Y-%m-%d}" for row in rows]


def item_shares(deployment: Deployment) -> list[ItemShare]:
    """How far each connection's items are matched, of ALL organizations."""
    same = [vendor_items.c[name] for name in ("org", "connection_id", "object", "external_id")]
    linked = and_(*(links.c[column.name] == column for column in same), links.c.broken_because == "")
    decided = and_(
        *(triage_items.c[column.name] == column for column in same),
        triage_items.c.state.in_(("mapped", "created", "ignored")),
    )
    settled = func.count().filter(or_(links.c.entity_id.is_not(None), triage_items.c.state.is_not(None)))
    query = (
        select(vendor_items.c.connection_id, settled, func.count())
        .select_from(vendor_items.outerjoin(links, linked).outerjoin(triage_items, decided))
        .where(vendor_items.c.gone_at.is_(None), vendor_items.c.active, vendor_items.c.kind != "helper")
        .group_by(vendor_items.c.org, vendor_items.c.connection_id)
        .order_by(vendor_items.c.connection_id)
    )
    with reading(deployment.engine) as connection:
        return [ItemShare(*row) for row in connection.execute(query)]


def connections_hardly_linked(deployment: Deployment) -> list[str]:
    """Connections of which fewer than half of the items are linked or decided about, a line each."""
    return [
        f"{each.connection_id}: {each.settled} of {each.items} items linked or decided about"
        for each in item_shares(deployment)
        if each.share < FEW
    ]

"""Hardfin's products and parts for matching and for people, and the external records they are linked to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, delete, func, or_, select

from hardfin_pipelines.platform.entity_rows import new_row
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import items, links, project_line_items
from hardfin_pipelines.platform.triage_tables import item_decisions, vendor_items
from hardfin_pipelines.sync.catalogue import Catalogue, CatalogueItem, CatalogueKind
from hardfin_pipelines.sync.mapping import Values
from hardfin_pipelines.sync.plans import NewEntity


@dataclass(frozen=True, slots=True)
class ListedItem:
    """A product or part in a list. `links` is the number of external records that are linked to it."""

    id: str
    kind: CatalogueKind
    name: str
    sku: str
    price: Decimal | None
    currency: str
    links: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ItemLink:
    """An external record that is linked to a product or part.

    Attributes:
        connection_id: The connection it belongs to.
        object: The vendor's name of its kind.
        external_id: The vendor's id.
        item_id: What it is linked to.
        matched_by: How it was found; "" where the record made the item or gave it its name (CRMs).
        broken_because: Why the record cannot be followed any more; "" where it can.
        linked_at: Since when.
        run_id: By which run; "" where a person did.
        url: Where a person sees it, or "".
        name: Its name at the vendor as last read; "" where that is not kept.
        sku: Its SKU at the vendor, likewise.
        decided_by: Who decided it; "" where nobody had to.
        decided_at: When.
    """

    connection_id: str
    object: str
    external_id: str
    item_id: str
    matched_by: str
    broken_because: str
    linked_at: datetime
    run_id: str
    url: str
    name: str
    sku: str
    decided_by: str
    decided_at: datetime | None


def load_catalogue(connection: Connection, org: str) -> Catalogue:
    """All products and parts of an organization, by one query."""
    query = select(items.c.id, items.c.kind, items.c.name, items.c.sku, items.c.price, items.c.currency)
    rows = connection.execute(query.where(items.c.org == org)).all()
    return Catalogue(
        CatalogueItem(item_id, kind, name, sku or "", price, currency or "")
        for item_id, kind, name, sku, price, currency in rows
    )


def catalogue_mark(connection: Connection, org: str) -> str:
    """A text that is another one after an item was made, renamed or removed: what was matched before is out of date."""
    row = connection.execute(
        select(func.count().label("number"), func.max(items.c.updated_at).label("newest")).where(items.c.org == org)
    ).one()
    return f"{row.number}@{'' if row.newest is None else row.newest.isoformat()}"


def find_items(connection: Connection, org: str, names: Iterable[str]) -> dict[str, list[str]]:
    """The ids of the items that each of some texts names: by id, else by exact SKU. Texts that name none are absent."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, list[str]] = {}
    for chunk in chunks(wanted):
        by_id = connection.scalars(select(items.c.id).where(items.c.org == org, items.c.id.in_(chunk)))
        found.update({item_id: [item_id] for item_id in by_id})
    for chunk in chunks(each for each in wanted if each not in found):
        query = select(items.c.sku, items.c.id).where(items.c.org == org, items.c.sku.in_(chunk))
        for sku, item_id in connection.execute(query.order_by(items.c.id)):
            found.setdefault(sku, []).append(item_id)
    return found


def existing_items(connection: Connection, org: str, ids: Iterable[str]) -> set[str]:
    """Those of some ids that are items of the organization."""
    found: set[str] = set()
    for chunk in chunks(ids):
        found.update(connection.scalars(select(items.c.id).where(items.c.org == org, items.c.id.in_(chunk))))
    return found


def item_rows(connection: Connection, org: str, ids: Iterable[str]) -> dict[str, RowMapping]:
    """Some items as stored, by id."""
    found: dict[str, RowMapping] = {}
    for chunk in chunks(ids):
        query = select(items).where(items.c.org == org, items.c.id.in_(chunk))
        found.update({row["id"]: row for row in connection.execute(query).mappings()})
    return found


def insert_items(
    connection: Connection, org: str, new: Sequence[tuple[str, CatalogueKind, Values]], now: datetime
) -> None:
    """Make products and parts: id, kind and the values of each."""
    rows = [{**new_row(org, NewEntity("item", item_id, values), now), "kind": kind} for item_id, kind, values in new]
    if rows:
        connection.execute(items.insert(), rows)


def remove_unused_item(connection: Connection, org: str, item_id: str) -> bool:
    """Remove an item that nobody has edited and nothing refers to; whether it was."""
    used = or_(
        select(links.c.entity_id)
        .where(links.c.org == org, links.c.entity_type == "item", links.c.entity_id == item_id)
        .exists(),
        select(project_line_items.c.id)
        .where(project_line_items.c.org == org, project_line_items.c.item_id == item_id)
        .exists(),
    )
    statement = delete(items).where(
        items.c.org == org, items.c.id == item_id, items.c.updated_at == items.c.created_at, ~used
    )
    return connection.execute(statement).rowcount > 0


def list_items(
    connection: Connection,
    org: str,
    *,
    search: str = "",
    kind: str = "",
    broken: bool = False,
    limit: int | None = None,
) -> tuple[list[ListedItem], int]:
    """Products and parts by name, and how many there are in all.

    Args:
        connection: An open transaction.
        org: The organization.
        search: Only those with this text in the name or SKU, or whose id or a linked record's id it is.
        kind: Only products, or only parts.
        broken: Only those with a link that cannot be followed any more.
        limit: At most so many.
    """
    of_item = and_(links.c.org == items.c.org, links.c.entity_type == "item", links.c.entity_id == items.c.id)
    number = select(func.count()).select_from(links).where(of_item).correlate(items).scalar_subquery()
    names = (items.c.id, items.c.kind, items.c.name, items.c.sku, items.c.price, items.c.currency)
    where = [items.c.org == org]
    if kind:
        where.append(items.c.kind == kind)
    if broken:
        where.append(select(links.c.external_id).where(of_item, links.c.broken_because != "").correlate(items).exists())
    if search:
        known_as = select(links.c.external_id).where(of_item, links.c.external_id == search).correlate(items)
        where.append(
            or_(
                items.c.name.icontains(search, autoescape=True),
                items.c.sku.icontains(search, autoescape=True),
                items.c.id == search,
                known_as.exists(),
            )
        )
    total = connection.execute(select(func.count()).select_from(items).where(*where)).scalar_one()
    query = select(*names, number, items.c.updated_at).where(*where)
    rows = connection.execute(query.order_by(items.c.name, items.c.id).limit(limit))
    found = [
        ListedItem(item_id, of_kind, name, sku or "", price, currency or "", linked, updated_at)
        for item_id, of_kind, name, sku, price, currency, linked, updated_at in rows
    ]
    return found, total


def links_of_item(connection: Connection, org: str, item_id: str) -> list[ItemLink]:
    """The external records that are linked to an item, and how each came to be; the oldest link first."""
    return [_item_link(row) for row in connection.execute(_links_query(org).where(links.c.entity_id == item_id))]


def find_link(connection: Connection, org: str, external_id: str, connection_id: str = "") -> list[ItemLink]:
    """The item links of an external id: several where several connections know it."""
    query = _links_query(org).where(links.c.external_id == external_id)
    if connection_id:
        query = query.where(links.c.connection_id == connection_id)
    return [_item_link(row) for row in connection.execute(query)]


def _links_query(org: str) -> Any:
    at_vendor = [vendor_items.c[name] == links.c[name] for name in ("org", "connection_id", "object", "external_id")]
    newer = item_decisions.alias("newer")
    decided = [item_decisions.c[name] == links.c[name] for name in ("org", "connection_id", "object", "external_id")]
    decided += [item_decisions.c.undone_at.is_(None), item_decisions.c.item_id == links.c.entity_id]
    decided.append(item_decisions.c.action.in_(("map", "create")))
    later = [newer.c[name] == links.c[name] for name in ("org", "connection_id", "object", "external_id")]
    later += [newer.c.undone_at.is_(None), newer.c.action.in_(("map", "create"))]
    decided.append(
        ~select(newer.c.decision_id).where(*later, newer.c.decided_at > item_decisions.c.decided_at).exists()
    )
    return (
        select(
            links.c.connection_id,
            links.c.object,
            links.c.external_id,
            links.c.entity_id,
            links.c.matched_by,
            links.c.broken_because,
            links.c.synced_at,
            links.c.run_id,
            links.c.url,
            func.coalesce(vendor_items.c.name, ""),
            func.coalesce(vendor_items.c.sku, ""),
            func.coalesce(item_decisions.c.decided_by, ""),
            item_decisions.c.decided_at,
        )
        .outerjoin(vendor_items, and_(*at_vendor))
        .outerjoin(item_decisions, and_(*decided))
        .where(links.c.org == org, links.c.entity_type == "item")
        .order_by(links.c.synced_at, links.c.connection_id, links.c.external_id)
    )


def _item_link(row: Sequence[Any]) -> ItemLink:
    return ItemLink(*row)

"""What the store knows of the records at hand, read in the transaction that is about to write."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from sqlalchemy import Connection, func, select

from hardfin_pipelines.platform.tables import items, ledger, ledger_aliases, links, project_line_items
from hardfin_pipelines.platform.triage_tables import item_decisions
from hardfin_pipelines.sync.plans import Known, KnownLine
from hardfin_pipelines.sync.records import Role
from hardfin_pipelines.sync.resync import REMOVED

# Well below SQLite's 32,766 parameters a statement.
_CHUNK = 5_000


def chunks(values: Iterable[str], size: int = _CHUNK) -> Iterator[list[str]]:
    """The distinct values, in lists of at most `size`."""
    distinct = iter(dict.fromkeys(values))
    while chunk := list(islice(distinct, size)):
        yield chunk


def ledger_ids(
    connection: Connection, org: str, connection_id: str, deal_object: str, ids: Iterable[str]
) -> dict[str, tuple[str, str]]:
    """Those of the deal ids that are in the ledger, under their own or a merged id: id to (ledger id, project id)."""
    found: dict[str, tuple[str, str]] = {}
    wanted = list(dict.fromkeys(ids))
    for chunk in chunks(wanted):
        rows = connection.execute(
            select(ledger.c.external_id, ledger.c.project_id).where(
                ledger.c.org == org,
                ledger.c.connection_id == connection_id,
                ledger.c.object == deal_object,
                ledger.c.external_id.in_(chunk),
            )
        )
        found.update({row.external_id: (row.external_id, row.project_id) for row in rows})
        aliases = connection.execute(
            select(ledger_aliases.c.alias_id, ledger.c.external_id, ledger.c.project_id)
            .join(
                ledger,
                (ledger.c.org == ledger_aliases.c.org)
                & (ledger.c.connection_id == ledger_aliases.c.connection_id)
                & (ledger.c.object == ledger_aliases.c.object)
                & (ledger.c.external_id == ledger_aliases.c.external_id),
            )
            .where(
                ledger_aliases.c.org == org,
                ledger_aliases.c.connection_id == connection_id,
                ledger_aliases.c.object == deal_object,
                ledger_aliases.c.alias_id.in_(chunk),
            )
        )
        found.update({row.alias_id: (row.external_id, row.project_id) for row in aliases})
    return found


def linked_entities(
    connection: Connection, org: str, connection_id: str, vendor_object: str, ids: Iterable[str]
) -> dict[str, str]:
    """Those of the external ids that are linked: external id to entity id."""
    found: dict[str, str] = {}
    for chunk in chunks(ids):
        rows = connection.execute(
            select(links.c.external_id, links.c.entity_id).where(
                links.c.org == org,
                links.c.connection_id == connection_id,
                links.c.object == vendor_object,
                links.c.external_id.in_(chunk),
            )
        )
        found.update({row.external_id: row.entity_id for row in rows})
    return found


def items_named(connection: Connection, org: str, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Normalized name to the ids of all items of the organization that bear it, in order of id."""
    found: dict[str, list[str]] = {}
    for chunk in chunks(names):
        rows = connection.execute(
            select(items.c.normalized_name, items.c.id)
            .where(items.c.org == org, items.c.normalized_name.in_(chunk))
            .order_by(items.c.id)
        )
        for row in rows:
            found.setdefault(row.normalized_name, []).append(row.id)
    return {name: tuple(ids) for name, ids in found.items()}


def refused_items(
    connection: Connection, org: str, connection_id: str, vendor_object: str, ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """The items that people took away from some external ids; ids from which none was are absent."""
    found: dict[str, frozenset[str]] = {}
    for chunk in chunks(ids):
        rows = connection.execute(
            select(item_decisions.c.external_id, item_decisions.c.item_id).where(
                item_decisions.c.org == org,
                item_decisions.c.connection_id == connection_id,
                item_decisions.c.object == vendor_object,
                item_decisions.c.external_id.in_(chunk),
                item_decisions.c.action == "unlink",
            )
        )
        for row in rows:
            found[row.external_id] = found.get(row.external_id, frozenset()) | {row.item_id}
    return found


def known_records(
    connection: Connection,
    org: str,
    connection_id: str,
    objects: Mapping[Role, str],
    *,
    ids: Mapping[Role, Sequence[str]],
    item_names: Iterable[str],
) -> Known:
    """What is known of some records.

    Args:
        connection: An open transaction.
        org: The organization.
        connection_id: Its connection.
        objects: The vendor's object name of each role.
        ids: The external ids to look up, by role; deals with the ids merged into them.
        item_names: Normalized names of items to look up.
    """
    found: dict[tuple[Role, str], str] = {}
    lines: dict[str, KnownLine] = {}
    roles: tuple[Role, ...] = ("company", "line_item", "product")
    for role in roles:
        by_id = linked_entities(connection, org, connection_id, objects[role], ids.get(role, ()))
        found.update({(role, external_id): entity for external_id, entity in by_id.items()})
        if role == "line_item":
            lines = _lines(connection, org, by_id)
    unlinked = [each for each in ids.get("product", ()) if ("product", each) not in found]
    return Known(
        ledger=ledger_ids(connection, org, connection_id, objects["deal"], ids.get("deal", ())),
        links=found,
        items_by_name=items_named(connection, org, item_names),
        refused=refused_items(connection, org, connection_id, objects["product"], unlinked),
        lines=lines,
    )


def _lines(connection: Connection, org: str, line_of: Mapping[str, str]) -> dict[str, KnownLine]:
    """The lines that line items are linked to, by the line item's id."""
    there: dict[str, KnownLine] = {}
    for chunk in chunks(line_of.values()):
        rows = connection.execute(
            select(project_line_items.c.id, project_line_items.c.project_id, project_line_items.c.status).where(
                project_line_items.c.org == org, project_line_items.c.id.in_(chunk)
            )
        )
        there.update({row.id: KnownLine(row.project_id, given_up=row.status == REMOVED) for row in rows})
    deleted = KnownLine("", given_up=True)
    return {external_id: there.get(line, deleted) for external_id, line in line_of.items()}


def count_links(connection: Connection, org: str, connection_id: str) -> dict[str, int]:
    """How many records of each of the vendor's objects are linked, by the object's name."""
    rows = connection.execute(
        select(links.c.object, func.count())
        .where(links.c.org == org, links.c.connection_id == connection_id)
        .group_by(links.c.object)
    )
    return {row[0]: row[1] for row in rows}

"""How what accounting systems hold besides items stands, over ALL organizations: what its asset checks ask."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import (
    books_reads,
    inventory_levels,
    locations,
    sales_document_lines,
    sales_documents,
    vendor_customers,
)
from hardfin_pipelines.platform.column_types import is_negative
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.item_books import item_object
from hardfin_pipelines.platform.tables import connections
from hardfin_pipelines.platform.triage_tables import vendor_items

NOT_READ_FOR = timedelta(days=2)
"""How long a kind may stay unread that is not known to be as it was."""

_SHOWN = 3


def negative_stock(deployment: Deployment) -> list[str]:
    """Connections with less than nothing on hand, a line each: how much, and the first of it."""

    def found(connection: Connection, scope: BooksScope) -> Iterator[str]:
        below = is_negative(connection, inventory_levels.c.on_hand)
        yield from _levels(connection, scope, below, "level(s) with less than nothing on hand")

    return _of_all(deployment, found)


def levels_of_nothing(deployment: Deployment) -> list[str]:
    """Connections with stock of items, or at locations, that are not there, a line for each of both.

    Locations count where the connection sees them, and where a level names one.
    """

    def found(connection: Connection, scope: BooksScope) -> Iterator[str]:
        table = inventory_levels
        unknown = ~_item_is_there(connection, scope, table.c.item_id, vendor_items.c.gone_at.is_(None))
        yield from _levels(connection, scope, unknown, "level(s) of items that are not there")
        if _sees(connection, scope, "location"):
            there = _is_there(
                scope, locations, locations.c.external_id == table.c.location_id, locations.c.gone_at.is_(None)
            )
            nowhere = and_(table.c.location_id != "", ~there)
            yield from _levels(connection, scope, nowhere, "level(s) at locations that are not there")

    return _of_all(deployment, found)


def documents_of_strangers(deployment: Deployment) -> list[str]:
    """Connections with sales documents of customers, or of items, that were never read, a line for each of both."""

    def found(connection: Connection, scope: BooksScope) -> Iterator[str]:
        documents, lines = sales_documents, sales_document_lines
        if _sees(connection, scope, "customer"):
            known = _is_there(scope, vendor_customers, vendor_customers.c.external_id == documents.c.customer_id)
            unknown = and_(documents.c.customer_id != "", ~known)
            yield from _documents(connection, scope, unknown, "sales document(s) of customers that were never read")
        of_strangers = (
            select(lines.c.line_id)
            .where(
                scope.of(lines),
                lines.c.document_id == documents.c.external_id,
                lines.c.gone_at.is_(None),
                lines.c.item_id != "",
                ~_item_is_there(connection, scope, lines.c.item_id),
            )
            .correlate(documents)
            .exists()
        )
        yield from _documents(connection, scope, of_strangers, "sales document(s) of items that were never read")

    return _of_all(deployment, found)


def kinds_not_read(deployment: Deployment) -> list[str]:
    """Kinds that an active connection does not see, or of which what is kept may be old, a line each.

    A kind that did not move is not read, and need not be: every poll asks. It may be old where nobody polled for two
    days, where visits have failed for as long, or where something of it was left to be done.
    """
    limit = deployment.now() - NOT_READ_FOR
    unsure = or_(
        books_reads.c.mark == "",
        connections.c.last_polled_at.is_(None),
        connections.c.last_polled_at < limit,
        connections.c.failing_since < limit,
    )
    old = and_(books_reads.c.read_at < limit, unsure)
    query = (
        select(books_reads.c.connection_id, books_reads.c.kind, books_reads.c.lacking, books_reads.c.read_at)
        .join(
            connections,
            and_(connections.c.org == books_reads.c.org, connections.c.connection_id == books_reads.c.connection_id),
        )
        .where(connections.c.status == "active", or_(books_reads.c.lacking != "", old))
        .order_by(books_reads.c.connection_id, books_reads.c.kind)
    )
    with reading(deployment.engine) as connection:
        rows = connection.execute(query).all()
    return [
        f"{row.connection_id}: {row.kind.replace('_', ' ')}: "
        + (f"not seen; it needs {row.lacking}" if row.lacking else f"last read {row.read_at:%Y-%m-%d %H:%M} UTC")
        for row in rows
    ]


def _of_all(deployment: Deployment, found: Callable[[Connection, BooksScope], Iterator[str]]) -> list[str]:
    """What is found of each connection of which anything was read."""
    scopes = select(books_reads.c.org, books_reads.c.connection_id).distinct().order_by(books_reads.c.connection_id)
    with reading(deployment.engine) as connection:
        every = [BooksScope(row.org, row.connection_id) for row in connection.execute(scopes)]
        return [f"{scope.connection_id}: {line}" for scope in every for line in found(connection, scope)]


def _levels(connection: Connection, scope: BooksScope, wrong: ColumnElement[bool], what: str) -> Iterator[str]:
    table = inventory_levels
    where = (scope.of(table), table.c.gone_at.is_(None), wrong)
    number = connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
    if number:
        first = select(table).where(*where).order_by(table.c.item_id, table.c.location_id)
        yield _line(number, what, [_level(row) for row in connection.execute(first.limit(_SHOWN))])


def _level(row: Any) -> str:
    place = f" at location {row.location_id}" if row.location_id else ""
    number = "" if row.on_hand is None else f" ({row.on_hand:f})"
    return f"item {row.item_id}{place}{number}"


def _documents(connection: Connection, scope: BooksScope, wrong: ColumnElement[bool], what: str) -> Iterator[str]:
    table = sales_documents
    where = (scope.of(table), table.c.gone_at.is_(None), wrong)
    number = connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
    if number:
        first = select(table).where(*where).order_by(table.c.type, table.c.number, table.c.external_id)
        rows = connection.execute(first.limit(_SHOWN))
        yield _line(number, what, [f"{row.type} {row.number or row.external_id}" for row in rows])


def _line(number: int, what: str, first: Sequence[str]) -> str:
    more = f" and {number - len(first)} more" if number > len(first) else ""
    return f"{number} {what}: {', '.join(first)}{more}"


def _item_is_there(
    connection: Connection, scope: BooksScope, item_id: ColumnElement[str], *more: ColumnElement[bool]
) -> ColumnElement[bool]:
    """Whether an item was read, by all of its key: then it is looked up by that, and not looked for."""
    of_items = vendor_items.c.object == (item_object(connection, scope) or "")
    return _is_there(scope, vendor_items, of_items, vendor_items.c.external_id == item_id, *more)


def _is_there(scope: BooksScope, table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(table.c.org).where(scope.of(table), *conditions).exists()


def _sees(connection: Connection, scope: BooksScope, kind: str) -> bool:
    query = select(books_reads.c.lacking).where(scope.of(books_reads), books_reads.c.kind == kind)
    return connection.execute(query).scalar_one_or_none() == ""

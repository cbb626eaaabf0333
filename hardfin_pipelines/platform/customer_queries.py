"""Reading customers for people: lists of them, their links, and their documents in accounting systems."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import (
    customer_decisions,
    locations,
    sales_document_lines,
    sales_documents,
    vendor_customers,
)
from hardfin_pipelines.platform.item_books import LinkedItem, linked_items
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import customers, links

_ONE_CUSTOMER = and_(links.c.org == customers.c.org, links.c.entity_type == "customer")


@dataclass(frozen=True, slots=True)
class ListedCustomer:
    """A customer in a list. `links` is the number of external records that are linked to it."""

    id: str
    name: str
    links: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class CustomerLink:
    """An external record that is linked to a customer.

    Attributes:
        scope: The connection it belongs to.
        object: The vendor's name of its kind.
        external_id: The vendor's id.
        matched_by: How it was found: name, normalized name, decision; "" where the record made the customer (CRMs).
        broken_because: Why the record cannot be followed any more; "" where it can.
        linked_at: Since when.
        run_id: By which run; "" where a person did.
        url: Where a person sees it, or "".
        name: Its name at the vendor as last read; "" where that is not kept.
        number: Its number at the vendor, likewise.
        decided_by: Who decided it; "" where nobody had to.
        reason: Why they did.
    """

    scope: BooksScope
    object: str
    external_id: str
    matched_by: str
    broken_because: str
    linked_at: datetime
    run_id: str
    url: str
    name: str
    number: str
    decided_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class DocumentLine:
    """A line of a sales document whose item is linked; `location` is "" where it names none."""

    line_id: str
    external_id: str
    item: LinkedItem
    quantity: Decimal | None
    rate: Decimal | None
    amount: Decimal | None
    location: str
    memo: str


@dataclass(frozen=True, slots=True)
class CustomerDocument:
    """A sales order or an invoice of a linked customer, as last read.

    Attributes:
        connection_id: The accounting system's connection.
        external_id: The vendor's id.
        type: sales order, invoice.
        number: Its number there.
        document_date: Its date.
        due_date: When it is due.
        status: In the vendor's word.
        currency: Of its amounts.
        total: What it comes to.
        unpaid: What is left of an invoice.
        as_of: Vendor time of the answer that last changed it.
        lines: Its lines whose items are linked.
        other_lines: How many lines it has besides.
    """

    connection_id: str
    external_id: str
    type: str
    number: str
    document_date: date | None
    due_date: date | None
    status: str
    currency: str
    total: Decimal | None
    unpaid: Decimal | None
    as_of: datetime
    lines: tuple[DocumentLine, ...]
    other_lines: int


def list_customers(
    connection: Connection, org: str, *, search: str = "", limit: int | None = None
) -> tuple[list[ListedCustomer], int]:
    """Customers by name, and how many there are in all.

    Args:
        connection: An open transaction.
        org: The organization.
        search: Only those with this text in the name, or whose id or a linked record's id it is.
        limit: At most so many.
    """
    of_customer = and_(_ONE_CUSTOMER, links.c.entity_id == customers.c.id)
    number = select(func.count()).select_from(links).where(of_customer).correlate(customers).scalar_subquery()
    where = [customers.c.org == org]
    if search:
        known_as = select(links.c.external_id).where(of_customer, links.c.external_id == search).correlate(customers)
        where.append(
            or_(
                customers.c.name.icontains(search, autoescape=True),
                customers.c.id == search,
                known_as.exists(),
            )
        )
    total = connection.execute(select(func.count()).select_from(customers).where(*where)).scalar_one()
    query = select(customers.c.id, customers.c.name, number, customers.c.updated_at).where(*where)
    rows = connection.execute(query.order_by(customers.c.name, customers.c.id).limit(limit))
    return [ListedCustomer(*row) for row in rows], total


def links_of_customer(connection: Connection, org: str, customer_id: str) -> list[CustomerLink]:
    """The external records that are linked to a customer, and how each came to be; the oldest link first."""
    at_vendor = and_(
        vendor_customers.c.org == links.c.org,
        vendor_customers.c.connection_id == links.c.connection_id,
        vendor_customers.c.external_id == links.c.external_id,
    )
    query = (
        select(links, vendor_customers.c.name, vendor_customers.c.number)
        .outerjoin(vendor_customers, at_vendor)
        .where(links.c.org == org, links.c.entity_type == "customer", links.c.entity_id == customer_id)
        .order_by(links.c.synced_at, links.c.connection_id, links.c.external_id)
    )
    rows = connection.execute(query).all()
    return [_customer_link(row, _decision(connection, row)) for row in rows]


def documents_of(
    connection: Connection, of_customer: Iterable[CustomerLink], *, limit: int | None = None
) -> tuple[list[CustomerDocument], int]:
    """The sales orders and invoices that are there of some linked customers, the newest first, and how many there are.

    Args:
        connection: An open transaction.
        of_customer: The links of one customer.
        limit: At most so many.
    """
    found: list[CustomerDocument] = []
    total = 0
    for link in of_customer:
        if link.matched_by:
            documents, number = _documents(connection, link.scope, link.external_id, limit)
            found += documents
            total += number
    found.sort(key=lambda each: (each.document_date or date.min, each.number, each.external_id), reverse=True)
    return found[:limit], total


def _documents(
    connection: Connection, scope: BooksScope, customer_id: str, limit: int | None
) -> tuple[list[CustomerDocument], int]:
    table = sales_documents
    where = (scope.of(table), table.c.customer_id == customer_id, table.c.gone_at.is_(None))
    total = connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
    newest = (table.c.document_date.desc().nulls_last(), table.c.number.desc(), table.c.external_id.desc())
    rows = connection.execute(select(table).where(*where).order_by(*newest).limit(limit)).all()
    lines = _lines(connection, scope, [row.external_id for row in rows])
    items = linked_items(connection, scope, {line.item_id for of_one in lines.values() for line in of_one})
    return [_document(scope, row, lines.get(row.external_id, []), items) for row in rows], total


def _lines(connection: Connection, scope: BooksScope, document_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    table = sales_document_lines
    where_kept = and_(scope.of(locations), locations.c.external_id == table.c.location_id)
    query = (
        select(table, func.coalesce(locations.c.full_name, table.c.location_id).label("location"))
        .outerjoin(locations, where_kept)
        .where(scope.of(table), table.c.gone_at.is_(None))
    )
    found: dict[str, list[Row[Any]]] = {}
    for chunk in chunks(document_ids):
        for row in connection.execute(query.where(table.c.document_id.in_(chunk))):
            found.setdefault(row.document_id, []).append(row)
    for of_one in found.values():
        of_one.sort(key=lambda row: (len(row.line_id), row.line_id))
    return found


def _document(
    scope: BooksScope, row: Row[Any], lines: Sequence[Row[Any]], items: Mapping[str, LinkedItem]
) -> CustomerDocument:
    linked = tuple(
        DocumentLine(
            line.line_id,
            line.item_id,
            items[line.item_id],
            line.quantity,
            line.rate,
            line.amount,
            line.location,
            line.memo,
        )
        for line in lines
        if line.item_id in items
    )
    return CustomerDocument(
        scope.connection_id,
        row.external_id,
        row.type,
        row.number,
        row.document_date,
        row.due_date,
        row.status,
        row.currency,
        row.total,
        row.unpaid,
        row.as_of,
        linked,
        len(lines) - len(linked),
    )


def _decision(connection: Connection, link: Row[Any]) -> Row[Any] | None:
    """The newest decision about a linked record, where it is what linked it."""
    if link.matched_by != "decision":
        return None
    table = customer_decisions
    same = [table.c[name] == getattr(link, name) for name in ("org", "connection_id", "object", "external_id")]
    return connection.execute(select(table).where(*same).order_by(table.c.decided_at.desc())).first()


def _customer_link(row: Row[Any], decision: Row[Any] | None) -> CustomerLink:
    return CustomerLink(
        BooksScope(row.org, row.connection_id),
        row.object,
        row.external_id,
        row.matched_by,
        row.broken_because,
        row.synced_at,
        row.run_id,
        row.url,
        row.name or "",
        row.number or "",
        "" if decision is None else decision.decided_by,
        "" if decision is None else decision.reason,
    )

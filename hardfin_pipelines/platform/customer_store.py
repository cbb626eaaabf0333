"""Hardfin's customers beside those of accounting systems: their links, and what people decided about them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, select, update

from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import customer_decisions, vendor_customers
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.known_records import chunks
from hardfin_pipelines.platform.tables import customers, links


@dataclass(frozen=True, slots=True)
class CustomerScope:
    """The customers of one accounting system; `object` is the vendor's name of customers."""

    books: BooksScope
    object: str

    @property
    def org(self) -> str:
        """The organization."""
        return self.books.org

    @property
    def connection_id(self) -> str:
        """Its connection."""
        return self.books.connection_id

    def links(self) -> ColumnElement[bool]:
        """The condition for their links."""
        return and_(self.books.of(links), links.c.object == self.object, links.c.entity_type == "customer")

    def link_name(self, external_id: str) -> str:
        """How the audit log calls a link."""
        return f"{self.connection_id} {self.object} {external_id}"


@dataclass(frozen=True, slots=True)
class HeldCustomerLink:
    """The link of a customer of an accounting system, and whether the vendor has that customer no more."""

    customer_id: str
    matched_by: str
    broken_because: str
    gone: bool


@dataclass(frozen=True, slots=True)
class VendorCustomer:
    """A customer of an accounting system as last read."""

    scope: BooksScope
    external_id: str
    name: str
    number: str
    active: bool
    gone: bool


def customer_names(connection: Connection, org: str) -> dict[str, str]:
    """The names of all of Hardfin's customers of an organization, by id."""
    query = select(customers.c.id, customers.c.name).where(customers.c.org == org)
    return {row.id: row.name for row in connection.execute(query)}


def active_vendor_customers(connection: Connection, scope: BooksScope) -> dict[str, str]:
    """The names of an accounting system's customers that are there and active, by the vendor's id."""
    table = vendor_customers
    query = select(table.c.external_id, table.c.name).where(scope.of(table), table.c.gone_at.is_(None), table.c.active)
    return {row.external_id: row.name for row in connection.execute(query)}


def find_vendor_customers(connection: Connection, org: str, external_id: str) -> list[VendorCustomer]:
    """The customers of an organization's accounting systems with an id: several where several connections know it."""
    table = vendor_customers
    query = select(table).where(table.c.org == org, table.c.external_id == external_id)
    return [
        VendorCustomer(
            BooksScope(org, row.connection_id),
            row.external_id,
            row.name,
            row.number,
            row.active,
            gone=row.gone_at is not None,
        )
        for row in connection.execute(query.order_by(table.c.connection_id))
    ]


def held_links(connection: Connection, scope: CustomerScope) -> dict[str, HeldCustomerLink]:
    """The links of an accounting system's customers, by the vendor's id."""
    at_vendor = and_(
        scope.books.of(vendor_customers),
        vendor_customers.c.external_id == links.c.external_id,
        vendor_customers.c.gone_at.is_not(None),
    )
    query = (
        select(
            links.c.external_id,
            links.c.entity_id,
            links.c.matched_by,
            links.c.broken_because,
            vendor_customers.c.gone_at,
        )
        .outerjoin(vendor_customers, at_vendor)
        .where(scope.links())
    )
    return {
        row.external_id: HeldCustomerLink(
            row.entity_id, row.matched_by, row.broken_because, gone=row.gone_at is not None
        )
        for row in connection.execute(query)
    }


def unlinked_by_people(connection: Connection, scope: CustomerScope) -> set[str]:
    """The vendor's ids of customers whose link a person took away, and gave no other since."""
    table = customer_decisions
    query = (
        select(table.c.external_id, table.c.action)
        .where(scope.books.of(table), table.c.object == scope.object)
        .order_by(table.c.decided_at)
    )
    newest = {row.external_id: row.action for row in connection.execute(query)}
    return {external_id for external_id, action in newest.items() if action == "unlink"}


def add_customer_links(
    connection: Connection, scope: CustomerScope, made: Iterable[tuple[str, str, str]], stamp: SyncStamp
) -> None:
    """Link customers of an accounting system; they give Hardfin's customers no values.

    Args:
        connection: The caller's transaction.
        scope: Whose customers they are.
        made: The vendor's id, Hardfin's, and how it was found, of each.
        stamp: What every row says of the run.

    Raises:
        sqlalchemy.exc.IntegrityError: Somebody has linked one of them since it was looked at.
    """
    rows = [
        {
            "org": scope.org,
            "connection_id": scope.connection_id,
            "object": scope.object,
            "external_id": external_id,
            "entity_type": "customer",
            "entity_id": customer_id,
            "synced_values": {},
            "synced_at": stamp.now,
            "run_id": stamp.run_id,
            "mapping_revision": stamp.mapping_revision,
            "matched_by": matched_by,
        }
        for external_id, customer_id, matched_by in made
    ]
    if rows:
        connection.execute(links.insert(), rows)


def mark_links(connection: Connection, scope: CustomerScope, ids: Iterable[str], *, broken_because: str) -> None:
    """Note why some links cannot be followed any more; "" where they can again."""
    rows = [{"of_id": external_id} for external_id in ids]
    if rows:
        statement = update(links).where(scope.links(), links.c.external_id == bindparam("of_id"))
        connection.execute(statement.values(broken_because=broken_because), rows)


def remove_link(connection: Connection, scope: CustomerScope, external_id: str) -> None:
    """Remove the link of a customer of an accounting system."""
    connection.execute(delete(links).where(scope.links(), links.c.external_id == external_id))


def add_decision(
    connection: Connection,
    scope: CustomerScope,
    external_id: str,
    *,
    decision_id: str,
    action: str,
    customer_id: str,
    decided_at: datetime,
    decided_by: str,
    reason: str,
) -> None:
    """Keep what a person decided: link, unlink."""
    row = {
        "org": scope.org,
        "connection_id": scope.connection_id,
        "object": scope.object,
        "external_id": external_id,
        "decision_id": decision_id,
        "action": action,
        "customer_id": customer_id,
        "decided_at": decided_at,
        "decided_by": decided_by,
        "reason": reason,
    }
    connection.execute(customer_decisions.insert(), row)


def find_customers(connection: Connection, org: str, name: str) -> list[str]:
    """The ids of the customers that a text names: by id, else by exact name."""
    by_id = select(customers.c.id).where(customers.c.org == org, customers.c.id == name)
    found = list(connection.scalars(by_id))
    if found:
        return found
    by_name = select(customers.c.id).where(customers.c.org == org, customers.c.name == name)
    return list(connection.scalars(by_name.order_by(customers.c.id)))


def customers_by_id(connection: Connection, org: str, ids: Iterable[str]) -> dict[str, str]:
    """The names of some customers, by id."""
    found: dict[str, str] = {}
    for chunk in chunks(ids):
        query = select(customers.c.id, customers.c.name).where(customers.c.org == org, customers.c.id.in_(chunk))
        found.update({row.id: row.name for row in connection.execute(query)})
    return found

"""What a person says of customers: that one of an accounting system is one of Hardfin's, or is not.

Either is remembered: a link that a person took away is made again by nobody but a person.
"""

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection

from hardfin_pipelines.engine.customer_links import customer_scope
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.connection_store import get_connection
from hardfin_pipelines.platform.customer_queries import CustomerLink, links_of_customer
from hardfin_pipelines.platform.customer_store import (
    CustomerScope,
    VendorCustomer,
    add_customer_links,
    add_decision,
    customers_by_id,
    find_customers,
    find_vendor_customers,
    held_links,
    remove_link,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.sync.match_wording import quoted


@dataclass(frozen=True, slots=True)
class CustomerDecided:
    """What came of a person's word.

    Attributes:
        customer_id: Hardfin's customer.
        name: What it is called.
        connection_id: The accounting system's connection.
        external_id: The vendor's id of its customer.
        vendor_name: What that is called.
    """

    customer_id: str
    name: str
    connection_id: str
    external_id: str
    vendor_name: str


def link_customer(
    deployment: Deployment,
    org: str,
    customer: str,
    external_id: str,
    connection_id: str = "",
    *,
    actor: str,
    reason: str = "",
) -> CustomerDecided:
    """Link a customer of an accounting system to one of Hardfin's; it is remembered for ever.

    Args:
        deployment: The deployment.
        org: The organization.
        customer: Hardfin's customer, by id or exact name.
        external_id: The vendor's id of its customer.
        connection_id: The accounting system's connection, where two of them know the id.
        actor: Who says so.
        reason: Why, for the audit.

    Raises:
        Refusal: One of both is not there, or the vendor's is linked already. Nothing was changed.
    """
    with reading(deployment.engine) as connection:
        theirs = _one_vendor_customer(connection, org, external_id, connection_id)
        row = get_connection(connection, org, theirs.scope.connection_id)
    scope = deployment.run(customer_scope(deployment, row))
    cause = Cause(actor, reason, deployment.now())
    with writing(deployment.engine) as connection:
        hold_organization(connection, org)
        customer_id, name = one_customer(connection, org, customer)
        theirs = _one_vendor_customer(connection, org, external_id, theirs.scope.connection_id)
        _require_linkable(connection, scope, theirs, customer_id)
        stamp = SyncStamp(org, scope.connection_id, {}, "", "decision", 0, cause.at, actor)
        add_customer_links(connection, scope, [(external_id, customer_id, "decision")], stamp)
        _remember(connection, scope, external_id, "link", customer_id, cause)
        changes = {scope.link_name(external_id): (None, "decision")}
        record_audit(connection, org, [AuditEvent("customer.linked", "customer", customer_id, cause, changes)])
    return CustomerDecided(customer_id, name, scope.connection_id, external_id, theirs.name)


def unlink_customer(
    deployment: Deployment,
    org: str,
    customer: str,
    external_id: str,
    connection_id: str = "",
    *,
    actor: str,
    reason: str = "",
) -> CustomerDecided:
    """Remove the link of an accounting system's customer; it is not linked again but by a person. Arguments as above.

    Raises:
        Refusal: There is no such link, or it is a CRM's. Nothing was changed.
    """
    cause = Cause(actor, reason, deployment.now())
    with writing(deployment.engine) as connection:
        hold_organization(connection, org)
        customer_id, name = one_customer(connection, org, customer)
        link = _one_link(connection, org, (customer_id, name), external_id, connection_id)
        scope = CustomerScope(link.scope, link.object)
        remove_link(connection, scope, external_id)
        _remember(connection, scope, external_id, "unlink", customer_id, cause)
        changes = {scope.link_name(external_id): (link.matched_by, None)}
        record_audit(connection, org, [AuditEvent("customer.unlinked", "customer", customer_id, cause, changes)])
    return CustomerDecided(customer_id, name, scope.connection_id, external_id, link.name)


def one_customer(connection: Connection, org: str, customer: str) -> tuple[str, str]:
    """The id and name of the customer that a person means.

    Raises:
        Refusal: There is none, or several have the name.
    """
    ids = find_customers(connection, org, customer)
    if len(ids) != 1:
        found = f"{len(ids)} customers have" if ids else "no customer has"
        which = f" ({', '.join(ids)})" if ids else ""
        raise Refusal(f"{org}: {found} the id or name {quoted(customer)}{which}; see `hardfin customer list {org}`")
    return ids[0], customers_by_id(connection, org, ids)[ids[0]]


def _one_vendor_customer(connection: Connection, org: str, external_id: str, connection_id: str) -> VendorCustomer:
    found = [
        each
        for each in find_vendor_customers(connection, org, external_id)
        if connection_id in ("", each.scope.connection_id)
    ]
    if not found:
        where = f" of {connection_id}" if connection_id else ""
        raise Refusal(
            f"{org} has no customer {quoted(external_id)}{where} in an accounting system; "
            f"see `hardfin customer list {org} --unlinked`"
        )
    if len(found) > 1:
        names = " and ".join(each.scope.connection_id for each in found)
        raise Refusal(f"{names} both have a customer {external_id}: say which with --connection")
    return found[0]


def _require_linkable(connection: Connection, scope: CustomerScope, theirs: VendorCustomer, customer_id: str) -> None:
    what = f"customer {theirs.external_id} of {scope.connection_id} ({quoted(theirs.name)})"
    held = held_links(connection, scope).get(theirs.external_id)
    if held is not None:
        to = "it" if held.customer_id == customer_id else held.customer_id
        more = "" if held.customer_id == customer_id else f"; `hardfin customer unlink {scope.org}` it first"
        raise Refusal(f"{what} is linked to {to} already, by {held.matched_by}{more}")
    if theirs.gone:
        raise Refusal(f"{what} is gone from the accounting system: nothing can be linked to it")


def _one_link(
    connection: Connection, org: str, customer: tuple[str, str], external_id: str, connection_id: str
) -> CustomerLink:
    links = links_of_customer(connection, org, customer[0])
    found = [
        each for each in links if each.external_id == external_id and connection_id in ("", each.scope.connection_id)
    ]
    if not found:
        where = f" of {connection_id}" if connection_id else ""
        raise Refusal(
            f"{org}: {quoted(customer[1])} is not linked to a record {quoted(external_id)}{where}; "
            f"see `hardfin customer show {org} {customer[0]}`"
        )
    of_books = [each for each in found if each.matched_by]
    if not of_books:
        raise Refusal(
            f"{found[0].scope.connection_id} {found[0].object} {external_id} is the company that the sync made "
            f"{quoted(customer[1])} of: only customers of accounting systems can be unlinked"
        )
    if len(of_books) > 1:
        names = " and ".join(each.scope.connection_id for each in of_books)
        raise Refusal(f"{names} both have a customer {external_id}: say which with --connection")
    return of_books[0]


def _remember(
    connection: Connection, scope: CustomerScope, external_id: str, action: str, customer_id: str, cause: Cause
) -> None:
    add_decision(
        connection,
        scope,
        external_id,
        decision_id=f"dec_{secrets.token_hex(8)}",
        action=action,
        customer_id=customer_id,
        decided_at=cause.at,
        decided_by=cause.actor,
        reason=cause.reason,
    )

"""Letting customers of accounting systems find Hardfin's, so that their orders and invoices show.

A customer that was deleted at the vendor keeps its link, marked as one that cannot be followed, until it is back.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, select

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.item_sync import Check
from hardfin_pipelines.engine.overlapping import in_thread
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import vendor_customers
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection, list_connections
from hardfin_pipelines.platform.customer_store import (
    CustomerScope,
    HeldCustomerLink,
    active_vendor_customers,
    add_customer_links,
    customer_names,
    held_links,
    mark_links,
    unlinked_by_people,
)
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.sync.customer_matching import CustomerMatch, match_customers

_log = logging.getLogger(__name__)

GONE = "it was deleted in the accounting system"
BACK = "it is in the accounting system again"


@dataclass(frozen=True, slots=True)
class UnlinkedCustomer:
    """A customer of an accounting system that is none of Hardfin's, and why it was not linked."""

    connection_id: str
    external_id: str
    name: str
    because: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done about an accounting system's customers.

    Attributes:
        made: The links to make.
        broken: Links that cannot be followed any more, by the vendor's id.
        mended: Those that can again.
    """

    made: list[CustomerMatch]
    broken: Mapping[str, HeldCustomerLink]
    mended: Mapping[str, HeldCustomerLink]

    def __bool__(self) -> bool:
        return bool(self.made or self.broken or self.mended)


def link_customers(
    deployment: Deployment, books: BooksScope, stamp: SyncStamp, check: Check, *, customer_object: str
) -> int:
    """Link the customers of one accounting system that have a customer of Hardfin's name, all in one transaction.

    Links that there are hold, a person's word holds, and nothing is linked by similarity (`sync/customer_matching.py`).
    Where there is nothing to do, nothing is written and nobody waits.

    Args:
        deployment: The deployment.
        books: Whose customers they are, as last read.
        stamp: What every row written says of the run.
        check: Asked in the transaction whether it may still be made.
        customer_object: The vendor's name of customers.

    Returns:
        How many links were made.

    Raises:
        WorkInterrupted: The connection was paused, edited or disconnected, or the lease was lost.
    """
    scope = CustomerScope(books, customer_object)
    with reading(deployment.engine) as connection:
        if not _planned(connection, scope):
            return 0
    with writing(deployment.engine) as connection:
        check(connection)
        plan = _planned(connection, scope)
        made = [(each.external_id, str(each.customer_id), each.matched_by) for each in plan.made]
        add_customer_links(connection, scope, made, stamp)
        mark_links(connection, scope, plan.broken, broken_because=GONE)
        mark_links(connection, scope, plan.mended, broken_because="")
        record_audit(connection, scope.org, _audited(scope, plan, stamp))
    return len(plan.made)


def unlinked_customers(connection: Connection, scope: CustomerScope) -> list[CustomerMatch]:
    """The active customers of an accounting system that have no link, each with why, by the vendor's id."""
    vendor = active_vendor_customers(connection, scope.books)
    state = _State(connection, scope)
    found = [each for each in state.matches(vendor, customer_names(connection, scope.org)) if each.customer_id is None]
    found += [
        CustomerMatch(external_id, None, "", "A person took its link away.")
        for external_id in state.taken_away & vendor.keys() - state.held.keys()
    ]
    return sorted(found, key=lambda each: each.external_id)


async def link_customers_again(deployment: Deployment, org: str, *, run_id: str) -> int:
    """Let customers of an organization's active accounting systems find customers that were made in Hardfin since.

    Nothing is asked of any vendor. Whatever is missed here, the next visit of the accounting system finds.
    """
    made = 0
    for row in await in_thread(partial(_with_customers, deployment, org)):
        if row.status != "active":
            continue
        stamp = SyncStamp(org, row.connection_id, {}, run_id, "rematch", row.revision, deployment.now())
        try:
            scope = await customer_scope(deployment, row)
            linking = partial(
                link_customers,
                deployment,
                scope.books,
                stamp,
                partial(_require_unchanged, row),
                customer_object=scope.object,
            )
            made += await in_thread(linking)
        except (Refusal, WorkInterrupted) as wish:
            _log.info("%s", wish)  # the next visit links them
    return made


async def customer_scope(deployment: Deployment, row: ConnectionRow) -> CustomerScope:
    """The customers of an accounting system, by the vendor's name of them; asks the vendor nothing.

    Raises:
        Refusal: The integration is not supported, or our app is not configured.
    """
    connector = deployment.erp_connector(row)
    try:
        return CustomerScope(BooksScope(row.org, row.connection_id), connector.objects()["customer"])
    finally:
        await connector.aclose()


def customers_without_link(deployment: Deployment, org: str) -> list[UnlinkedCustomer]:
    """The active customers of an organization's accounting systems that are linked to none of Hardfin's, by name."""
    found = []
    for row in _with_customers(deployment, org):
        scope = deployment.run(customer_scope(deployment, row))
        with reading(deployment.engine) as connection:
            vendor = active_vendor_customers(connection, scope.books)
            found += [
                UnlinkedCustomer(row.connection_id, each.external_id, vendor[each.external_id], each.because)
                for each in unlinked_customers(connection, scope)
            ]
    return sorted(found, key=lambda each: (each.name, each.connection_id, each.external_id))


class _State:
    """How the links of an accounting system's customers are, in one snapshot.

    Attributes:
        held: All of them, by the vendor's id.
        broken: Those whose customer is gone since they were last looked at.
        mended: Those whose customer is back, and whose customer in Hardfin no other one has been linked to since.
        taken_away: The vendor's ids of customers whose link a person took away.
    """

    def __init__(self, connection: Connection, scope: CustomerScope) -> None:
        self.held = held_links(connection, scope)
        self.broken = {each: link for each, link in self.held.items() if link.gone and not link.broken_because}
        self.taken_away = unlinked_by_people(connection, scope)
        self._whole = {
            each: link.customer_id for each, link in self.held.items() if not (link.gone or link.broken_because)
        }
        self.mended: dict[str, HeldCustomerLink] = {}
        taken = set(self._whole.values())
        for external_id, link in sorted(self.held.items()):
            if link.broken_because and not link.gone and link.customer_id not in taken:
                self.mended[external_id] = link
                taken.add(link.customer_id)

    def matches(self, vendor: Mapping[str, str], hardfin: Mapping[str, str]) -> list[CustomerMatch]:
        """What matching finds for those that have no link."""
        linked = self._whole | {each: link.customer_id for each, link in self.mended.items()}
        alone = self.taken_away | (self.held.keys() - linked.keys())
        return list(match_customers(vendor, hardfin, linked=linked, left_alone=alone))


def _planned(connection: Connection, scope: CustomerScope) -> _Plan:
    vendor = active_vendor_customers(connection, scope.books)
    state = _State(connection, scope)
    found = state.matches(vendor, customer_names(connection, scope.org)) if vendor else []
    return _Plan([each for each in found if each.customer_id is not None], state.broken, state.mended)


def _audited(scope: CustomerScope, plan: _Plan, stamp: SyncStamp) -> list[AuditEvent]:
    def event(
        action: str, customer_id: str, external_id: str, because: str, before: str | None, after: str
    ) -> AuditEvent:
        cause = Cause(stamp.actor, because, stamp.now, stamp.run_id)
        return AuditEvent(action, "customer", customer_id, cause, {scope.link_name(external_id): (before, after)})

    return [
        *(
            event("customer.linked", str(each.customer_id), each.external_id, each.because, None, each.matched_by)
            for each in plan.made
        ),
        *(
            event("customer.link_broken", link.customer_id, external_id, GONE, "", GONE)
            for external_id, link in sorted(plan.broken.items())
        ),
        *(
            event("customer.link_mended", link.customer_id, external_id, BACK, link.broken_because, "")
            for external_id, link in sorted(plan.mended.items())
        ),
    ]


def _with_customers(deployment: Deployment, org: str) -> list[ConnectionRow]:
    """The accounting systems of an organization of which customers were read."""
    table = vendor_customers
    with reading(deployment.engine) as connection:
        query = select(table.c.external_id).where(table.c.org == org)
        return [
            row
            for row in list_connections(connection, org)
            if connection.execute(query.where(table.c.connection_id == row.connection_id).limit(1)).first()
        ]


def _require_unchanged(row: ConnectionRow, connection: Connection) -> None:
    """A person may have paused the connection meanwhile."""
    hold_organization(connection, row.org)
    now = get_connection(connection, row.org, row.connection_id)
    if (now.status, now.revision) != ("active", row.revision):
        raise WorkInterrupted(f"{row.connection_id} was changed: its customers are not linked for now")

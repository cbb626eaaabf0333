"""Taking links away from external items: undoing a decision, and removing a link that matching made.

Either is remembered: what a person took away is never linked again but by a person.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete

from hardfin_pipelines.engine.erp_visits import ERPS
from hardfin_pipelines.engine.item_standing import outside_triage, why_not
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.connection_store import get_connection
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.item_plan_store import link_name, write_item_steps
from hardfin_pipelines.platform.item_store import ItemLink, find_link, item_rows, remove_unused_item
from hardfin_pipelines.platform.organization_lock import hold_organization
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_store import (
    Decision,
    TriageItem,
    add_decisions,
    find_triage_items,
    set_states,
    undo_decision,
)
from hardfin_pipelines.platform.vendor_item_store import ItemScope, read_known
from hardfin_pipelines.sync.item_plan import ItemStep, TriageClosed, TriageWaits
from hardfin_pipelines.sync.match_wording import quoted
from hardfin_pipelines.sync.vendor_items import NOT_KNOWN, HeldDecision, KnownItem


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What was taken back.

    Attributes:
        scope: Whose item it is.
        external_id: The vendor's id.
        action: What had been decided: map, create, ignore; "" where matching had made the link.
        item_id: What it was linked to; "" where it was ignored.
        unlinked: Whether a link was removed.
        removed: Whether the product or part that the decision had made was removed, since nothing uses it.
        waits: Whether the item is in triage again.
    """

    scope: ItemScope
    external_id: str
    action: str
    item_id: str
    unlinked: bool
    removed: bool
    waits: bool


def take_back_decision(
    connection: Connection, org: str, external_id: str, connection_id: str, cause: Cause
) -> TakenBack:
    """Undo the decision about an item: its link goes, and it waits in triage again if the vendor still has it.

    Raises:
        Refusal: There is no such item, or nobody has decided about it.
    """
    hold_organization(connection, org)
    item = one_item(connection, org, external_id, connection_id)
    known = read_known(connection, item.scope, [external_id]).get(external_id, NOT_KNOWN)
    if known.decision is None:
        raise Refusal(
            f"nobody has decided about item {external_id} ({quoted(item.facts.name)}); it is {_standing(item, known)}"
        )
    return _undo(connection, item.scope, external_id, known, known.decision, cause)


def unlink(connection: Connection, org: str, external_id: str, connection_id: str, cause: Cause) -> TakenBack:
    """Remove the link of an external record to a product or part; one that a decision made goes with the decision.

    An item of an accounting system waits in triage from then on, if the vendor still has it. A CRM's product becomes an
    item of its own with the next deal that has it, whatever it is called.

    Raises:
        Refusal: There is no such link.
    """
    hold_organization(connection, org)
    link = _one_link(org, external_id, connection_id, find_link(connection, org, external_id, connection_id))
    scope = ItemScope(org, link.connection_id, link.object)
    known = read_known(connection, scope, [external_id]).get(external_id, NOT_KNOWN)
    if known.decision is not None and known.decision.item_id == link.item_id:
        return _undo(connection, scope, external_id, known, known.decision, cause)
    _remove_link(connection, scope, external_id, link.item_id, link.matched_by, cause)
    key = f"dec_{secrets.token_hex(8)}"
    taken = Decision(key, scope, external_id, "unlink", link.item_id, cause.at, cause.actor, cause.reason)
    add_decisions(connection, [taken])
    of_books = get_connection(connection, org, link.connection_id).integration in ERPS
    waits = of_books and _wait_again(connection, scope, external_id, known, link.item_id, cause)
    return TakenBack(scope, external_id, "", link.item_id, unlinked=True, removed=False, waits=waits)


def _undo(
    connection: Connection, scope: ItemScope, external_id: str, known: KnownItem, decision: HeldDecision, cause: Cause
) -> TakenBack:
    undo_decision(connection, scope.org, decision.decision_id, by=cause.actor, now=cause.at)
    unlinked = known.link is not None and known.link.item_id == decision.item_id
    if unlinked:
        _remove_link(connection, scope, external_id, decision.item_id, "decision", cause)
    removed = decision.action == "create" and remove_unused_item(connection, scope.org, decision.item_id)
    if removed:
        record_audit(connection, scope.org, [AuditEvent("item.removed", "item", decision.item_id, cause)])
    if decision.action == "ignore":
        link = link_name(scope, external_id)
        event = AuditEvent("triage.reopened", "triage_item", link, cause, {"state": ("ignored", "open")})
        record_audit(connection, scope.org, [event])
    waits = (known.link is None or unlinked) and _wait_again(
        connection, scope, external_id, known, decision.item_id, cause
    )
    return TakenBack(
        scope, external_id, decision.action, decision.item_id, unlinked=unlinked, removed=removed, waits=waits
    )


def _wait_again(
    connection: Connection, scope: ItemScope, external_id: str, known: KnownItem, item_id: str, cause: Cause
) -> bool:
    """Put an item into triage again, to be matched anew at once; False where it is nothing to decide about now."""
    stamp = SyncStamp(scope.org, scope.connection_id, {}, cause.run_id, "decision", 0, cause.at, cause.actor)
    if known.item is None or known.gone is not None or not known.item.can_match:
        if known.triage is not None:
            set_states(connection, [(scope, external_id, "gone")], cause.at)
            because = "it is gone from the accounting system, or inactive there"
            step = ItemStep((external_id,), (TriageClosed(external_id, "gone", because),))
            write_item_steps(connection, scope, [step], stamp, items={}, mark="")
        return False
    reason = "unmatched" if known.triage is None else known.triage.reason
    because = f"{cause.actor} took back that it is ignored."
    if item_id:
        names = item_rows(connection, scope.org, [item_id])
        what = quoted(names[item_id]["name"]) if item_id in names else item_id
        because = f"{cause.actor} took its link to {what} away."
    step = ItemStep((external_id,), (TriageWaits(external_id, reason, because),))
    # Without a mark it is matched again, for its true reason, at the next opportunity.
    write_item_steps(connection, scope, [step], stamp, items={external_id: known.item}, mark="")
    return True


def _remove_link(
    connection: Connection, scope: ItemScope, external_id: str, item_id: str, matched_by: str, cause: Cause
) -> None:
    connection.execute(delete(links).where(scope.of(links), links.c.external_id == external_id))
    changes = {link_name(scope, external_id): (matched_by or "synced", None)}
    record_audit(connection, scope.org, [AuditEvent("item.unlinked", "item", item_id, cause, changes)])


def one_item(connection: Connection, org: str, external_id: str, connection_id: str) -> TriageItem:
    """The one item that a person means by its id at the vendor, in triage or settled.

    Raises:
        Refusal: There is none, it never was in triage, or several connections know it.
    """
    found = find_triage_items(connection, org, [external_id]).get(external_id, [])
    listed = [each for each in found if connection_id in ("", each.scope.connection_id)]
    if not listed:
        outside = why_not(outside_triage(connection, org, [external_id]), external_id, connection_id)
        where = f"see `hardfin triage list {org} --state all`"
        raise Refusal(outside or f"{org} has no item {quoted(external_id)} in triage; {where}")
    if len(listed) > 1:
        names = " and ".join(each.scope.connection_id for each in listed)
        raise Refusal(f"{names} both have an item {external_id}: say which with --connection")
    return listed[0]


def _one_link(org: str, external_id: str, connection_id: str, found: Sequence[ItemLink]) -> ItemLink:
    if not found:
        where = f" of {connection_id}" if connection_id else ""
        raise Refusal(f"{org} has no product or part that is linked to a record {quoted(external_id)}{where}")
    if len(found) > 1:
        names = " and ".join(f"{each.connection_id} ({each.object})" for each in found)
        raise Refusal(f"{names} both have a record {external_id}: say which with --connection")
    return found[0]


def _standing(item: TriageItem, known: KnownItem) -> str:
    if known.link is not None:
        return f"linked to {known.link.item_id} by {known.link.matched_by}: `hardfin item unlink` removes that"
    return "waiting in triage" if item.state == "open" else "not in triage any more"

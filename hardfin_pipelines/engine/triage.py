"""Triage for people: what waits and why, what it may be, and deciding about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hardfin_pipelines.engine.deciding import Answer, Decided, apply_answers, check_answers
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.item_standing import Twin, twins_of
from hardfin_pipelines.engine.item_sync import ItemCounts
from hardfin_pipelines.engine.rematching import rematch_open
from hardfin_pipelines.engine.taking_back import TakenBack, one_item, take_back_decision, unlink
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_store import ItemLink, catalogue_mark, find_link, item_rows, load_catalogue
from hardfin_pipelines.platform.record_log import RecordEvent, timeline
from hardfin_pipelines.platform.triage_store import (
    Decision,
    TriageItem,
    decisions_of,
    list_triage,
    save_suggestions,
)
from hardfin_pipelines.platform.vendor_item_store import ItemScope, present_keys, whole_links
from hardfin_pipelines.sync.catalogue import Catalogue
from hardfin_pipelines.sync.matching import match
from hardfin_pipelines.sync.suggestions import Suggester, Suggestion
from hardfin_pipelines.sync.vendor_items import TriageState
from hardfin_pipelines.sync.vendor_keys import VendorKeys

MOST_SUGGESTIONS = 5


@dataclass(frozen=True, slots=True)
class NamedSuggestion:
    """A suggestion with what people know the product or part by."""

    item_id: str
    kind: str
    name: str
    sku: str
    score: int
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item in triage with what it may be."""

    item: TriageItem
    suggestions: tuple[NamedSuggestion, ...] = ()


@dataclass(frozen=True, slots=True)
class TriageDetail:
    """Everything there is to say of one item in triage.

    Attributes:
        waiting: The item and what it may be.
        steps: What matching looked at, level by level, with what it found now.
        link: What it is linked to, where it is.
        linked_name: The name of that product or part.
        twins: Other items of the accounting system with its SKU or name.
        decisions: What people decided about it, oldest first.
        timeline: What happened to it, oldest first.
    """

    waiting: Waiting
    steps: tuple[str, ...]
    link: ItemLink | None
    linked_name: str
    twins: tuple[Twin, ...]
    decisions: tuple[Decision, ...]
    timeline: tuple[RecordEvent, ...]


def list_waiting(
    deployment: Deployment,
    org: str,
    *,
    state: TriageState | None = "open",
    connection_id: str = "",
    search: str = "",
    reason: str = "",
    after: int = 0,
    limit: int | None = None,
    suggest: bool = False,
) -> tuple[list[Waiting], int]:
    """Items in triage, the longest waiting first, and how many there are in all.

    Args:
        deployment: The deployment.
        org: The organization.
        state: Only in this state; None for all.
        connection_id: Only of this connection.
        search: Only with this text in the name or SKU, or with this external id.
        reason: Only for this reason.
        after: Leave out so many.
        limit: At most so many.
        suggest: With what each of them may be.
    """
    with reading(deployment.engine) as connection:
        found, total = list_triage(
            connection,
            org,
            state=state,
            connection_id=connection_id,
            search=search,
            reason=reason,
            after=after,
            limit=limit,
        )
    if not suggest:
        return [Waiting(item) for item in found], total
    return with_suggestions(deployment, org, found), total


def show_waiting(deployment: Deployment, org: str, external_id: str, connection_id: str = "") -> TriageDetail:
    """One item that is or was in triage.

    Raises:
        Refusal: There is none of that id, or several connections know it.
    """
    with reading(deployment.engine) as connection:
        item = one_item(connection, org, external_id, connection_id)
        present = present_keys(connection, item.scope)
        linked = {item_id for each, item_id in whole_links(connection, item.scope).items() if each != external_id}
        steps = match(item.facts, load_catalogue(connection, org), VendorKeys(present.values()), linked).steps
        links = find_link(connection, org, external_id, item.scope.connection_id)
        names = item_rows(connection, org, [link.item_id for link in links])
        decisions = decisions_of(connection, item.scope, external_id)
        happened = timeline(connection, org, item.scope.connection_id, item.scope.object, external_id)
    (waiting,) = with_suggestions(deployment, org, [item]) if item.state == "open" else [Waiting(item)]
    link = links[0] if links else None
    return TriageDetail(
        waiting,
        steps,
        link,
        names[link.item_id]["name"] if link is not None and link.item_id in names else "",
        twins_of(external_id, item.facts, present),
        tuple(decisions),
        tuple(happened),
    )


def with_suggestions(deployment: Deployment, org: str, items: Sequence[TriageItem]) -> list[Waiting]:
    """Items with what they may be.

    Suggestions are made when they are first looked at, and kept until an item of Hardfin's is made, renamed or removed.
    A visit makes none: the thousands that a first load brings would cost it more than all of its matching, for items
    most of which are settled in bulk, and for suggestions that are out of date after the next new product.
    """
    with reading(deployment.engine) as connection:
        mark = catalogue_mark(connection, org)
        old = [item for item in items if item.suggested_for != mark]
        catalogue = load_catalogue(connection, org) if old else Catalogue()
        taken = {scope: set(whole_links(connection, scope).values()) for scope in {item.scope for item in old}}
    made: dict[ItemScope, dict[str, tuple[Suggestion, ...]]] = {}
    suggester = Suggester(catalogue)
    for item in old:
        found = suggester.suggest(item.facts, MOST_SUGGESTIONS, taken[item.scope])
        made.setdefault(item.scope, {})[item.external_id] = found
    if made:
        with writing(deployment.engine) as store:
            for scope, suggestions in made.items():
                save_suggestions(store, scope, suggestions, mark)
    of_item = [made.get(item.scope, {}).get(item.external_id, item.suggestions) for item in items]
    named = _named(deployment, org, of_item)
    return [
        Waiting(item, tuple(named[_key(each)] for each in found if _key(each) in named))
        for item, found in zip(items, of_item, strict=True)
    ]


def decide(
    deployment: Deployment, org: str, answers: Sequence[Answer], *, actor: str, reason: str = "", dry_run: bool = False
) -> tuple[list[Decided], ItemCounts]:
    """Carry out what a person chose, all of it or nothing, and match again what waits where items were made.

    Args:
        deployment: The deployment.
        org: The organization.
        answers: What was chosen.
        actor: Who chose it.
        reason: Why, for the audit.
        dry_run: Only say what would come of it.

    Returns:
        What came of each answer, and of matching again.

    Raises:
        AnswersRefused: Some cannot be carried out; nothing was changed.
    """
    if dry_run:
        with reading(deployment.engine) as connection:
            return check_answers(connection, org, answers), ItemCounts()
    with writing(deployment.engine) as connection:
        decided = apply_answers(connection, org, answers, Cause(actor, reason, deployment.now()))
    made = any(each.action == "create" for each in decided)
    return decided, rematch_open(deployment, org) if made else ItemCounts()


def undo(
    deployment: Deployment, org: str, external_id: str, connection_id: str = "", *, actor: str, reason: str = ""
) -> TakenBack:
    """Take the decision about an item back.

    Raises:
        Refusal: There is no such item, or nobody has decided about it.
    """
    with writing(deployment.engine) as connection:
        cause = Cause(actor, reason, deployment.now())
        taken = take_back_decision(connection, org, external_id, connection_id, cause)
    rematch_open(deployment, org)
    return taken


def unlink_item(
    deployment: Deployment, org: str, external_id: str, connection_id: str = "", *, actor: str, reason: str = ""
) -> TakenBack:
    """Remove the link of an external record to a product or part.

    Raises:
        Refusal: There is no such link.
    """
    with writing(deployment.engine) as connection:
        taken = unlink(connection, org, external_id, connection_id, Cause(actor, reason, deployment.now()))
    rematch_open(deployment, org)
    return taken


def _key(suggestion: Suggestion) -> tuple[str, int, tuple[str, ...]]:
    return (suggestion.item_id, suggestion.score, suggestion.reasons)


def _named(
    deployment: Deployment, org: str, listed: Iterable[Sequence[Suggestion]]
) -> Mapping[tuple[str, int, tuple[str, ...]], NamedSuggestion]:
    wanted = {_key(each): each for found in listed for each in found}
    with reading(deployment.engine) as connection:
        rows = item_rows(connection, org, sorted({each.item_id for each in wanted.values()}))
    return {
        key: NamedSuggestion(
            each.item_id,
            rows[each.item_id]["kind"],
            rows[each.item_id]["name"],
            rows[each.item_id]["sku"] or "",
            each.score,
            each.reasons,
        )
        for key, each in wanted.items()
        if each.item_id in rows
    }

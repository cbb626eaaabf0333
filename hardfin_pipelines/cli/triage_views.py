"""What `hardfin triage` and `hardfin item` print of items in triage: for people, and for programs."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.cli.output import print_blocks, print_json, print_table, say
from hardfin_pipelines.sync.match_wording import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from hardfin_pipelines.engine.deciding import Decided
    from hardfin_pipelines.engine.item_standing import Twin
    from hardfin_pipelines.engine.item_sync import ItemCounts
    from hardfin_pipelines.engine.taking_back import TakenBack
    from hardfin_pipelines.engine.triage import NamedSuggestion, TriageDetail, Waiting
    from hardfin_pipelines.platform.record_log import RecordEvent
    from hardfin_pipelines.platform.triage_store import TriageItem

_SHOWN = 50
"""Answers that are listed one by one; of a whole file's the rest is counted."""

_NEWEST = 10
"""Events of one item that are shown; programs get them all."""

_DONE = {"map": "mapped to", "create": "made into", "ignore": "ignored"}


def show_taken_back(org: str, taken: "TakenBack", *, as_json: bool) -> None:
    """Print what was taken back."""
    if as_json:
        print_json(
            {
                "organization": org,
                "connection": taken.scope.connection_id,
                "external_id": taken.external_id,
                "action": taken.action or None,
                "item": taken.item_id or None,
                "unlinked": taken.unlinked,
                "item_removed": taken.removed,
                "in_triage": taken.waits,
            }
        )
        return
    done = [f"is not linked to {taken.item_id} any more"] if taken.unlinked else []
    done += ["is in triage again"] if taken.waits else []
    told = [f"{org}: item {taken.external_id} {' and '.join(done) or 'is undecided again'}"]
    if taken.removed:
        told.append(f"{taken.item_id}, which nothing uses, is removed")
    elif taken.action == "create":
        told.append(f"{taken.item_id} stays, since it is used or was edited")
    say("; ".join(told))


def show_list(title: str, found: "Sequence[Waiting]", *, suggest: bool) -> None:
    """Print items in triage as a table; with `suggest`, what each of them may be in place of why it waits."""
    columns = ["id", "item", "reason", "may be", "source"] if suggest else ["id", "item", "why", "source"]
    rows = [_list_row(each, suggest=suggest) for each in found]
    print_table(title, columns, rows, unbroken=["id", "reason", "source"])


def _list_row(waiting: "Waiting", *, suggest: bool) -> tuple[str, ...]:
    item = waiting.item
    called = f"{item.full_name}\nSKU {item.facts.sku}" if item.facts.sku else item.full_name
    source = _source(item.scope.connection_id)
    if suggest:
        state = item.reason if item.state == "open" else item.state
        return (item.external_id, called, state, _best(waiting), source)
    state = "" if item.state == "open" else f"{item.state}: "
    seen = f"first {item.first_seen_at:%Y-%m-%d}\nlast {item.last_seen_at:%Y-%m-%d}"
    return (item.external_id, called, f"{state}{_why(item)}", f"{source}\n{seen}")


def _why(item: "TriageItem") -> str:
    """Why it waits, or did; of one that is gone, why it left."""
    return item.detail if item.state == "gone" else f"{item.reason}: {item.detail}"


def _source(connection_id: str) -> str:
    """The source system; a connection's id is that of its organization and that."""
    return connection_id.rpartition(":")[2]


def _best(waiting: "Waiting") -> str:
    if not waiting.suggestions:
        return "nothing alike"
    best = waiting.suggestions[0]
    return f"{best.score} % {best.name}\n{best.item_id}"


def show_detail(found: "TriageDetail") -> None:
    """Print everything there is to say of one item."""
    item = found.waiting.item
    facts = item.facts
    price = "" if facts.price is None else f"{facts.price:f} {facts.currency}".strip()
    pairs: dict[str, object] = {
        "connection": item.scope.connection_id,
        "name": item.full_name,
        "SKU": facts.sku,
        "type": facts.vendor_type,
        "price": price,
        "description": facts.description,
        "modified": _moment(item.vendor_modified_at),
        "at the vendor": item.url,
        "state": f"{item.state} since {_moment(item.state_at)}",
        "seen": f"first {_moment(item.first_seen_at)}, last found new or changed {_moment(item.last_seen_at)}",
        "why": _why(item),
        "shared with": "; ".join(_twin(each) for each in found.twins),
    }
    if found.link is not None:
        named = f"{found.link.item_id} {quoted(found.linked_name)}" if found.linked_name else found.link.item_id
        pairs["linked to"] = f"{named} by {found.link.matched_by or 'sync'}"
    blocks: list[tuple[str, Mapping[str, object]]] = [
        (f"item {item.external_id}", {name: value for name, value in pairs.items() if value}),
        ("what matching looked at", {f"{number}": step for number, step in enumerate(found.steps, 1)}),
    ]
    if item.state == "open":
        alike = {each.item_id: _suggestion(each) for each in found.waiting.suggestions}
        blocks.append(("what it may be", alike or {"nothing alike": f"see `hardfin item list {item.scope.org}`"}))
    happened = found.timeline[-_NEWEST:]
    blocks.append(("what happened", {f"{number}": _event(each) for number, each in enumerate(happened, 1)}))
    print_blocks(blocks)


def _twin(twin: "Twin") -> str:
    inactive = "" if twin.active else ", inactive,"
    return f"item {twin.external_id} {quoted(twin.name)}{inactive} has the same {' and '.join(twin.shares)}"


def _suggestion(each: "NamedSuggestion") -> str:
    sku = f" ({each.sku})" if each.sku else ""
    return f"{each.score} % {each.kind} {quoted(each.name)}{sku}: {'; '.join(each.reasons)}"


def _event(event: "RecordEvent") -> str:
    return f"{_moment(event.at)} {event.kind}: {event.detail}"


def _moment(moment: "datetime") -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def item_json(waiting: "Waiting") -> dict[str, Any]:
    """An item in triage, for programs."""
    item, facts = waiting.item, waiting.item.facts
    return {
        "connection": item.scope.connection_id,
        "object": item.scope.object,
        "external_id": item.external_id,
        "state": item.state,
        "reason": item.reason,
        "detail": item.detail,
        "name": facts.name,
        "full_name": item.full_name,
        "sku": facts.sku,
        "kind": facts.kind,
        "vendor_type": facts.vendor_type,
        "price": None if facts.price is None else format(facts.price, "f"),
        "currency": facts.currency or None,
        "url": item.url or None,
        "first_seen_at": item.first_seen_at,
        "last_seen_at": item.last_seen_at,
        "state_at": item.state_at,
        "vendor_modified_at": item.vendor_modified_at,
        "suggestions": list(waiting.suggestions),
    }


def detail_json(found: "TriageDetail") -> dict[str, Any]:
    """Everything there is to say of one item, for programs."""
    return item_json(found.waiting) | {
        "description": found.waiting.item.facts.description or None,
        "steps": list(found.steps),
        "link": found.link,
        "shared_with": list(found.twins),
        "decisions": [
            {
                "decision": each.decision_id,
                "action": each.action,
                "item": each.item_id or None,
                "decided_at": each.decided_at,
                "decided_by": each.decided_by,
                "reason": each.reason,
                "undone_at": each.undone_at,
                "undone_by": each.undone_by or None,
            }
            for each in found.decisions
        ],
        "timeline": [{"at": each.at, "kind": each.kind, "detail": each.detail} for each in found.timeline],
    }


def _target(decided: "Decided") -> str:
    return f"{decided.kind} {decided.item_name} ({decided.item_id})" if decided.item_id else ""


def show_decided(org: str, decided: "Sequence[Decided]", matched: "ItemCounts", *, dry_run: bool) -> None:
    """Print what came of answers, or what would."""
    if not decided:
        say(f"{org}: no answers in it; nothing was done")
        return
    would = "would be " if dry_run else ""
    rows = [(each.external_id, each.name, f"{would}{_DONE[each.action]}", _target(each)) for each in decided]
    print_table(f"{org}: {len(rows)} item(s)", ["id", "item", "", "product or part"], rows[:_SHOWN], unbroken=["id"])
    if len(rows) > _SHOWN:
        numbers = Counter(_DONE[each.action] for each in decided)
        counted = ", ".join(f"{number} {would}{done}" for done, number in numbers.items())
        say(f"... and {len(rows) - _SHOWN} more; in all {counted}")
    if dry_run:
        say("nothing was changed")
    if matched.linked:
        say(f"{matched.linked.total()} more item(s) in triage match what was made")


def decided_json(org: str, decided: "list[Decided]", matched: "ItemCounts", *, dry_run: bool) -> dict[str, Any]:
    """What came of answers, for programs."""
    return {
        "organization": org,
        "dry_run": dry_run,
        "decided": [
            {
                "connection": each.scope.connection_id,
                "external_id": each.external_id,
                "name": each.name,
                "action": each.action,
                "item": each.item_id or None,
                "item_name": each.item_name or None,
                "kind": each.kind,
            }
            for each in decided
        ],
        "matched_besides": matched.linked.total(),
    }

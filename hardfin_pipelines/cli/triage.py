"""`hardfin triage`: the items of accounting systems that matched nothing, or more than one thing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import console, plain_errors, print_json, print_pairs, print_table
from hardfin_pipelines.cli.work import AsJson, Organization, actor

if TYPE_CHECKING:
    from hardfin_pipelines.engine.deciding import Answer, Decided
    from hardfin_pipelines.engine.deployment import Deployment
    from hardfin_pipelines.engine.item_sync import ItemCounts
    from hardfin_pipelines.engine.taking_back import TakenBack
    from hardfin_pipelines.engine.triage import NamedSuggestion, TriageDetail, Waiting

app = typer.Typer(
    help="Items of accounting systems that wait for a person: map them, create products of them, ignore them.",
    no_args_is_help=True,
)

State = Literal["open", "mapped", "created", "ignored", "gone", "all"]
ExternalId = Annotated[str, typer.Argument(metavar="ID", help="The item's id at the accounting system.")]
Connection = Annotated[str, typer.Option(help="Its connection, where two of them know the id.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit log.")]

_MOST = 1_000


@app.command("list")
def list_items(
    org: Organization,
    *,
    state: Annotated[State, typer.Option(help="Only items in this state.")] = "open",
    connection: Annotated[str, typer.Option(help="Only of this connection.")] = "",
    search: Annotated[str, typer.Option(metavar="TEXT", help="Only with this in the name or SKU, or this id.")] = "",
    suggest: Annotated[bool, typer.Option("--suggest", help="With what each of them may be.")] = False,
    after: Annotated[int, typer.Option(min=0, help="Leave out so many.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List items in triage, the longest waiting first."""
    from hardfin_pipelines.engine.triage import list_waiting

    deployment = _opened(org)
    found, total = list_waiting(
        deployment,
        org,
        state=None if state == "all" else state,
        connection_id=connection,
        search=search.strip(),
        after=after,
        limit=limit,
        suggest=suggest,
    )
    if as_json:
        print_json({"organization": org, "total": total, "items": [_item_json(each) for each in found]})
        return
    if not found:
        what = "nothing with that in triage" if search else "nothing waits in triage"
        console.print(f"{org}: {what if state == 'open' else 'no such item'}", markup=False, highlight=False)
        return
    columns = ["id", "name", "sku", "why"]
    if suggest:
        columns.append("may be")
    rows = [_list_row(each, suggest=suggest) for each in found]
    print_table(f"{org}: {len(found)} of {total} item(s)", columns, rows, unbroken=["id"])


@app.command("show")
def show(org: Organization, external_id: ExternalId, *, connection: Connection = "", as_json: AsJson = False) -> None:
    """Show one item: why it is in triage, what it may be, what was decided."""
    from hardfin_pipelines.engine.triage import show_waiting

    found = show_waiting(_opened(org), org, external_id, connection)
    if as_json:
        print_json(_detail_json(found))
        return
    _show(found)


@app.command("map")
def map_item(
    org: Organization,
    external_id: ExternalId,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The product or part: its id (itm_…) or exact SKU.")],
    *,
    connection: Connection = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Link an item to a product or part of Hardfin's; it is remembered for ever."""
    from hardfin_pipelines.engine.deciding import Answer

    _decide(org, [Answer(external_id, "map", connection, item=item)], reason, as_json=as_json)


@app.command("create")
def create(
    org: Organization,
    external_id: ExternalId,
    *,
    part: Annotated[bool, typer.Option("--part", help="Make a part of it rather than a product.")] = False,
    name: Annotated[str, typer.Option(help="Its name in Hardfin, where it shall be another one.")] = "",
    connection: Connection = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Make a product or part of an item, and link both."""
    from hardfin_pipelines.engine.deciding import Answer

    answer = Answer(external_id, "create", connection, kind="part" if part else "product", name=name)
    _decide(org, [answer], reason, as_json=as_json)


@app.command("ignore")
def ignore(
    org: Organization,
    external_id: ExternalId,
    *,
    connection: Connection = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Leave an item out of Hardfin; it never asks again."""
    from hardfin_pipelines.engine.deciding import Answer

    _decide(org, [Answer(external_id, "ignore", connection)], reason, as_json=as_json)


@app.command("undo")
def undo(
    org: Organization,
    external_id: ExternalId,
    *,
    connection: Connection = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Take the decision about an item back: its link goes, and it is in triage again."""
    from hardfin_pipelines.engine.triage import undo as take_back

    taken = take_back(_opened(org), org, external_id, connection, actor=actor(), reason=reason)
    show_taken_back(org, taken, as_json=as_json)


@app.command("export")
def export(
    org: Organization,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write the CSV file.")],
    *,
    connection: Annotated[str, typer.Option(help="Only of this connection.")] = "",
    suggest: Annotated[bool, typer.Option("--suggest/--no-suggest", help="With what each of them may be.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write what waits to a CSV file, to be answered in a spreadsheet and given to `import`."""
    from hardfin_pipelines.engine.answer_files import write_answers
    from hardfin_pipelines.engine.triage import list_waiting

    deployment = _opened(org)
    found, total = list_waiting(deployment, org, connection_id=connection, limit=limit, suggest=suggest)
    write_answers(file, found)
    if as_json:
        print_json({"organization": org, "file": str(file), "items": len(found), "total": total})
        return
    console.print(f"{org}: wrote {len(found)} of {total} item(s) to {file}", markup=False, highlight=False)


@app.command("import")
def import_answers(
    org: Organization,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file with answers.")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Carry out the answers of a CSV file: all of them, or, if one cannot be carried out, none."""
    from hardfin_pipelines.engine.answer_files import read_answers
    from hardfin_pipelines.engine.deciding import AnswersRefused

    with plain_errors(AnswersRefused):
        answers = read_answers(file)
    _decide(org, answers, reason or f"answered in {file.name}", as_json=as_json, dry_run=dry_run)


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
    if taken.removed:
        done.append(f"{taken.item_id}, which nothing uses, is removed")
    elif taken.action == "create":
        done.append(f"{taken.item_id} stays, since it is used or was edited")
    if taken.waits:
        done.append("it is in triage again")
    console.print(
        f"{org}: item {taken.external_id} {'; '.join(done) or 'is undecided again'}", markup=False, highlight=False
    )


def _opened(org: str) -> "Deployment":
    deployment = open_product()
    require_organization(deployment, org)
    return deployment


def _decide(org: str, answers: "list[Answer]", reason: str, *, as_json: bool, dry_run: bool = False) -> None:
    from hardfin_pipelines.engine.deciding import AnswersRefused
    from hardfin_pipelines.engine.triage import decide

    deployment = _opened(org)
    with plain_errors(AnswersRefused):
        decided, matched = decide(deployment, org, answers, actor=actor(), reason=reason, dry_run=dry_run)
    if as_json:
        print_json(_decided_json(org, decided, matched, dry_run=dry_run))
        return
    would = "would be " if dry_run else ""
    rows = [(each.external_id, each.name, f"{would}{_DONE[each.action]}", _target(each)) for each in decided]
    if rows:
        print_table(f"{org}: {len(rows)} item(s)", ["id", "name", "", "product or part"], rows, unbroken=["id"])
    else:
        console.print(f"{org}: no answers in it; nothing was done", markup=False, highlight=False)
    if matched.linked:
        more = matched.linked.total()
        console.print(f"{more} more item(s) in triage match what was made", markup=False, highlight=False)


_DONE = {"map": "mapped to", "create": "made into", "ignore": "ignored"}


def _target(decided: "Decided") -> str:
    return f"{decided.kind} {decided.item_name} ({decided.item_id})" if decided.item_id else ""


def _decided_json(org: str, decided: "list[Decided]", matched: "ItemCounts", *, dry_run: bool) -> dict[str, Any]:
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


def _list_row(waiting: "Waiting", *, suggest: bool) -> tuple[str, ...]:
    item = waiting.item
    state = "" if item.state == "open" else f"{item.state}: "
    row = (item.external_id, item.full_name, item.facts.sku, f"{state}{item.reason}: {item.detail}")
    return (*row, _best(waiting)) if suggest else row


def _best(waiting: "Waiting") -> str:
    if not waiting.suggestions:
        return "nothing alike"
    best = waiting.suggestions[0]
    return f"{best.name} ({best.item_id}), {best.score} %"


def _show(found: "TriageDetail") -> None:
    item = found.waiting.item
    facts = item.facts
    price = "" if facts.price is None else f"{facts.price:f} {facts.currency}".strip()
    pairs: dict[str, object] = {
        "connection": item.scope.connection_id,
        "name": item.full_name,
        "sku": facts.sku,
        "type": facts.vendor_type,
        "price": price,
        "description": facts.description,
        "modified": f"{item.vendor_modified_at:%Y-%m-%d %H:%M} UTC",
        "at the vendor": item.url,
        "state": f"{item.state} since {item.state_at:%Y-%m-%d %H:%M} UTC",
        "why": f"{item.reason}: {item.detail}",
    }
    if found.link is not None:
        pairs["linked to"] = f"{found.link.item_id} by {found.link.matched_by or 'sync'}"
    print_pairs(f"item {item.external_id}", {name: value for name, value in pairs.items() if value})
    print_table("what matching looked at", [""], [(step,) for step in found.steps])
    if item.state == "open":
        rows = [_suggestion_row(each) for each in found.waiting.suggestions]
        print_table("what it may be", ["item", "kind", "name", "sku", "alike", "since"], rows, unbroken=["item"])
    for decision in found.decisions:
        undone = f", undone by {decision.undone_by}" if decision.undone_at else ""
        why = f": {decision.reason}" if decision.reason else ""
        told = f"{decision.action} {decision.item_id}".rstrip()
        line = f"{decision.decided_at:%Y-%m-%d %H:%M} UTC {decision.decided_by}: {told}{undone}{why}"
        console.print(line, markup=False, highlight=False)


def _suggestion_row(each: "NamedSuggestion") -> tuple[str, ...]:
    return (each.item_id, each.kind, each.name, each.sku, f"{each.score} %", "; ".join(each.reasons))


def _item_json(waiting: "Waiting") -> dict[str, Any]:
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


def _detail_json(found: "TriageDetail") -> dict[str, Any]:
    return _item_json(found.waiting) | {
        "description": found.waiting.item.facts.description or None,
        "steps": list(found.steps),
        "link": found.link,
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

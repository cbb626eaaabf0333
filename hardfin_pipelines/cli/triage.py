"""`hardfin triage`: the items of accounting systems that matched nothing, or more than one thing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import plain_errors, print_json, say
from hardfin_pipelines.cli.triage_views import (
    decided_json,
    detail_json,
    item_json,
    show_decided,
    show_detail,
    show_list,
    show_taken_back,
)
from hardfin_pipelines.cli.work import AsJson, Organization, actor

if TYPE_CHECKING:
    from hardfin_pipelines.engine.deciding import Answer
    from hardfin_pipelines.engine.deployment import Deployment

app = typer.Typer(
    help="Items of accounting systems that wait for a person: map them, create products of them, ignore them.",
    no_args_is_help=True,
)

State = Literal["open", "mapped", "created", "ignored", "gone", "all"]
Why = Literal["unmatched", "ambiguous", "conflict", "all"]
ExternalId = Annotated[str, typer.Argument(metavar="ID", help="The item's id at the accounting system.")]
Connection = Annotated[str, typer.Option(help="Its connection, where two of them know the id.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit log.")]

_MOST = 1_000


@app.command("list")
def list_items(
    org: Organization,
    *,
    state: Annotated[State, typer.Option(help="Only items in this state.")] = "open",
    why: Annotated[Why, typer.Option(help="Only for this reason.")] = "all",
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
        reason="" if why == "all" else why,
        after=after,
        limit=limit,
        suggest=suggest,
    )
    if as_json:
        print_json({"organization": org, "total": total, "items": [item_json(each) for each in found]})
        return
    if not found:
        what = "nothing with that in triage" if search or why != "all" else "nothing waits in triage"
        say(f"{org}: {what if state == 'open' else 'no such item'}")
        return
    show_list(f"{org}: {len(found)} of {total} item(s)", found, suggest=suggest)
    left = total - after - len(found)
    if left > 0:
        say(f"{left} more: --after {after + len(found)}")


@app.command("show")
def show(org: Organization, external_id: ExternalId, *, connection: Connection = "", as_json: AsJson = False) -> None:
    """Show one item: why it is in triage, what it may be, what was decided."""
    from hardfin_pipelines.engine.triage import show_waiting

    found = show_waiting(_opened(org), org, external_id, connection)
    if as_json:
        print_json(detail_json(found))
        return
    show_detail(found)


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
    say(f"{org}: wrote {len(found)} of {total} item(s) to {file}")


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
        print_json(decided_json(org, decided, matched, dry_run=dry_run))
        return
    show_decided(org, decided, matched, dry_run=dry_run)

"""`hardfin replay`: entities made anew from landed records, with no call to a vendor."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy import Engine

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import console, plain_errors, print_blocks, print_error, print_json, print_table
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import CRMS
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.replay_report import ReplayReport, ReplayRequest
from hardfin_pipelines.engine.replay_versions import RecordHistory, record_history
from hardfin_pipelines.engine.replaying import replay as replay_records
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.reading import read_organizations
from hardfin_pipelines.platform.connection_store import list_connections
from hardfin_pipelines.platform.database import DatabaseError, connect, reading
from hardfin_pipelines.platform.migrate import upgrade
from hardfin_pipelines.sync.comparison import WHOLE, Difference

_ORIGINS = {
    "replayed": "the replay gives another value",
    "edited": "edited in Hardfin since",
    "re-synced": "re-synced since",
}


def replay(
    org: Organization,
    *,
    into: Annotated[
        str,
        typer.Option(metavar="DATABASE_URL", help="Rebuild into this store, which must not know ORG; else compare."),
    ] = "",
    file: Annotated[
        Path | None, typer.Option(metavar="YAML", help="Replay with this document's rules and mapping.")
    ] = None,
    since: Annotated[str, typer.Option(metavar="DAY", help="Only what landed from this day on.")] = "",
    until: Annotated[str, typer.Option(metavar="DAY", help="Only what landed before this day.")] = "",
    record: Annotated[
        str, typer.Option(metavar="KIND:ID", help="List the landed versions of one record instead, such as deal:123.")
    ] = "",
    connection: Annotated[str, typer.Option(help="The connection, where the organization has several CRMs.")] = "",
    limit_shown: Annotated[int, typer.Option(min=0, help="Differences to show of each field.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Make an organization's entities anew from landed records and show how they differ from what Hardfin holds.

    Nothing is asked of the CRM, and nothing is written but what --into names.
    """
    deployment = open_product()
    require_organization(deployment, org)
    connection_id = _connection(deployment, org, connection)
    if record:
        if into or file or since or until:
            raise Refusal("--record lists the versions of one record: leave --into, --file, --since and --until out")
        _show_history(record_history(deployment, org, connection_id, record), as_json=as_json)
        return
    with plain_errors(ConfigurationError):
        request = ReplayRequest(
            org,
            connection_id,
            since=_day("--since", since),
            until=_day("--until", until),
            document=None if file is None else _document(file),
            examples=limit_shown,
            actor=actor(),
        )
        with _store(into) as target, console.status(f"replaying {escape(org)} ..."):
            report = deployment.run(replay_records(deployment, request, target))
    if as_json:
        print_json(_as_json(report))
    else:
        _show(report)


def _connection(deployment: Deployment, org: str, named: str) -> str:
    with reading(deployment.engine) as connection:
        ids = [row.connection_id for row in list_connections(connection, org) if row.integration in CRMS]
    wanted = named if ":" in named or not named else f"{org}:{named}"
    if wanted in ids:
        return wanted
    if not named and len(ids) == 1:
        return ids[0]
    if not ids:
        raise Refusal(f"{org} has no CRM connection: nothing of it has landed")
    asked = f"--connection {named}: {org} has no such CRM connection" if named else f"{org} has several CRM connections"
    raise Refusal(f"{asked}: give --connection with one of {', '.join(ids)}")


def _day(option: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(f"{option}: expected a day such as 2025-01-31, got {text!r}") from None


def _document(file: Path) -> OrganizationDocument:
    documents = read_organizations(file)
    if len(documents) != 1:
        raise Refusal(f"--file {file}: expected the document of one organization, got {len(documents)}")
    return documents[0]


@contextmanager
def _store(url: str) -> Iterator[Engine | None]:
    """The store to rebuild into, with all tables; None where none is named."""
    if not url:
        yield None
        return
    try:
        engine = connect(url)
        upgrade(engine)
    except DatabaseError as error:
        raise Refusal(f"--into: {error}") from None
    try:
        yield engine
    finally:
        engine.dispose()


def _show(report: ReplayReport) -> None:
    applied = report.applied
    verb = "rebuilt" if report.rebuilt else "compared"
    read = {f"{role.replace('_', ' ')} records": number for role, number in report.read.items()}
    made = {f"{entity.replace('_', ' ')}s": number for entity, number in report.entities.items()}
    print_blocks(
        [
            (
                f"{report.connection_id}: {verb} from landed records",
                {
                    "units replayed": report.units,
                    "units of re-syncs left out": report.resyncs,
                    **read,
                    "vendor calls": report.calls,
                },
            ),
            (
                "what they make",
                {**made, "deals that do not meet the trigger": applied.not_triggered},
            ),
        ]
    )
    if report.differences.total:
        rows = [
            (
                entity.replace("_", " "),
                field or "(all of it)",
                _ORIGINS[origin],
                number,
                "\n".join(map(_example, report.differences.shown.get((entity, field, origin), ()))),
            )
            for (entity, field, origin), number in report.differences.counts.most_common()
        ]
        title = f"{report.differences.total} difference(s) from what Hardfin holds"
        print_table(title, ["of a", "field", "because", "number", "Hardfin → replay"], rows)
    else:
        console.print("no difference from what Hardfin holds", markup=False, highlight=False)
    for line in report.lines:
        console.print(f"- {' '.join(line.split())}", markup=False, highlight=False, soft_wrap=True)
    if report.more_lines:
        console.print(f"- and {report.more_lines} more", markup=False, highlight=False)


def _example(difference: Difference) -> str:
    if difference.field == WHOLE:
        return f"{difference.id}: {'only in Hardfin' if difference.replayed is None else 'only in the replay'}"
    return f"{difference.id}: {_shown(difference.held)} → {_shown(difference.replayed)}"


def _shown(text: str | None) -> str:
    return "(empty)" if text is None else text


def _as_json(report: ReplayReport) -> dict[str, Any]:
    applied, differences = report.applied, report.differences
    return {
        "connection": report.connection_id,
        "rebuilt": report.rebuilt,
        "units": report.units,
        "resync_units_left_out": report.resyncs,
        "calls": report.calls,
        "read": dict(report.read),
        "deals": {
            "synced": applied.synced,
            "protected": applied.protected,
            "not_triggered": applied.not_triggered,
            "set_aside": applied.set_aside,
        },
        "entities": report.entities,
        "differences": {
            "total": differences.total,
            "by_field": [
                {
                    "entity": entity,
                    "field": field or None,
                    "origin": origin,
                    "number": number,
                    "shown": [
                        {"id": each.id, "title": each.title, "held": each.held, "replayed": each.replayed}
                        for each in differences.shown.get((entity, field, origin), ())
                    ],
                }
                for (entity, field, origin), number in differences.counts.most_common()
            ],
        },
        "lines": report.lines,
        "more_lines": report.more_lines,
    }


def _show_history(history: RecordHistory, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "record": f"{history.role}:{history.external_id}",
                "versions": [
                    {
                        "id": each.external_id,
                        "modified_at": each.modified_at,
                        "landed_at": each.landed_at,
                        "unit": each.unit_name,
                        "run_id": each.run_id,
                        "changed": {name: {"before": old, "after": new} for name, (old, new) in each.changed.items()},
                        "problem": each.problem,
                    }
                    for each in history.versions
                ],
                "problems": history.problems,
            }
        )
        return
    rows = [
        (
            f"{each.modified_at:%Y-%m-%d %H:%M:%S}",
            f"{each.landed_at:%Y-%m-%d %H:%M:%S}",
            each.unit_name,
            "\n".join(
                [
                    *(f"{name}: {_shown(old)} → {_shown(new)}" for name, (old, new) in each.changed.items()),
                    *([f"cannot be mapped: {each.problem}"] if each.problem else []),
                ]
            )
            or "nothing that is mapped",
        )
        for each in history.versions
    ]
    title = f"{history.role.replace('_', ' ')} {history.external_id}: {len(rows)} landed version(s)"
    print_table(title, ["modified at the CRM", "landed", "by unit", "changed"], rows)
    for problem in history.problems:
        print_error(problem)

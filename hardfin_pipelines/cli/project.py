"""`hardfin project`: the projects of an organization, where their values come from, and editing them."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import console, plain_errors, print_json, print_table
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.sync.field_edits import EditProblem, parse_edit

if TYPE_CHECKING:
    from hardfin_pipelines.engine.provenance import EntityProvenance, ProjectProvenance, SyncedRecord
    from hardfin_pipelines.sync.provenance import FieldEvent, FieldProvenance

app = typer.Typer(help="Projects: list them, see where each value comes from, edit them.", no_args_is_help=True)

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's id (prj_…), or its deal's id.")]
Connection = Annotated[str, typer.Option(help="The connection, where two CRMs know the deal's id.")]

_MOST = 1_000


@app.command("list")
def list_projects(
    org: Organization,
    *,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only with this in the project's or customer's name, or as an id.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List projects, the last changed first."""
    from hardfin_pipelines.platform import project_queries
    from hardfin_pipelines.platform.database import reading

    deployment = open_product()
    require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        found, total = project_queries.list_projects(connection, org, search=search.strip(), limit=limit)
    if as_json:
        projects = [
            {
                "project": each.id,
                "name": each.name,
                "customer": each.customer,
                "value": None if each.value is None else format(each.value, "f"),
                "currency": each.currency,
                "connection": each.connection_id,
                "deal": each.deal_id,
                "updated_at": each.updated_at,
            }
            for each in found
        ]
        print_json({"organization": org, "total": total, "projects": projects})
        return
    if not found:
        console.print(f"{org}: no project{' with that' if search else ' yet'}", markup=False, highlight=False)
        return
    rows = [(each.id, each.name, each.customer, _money(each.value, each.currency), each.deal_id) for each in found]
    columns = ["project", "name", "customer", "value", "deal"]
    print_table(f"{org}: {len(found)} of {total} project(s)", columns, rows, unbroken=["project", "deal"])


@app.command("show")
def show(org: Organization, project: Project, *, connection: Connection = "", as_json: AsJson = False) -> None:
    """Show a project, its customer and lines, and where every value comes from."""
    from hardfin_pipelines.engine.provenance import project_provenance

    deployment = open_product()
    require_organization(deployment, org)
    found = project_provenance(deployment, org, project, connection)
    if as_json:
        print_json(_as_json(found))
        return
    _show(found)


@app.command("edit")
def edit(
    org: Organization,
    project: Project,
    edits: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE...",
            help="value=130, customer.city=Springfield, line:LINE_ID.quantity=2, custom.dock=7; nothing after = "
            "empties a field.",
        ),
    ],
    *,
    connection: Connection = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Edit a project in Hardfin, as operations do. A re-sync knows the edit as one, and can keep it."""
    from hardfin_pipelines.engine.resync_targets import find_project_id
    from hardfin_pipelines.platform.audit import Cause
    from hardfin_pipelines.platform.database import writing
    from hardfin_pipelines.platform.project_edits import edit_project

    deployment = open_product()
    require_organization(deployment, org)
    with plain_errors(EditProblem):
        wanted = [parse_edit(each) for each in edits]
        with writing(deployment.engine) as store:
            project_id = find_project_id(store, org, project, connection)
            cause = Cause(actor(), reason, deployment.now())
            events = edit_project(store, org, project_id, wanted, cause)
    changes = [
        {"record": f"{event.entity_type} {event.entity_id}", "field": name, "before": before, "after": after}
        for event in events
        for name, (before, after) in event.changes.items()
    ]
    if as_json:
        print_json({"project": project_id, "changes": changes})
    elif changes:
        rows = [(each["record"], each["field"], each["before"], each["after"]) for each in changes]
        print_table(f"{org}: edited {project_id}", ["record", "field", "before", "now"], rows)
    else:
        console.print(f"{org}: {project_id} is as wanted already", markup=False, highlight=False)


def _show(found: "ProjectProvenance") -> None:
    first = found.first_sync
    if first is None:
        _say(f"{found.org}: project {found.project.id}, made in Hardfin")
    else:
        _say(
            f"{found.org}: project {found.project.id}, first synced {first['first_synced_at']:%Y-%m-%d %H:%M} UTC",
            f"by pipeline {first['pipeline_id']}, stage {first['stage_id']}, found by {first['trigger']}",
        )
    for each in found.resyncs:
        undone = f", undone by {each.undone_by}" if each.undone_at else ""
        why = f": {each.reason}" if each.reason else ""
        _say(f"re-synced {each.at:%Y-%m-%d %H:%M} UTC by {each.actor} ({each.resync_id}){undone}{why}")
    _show_entity(found.project)
    if found.customer is not None:
        _show_entity(found.customer)
    for line in found.lines:
        _show_entity(line)
    for item in found.items.values():
        _show_entity(item)


def _show_entity(entity: "EntityProvenance") -> None:
    removed = " (removed)" if entity.status == "removed" else ""
    _say("", f"{entity.entity.replace('_', ' ')} {entity.id}{removed}")
    for record in (entity.record, *entity.other_records):
        if record is not None:
            _say(f"  {'from' if record is entity.record else 'also'} {_of_record(record)}")
    if entity.note:
        _say(f"  {entity.note}")
    elif entity.record is None:
        _say("  from no record of a vendor")
    rows = [(each.field, each.value, _origin(each, entity.record)) for each in entity.fields]
    print_table("", ["field", "value", "where it comes from"], rows)


def _of_record(record: "SyncedRecord") -> str:
    version = f", modified {record.vendor_modified_at:%Y-%m-%d %H:%M:%S} UTC" if record.vendor_modified_at else ""
    revision = "" if record.revision is None else f", mapping of revision {record.revision}"
    return (
        f"{record.integration} {record.object} {record.external_id}{version}; synced "
        f"{record.synced_at:%Y-%m-%d %H:%M:%S} UTC by run {record.run_id}{revision}"
    )


def _origin(field: "FieldProvenance", record: "SyncedRecord | None") -> str:
    """Where a value comes from, in a sentence."""
    source = ""
    if field.source is not None and record is not None:
        source = f"{record.object}.{field.source.shown}" if field.source.properties else field.source.shown
        if field.source.default is not None:
            source += f" (or by default {field.source.default!r})"
    if field.state == "as synced":
        return source or "as synced"
    if field.state == "from a line item":
        return "the line item it was made for"
    done = "edited" if field.state == "edited in Hardfin" else "entered"
    who = "; ".join(_edit(each) for each in field.edits) or f"{done} in Hardfin, not audited"
    was = "" if field.synced is None else f"; {source or 'the CRM'} gave {field.synced!r}"
    return f"{who}{was}"


def _edit(event: "FieldEvent") -> str:
    before = "nothing" if event.before is None else repr(event.before)
    why = f" ({event.reason})" if event.reason else ""
    return f"{event.actor} {event.at:%Y-%m-%d %H:%M} UTC, was {before}{why}"


def _as_json(found: "ProjectProvenance") -> dict[str, Any]:
    first = found.first_sync
    names = (
        "connection_id",
        "object",
        "external_id",
        "pipeline_id",
        "stage_id",
        "trigger",
        "first_synced_at",
        "run_id",
    )
    return {
        "organization": found.org,
        "first_sync": None if first is None else {name: first[name] for name in names},
        "resyncs": [
            {
                "resync": each.resync_id,
                "at": each.at,
                "actor": each.actor,
                "reason": each.reason,
                "run_id": each.run_id,
                "undone_at": each.undone_at,
                "undone_by": each.undone_by,
            }
            for each in found.resyncs
        ],
        "project": _entity_json(found.project),
        "customer": None if found.customer is None else _entity_json(found.customer),
        "lines": [_entity_json(line) for line in found.lines],
        "items": [_entity_json(item) for item in found.items.values()],
    }


def _entity_json(entity: "EntityProvenance") -> dict[str, Any]:
    return {
        "entity": entity.entity,
        "id": entity.id,
        "status": entity.status or None,
        "note": entity.note or None,
        "record": entity.record,
        "other_records": entity.other_records,
        "fields": [
            {
                "field": each.field,
                "value": each.value,
                "state": each.state,
                "synced_value": each.synced,
                "source": None if each.source is None else each.source.shown,
                "properties": [] if each.source is None else each.source.properties,
                "default": None if each.source is None else each.source.default,
                "edits": each.edits,
            }
            for each in entity.fields
        ],
    }


def _money(value: object, currency: str | None) -> str:
    return "" if value is None else f"{value:f} {currency or ''}".strip()


def _say(*lines: str) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False)

"""`hardfin explain`: the timeline of a record, and why it stands as it does."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import errors, print_entries, print_json, say
from hardfin_pipelines.cli.work import AsJson, Organization
from hardfin_pipelines.engine.explaining import ExplainReport, ExplainRequest, explain_record
from hardfin_pipelines.sync.explanation_facts import Happening


def explain(
    org: Organization,
    integration: Annotated[str, typer.Argument(metavar="INTEGRATION", help="The kind of CRM, such as hubspot.")],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND", help="deal, company, line-item, product, or the CRM's own word, such as opportunity."
        ),
    ],
    record: Annotated[str, typer.Argument(metavar="ID", help="The record's id at the CRM.")],
    *,
    ask_crm: Annotated[
        bool, typer.Option("--ask-crm", help="Ask the CRM for the deal now, and say which rule would take it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what became of a record, when and why, or why nothing did."""
    deployment = open_product()
    require_organization(deployment, org)
    request = ExplainRequest(org, integration, kind, record, ask_crm=ask_crm)
    with errors.status(f"looking up {escape(kind)} {escape(record)} ..."):
        report = deployment.run(explain_record(deployment, request))
    if as_json:
        print_json({"reason": report.reason, **_as_json(report)})
        return
    say(*report.reason)
    if report.record.timeline:
        print_entries(
            "timeline (UTC)",
            [(f"{each.at:%Y-%m-%d %H:%M:%S}", _told(each)) for each in report.record.timeline],
        )


def _told(happening: Happening) -> str:
    run = f"run {happening.run_id}" if happening.run_id else ""
    return "\n".join(filter(None, (f"{happening.what}, by {happening.by}", happening.detail, run)))


def _as_json(report: ExplainReport) -> dict[str, object]:
    return {
        "record": asdict(report.record),
        "connection": asdict(report.connection),
        "crm_now": None if report.now is None else asdict(report.now),
    }

"""`hardfin preview` and `hardfin approve`: what a load would sync, field by field, and running exactly that."""

from collections import Counter
from collections.abc import Collection
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from hardfin_pipelines.cli.opening import dagster_instance, open_product, require_organization
from hardfin_pipelines.cli.output import (
    FAILED,
    console,
    errors,
    plain_errors,
    print_blocks,
    print_entries,
    print_error,
    print_json,
    print_table,
    say,
)
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine.approving import ApprovalReport
from hardfin_pipelines.engine.approving import approve as approve_plan
from hardfin_pipelines.engine.plan_files import PlanWriter, read_plan
from hardfin_pipelines.engine.previewing import PreviewCost, PreviewReport, PreviewRequest
from hardfin_pipelines.engine.previewing import preview as preview_sync
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.organizations.reading import read_organizations
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.preview import DealPlan
from hardfin_pipelines.sync.preview_totals import PreviewTotals

_LISTED = 20
"""Deals of which something else would become that are listed; the others are counted."""


def preview(
    org: Organization,
    *,
    since: Annotated[str, typer.Option(help="A load since this day, such as 2025-01-31, not the start date.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", metavar="CHANGED.yaml", help="As if this YAML were applied.")
    ] = None,
    limit_shown: Annotated[int, typer.Option("--limit-shown", min=0, help="How many deals to show in full.")] = 3,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="PLAN.json", help="Write every deal in full, to be approved.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a load would sync now, field by field, and what it will cost. Writes nothing to Hardfin."""
    deployment = open_product()
    require_organization(deployment, org)
    shown: list[DealPlan] = []
    with plain_errors(ConfigurationError), ExitStack() as stack:
        request = PreviewRequest(org, _day(since), None if file is None else _document(file, org))
        writer = None if out is None else stack.enter_context(PlanWriter(out))

        def take(plan: DealPlan) -> None:
            if plan.outcome == "synced" and len(shown) < limit_shown:
                shown.append(plan)
            if writer is not None:
                writer.take(plan)

        begin = None if writer is None else writer.begin
        with errors.status(f"looking at {escape(org)} ..."):
            report = deployment.run(preview_sync(deployment, request, begin=begin, take=take))
        if writer is not None:
            writer.finish(report.hash)
    if as_json:
        print_json(_as_json(report, shown, out))
    else:
        _show(report, shown, out)


def approve(
    org: Organization,
    plan: Annotated[Path, typer.Argument(metavar="PLAN.json", help="What `hardfin preview --out` wrote.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Run exactly the plan that was previewed; if anything moved since, nothing is written."""
    deployment = open_product()
    require_organization(deployment, org)
    with dagster_instance() as instance, errors.status(f"running the plan for {escape(org)} ..."):
        report = deployment.run(approve_plan(deployment, org, read_plan(plan), actor=actor()))
        from hardfin_pipelines.orchestration.approvals import show_approval

        show_approval(instance, deployment, org, report, actor())
    if as_json:
        print_json(_approval_as_json(org, report))
    else:
        _show_approval(org, report)
    if report.stale or report.interrupted:
        raise typer.Exit(FAILED)


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a day, in no zone
    except ValueError:
        raise Refusal(f"--since: expected a day such as 2025-01-31, got {text!r}") from None


def _document(file: Path, org: str) -> OrganizationDocument:
    documents = read_organizations(file)
    found = next((each for each in documents if each.configuration.organization == org), None)
    if found is None:
        names = ", ".join(each.configuration.organization for each in documents)
        raise Refusal(f"--file {file}: has no document of {org}; it has {names}")
    return found


def _as_json(report: PreviewReport, shown: list[DealPlan], out: Path | None) -> dict[str, Any]:
    totals, cost = report.totals, report.cost
    return {
        "plan": report.hash,
        "organization": report.header.org,
        "connection": report.header.connection_id,
        "window": report.header.window,
        "since": report.header.since,
        "remarks": report.remarks,
        "outcomes": totals.outcomes,
        "triggered_by": _pairs(totals.triggered_by, "pipeline", "stage"),
        "not_triggering": totals.not_triggering,
        "created": totals.created,
        "matched": _pairs(totals.matched, "entity", "by"),
        "shared_with_an_earlier_deal": totals.shared,
        "lacking": totals.notes,
        "set_aside": [{"deal": each.deal_id, "name": each.name, "reason": each.reason} for each in totals.set_aside],
        "cost": {
            "calls": cost.calls,
            "total": cost.total,
            "least": cost.least,
            "minutes": round(cost.minutes, 2),
            "account_calls_per_day": cost.per_day,
            "account_calls_left": cost.remaining,
            "share_of_day": cost.share_of_day,
        },
        "changes": [{"path": each.path, "old": each.old, "new": each.new} for each in report.changes],
        "outcomes_changed": [
            {"deal": each.deal_id, "name": each.name, "before": each.before, "after": each.after, "why": each.why}
            for each in report.outcomes_changed
        ],
        "deals": [plan.document() for plan in shown],
        "file": None if out is None else str(out),
    }


def _pairs(counts: Any, first: str, second: str) -> list[dict[str, Any]]:
    return [{first: pair[0], second: pair[1], "count": count} for pair, count in sorted(counts.items())]


def _show(report: PreviewReport, shown: list[DealPlan], out: Path | None) -> None:
    what = "what the next tick would sync" if report.header.window == "tick" else "what a load would sync"
    _say(f"{report.header.connection_id}: {what}, of deals modified since {report.header.since:%Y-%m-%d %H:%M} UTC")
    for remark in report.remarks:
        _say(f"note: {remark}")
    _show_changes(report)
    print_blocks(_blocks(report.totals, report.cost))
    if report.totals.set_aside:
        rows = [(each.deal_id, each.name, each.reason) for each in report.totals.set_aside]
        print_table(f"{len(rows)} deal(s) would be set aside", ["deal", "name", "reason"], rows, unbroken=["deal"])
    for plan in shown:
        _show_deal(plan, report.totals.shareable)
    others = report.totals.outcomes["synced"] - len(shown)
    if others > 0:
        where = f"are in {out}" if out is not None else "can be written with --out PLAN.json"
        _say(f"{others} more deal(s) that would sync {where}")
    _say(f"plan {report.hash}; nothing was written")
    if out is not None and report.header.window == "load":
        _say(f"run exactly this with: hardfin approve {report.header.org} {out}")


def _show_changes(report: PreviewReport) -> None:
    if report.changes:
        rows = [(change.path, change.old, change.new) for change in report.changes]
        print_table("the file would change", ["key", "before", "after"], rows)
    if report.outcomes_changed:
        listed = [
            (each.deal_id, each.name, each.before, each.after, each.why) for each in report.outcomes_changed[:_LISTED]
        ]
        title = f"something else would become of {len(report.outcomes_changed)} deal(s)"
        print_table(title, ["deal", "name", "now", "then", "why"], listed, unbroken=["deal"])


def _blocks(totals: PreviewTotals, cost: PreviewCost) -> list[tuple[str, dict[str, object]]]:
    blocks: list[tuple[str, dict[str, object]]] = [
        ("deals", {str(outcome): count for outcome, count in totals.outcomes.items()} or {"synced": 0})
    ]
    triggered = {
        f"stage {stage} of pipeline {pipeline}": count for (pipeline, stage), count in totals.triggered_by.items()
    }
    optional: list[tuple[str, dict[str, object]]] = [
        ("would sync because of", dict(triggered)),
        ("would not sync because", dict(totals.not_triggering)),
        ("would be created", dict(_counts(totals.created))),
        ("are there already", {f"{kind}, by {by}": count for (kind, by), count in totals.matched.items()}),
        ("are created with an earlier deal", dict(_counts(totals.shared))),
        ("deals that lack something", dict(totals.notes)),
    ]
    return [*blocks, *(block for block in optional if block[1]), ("it will cost", _cost(cost))]


def _cost(cost: PreviewCost) -> dict[str, object]:
    buckets = ", ".join(f"{number:,} {bucket}" for bucket, number in cost.calls.items())
    minutes = "less than a minute" if cost.minutes < 1 else f"{cost.minutes:.0f} min or more"
    shown: dict[str, object] = {"calls": f"{cost.total:,} ({buckets}); least possible {cost.least:,}", "time": minutes}
    if cost.per_day and cost.share_of_day is not None:
        shown["of the account's day"] = f"{cost.share_of_day:.1%} of {cost.per_day:,} calls ({cost.remaining:,} left)"
    else:
        shown["of the account's day"] = "the CRM does not tell how many calls that has"
    return shown


def _counts(counts: Counter[EntityType]) -> list[tuple[str, int]]:
    return [(kind.replace("_", " "), count) for kind, count in counts.items()]


def _show_deal(plan: DealPlan, created: Collection[str]) -> None:
    say(f"deal {plan.deal_id} '{plan.name}' becomes project {plan.project_id}: {plan.reason}")
    for entity in plan.entities:
        title = f"  {entity.entity.replace('_', ' ')} {entity.id}, created from {entity.record}"
        rows = [(f"  {name}", field.value, f"from {field.origin}") for name, field in entity.fields.items()]
        print_entries(title, rows)
    for match in plan.matches:
        there = "which an earlier deal creates" if match.id in created else "which is there"
        _say(f"  {match.record} is {match.entity} {match.id}, {there}, by {match.by}")
    for _, note in plan.notes:
        _say(f"  note: {note}")


def _approval_as_json(org: str, report: ApprovalReport) -> dict[str, Any]:
    return {
        "plan": report.hash,
        "organization": org,
        "run_id": report.run_id,
        "synced": report.applied.synced,
        "set_aside": report.applied.set_aside,
        "synced_by_an_earlier_run_of_it": report.done_before,
        "created": report.applied.created,
        "stale": report.stale,
        "applied_as_revision": report.revision,
        "vendor_calls": report.calls,
        "window_closed": report.window_closed,
        "interrupted": report.interrupted,
        "remarks": report.remarks,
    }


def _show_approval(org: str, report: ApprovalReport) -> None:
    if report.revision is not None:
        _say(f"{org}: the plan's document was applied as revision {report.revision}")
    before = f", {report.done_before} by an earlier run of it" if report.done_before else ""
    _say(f"{org}: plan {report.hash}: {report.applied.synced} deal(s) synced{before}, {report.calls} vendor call(s)")
    for reason in report.applied.reasons:
        _say(f"set aside: {reason}")
    for remark in report.remarks:
        _say(f"note: {remark}")
    if report.interrupted:
        print_error(f"{report.interrupted}. Approve the plan again to go on")
    if report.stale:
        print_error(
            f"the rest is stale and was not written: {'; '.join(report.stale)}. What is told above is committed"
        )


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)

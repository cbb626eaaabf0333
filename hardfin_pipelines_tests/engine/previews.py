"""Previewing and approving in one line each."""

from datetime import UTC, datetime, timedelta

from hardfin_pipelines.engine.approving import approve
from hardfin_pipelines.engine.plan_files import PlanWriter, read_plan
from hardfin_pipelines.engine.previewing import PreviewReport, PreviewRequest, preview
from hardfin_pipelines.organizations.reading import read_text
from hardfin_pipelines.platform.tables import call_counts, call_reservations, metadata
from hardfin_pipelines.sync.preview import DealPlan
from hardfin_pipelines_tests.engine.product import Organization

LAST_WEEK = datetime.now(UTC) - timedelta(days=7)
ALL_TABLES = [table for table in metadata.sorted_tables if table not in (call_counts, call_reservations)]


def looked_at(acme: Organization, **request) -> tuple[PreviewReport, dict[str, DealPlan]]:
    """A preview, and what becomes of each deal."""
    plans: dict[str, DealPlan] = {}
    report = acme.deployment.run(
        preview(
            acme.deployment,
            PreviewRequest(acme.org, **request),
            take=lambda plan: plans.__setitem__(plan.deal_id, plan),
        )
    )
    return report, plans


def written(acme: Organization, path, **request):
    """A preview kept in a file."""
    with PlanWriter(path) as writer:
        report = acme.deployment.run(
            preview(acme.deployment, PreviewRequest(acme.org, **request), begin=writer.begin, take=writer.take)
        )
        writer.finish(report.hash)
    return report


def run(acme: Organization, path):
    return acme.deployment.run(approve(acme.deployment, acme.org, read_plan(path), actor="cli:ann"))


def yaml(acme: Organization, *, stages="won", more=""):
    return read_text(
        f"organization: {acme.org}\nplan: advanced\nconnections:\n  - integration: hubspot\n"
        f"    start_date: {acme.start_date}\n    pipelines:\n      - pipeline: default\n"
        f"        trigger_stages: {stages}\n{more}"
    )[0]

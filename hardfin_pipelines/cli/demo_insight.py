"""The demo's steps that look instead of sync: a preview, an explanation, an edit that is kept, a replay."""

from collections import Counter
from pathlib import Path

from hardfin_pipelines.cli.sandbox_contract import CrmAccount, DealField
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.explaining import ExplainRequest, explain_record
from hardfin_pipelines.engine.previewing import PreviewRequest, preview
from hardfin_pipelines.engine.replay_report import ReplayRequest
from hardfin_pipelines.engine.replaying import replay
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.database import connect, writing
from hardfin_pipelines.platform.migrate import upgrade
from hardfin_pipelines.platform.organization_store import connection_id
from hardfin_pipelines.platform.project_edits import edit_project
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.field_edits import parse_edit

NAMES: dict[EntityType, str] = {
    "project": "projects",
    "customer": "customers",
    "project_line_item": "line items",
    "item": "items",
}
EDITED: DealField = "description"
"""A field that sales and operations both write in the demo."""


def preview_line(deployment: Deployment, org: str) -> str:
    """What an initial load would do, in one line; nothing is written."""
    report = deployment.run(preview(deployment, PreviewRequest(org)))
    created = report.totals.created
    made = ", ".join(f"{created.get(kind, 0)} {name}" for kind, name in NAMES.items())
    return (
        f"{org}: a preview says that {report.totals.outcomes['synced']} deals would sync and create {made}, for at "
        f"least {report.cost.least} vendor calls; nothing was written (plan {report.hash[:12]})"
    )


def edit_line(deployment: Deployment, org: str, project_id: str, value: str) -> str:
    """Operations fills in a field of a project."""
    cause = Cause("cli:demo", "shown by the demo", deployment.now())
    with writing(deployment.engine) as connection:
        edit_project(connection, org, project_id, [parse_edit(f"{EDITED}={value}")], cause)
    return f"{org}: operations wrote {value!r} into the project's {EDITED}"


def explain_lines(deployment: Deployment, account: CrmAccount, deal_id: str) -> tuple[str, ...]:
    """Why a deal stands as it does."""
    request = ExplainRequest(account.org, account.integration, "deal", deal_id)
    return deployment.run(explain_record(deployment, request)).reason


def replay_line(deployment: Deployment, account: CrmAccount, store: Path) -> str:
    """The organization rebuilt from landed records in a store of its own, beside what Hardfin holds."""
    engine = connect(f"sqlite:///{store}")
    try:
        upgrade(engine)
        request = ReplayRequest(account.org, connection_id(account.org, account.integration), actor="cli:demo")
        report = deployment.run(replay(deployment, request, engine))
    finally:
        engine.dispose()
    by_origin: Counter[str] = Counter()
    for (_entity, _field, origin), number in report.differences.counts.items():
        by_origin[origin] += number
    differences = ", ".join(f"{number} field(s) {origin} in Hardfin" for origin, number in sorted(by_origin.items()))
    return (
        f"{account.org}: a replay rebuilt {report.entities.get('project', 0)} projects from landed records in an empty "
        f"store with {report.calls} vendor calls; differences from Hardfin: {differences or 'none'}"
    )

"""Rule 6: which organizations need an initial load now, and of which months.

A connection that is enabled with a start date is loaded from then on; a pipeline or stage that is turned on later
brings the months back, for that stage alone. What lies after the last load belongs to ticks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.call_budget import require_allowance
from hardfin_pipelines.engine.crm_connection import CrmConnection, start_of
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import CRMS, prepare
from hardfin_pipelines.platform.connection_store import ConnectionRow, get_connection
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.load_windows import closed_windows, forget_stages
from hardfin_pipelines.platform.tables import connections, load_windows
from hardfin_pipelines.sync.initial_load import Span, by_pipeline, not_loaded, spans_to_load, stage_pairs


@dataclass(frozen=True, slots=True)
class LoadNeeded:
    """Months of one organization that are to be loaded, for one connection or several."""

    org: str
    spans: tuple[Span, ...]


def loads_needed(deployment: Deployment, months: Sequence[Span]) -> list[LoadNeeded]:
    """What is to be loaded now, over ALL organizations.

    Args:
        deployment: The deployment.
        months: All months up to now, in order.
    """
    with reading(deployment.engine) as connection:
        rows = connection.execute(
            select(connections.c.org, connections.c.connection_id)
            .where(
                connections.c.status == "active",
                connections.c.start_date.is_not(None),
                connections.c.integration.in_(CRMS),
            )
            .order_by(connections.c.org, connections.c.connection_id)
        ).all()
        candidates = [get_connection(connection, row.org, row.connection_id) for row in rows]
    found: dict[str, set[Span]] = {}
    for row in candidates:
        found.setdefault(row.org, set()).update(_spans_of(deployment, row, months))
    return [LoadNeeded(org, tuple(sorted(spans))) for org, spans in found.items() if spans]


def windows_left_open(deployment: Deployment) -> list[str]:
    """The windows of ALL organizations that were loaded and could not be closed, a line for each."""
    with reading(deployment.engine) as connection:
        rows = connection.execute(
            select(load_windows).where(load_windows.c.state == "open").order_by(load_windows.c.connection_id)
        ).all()
    return [
        f"{row.connection_id}: {row.window_start:%Y-%m-%d} to {row.window_end:%Y-%m-%d}: {row.counts['accounted']} of "
        f"{row.counts['at_the_vendor']} deals have an answer, tried last at {row.updated_at:%Y-%m-%d %H:%M} UTC"
        for row in rows
    ]


def stages_to_load(crm: CrmConnection, span: Span) -> dict[str, tuple[str, ...]]:
    """The trigger stages for which a span was not loaded yet, by pipeline."""
    wanted = stage_pairs(crm.trigger_stages())
    with reading(crm.engine) as connection:
        closed = closed_windows(connection, crm.row.org, crm.row.connection_id)
    return by_pipeline(not_loaded(span, wanted, closed))


def _spans_of(deployment: Deployment, row: ConnectionRow, months: Sequence[Span]) -> list[Span]:
    since, now = start_of(row), deployment.now()
    if row.failures and row.next_due_at is not None and row.next_due_at > now:
        return []  # it rests after a failure; loads would wake it
    try:
        require_allowance(deployment, row, "load")
        crm = prepare(deployment, row, now)
    except VendorError:
        return []  # the next poll says so and asks for a person; or the account's other integrations come first
    if since is None or crm is None:
        return []
    wanted = stage_pairs(crm.trigger_stages())
    with reading(deployment.engine) as connection:
        closed = closed_windows(connection, row.org, row.connection_id)
    # What was loaded for a rule that is held now stays loaded: released, it looks back by itself.
    kept = wanted | stage_pairs(crm.held_stages())
    if any(not kept.issuperset(window.stages) for window in closed):
        with writing(deployment.engine) as connection:
            forget_stages(connection, row.org, row.connection_id, kept)
            closed = closed_windows(connection, row.org, row.connection_id)
    return spans_to_load(months, since, wanted, closed)

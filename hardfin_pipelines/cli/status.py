"""`hardfin status`: how organizations and their connections are."""

from typing import Annotated

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import FAILED, console, print_blocks, print_json, print_table
from hardfin_pipelines.cli.work import AsJson
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.record_log import list_rejected
from hardfin_pipelines.platform.status import OrganizationState, all_states, organization_state

_SHOWN = 20


def status(
    org: Annotated[str, typer.Argument(metavar="[ORG]", help="The organization's slug; left out, all.")] = "",
    *,
    as_json: AsJson = False,
) -> None:
    """Show connections, their last visits, what waits and what is set aside. Exits with 1 where a person must act."""
    deployment = open_product()
    if org:
        require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        now = deployment.now()
        found = organization_state(connection, org, now) if org else None
        states = [found] if found else all_states(connection, now)
        aside = list_rejected(connection, org, limit=_SHOWN) if org else []
    if as_json:
        print_json([_as_json(state) for state in states])
    else:
        _show(states)
        if aside:
            rows = [(each.rejection.external_id, each.attempts, each.rejection.reason) for each in aside]
            print_table(f"{org}: set aside", ["deal", "attempts", "reason"], rows)
    if any(connection.status == "needs attention" for state in states for connection in state.connections):
        raise typer.Exit(FAILED)


def _show(states: list[OrganizationState]) -> None:
    if not states:
        console.print("no organizations yet: apply one with `hardfin org apply FILE`", markup=False)
        return
    print_blocks([(state.org, _lines(state)) for state in states])


def _lines(state: OrganizationState) -> dict[str, str]:
    lines = {}
    for each in state.connections:
        late = ", LATE" if each.late else ""
        visited = f"last visited {each.last_polled_at:%Y-%m-%d %H:%M} UTC" if each.last_polled_at else "not visited yet"
        cadence = each.cadence if each.cadence == "daily" else f"every {each.cadence}"
        lines[each.integration] = f"{each.status}, {cadence}, {visited}{late}"
        if each.reason:
            lines[f"{each.integration}: why"] = each.reason
        lines[f"{each.integration}: work"] = (
            f"{each.waiting} waiting, {each.in_progress} in progress, {each.rejected} set aside"
        )
    counts = [f"{number} {kind.replace('_', ' ')}s" for kind, number in state.entities.items() if number]
    lines["in Hardfin"] = ", ".join(counts) or "nothing yet"
    return lines


def _as_json(state: OrganizationState) -> dict[str, object]:
    return {
        "organization": state.org,
        "name": state.name,
        "plan": state.plan,
        "entities": dict(state.entities),
        "connections": [
            {
                "connection": each.connection_id,
                "integration": each.integration,
                "status": each.status,
                "reason": each.reason,
                "account": each.account_id,
                "cadence": each.cadence,
                "last_polled_at": each.last_polled_at,
                "last_synced_at": each.last_synced_at,
                "next_due_at": each.next_due_at,
                "late": each.late,
                "failures": each.failures,
                "failing_since": each.failing_since,
                "waiting": each.waiting,
                "in_progress": each.in_progress,
                "set_aside": each.rejected,
            }
            for each in state.connections
        ],
    }

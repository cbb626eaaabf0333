"""`hardfin set-aside`: the records that cannot be read or mapped, why, and another try."""

from typing import Annotated

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import console, print_json, print_table
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine.set_aside import ask_again
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.record_log import list_rejected

_COLUMNS = ["record", "reason", "tries", "since", "last tried"]


def set_aside(
    org: Organization,
    *,
    retry: Annotated[bool, typer.Option("--retry", help="Ask for all of them again at the next run.")] = False,
    record: Annotated[list[str] | None, typer.Option(help="With --retry: only this id; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the records that are set aside. They are tried again when they or the mapping change, and with time."""
    deployment = open_product()
    require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        held = list_rejected(connection, org)
    if retry:
        asked = ask_again(deployment, org, held, record or [], actor())
        if as_json:
            print_json({"org": org, "asked_for": asked})
            return
        console.print(f"{org}: {len(asked)} record(s) will be tried by the next run", markup=False, highlight=False)
        return
    if as_json:
        print_json(
            [
                {
                    "connection": each.connection_id,
                    "object": each.rejection.object,
                    "id": each.rejection.external_id,
                    "reason": each.rejection.reason,
                    "attempts": each.attempts,
                    "first_seen_at": each.first_seen_at,
                    "last_seen_at": each.last_seen_at,
                }
                for each in held
            ]
        )
        return
    rows = [
        (
            f"{each.connection_id} {each.rejection.object} {each.rejection.external_id}",
            each.rejection.reason,
            each.attempts,
            f"{each.first_seen_at:%Y-%m-%d %H:%M}",
            f"{each.last_seen_at:%Y-%m-%d %H:%M}",
        )
        for each in held
    ]
    print_table(f"{org}: {len(rows)} record(s) set aside", _COLUMNS, rows)

"""`hardfin set-aside`: the records that cannot be read or mapped, why, and another try."""

from datetime import datetime
from typing import Annotated

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import print_blocks, print_json, say
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.set_aside import ask_again
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.record_log import RejectedRecord, list_rejected


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
    if record and not retry:
        raise Refusal("--record names what is to be tried again: give --retry, too")
    with reading(deployment.engine) as connection:
        held = list_rejected(connection, org)
    if retry:
        asked = ask_again(deployment, org, held, record or [], actor())
        if as_json:
            print_json({"org": org, "asked_for": asked})
            return
        say(f"{org}: {len(asked)} record(s) will be tried by the next run")
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
                    "next_try_at": each.next_try_at,
                }
                for each in held
            ]
        )
        return
    say(f"{org}: {len(held) or 'no'} record(s) set aside")
    print_blocks(
        [(f"{each.connection_id} {each.rejection.object} {each.rejection.external_id}", _told(each)) for each in held]
    )


def _told(each: RejectedRecord) -> dict[str, object]:
    tries = "once" if each.attempts == 1 else f"{each.attempts} times"
    return {
        "why": each.rejection.reason,
        "since": _moment(each.first_seen_at),
        "tried": f"{tries}, last at {_moment(each.last_seen_at)}; next at the first visit after "
        f"{_moment(each.next_try_at)}, or when it changes",
    }


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

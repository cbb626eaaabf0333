"""The demo's initial loads: asked for by the sensor, carried out by Dagster's backfills, watched here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.progress import Progress, TaskID

from hardfin_pipelines.cli.dagster_api import DagsterApi, wait_until
from hardfin_pipelines.cli.output import console
from hardfin_pipelines.cli.sandbox_contract import CrmAccount
from hardfin_pipelines.engine.refusals import Refusal

_REQUEST_SECONDS = 90
_LOAD_SECONDS = 240
_BROKEN = frozenset({"FAILED", "COMPLETED_FAILED", "CANCELED"})


@dataclass(frozen=True, slots=True)
class InitialLoad:
    """An organization's initial load.

    Attributes:
        account: The organization's account.
        backfill_id: Dagster's id of the backfill.
    """

    account: CrmAccount
    backfill_id: str


def requested_loads(dagster: DagsterApi, accounts: Sequence[CrmAccount]) -> list[InitialLoad]:
    """Wait for the sensor to ask for the backfill of each account that was connected.

    Raises:
        Refusal: It does not within a minute and a half.
    """
    with console.status("waiting for the sensor that starts initial loads ..."):
        return [InitialLoad(account, _backfill_of(dagster, account.org)) for account in accounts]


def await_loads(dagster: DagsterApi, loads: Sequence[InitialLoad]) -> None:
    """Wait until all loads are done.

    Raises:
        Refusal: One of them failed, or they take longer than four minutes.
    """
    with Progress(console=console, transient=True) as progress:
        tasks = {
            load.backfill_id: progress.add_task(f"initial load of {load.account.org}", total=None) for load in loads
        }
        wait_until(lambda: _all_done(dagster, loads, progress, tasks), "the initial loads", _LOAD_SECONDS, pause=1)


def _backfill_of(dagster: DagsterApi, org: str) -> str:
    found: list[str] = []

    def there_is_one() -> bool:
        found.extend(dagster.backfills({"hardfin/org": org, "hardfin/trigger": "load"}))
        return bool(found)

    wait_until(there_is_one, f"the backfill of {org}", _REQUEST_SECONDS)
    return found[0]


def _all_done(
    dagster: DagsterApi, loads: Sequence[InitialLoad], progress: Progress, tasks: Mapping[str, TaskID]
) -> bool:
    done = True
    for load in loads:
        status, over, runs = dagster.backfill_status(load.backfill_id)
        if status in _BROKEN:
            raise Refusal(f"the initial load of {load.account.org} ended with {status}: see {dagster.url}")
        progress.update(tasks[load.backfill_id], completed=over, total=runs or None)
        done = done and status == "COMPLETED_SUCCESS"
    return done

"""A filled HubSpot sandbox in a process of its own, so that its work is not counted as ours.

`python -m benchmarks.sandbox_process SPEC` prints one JSON line with its address and credentials, then serves.
"""

import dataclasses
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.model import Deal
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.hubspot.load import load_data_set
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.server import SandboxServer

FIRST_HUB_ID = 4_200_001
_NAMED_DEALS = 200
_LINES_PER_DEAL = 4


@dataclass(frozen=True, slots=True)
class Filling:
    """What the sandbox holds: one filled portal, or many empty ones.

    Attributes:
        won_deals: Won deals of the first portal, with 4 lines and 0.6 companies each.
        open_deals: Open deals of the first portal.
        products: Rows of its price list.
        portals: Portals in all.
    """

    won_deals: int
    open_deals: int = 0
    products: int = 500
    portals: int = 1


@dataclass(frozen=True, slots=True)
class ServedSandbox:
    """Where the sandbox is, what signs in to it, and what it holds.

    Attributes:
        refresh_tokens: One for each portal.
        won: Ids of some won deals of the first portal.
        open: Ids of some open ones, in the first pipeline.
        since: No deal was modified before it.
    """

    url: str
    client_id: str
    client_secret: str
    refresh_tokens: Sequence[str]
    won: Sequence[str]
    open: Sequence[str]
    since: datetime

    def calls(self) -> Mapping[str, int]:
        """Vendor calls since the last reset, by rate bucket; those to the token endpoint have none."""
        return self._counts()["by_bucket"]

    def total_calls(self) -> int:
        """Vendor calls since the last reset, those to the token endpoint left out."""
        return sum(number for bucket, number in self.calls().items() if bucket != "none")

    def refused(self) -> int:
        """Answers with 429 since the last reset."""
        return self._counts()["by_status"].get("429", 0)

    def reset_calls(self) -> None:
        """Count from zero."""
        self._control("DELETE", "/calls")

    def set_latency(self, seconds: float) -> None:
        """How long every answer takes."""
        self._control("PUT", "/latency", {"ms": seconds * 1000})

    def enforce_limits(self, *, enforced: bool) -> None:
        """Refuse what is beyond HubSpot's limits, or let everything through."""
        self._control("PATCH", f"/portals/{FIRST_HUB_ID}/settings", {"limits_enabled": enforced})

    def win(self, deal: str) -> None:
        """Move a deal of the first portal into the won stage of its pipeline."""
        self._control("POST", f"/portals/{FIRST_HUB_ID}/deals/{deal}/move", {"stage": "closedwon"})

    def rename(self, deal: str, name: str) -> None:
        """Change a deal of the first portal."""
        path = f"/portals/{FIRST_HUB_ID}/objects/deals/{deal}"
        self._control("PATCH", path, {"properties": {"dealname": name}})

    def _counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = self._control("GET", "/calls")
        return counts

    def _control(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        answer = httpx.request(method, f"{self.url}/_sandbox{path}", json=body, timeout=60)
        return answer.raise_for_status().json()


@contextmanager
def sandbox_process(filling: Filling) -> Iterator[ServedSandbox]:
    """A sandbox for the length of a block. Its own rate limits are off."""
    command = [sys.executable, "-m", "benchmarks.sandbox_process", json.dumps(dataclasses.asdict(filling))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            answer = json.loads(process.stdout.readline())
            answer["since"] = datetime.fromisoformat(answer["since"])
            yield ServedSandbox(**answer)
        finally:
            process.kill()


def main(filling: Filling) -> None:
    """Fill portals and serve them until killed."""
    # Older than an hour: a search takes the stamps of such deals for places in its order.
    end = datetime.now(UTC) - timedelta(hours=2)
    start = end - timedelta(days=300)
    sandbox = HubSpotSandbox()
    portals = [sandbox.add_portal(FIRST_HUB_ID + number) for number in range(filling.portals)]
    for portal in portals:
        portal.settings.change({"limits_enabled": False})
    won, not_won = _fill(portals[0], filling, start, end)
    with SandboxServer(sandbox.app) as server:
        app = sandbox.tokens.app
        served = ServedSandbox(
            url=server.url,
            client_id=app.client_id,
            client_secret=app.client_secret,
            refresh_tokens=[portal.issue_refresh_token() for portal in portals],
            won=won,
            open=not_won,
            since=start,
        )
        print(json.dumps(dataclasses.asdict(served), default=datetime.isoformat), flush=True)
        threading.Event().wait()


def _fill(portal: Portal, filling: Filling, start: datetime, end: datetime) -> tuple[list[str], list[str]]:
    """Fill a portal; the ids of some won and of some open deals of its first pipeline."""
    if not filling.won_deals:
        return [], []
    data_set = robotics_rental(
        seed=7,
        won_deals=filling.won_deals,
        open_deals=filling.open_deals,
        products=filling.products,
        start=start,
        end=end,
    )
    ids = load_data_set(portal, data_set).deals
    pipeline = data_set.pipelines[0]
    stages = {stage.key: stage for stage in pipeline.stages}
    deals = [deal for deal in data_set.deals if deal.pipeline_key == pipeline.key]
    won = [ids[deal.key] for deal in deals if stages[deal.stage_key].won]
    not_closed = _of_the_usual_mix([deal for deal in deals if not stages[deal.stage_key].closed])
    return won[:_NAMED_DEALS], [ids[deal.key] for deal in not_closed][:_NAMED_DEALS]


def _of_the_usual_mix(deals: Sequence[Deal]) -> list[Deal]:
    """Those of some deals that have four lines on average, however few of them are taken from the beginning."""
    chosen: list[Deal] = []
    lines = 0
    for deal in deals:
        if lines + len(deal.line_items) <= _LINES_PER_DEAL * (len(chosen) + 1):
            chosen.append(deal)
            lines += len(deal.line_items)
    return chosen


if __name__ == "__main__":
    main(Filling(**json.loads(sys.argv[1])))

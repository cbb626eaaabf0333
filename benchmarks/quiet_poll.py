"""A tick over many connections at which nothing has changed."""

from collections.abc import Iterator

from sqlalchemy import update

from benchmarks.installation import installed
from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import Filling, sandbox_process
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.polling import poll_due
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections as connections_table

FULL, QUICK = 200, 50

_LATENCY_SECONDS = 0.25
_TWO_HUNDRED = 200


def measure(connections: int) -> Iterator[Measurement]:
    """Every organization has a portal of its own."""
    filling = Filling(won_deals=0, portals=connections)
    with sandbox_process(filling) as sandbox, installed(sandbox, orgs=connections) as installation:
        sandbox.set_latency(_LATENCY_SECONDS)
        with installation.opened() as deployment:
            _make_due(deployment)
            deployment.run(poll_due(deployment, "5m", run_id="first"))
            sandbox.reset_calls()
            _make_due(deployment)
            report = deployment.run(poll_due(deployment, "5m", run_id="quiet"))
        name = f"poll of {connections:,} quiet connections at 250 ms"
        asked = report.asked
        yield Measurement(f"{name}: connections asked", asked, "connections", connections, connections, better="more")
        yield Measurement(f"{name}: vendor calls", sandbox.total_calls(), "calls", connections, connections)
        at_once = deployment.settings.poll_concurrency
        least = -(-connections // at_once) * _LATENCY_SECONDS
        floor = 3 if connections == _TWO_HUNDRED else None
        yield Measurement(f"{name}: time", round(report.seconds, 2), "seconds", least, floor)


def _make_due(deployment: Deployment) -> None:
    """As if five minutes had passed: ticks of the same connections are spread over their cadence."""
    with writing(deployment.engine) as connection:
        connection.execute(update(connections_table).values(next_due_at=deployment.now()))

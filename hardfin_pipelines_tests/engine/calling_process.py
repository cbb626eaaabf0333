"""Calls of one connection in a process of its own, limited as in production: `python -m ... ORG SEARCHES READS LIMIT`.

LIMIT is how many association calls ten seconds take. Prints how many calls were made and how many HubSpot refused.
"""

import asyncio
import sys
from datetime import UTC, datetime

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.connection_store import get_connection
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.settings import load_settings

QUERY = TriggerQuery({"default": ("closedwon",)}, datetime(2025, 1, 1, tzinfo=UTC))


async def call(deployment: Deployment, org: str, searches: int, reads: int) -> tuple[int, int]:
    """Make so many calls of each kind at once, over two connectors."""
    with reading(deployment.engine) as connection:
        row = get_connection(connection, org, f"{org}:hubspot")
    connector = deployment.connector(row, purpose="tick")
    in_flight = asyncio.Semaphore(6)  # the two together as many as a load has

    async def search() -> None:
        await connector.first_page(QUERY, ())

    async def read() -> None:
        async with in_flight:
            await connector.references(["1"], ("company",))

    await asyncio.gather(*(search() for _ in range(searches)), *(read() for _ in range(reads)))
    await connector.aclose()
    sys.stderr.write(f"{connector.calls.throttled_by_bucket}\n")
    return connector.calls.total, connector.calls.throttled


def main(org: str, searches: int, reads: int, limit: int) -> None:
    """Call, and say what came of it."""
    deployment = Deployment.open(load_settings())
    deployment.vendors.hubspot.limits = HubSpotLimits(associations_per_ten_seconds=limit)
    made, refused = deployment.run(call(deployment, org, searches, reads))
    sys.stdout.write(f"{made} {refused}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))

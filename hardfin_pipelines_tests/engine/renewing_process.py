"""One call at a QuickBooks company in a process of its own, with a token that has ended: `python -m ... CONNECTION`.

Says "ready", waits for a line, and prints how often it renewed the token. With `--dies` it is killed when it has new
tokens and has not kept them yet.
"""

import os
import signal
import sys

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.stored_tokens import StoredTokens
from hardfin_pipelines.platform.connection_store import get_connection
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.settings import load_settings


async def ask(deployment: Deployment, connection_id: str) -> int:
    """Describe the company; how often the token was renewed for it."""
    with reading(deployment.engine) as connection:
        row = get_connection(connection, connection_id.partition(":")[0], connection_id)
    connector = deployment.erp_connector(row)
    await connector.describe()
    await connector.aclose()
    return connector.calls.token_refreshes


def main(connection_id: str, *, dies: bool) -> None:
    """Wait for the word, then ask."""
    if dies:
        StoredTokens.save = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[method-assign]
    deployment = Deployment.open(load_settings())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    sys.stdout.write(f"{deployment.run(ask(deployment, connection_id))}\n")


if __name__ == "__main__":
    main(sys.argv[1], dies="--dies" in sys.argv[2:])

"""One writer for a connection's rotating token, among all processes of a deployment."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Engine

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.leases import acquire_lease, release_lease

RENEWAL_TIME = timedelta(seconds=60)
"""How long a process that died while it renewed keeps the others waiting."""

_PATIENCE = timedelta(seconds=90)
_LOOK_AGAIN_SECONDS = 0.1


def renewal_lock(engine: Engine, row: ConnectionRow) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Makes a lock that all who may renew a connection's tokens share, by a lease in the store."""

    @asynccontextmanager
    async def held() -> AsyncIterator[None]:
        name, holder = f"token:{row.connection_id}", uuid4().hex
        give_up = datetime.now(UTC) + _PATIENCE
        while True:
            with writing(engine) as connection:
                lease = acquire_lease(connection, row.org, name, holder, now=datetime.now(UTC), ttl=RENEWAL_TIME)
            if lease is not None:
                break
            if datetime.now(UTC) > give_up:
                text = f"{row.connection_id}: another process has been renewing its tokens for {_PATIENCE.seconds} s"
                raise RetryLater(row.integration, text, delay=RENEWAL_TIME)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            with writing(engine) as connection:
                release_lease(connection, lease, now=datetime.now(UTC))

    return held

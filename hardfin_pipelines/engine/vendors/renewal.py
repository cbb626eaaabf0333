"""One writer for a connection's rotating token, among all processes of a deployment."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.leases import Lease, LeaseLost, acquire_lease, release_lease, renew_lease

RENEWAL_TIME = timedelta(seconds=60)
"""How long a process that died while it renewed keeps the others waiting."""

_PATIENCE = timedelta(seconds=90)
_LOOK_AGAIN_SECONDS = 0.1

_log = logging.getLogger(__name__)


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
        holding = asyncio.create_task(_keep(engine, lease))
        try:
            yield
        finally:
            holding.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await holding
            with writing(engine) as connection:
                release_lease(connection, lease, now=datetime.now(UTC))

    return held


async def _keep(engine: Engine, lease: Lease) -> None:
    """Hold the lease however long the vendor's token endpoint takes: a second renewal meanwhile could end the grant."""
    while True:
        await asyncio.sleep(RENEWAL_TIME.total_seconds() / 3)
        try:
            with writing(engine) as connection:
                renew_lease(connection, lease, now=datetime.now(UTC), ttl=RENEWAL_TIME)
        except LeaseLost:
            return
        except SQLAlchemyError as error:
            _log.warning("the lease of %s could not be renewed (%s); trying again", lease.name, type(error).__name__)

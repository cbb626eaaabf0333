"""Slots for requests under way, counted over all processes of a deployment by its database.

A slot is a lease with a time to live, which is renewed as long as the request is under way. A process that dies frees
its slots when they expire: soon, though the vendor may go on with its requests for a while. Held until the vendor is
surely done (NetSuite ends a query after 15 minutes), two dead requests would lock a small account out for as long; one
request too many is only refused, and waited for.

As with places (`call_places`), the database's clock decides on PostgreSQL, and slots are an account's, not an
organization's: the limit is.
"""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from random import SystemRandom
from uuid import uuid4

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.leases import Lease, LeaseLost, acquire_lease, release_lease, renew_lease
from hardfin_pipelines.platform.tables import leases
from hardfin_pipelines.sync.call_windows import NoPlace

TIME_TO_LIVE = timedelta(seconds=60)
"""How long the slot of a process that died stays taken."""

LONGEST_WAIT_SECONDS = 300.0
"""Whoever waits longer for a slot comes back later."""

_NO_ORGANIZATION = ""
_RENEWALS = 3
"""In one time to live."""
_LOOK_SECONDS = 0.01
_LOOKS_SECONDS = (0.02, 0.25)
"""Between two looks into the database: at first, and at most; each look that finds no slot doubles it."""
_STORE_DELAY_SECONDS = 60.0

_CHANCE = SystemRandom()
_log = logging.getLogger(__name__)


class StoredSlots:
    """Slots for all processes of a deployment. May be used from several event loops and threads."""

    def __init__(self, engine: Engine, *, time_to_live: timedelta = TIME_TO_LIVE) -> None:
        """Opens nothing until the first slot is asked for."""
        self._engine = engine
        self._time_to_live = time_to_live
        self._process = uuid4().hex
        self._numbers = count(1)
        self._under_way: Counter[str] = Counter()
        self._guard = threading.Lock()

    @asynccontextmanager
    async def held(self, account: str, most: int) -> AsyncIterator[None]:
        """Waits until fewer than `most` requests to an account are under way, and counts one more while it is held.

        Who waits in one process goes in turn; between processes chance decides.

        Raises:
            NoPlace: None was free for five minutes, or the store cannot be reached; the call must not go out.
        """
        async with self._held_here(account, most):  # so that no more of us ask the database than can have one
            lease = await self._taken([f"slot {account} {number}" for number in range(most)])
            renewing = asyncio.create_task(self._renewed(lease))
            try:
                yield
            finally:
                renewing.cancel()
                await asyncio.shield(asyncio.to_thread(self._give_back, lease))

    @asynccontextmanager
    async def _held_here(self, account: str, most: int) -> AsyncIterator[None]:
        while not self._counted(account, most):  # noqa: ASYNC110  # an asyncio.Event belongs to one loop
            await asyncio.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            with self._guard:
                self._under_way[account] -= 1

    def _counted(self, account: str, most: int) -> bool:
        with self._guard:
            free = self._under_way[account] < most
            self._under_way[account] += free
            return free

    async def _taken(self, names: Sequence[str]) -> Lease:
        """One of some slots, as soon as one is free."""
        began, (pause, longest), looks = time.monotonic(), _LOOKS_SECONDS, False
        while True:
            taking = asyncio.ensure_future(asyncio.to_thread(self._take, names, look_first=looks))
            try:
                lease = await asyncio.shield(taking)
            except asyncio.CancelledError:
                taking.add_done_callback(self._drop)
                raise
            if lease is not None:
                return lease
            if time.monotonic() - began > LONGEST_WAIT_SECONDS:
                text = f"{len(names)} requests at once, as many as we may, were under way for 5 minutes"
                raise NoPlace(text, _STORE_DELAY_SECONDS)
            await asyncio.sleep(_CHANCE.uniform(pause / 2, pause))
            pause, looks = min(2 * pause, longest), True

    def _take(self, names: Sequence[str], *, look_first: bool) -> Lease | None:
        """One of some slots; None where none is free. Who looks first keeps no writer waiting for nothing."""
        holder = f"{self._process} {next(self._numbers)}"
        try:
            if look_first:
                names = self._free(names)
            if not names:
                return None
            with writing(self._engine) as connection:
                now = _now(connection)
                taken = (
                    acquire_lease(connection, _NO_ORGANIZATION, name, holder, now=now, ttl=self._time_to_live)
                    for name in names
                )
                return next((lease for lease in taken if lease is not None), None)
        except SQLAlchemyError as error:
            kind = type(error).__name__
        text = f"Hardfin's database does not let requests be counted ({kind}): see that it runs and can be written to"
        raise NoPlace(text, _STORE_DELAY_SECONDS)

    def _free(self, names: Sequence[str]) -> list[str]:
        with reading(self._engine) as connection:
            held = connection.execute(
                select(leases.c.name).where(
                    leases.c.org == _NO_ORGANIZATION, leases.c.name.in_(names), leases.c.expires_at > _now(connection)
                )
            ).scalars()
            taken = set(held)
        return [name for name in names if name not in taken]

    async def _renewed(self, lease: Lease) -> None:
        """Renews a slot until it is cancelled."""
        while True:
            await asyncio.sleep(self._time_to_live.total_seconds() / _RENEWALS)
            try:
                await asyncio.to_thread(self._renew, lease)
            except LeaseLost:
                _log.warning("%s: not renewed in time; another request may be under way beside ours", lease.name)
                return
            except SQLAlchemyError as error:
                _log.warning("%s: could not be renewed now (%s)", lease.name, type(error).__name__)

    def _renew(self, lease: Lease) -> None:
        with writing(self._engine) as connection:
            renew_lease(connection, lease, now=_now(connection), ttl=self._time_to_live)

    def _give_back(self, lease: Lease) -> None:
        try:
            with writing(self._engine) as connection:
                release_lease(connection, lease, now=_now(connection))
        except SQLAlchemyError as error:
            _log.warning("%s: stays taken until it expires (%s)", lease.name, type(error).__name__)

    def _drop(self, taking: "asyncio.Future[Lease | None]") -> None:
        """Give back what was taken for somebody who does not wait any more."""
        if not taking.cancelled() and taking.exception() is None and (lease := taking.result()) is not None:
            threading.Thread(target=self._give_back, args=(lease,)).start()


def _now(connection: Connection) -> datetime:
    if connection.dialect.name == "postgresql":
        found: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return found.astimezone(UTC)
    return datetime.now(UTC)

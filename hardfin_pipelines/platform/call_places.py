"""Places in the vendors' rate windows, given out to all processes of a deployment by its database.

What waits in one process goes together: those who ask in one turn of the event loop, and those who come within 20 ms
of the last transaction or while one is under way (in a thread), get their places, over all accounts, in one. A process
takes no more places than it has callers waiting; killed, it wastes those.

The database's clock decides on PostgreSQL, where processes may run on several machines; on SQLite it is the machine's,
which all processes of such a deployment share. A transaction is short (read the windows' entries, add some, remove old
ones) and waits for nothing while it is open, so that it can wait for other writers and never deadlock with them.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil

from sqlalchemy import BigInteger, Connection, Engine, bindparam, cast, delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from hardfin_pipelines.platform.database import take_turns, writing
from hardfin_pipelines.platform.tables import call_reservations
from hardfin_pipelines.platform.upsert import Insert, upsert
from hardfin_pipelines.sync.call_windows import (
    CallWindow,
    Entry,
    NoPlace,
    Place,
    booked,
    matters_until,
    pause_end,
    paused_until,
    queue_too_long,
)

_log = logging.getLogger(__name__)

# Any number does that no other turn in this database is taken by.
_RESERVING = 7_206_011_351

_MANY_OLD = 20
"""Old entries are removed once a transaction comes across so many: each removal is one more statement."""

_REST_SECONDS = 0.02
"""Between two transactions of a process: one that asks often takes places for many callers at once."""

_STORE_DELAY_SECONDS = 60.0


@dataclass(slots=True)
class _Asked:
    """One caller that waits: for a place, or for a pause to be written down."""

    window: CallWindow
    pause_seconds: float | None = None
    place: Place | None = None
    answer: Future[Place] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The present moment on two clocks: the database's, and this process's that never goes back."""

    ms: int
    monotonic: float

    def on_our_clock(self, at_ms: int) -> float:
        return self.monotonic + (at_ms - self.ms) / 1000


class StoredPlaces:
    """Places for all processes of a deployment. May be used from several event loops and threads.

    Attributes:
        transactions: How many there were so far.
    """

    def __init__(self, engine: Engine) -> None:
        """Opens nothing until the first place is asked for."""
        self.transactions = 0
        self._engine = engine
        self._lock = threading.Lock()
        self._waiting: list[_Asked] = []
        self._working = False
        self._rests_until = 0.0
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="call-places")

    async def reserve(self, window: CallWindow) -> Place:
        """The next place in a window, on the scale of `time.monotonic`.

        Raises:
            NoPlace: The queue is longer than five minutes, or the store cannot be reached; the call must not go out.
        """
        return await self._ask(_Asked(window))

    async def pause(self, window: CallWindow, seconds: float) -> None:
        """Give out no place in a window, to any process, before so many seconds from now.

        Raises:
            NoPlace: The store cannot be reached.
        """
        await self._ask(_Asked(window, seconds))

    async def _ask(self, asked: _Asked) -> Place:
        with self._lock:
            self._waiting.append(asked)
        # Not at once: whoever else asks in this turn of the event loop goes along.
        asyncio.get_running_loop().call_soon(self._begin)
        return await asyncio.wrap_future(asked.answer)

    def _begin(self) -> None:
        with self._lock:
            if self._working or not self._waiting:
                return
            self._working = True
        self._worker.submit(self._work)

    def _work(self) -> None:
        """Answer everyone who waits, in as many transactions as it takes until nobody does."""
        while True:
            time.sleep(max(self._rests_until - time.monotonic(), 0.0))
            with self._lock:
                batch, self._waiting = self._waiting, []
                if not batch:
                    self._working = False
                    return
            self._answer([asked for asked in batch if asked.answer.set_running_or_notify_cancel()])

    def _answer(self, batch: Sequence[_Asked]) -> None:
        if not batch:
            return
        failure: Exception | None = None
        try:
            with writing(self._engine) as connection:
                _take(connection, batch)
            self.transactions += 1
            self._rests_until = time.monotonic() + _REST_SECONDS
        except SQLAlchemyError as error:
            kind = type(error).__name__
            text = f"Hardfin's database does not let it be counted ({kind}): see that it runs and can be written to"
            failure = NoPlace(text, _STORE_DELAY_SECONDS)
        except Exception as error:  # noqa: BLE001  # a fault of ours: those who wait must hear of it
            failure = error
        for asked in batch:
            if failure is not None:
                asked.answer.set_exception(failure)
            elif asked.place is None:
                asked.answer.set_exception(queue_too_long(asked.window))
            else:
                asked.answer.set_result(asked.place)


def taken_now(connection: Connection, windows: Sequence[CallWindow]) -> dict[str, int]:
    """How many places of each window are taken at this moment, by the window's key."""
    now_ms = _now_ms(connection)
    entries, _ = _entries(connection, [window.key for window in windows], now_ms)
    return {
        window.key: sum(
            entry.places for entry in entries.get(window.key, ()) if now_ms - window.span_ms < entry.at_ms <= now_ms
        )
        for window in windows
    }


def _take(connection: Connection, batch: Sequence[_Asked]) -> None:
    """Take the next places for everyone in a batch who can have one."""
    take_turns(connection, _RESERVING)
    # Our clock is read after the database's told its time: nobody goes out too early.
    moment = _Moment(_now_ms(connection), time.monotonic())
    by_window: dict[str, list[_Asked]] = {}
    for asked in batch:
        by_window.setdefault(asked.window.key, []).append(asked)
    entries, old = _entries(connection, by_window, moment.ms)
    rows: dict[tuple[str, int], dict[str, object]] = {}
    for key, callers in by_window.items():
        window = min((asked.window for asked in callers), key=lambda window: window.limit)
        for entry in _give(callers, window, entries.get(key, []), moment):
            row = {"rate_window": key, "at_ms": entry.at_ms, "places": 0, "until_ms": 0}
            row = rows.setdefault((key, entry.at_ms), row)
            row["places"] += entry.places  # type: ignore[operator]  # the numbers of a row
            row["until_ms"] = max(row["until_ms"], matters_until(window, entry))  # type: ignore[call-overload]
    connection.execute(upsert(connection, call_reservations, _add), list(rows.values()))
    if old >= _MANY_OLD:
        connection.execute(delete(call_reservations).where(call_reservations.c.until_ms <= moment.ms))


def _give(callers: Sequence[_Asked], window: CallWindow, known: list[Entry], moment: _Moment) -> list[Entry]:
    """Give one window's callers their places and pauses; the entries to write for them."""
    calling = [asked for asked in callers if asked.pause_seconds is None]
    longest = max((asked.pause_seconds for asked in callers if asked.pause_seconds is not None), default=None)
    ends = [] if longest is None else [pause_end(known, moment.ms, longest)]
    known = [*known, *ends]
    until = moment.on_our_clock(paused_until(known, moment.ms))
    moments = booked(known, window, moment.ms, len(calling))
    for asked, at_ms in zip(calling, moments, strict=False):  # the last ones have none where the queue is too long
        asked.place = Place(moment.on_our_clock(at_ms), until)
    for asked in callers:
        if asked.pause_seconds is not None:
            asked.place = Place(moment.monotonic, until)
    return [*ends, *(Entry(at_ms, 1) for at_ms in moments)]


_RECENT = select(
    call_reservations.c.rate_window, call_reservations.c.at_ms, call_reservations.c.places, call_reservations.c.until_ms
).where(call_reservations.c.rate_window.in_(bindparam("windows", expanding=True)))


def _entries(connection: Connection, keys: Iterable[str], now_ms: int) -> tuple[dict[str, list[Entry]], int]:
    """The entries of some windows that still matter, and how many there are that do not."""
    found: dict[str, list[Entry]] = {}
    old = 0
    for key, at_ms, places, until_ms in connection.execute(_RECENT, {"windows": list(keys)}):
        if until_ms <= now_ms:
            old += 1
        else:
            found.setdefault(key, []).append(Entry(at_ms, places))
    return found, old


def _add(insert: Insert) -> dict[str, object]:
    return {
        "places": call_reservations.c.places + insert.excluded.places,
        "until_ms": insert.excluded.until_ms,
    }


def _now_ms(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        milliseconds = func.extract("epoch", func.clock_timestamp()) * 1000
        return int(connection.execute(select(cast(func.ceil(milliseconds), BigInteger))).scalar_one())
    return ceil(time.time() * 1000)

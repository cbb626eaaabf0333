"""The database of the platform store: SQLite by default, PostgreSQL when a URL says so.

Both behave alike: `writing` gives a transaction that is all or nothing, `reading` a snapshot in which nothing can be
written. On SQLite a write transaction takes the write lock at once (BEGIN IMMEDIATE): one that read first and asked
for the lock later would be refused, without waiting, whenever another process wrote in between.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError, DBAPIError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

BUSY_TIMEOUT_SECONDS = 30
"""How long a SQLite writer waits for another one to finish."""

CONNECT_TIMEOUT_SECONDS = 10
"""How long to wait for a PostgreSQL server to answer."""

_POSTGRESQL_DRIVERS = frozenset({"postgres", "postgresql", "postgresql+psycopg2"})
_SQLITE_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite"})
_READS_ONLY = "hardfin_reads_only"
_LINE = "hardfin_line"
_WRITER_CACHE_KIBIBYTES = 64_000
"""Of SQLite's pages: a batch of rows touches thousands, all over the indexes, and one that is not here is read anew."""
_STATEMENTS_KEPT = 40
"""By SQLite's driver: one with thousands of keys takes a quarter of a megabyte, and hardly two are of one length."""
_EXPECTED = "expected sqlite:///path/to/file.db or postgresql://user:password@host:5432/name"


class DatabaseError(Exception):
    """The database cannot be used as it is; the message is one line that says what to do. It never holds a password."""


def normalized_url(url: str) -> URL:
    """A database URL with the driver that is installed.

    SQLAlchemy 2.1 takes bare `postgresql://` to mean psycopg 3, while dagster-postgres and this product install
    psycopg2. Relative SQLite paths are made absolute, so that a process may change its folder.

    Raises:
        DatabaseError: It is not a URL of a SQLite file or a PostgreSQL database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        # The text is not repeated: a mistyped URL may still hold a password.
        raise DatabaseError(f"the database URL cannot be read: {_EXPECTED}") from None
    if parsed.drivername in _POSTGRESQL_DRIVERS:
        return parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername not in _SQLITE_DRIVERS:
        raise DatabaseError(f"the database URL names {parsed.drivername!r}, which is not supported: {_EXPECTED}")
    if parsed.database in (None, "", ":memory:") or "mode" in parsed.query:
        raise DatabaseError(f"the database URL must name a SQLite file that several processes can share: {_EXPECTED}")
    return parsed.set(drivername="sqlite+pysqlite", database=str(Path(str(parsed.database)).expanduser().absolute()))


def connect(url: str) -> Engine:
    """An engine for the store, after one connection has proved that the database can be reached.

    JSON columns are written by orjson: a Decimal in one is refused rather than rounded, so money goes in as text.
    Statements with many rows are sent in batches on PostgreSQL, where the `rowcount` of such an UPDATE is not known.

    Args:
        url: `sqlite:///path` (the file is made where it is missing) or `postgresql://user:password@host/name`.

    Raises:
        DatabaseError: The URL is not of that kind, or the database cannot be reached.
    """
    parsed = normalized_url(url)
    engine = _postgresql_engine(parsed) if parsed.get_backend_name() == "postgresql" else _sqlite_engine(parsed)
    try:
        with engine.connect():
            pass
    except DBAPIError as error:
        engine.dispose()
        raise DatabaseError(_cannot_open(parsed, error)) from None
    return engine


class _Line:
    """Where the writers of a process line up: a lock handed over in the order it was asked for, and one connection.

    They share a connection because SQLite drops a connection's cached pages whenever another one wrote.
    """

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._connection: Connection | None = None

    def connection(self, engine: Engine) -> Connection:
        """The writers' connection, for whoever is first in the line."""
        if self._connection is None or self._connection.closed or self._connection.invalidated:
            self._connection = engine.connect()
            self._connection.detach()  # it is not the pool's any more: closing it closes the file
            self._connection.connection.cursor().execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIBIBYTES}")
        return self._connection

    def close(self) -> None:
        """Close the connection; the next writer opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> None:
        turn = threading.Lock()
        turn.acquire()
        with self._mutex:
            self._waiting.append(turn)
            if len(self._waiting) == 1:
                turn.release()
        try:
            turn.acquire()
        except BaseException:  # Ctrl-C while it waits
            self._leave(turn)
            raise

    def __exit__(self, *_error: object) -> None:
        self._leave(self._waiting[0])

    def _leave(self, turn: threading.Lock) -> None:
        with self._mutex:
            was_first = self._waiting[0] is turn
            self._waiting.remove(turn)
            if was_first and self._waiting:
                self._waiting[0].release()


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction: committed when the block ends, rolled back when it raises.

    SQLite lets whoever asks at the right moment write next, and those who wait ask ten times a second. So the threads
    of a process line up before they ask: one that writes much does not keep out another that writes a row.
    """
    line: _Line | None = engine.get_execution_options().get(_LINE)
    if line is None:
        with engine.begin() as connection:
            yield connection
        return
    with line:
        connection = line.connection(engine)
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A snapshot of the store: all queries see the same moment, and a statement that writes is refused."""
    options: dict[str, Any] = {_READS_ONLY: True}
    if engine.dialect.name == "postgresql":
        options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection:
        yield connection.execution_options(**options)


def take_turns(connection: Connection, number: int) -> None:
    """Wait until no other transaction that takes the same turn is open; it is ours until this one ends.

    Args:
        connection: A write transaction. On SQLite that keeps every other writer out by itself.
        number: What the turn is for: any number that nothing else in the database uses.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(number)))


def _postgresql_engine(url: URL) -> Engine:
    return create_engine(
        url,
        # Many processes (daemon, code server, runs, console) share one server: each keeps few connections.
        pool_size=2,
        max_overflow=8,
        pool_pre_ping=True,
        executemany_mode="values_plus_batch",
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "hardfin-pipelines"},
        **_common_options(),
    )


def _sqlite_engine(url: URL) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(f"cannot make the folder {folder} for the database: {error.strerror}") from None
    # isolation_level None: the driver begins no transactions of its own, `_begin_sqlite` does.
    engine = create_engine(
        url,
        connect_args={
            "timeout": BUSY_TIMEOUT_SECONDS,
            "isolation_level": None,
            "cached_statements": _STATEMENTS_KEPT,
        },
        **_common_options(),
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    line = _Line()
    event.listen(engine, "engine_disposed", lambda _engine: line.close())
    engine.update_execution_options(**{_LINE: line})
    return engine


def _common_options() -> dict[str, Any]:
    # Statement values (sealed secrets, vendors' data) stay out of error messages.
    return {"json_serializer": _to_json, "json_deserializer": orjson.loads, "hide_parameters": True}


def _to_json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    cursor = dbapi_connection.cursor()
    try:
        _turn_on_write_ahead_log(cursor)
        cursor.execute("PRAGMA synchronous = NORMAL")
        # A batch of rows touches thousands of pages of the indexes: carried over less often, they are fewer.
        cursor.execute("PRAGMA wal_autocheckpoint = 40000")
        cursor.execute("PRAGMA foreign_keys = ON")
    finally:
        cursor.close()


def _is_locked(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


# Of several processes that open a new file at once, SQLite refuses this to all but one, without its usual waiting.
@retry(
    retry=retry_if_exception(_is_locked),
    stop=stop_after_delay(BUSY_TIMEOUT_SECONDS),
    wait=wait_random(0.005, 0.05),
    reraise=True,
)
def _turn_on_write_ahead_log(cursor: sqlite3.Cursor) -> None:
    cursor.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READS_ONLY, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if reads_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _cannot_open(url: URL, error: DBAPIError) -> str:
    reason = " ".join(str(error.orig).split())
    if url.password:
        reason = reason.replace(str(url.password), "***")
    shown = url.render_as_string(hide_password=True)
    return f"cannot open the database {shown}: {reason}. Check that it exists, runs and accepts this user"

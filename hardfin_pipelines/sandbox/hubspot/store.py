"""The database of one portal: records, associations, what search has seen of them, and value history.

Each record is kept twice where it must be: as it is (lists, reads) and as the search index last saw it (search). While
the two agree, `indexed_properties` is null.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

_METADATA = sa.MetaData()
RECORDS = sa.Table(
    "records",
    _METADATA,
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("created_ms", sa.Integer, nullable=False),
    sa.Column("modified_ms", sa.Integer, nullable=False),
    sa.Column("archived_ms", sa.Integer),
    sa.Column("merged_into", sa.Integer),
    sa.Column("properties", sa.Text, nullable=False),
    sa.Column("indexed", sa.Integer, nullable=False),
    sa.Column("indexed_ms", sa.Integer, nullable=False),
    sa.Column("indexed_pipeline", sa.Text),
    sa.Column("indexed_stage", sa.Text),
    sa.Column("indexed_properties", sa.Text),
    sqlite_with_rowid=False,
)
sa.Index(
    "by_modified",
    RECORDS.c.type,
    RECORDS.c.indexed,
    RECORDS.c.indexed_ms,
    RECORDS.c.id,
    RECORDS.c.indexed_pipeline,
    RECORDS.c.indexed_stage,
)
sa.Index(
    "by_created",
    RECORDS.c.type,
    RECORDS.c.indexed,
    RECORDS.c.created_ms,
    RECORDS.c.id,
    RECORDS.c.indexed_pipeline,
    RECORDS.c.indexed_stage,
)
sa.Index("by_archived", RECORDS.c.type, RECORDS.c.archived_ms, sqlite_where=RECORDS.c.archived_ms.is_not(None))
sa.Index("lingering", RECORDS.c.archived_ms, sqlite_where=RECORDS.c.archived_ms.is_not(None) & (RECORDS.c.indexed == 1))
PENDING_INDEX = sa.Table(
    "pending_index",
    _METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("id", sa.Integer, nullable=False),
    sa.Column("visible_at_ms", sa.Integer, nullable=False, index=True),
    sa.Column("modified_ms", sa.Integer, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),
)
ASSOCIATIONS = sa.Table(
    "associations",
    _METADATA,
    sa.Column("from_type", sa.Text, primary_key=True),
    sa.Column("to_type", sa.Text, primary_key=True),
    sa.Column("from_id", sa.Integer, primary_key=True),
    sa.Column("to_id", sa.Integer, primary_key=True),
    sa.Column("type_id", sa.Integer, primary_key=True),
    sqlite_with_rowid=False,
)
HISTORY = sa.Table(
    "history",
    _METADATA,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("id", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("at_ms", sa.Integer, nullable=False),
    sa.Column("value", sa.Text),
    sa.Index("history_of_record", "type", "id", "name"),
)
DOCUMENTS = sa.Table(
    "documents",
    _METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
)

_WORDS = re.compile(r"\w+")


def has_token(text: str | None, pattern: str) -> int:
    """1 where a word of `text` fits `pattern` (`*` stands for any letters, case is ignored), else 0.

    A pattern of several words, such as a domain or a name, must be found as a run of words.
    """
    if not text:
        return 0
    words = "".join(f" {word} " for word in _WORDS.findall(text.lower()))
    wanted = [
        r"\w*".join(re.escape(bit) for bit in part.split("*")) for part in re.split(r"[^\w*]+", pattern.lower()) if part
    ]
    return int(bool(wanted) and re.search("".join(f" {part} " for part in wanted), words) is not None)


def ids_in(ids: Iterable[int]) -> sa.ScalarSelect[Any] | sa.Select[Any]:
    """The ids as a sub-select over one JSON parameter, so that a thousand of them cost one binding."""
    each = sa.func.json_each(json.dumps(list(ids))).table_valued("value")
    return sa.select(each.c.value)


class Store:
    """One portal's database, in memory or in a file. Every use holds `lock`."""

    def __init__(self, path: Path | None = None) -> None:
        """Opens `path`, or a database in memory."""
        self.lock = threading.RLock()
        self._depth = 0
        self._remembered: dict[Hashable, int] = {}
        self.after_rollback: list[Callable[[], None]] = []
        """Called when a transaction is undone, so that whoever keeps a copy reads it again."""
        self._engine = sa.create_engine(
            "sqlite://" if path is None else f"sqlite:///{path}",
            poolclass=StaticPool,
            connect_args={"check_same_thread": False},
            isolation_level="AUTOCOMMIT",
        )
        sa.event.listen(self._engine, "connect", _prepare_connection)
        _METADATA.create_all(self._engine)
        self._connection = self._engine.connect()

    def close(self) -> None:
        """Gives the database back."""
        with self.lock:
            self._connection.close()
            self._engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all that is written inside stays, or none of it. May be nested."""
        with self.lock:
            if self._depth == 0:
                self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.exec_driver_sql("ROLLBACK")
                    self._remembered.clear()
                    for read_again in self.after_rollback:
                        read_again()
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.exec_driver_sql("COMMIT")

    def rows(self, statement: sa.Executable) -> Sequence[sa.Row[Any]]:
        """All rows of a query."""
        with self.lock:
            return self._connection.execute(statement).fetchall()

    def value(self, statement: sa.Executable) -> Any:
        """The first column of the first row, or None."""
        with self.lock:
            return self._connection.execute(statement).scalar()

    def number(self, key: Hashable, statement: sa.Executable) -> int:
        """A number from the database, remembered under `key` until the next write."""
        with self.lock:
            if key not in self._remembered:
                self._remembered[key] = int(self.value(statement))
            return self._remembered[key]

    def run(self, statement: sa.Executable, parameters: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Carries out a write; `parameters` repeats it for each mapping."""
        with self.lock:
            self._remembered.clear()
            if parameters is None:
                self._connection.execute(statement)
            elif parameters:
                self._connection.execute(statement, parameters)

    def get(self, object_type: str, record_id: int) -> sa.Row[Any] | None:
        """One record's row, archived or not, merged away or not."""
        found = self.rows(sa.select(RECORDS).where(RECORDS.c.type == object_type, RECORDS.c.id == record_id))
        return found[0] if found else None

    def get_many(self, object_type: str, ids: Iterable[int]) -> Sequence[sa.Row[Any]]:
        """The rows of those ids that exist, archived and merged ones too."""
        return self.rows(sa.select(RECORDS).where(RECORDS.c.type == object_type, RECORDS.c.id.in_(ids_in(ids))))

    def page(self, object_type: str, *, first_id: int, limit: int, archived: bool) -> Sequence[sa.Row[Any]]:
        """Up to `limit` rows by ascending id, from `first_id` on; either the archived or the living."""
        alive = RECORDS.c.archived_ms.is_not(None) if archived else RECORDS.c.archived_ms.is_(None)
        statement = (
            sa.select(RECORDS)
            .where(RECORDS.c.type == object_type, RECORDS.c.id >= first_id, alive, RECORDS.c.merged_into.is_(None))
            .order_by(RECORDS.c.id)
            .limit(limit)
        )
        return self.rows(statement)

    def count(self, object_type: str, *, archived: bool = False) -> int:
        """How many records there are; merged ones count only as their survivor."""
        alive = RECORDS.c.archived_ms.is_not(None) if archived else RECORDS.c.archived_ms.is_(None)
        statement = sa.select(sa.func.count()).where(
            RECORDS.c.type == object_type, alive, RECORDS.c.merged_into.is_(None)
        )
        return int(self.value(statement))

    def largest_id(self, object_type: str) -> int:
        """The largest id given so far, 0 where there is none."""
        return int(self.value(sa.select(sa.func.max(RECORDS.c.id)).where(RECORDS.c.type == object_type)) or 0)

    def insert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds record rows."""
        with self.writing():
            self.run(RECORDS.insert(), rows)

    def modify(
        self, where: sa.ColumnElement[bool], modified_ms: int, visible_at_ms: Callable[[int], int | None]
    ) -> int:
        """Gives every fitting record one last-modified time, its values unchanged; returns how many.

        Args:
            where: which records.
            modified_ms: the time.
            visible_at_ms: of a record's id: when search sees it, None for at once.
        """
        columns = (RECORDS.c.type, RECORDS.c.id, RECORDS.c.properties, RECORDS.c.indexed, RECORDS.c.indexed_properties)
        rows = self.rows(sa.select(*columns).where(where, RECORDS.c.merged_into.is_(None)))
        with self.writing():
            self.run(RECORDS.update().where(where, RECORDS.c.merged_into.is_(None)).values(modified_ms=modified_ms))
            at_once = []
            for row in rows:
                visible = visible_at_ms(row.id)
                if visible is None and row.indexed and row.indexed_properties is None:
                    at_once.append(row.id)
                    continue
                if row.indexed_properties is None:
                    here = (RECORDS.c.type == row.type) & (RECORDS.c.id == row.id)
                    self.run(RECORDS.update().where(here).values(indexed_properties=row.properties))
                self.delay_index(row.type, row.id, row.properties, modified_ms, visible or modified_ms)
            shown = where & RECORDS.c.id.in_(ids_in(at_once))
            self.run(RECORDS.update().where(shown).values(indexed_ms=modified_ms))
        return len(rows)

    def replace_properties(
        self, row: sa.Row[Any], properties: Mapping[str, Any], modified_ms: int, visible_at_ms: int | None
    ) -> None:
        """Gives a record new properties; search sees them at `visible_at_ms`, or at once where that is None."""
        text = orjson.dumps(properties).decode()
        here = (RECORDS.c.type == row.type) & (RECORDS.c.id == row.id)
        changes: dict[str, Any] = {"properties": text, "modified_ms": modified_ms}
        with self.writing():
            if visible_at_ms is None and row.indexed_properties is None and row.indexed:
                changes.update(index_columns(properties, modified_ms), indexed_properties=None)
            else:
                if row.indexed_properties is None:
                    changes["indexed_properties"] = row.properties
                self.delay_index(row.type, row.id, text, modified_ms, visible_at_ms or modified_ms)
            self.run(RECORDS.update().where(here).values(changes))

    def delay_index(self, object_type: str, record_id: int, text: str, modified_ms: int, visible_at_ms: int) -> None:
        """Notes what search is to see of a record from `visible_at_ms` on, in place of what would come later."""
        later = (PENDING_INDEX.c.type == object_type) & (PENDING_INDEX.c.id == record_id)
        self.run(PENDING_INDEX.delete().where(later, PENDING_INDEX.c.visible_at_ms > visible_at_ms))
        self.run(
            PENDING_INDEX.insert().values(
                type=object_type, id=record_id, visible_at_ms=visible_at_ms, modified_ms=modified_ms, properties=text
            )
        )

    def drop_lingering(self, before_ms: int) -> None:
        """Takes records out of the search index that were archived at `before_ms` or earlier."""
        lingering = RECORDS.c.archived_ms.is_not(None) & sa.text("indexed = 1")  # as the partial index has it
        here = lingering & (RECORDS.c.archived_ms <= before_ms)
        if self.rows(sa.select(RECORDS.c.id).where(here).limit(1)):
            self.run(RECORDS.update().where(here).values(indexed=0, indexed_properties=None))

    def catch_up_index(self, now_ms: int) -> None:
        """Lets search see all that has become visible by `now_ms`."""
        due = self.rows(
            sa.select(PENDING_INDEX).where(PENDING_INDEX.c.visible_at_ms <= now_ms).order_by(PENDING_INDEX.c.seq)
        )
        if not due:
            return
        with self.writing():
            for row in due:
                here = (RECORDS.c.type == row.type) & (RECORDS.c.id == row.id)
                seen = index_columns(orjson.loads(row.properties), row.modified_ms)
                self.run(
                    RECORDS.update()
                    .where(here, RECORDS.c.archived_ms.is_(None))
                    .values(indexed=1, indexed_properties=row.properties, **seen)
                )
            self.run(PENDING_INDEX.delete().where(PENDING_INDEX.c.seq.in_(ids_in(row.seq for row in due))))
            waiting = sa.select(PENDING_INDEX.c.type, PENDING_INDEX.c.id)
            self.run(
                RECORDS.update()
                .where(RECORDS.c.indexed_properties.is_not(None))
                .where(sa.tuple_(RECORDS.c.type, RECORDS.c.id).not_in(waiting))
                .values(indexed_properties=None)
            )


def new_row(
    object_type: str, record_id: int, properties: Mapping[str, Any], created_ms: int, modified_ms: int
) -> dict[str, Any]:
    """A record row ready to insert, in the search index at once."""
    return {
        "type": object_type,
        "id": record_id,
        "created_ms": created_ms,
        "modified_ms": modified_ms,
        "archived_ms": None,
        "merged_into": None,
        "properties": orjson.dumps(properties).decode(),
        "indexed": 1,
        "indexed_properties": None,
        **index_columns(properties, modified_ms),
    }


def index_columns(properties: Mapping[str, Any], modified_ms: int) -> dict[str, Any]:
    """The columns of the search index for a record with these properties."""
    return {
        "indexed_ms": modified_ms,
        "indexed_pipeline": properties.get("pipeline"),
        "indexed_stage": properties.get("dealstage"),
    }


def _prepare_connection(connection: sqlite3.Connection, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.create_function("has_token", 2, has_token, deterministic=True)

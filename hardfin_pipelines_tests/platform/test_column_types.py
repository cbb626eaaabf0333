"""Times in SQLite: the text that SQLAlchemy's own type writes, so that a file written by either can be read."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, MetaData, Table, select, text
from sqlalchemy.dialects import sqlite

from hardfin_pipelines.platform.column_types import UtcDateTime
from hardfin_pipelines.platform.database import reading, writing

MOMENTS = Table("moments", MetaData(), Column("at", UtcDateTime, nullable=True))


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 2, 9, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 3, 2, 9, 0, 0, 5, tzinfo=timezone(timedelta(hours=-7))),
    ],
)
def test_a_time_is_written_as_sqlalchemy_writes_it_and_read_back_in_utc(sqlite_engine, moment):
    theirs = sqlite.DATETIME().bind_processor(sqlite.dialect())
    assert theirs is not None
    with writing(sqlite_engine) as connection:
        MOMENTS.create(connection)
        connection.execute(MOMENTS.insert(), [{"at": moment}, {"at": None}])

    with reading(sqlite_engine) as connection:
        written = list(connection.scalars(text("SELECT at FROM moments ORDER BY rowid")))
        back = list(connection.scalars(select(MOMENTS.c.at)))

    assert written == [theirs(moment.astimezone(UTC).replace(tzinfo=None)), None]
    assert back == [moment, None]
    assert back[0].tzinfo is UTC

"""Column types that behave alike on SQLite and PostgreSQL: exact decimals and aware UTC times."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, DateTime, Dialect, Float, Numeric, Text, cast
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine

_WITHOUT_ZONE = len("2026-03-02 09:00:00.000000")


class ExactDecimal(TypeDecorator[Decimal]):
    """Money and quantities, digit for digit: NUMERIC on PostgreSQL, text on SQLite (whose numbers are floats)."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """NUMERIC without a scale keeps the digits it is given; SQLite has no such type."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric(asdecimal=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Refuses floats, which have lost digits already."""
        if value is None:
            return None
        if not isinstance(value, Decimal):
            message = f"expected a Decimal, got {type(value).__name__}"
            raise TypeError(message)
        return value if dialect.name == "postgresql" else _plain_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives back a Decimal with the digits that were stored."""
        return None if value is None else Decimal(value)


def is_negative(connection: Connection, column: ColumnElement[Decimal]) -> ColumnElement[bool]:
    """The condition that an exact number is below zero; SQLite, which keeps it as text, is told to take it as one."""
    return column < Decimal(0) if connection.dialect.name == "postgresql" else cast(column, Float) < 0


def _plain_text(value: Decimal) -> str:
    """All its digits, and never an exponent."""
    text = str(value)  # several times as fast as to format it
    return format(value, "f") if "E" in text else text


class _SqliteDateTime(sqlite.DATETIME):
    """Writes the same text as its base ("2026-03-02 09:00:00.000000"), several times as fast: loads write many."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives the text of a time in UTC."""
        return _sqlite_text


@lru_cache(maxsize=256)  # most rows of a batch have one time
def _sqlite_text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(" ", "microseconds")[:_WITHOUT_ZONE]


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept and given back in UTC. SQLite keeps no zone: it is left off, and put on again here."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TIMESTAMPTZ where there is one."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteDateTime())  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Refuses naive times: whose clock they show is anybody's guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"expected an aware time, got the naive {value.isoformat()}"
            raise ValueError(message)
        return value if value.tzinfo is UTC else value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives back an aware time in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]  # the driver's type is untyped here
        return value.astimezone(UTC)  # type: ignore[no-any-return]  # as above

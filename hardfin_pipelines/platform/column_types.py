"""Column types that behave alike on SQLite and PostgreSQL: exact decimals and aware UTC times."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, Numeric, Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.types import TypeDecorator, TypeEngine


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
        return value if dialect.name == "postgresql" else format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives back a Decimal with the digits that were stored."""
        return None if value is None else Decimal(value)


class _SqliteDateTime(sqlite.DATETIME):
    """Writes the same text as its base ("2026-03-02 09:00:00.000000"), several times as fast: loads write many."""

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str | None]:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives the text of a naive time."""
        return _sqlite_text


def _sqlite_text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(" ", "microseconds")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept and given back in UTC. SQLite keeps no zone, so it is taken off and put on again here."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TIMESTAMPTZ where there is one."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(_SqliteDateTime())  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it so
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses naive times: whose clock they show is anybody's guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"expected an aware time, got the naive {value.isoformat()}"
            raise ValueError(message)
        if value.tzinfo is not UTC:
            value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives back an aware time in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]  # the driver's type is untyped here
        return value.astimezone(UTC)  # type: ignore[no-any-return]  # as above

"""Column types that behave alike on SQLite and PostgreSQL: exact decimals and aware UTC times."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Dialect, Numeric, Text
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


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, kept and given back in UTC. SQLite keeps no zone, so it is taken off and put on again here."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """TIMESTAMPTZ where there is one."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses naive times: whose clock they show is anybody's guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = f"expected an aware time, got the naive {value.isoformat()}"
            raise ValueError(message)
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # the signature is SQLAlchemy's
        """Gives back an aware time in UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            return value.replace(tzinfo=UTC)  # type: ignore[no-any-return]  # the driver's type is untyped here
        return value.astimezone(UTC)  # type: ignore[no-any-return]  # as above

"""A statement as it is understood."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Value = str | Decimal | bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """A path, one of `=`, `<`, `>`, `<=`, `>=`, `LIKE` and `IN`, and its values."""

    path: str
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Ordering:
    """A path and its direction."""

    path: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT. `columns` is empty for a count; `junctions` are the words between the comparisons."""

    entity: str
    columns: tuple[str, ...]
    comparisons: tuple[Comparison, ...] = ()
    junctions: tuple[Literal["AND", "OR"], ...] = ()
    order: tuple[Ordering, ...] = ()
    start_position: int | None = None
    max_results: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it asks for a number only."""
        return not self.columns

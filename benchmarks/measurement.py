"""One row of the benchmarks."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number beside the best possible and the worst allowed.

    Attributes:
        name: What was measured.
        value: The number.
        unit: Its unit.
        bound: The best that is possible, where that is known.
        floor: What must at least be reached, where something is promised.
        better: Which way is better.
    """

    name: str
    value: float
    unit: str
    bound: float | None = None
    floor: float | None = None
    better: Literal["less", "more"] = "less"

    @property
    def holds(self) -> bool | None:
        """Whether the promise is kept; None where nothing is promised."""
        if self.floor is None:
            return None
        return self.value <= self.floor if self.better == "less" else self.value >= self.floor

    def as_json(self) -> dict[str, object]:
        """The row for programs."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "bound": self.bound,
            "floor": self.floor,
            "holds": self.holds,
        }

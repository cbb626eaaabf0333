"""Rule 6: which months of an initial load are still to do, and for which trigger stages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

StagePair = tuple[str, str]
"""A pipeline's id and the id of one of its trigger stages."""

Span = tuple[datetime, datetime]
"""[start, end), in vendor time."""


@dataclass(frozen=True, slots=True)
class ClosedWindow:
    """A window of a load that is done: everything in [start, end) has an answer, for these trigger stages.

    Attributes:
        start: Its first moment.
        end: Its end, exclusive.
        stages: The trigger stages it was loaded for.
        reached_now: Whether it was not over yet when it was loaded: from its start on, ticks see to those stages.
    """

    start: datetime
    end: datetime
    stages: frozenset[StagePair]
    reached_now: bool = False

    def covers(self, start: datetime, end: datetime) -> bool:
        """Whether a span needs no load for these stages any more."""
        return self.start <= start and (end <= self.end or self.reached_now)


def stage_pairs(stages: Mapping[str, Iterable[str]]) -> frozenset[StagePair]:
    """Trigger stages by pipeline, as pairs."""
    return frozenset((pipeline, stage) for pipeline, ids in stages.items() for stage in ids)


def by_pipeline(pairs: Iterable[StagePair]) -> dict[str, tuple[str, ...]]:
    """Pairs as trigger stages by pipeline, in a fixed order."""
    found: dict[str, list[str]] = {}
    for pipeline, stage in sorted(pairs):
        found.setdefault(pipeline, []).append(stage)
    return {pipeline: tuple(stages) for pipeline, stages in found.items()}


def not_loaded(span: Span, wanted: frozenset[StagePair], closed: Sequence[ClosedWindow]) -> frozenset[StagePair]:
    """The trigger stages for which a span was not loaded yet.

    Args:
        span: What is to be covered, by one window as a whole.
        wanted: The trigger stages of the active rules.
        closed: The windows that are done.
    """
    start, end = span
    covering = (window.stages for window in closed if window.covers(start, end))
    return wanted - frozenset().union(*covering)


def spans_to_load(
    spans: Sequence[Span], since: datetime, wanted: frozenset[StagePair], closed: Sequence[ClosedWindow]
) -> list[Span]:
    """Those of the spans that must be loaded because of some trigger stage, in their order.

    Turning on another stage or pipeline later brings all of them back, for that stage alone.

    Args:
        spans: The months, in order.
        since: The start date; what lies before it is nobody's business.
        wanted: The trigger stages of the active rules.
        closed: The windows that are done.
    """
    return [
        (start, end) for start, end in spans if end > since and not_loaded((max(start, since), end), wanted, closed)
    ]

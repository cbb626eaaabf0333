"""When generated deals were created, moved from stage to stage and last modified."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from hardfin_pipelines.sandbox.data_sets.model import Pipeline, Stage

DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LARGEST_BULK_EDIT = 60


@dataclass(frozen=True, slots=True)
class Timeline:
    """One deal's course: the stages it entered with their times, the last one being where it is now."""

    created_at: datetime
    modified_at: datetime
    entered_stage_at: Mapping[str, datetime]

    @property
    def last_entered_at(self) -> datetime:
        """When the deal came to where it is now."""
        return max(self.entered_stage_at.values())


def milliseconds(moment: datetime) -> int:
    """Return the whole milliseconds from 1970 to `moment`, rounded up: vendors' stamps have no finer grain."""
    return -((_EPOCH - moment) // _MILLISECOND)


def moment_at(stamp: int) -> datetime:
    """Return the moment `stamp` milliseconds after the start of 1970."""
    return _EPOCH + timedelta(milliseconds=stamp)


def modification_stamps(rng: Random, count: int, start: datetime, end: datetime) -> list[int]:
    """Return `count` stamps in [start, end), in milliseconds.

    They are spread evenly, except that one in ten (and never fewer than two, if there are two) comes from edits in
    bulk, which give up to 60 records one and the same stamp.
    """
    first, after = milliseconds(start), milliseconds(end)
    stamps = [rng.randrange(first, after) for _ in range(count)]
    edited = rng.sample(range(count), max(count // 10, min(count, 2)))
    while edited:
        together = rng.randrange(2, _LARGEST_BULK_EDIT + 1)
        stamp = rng.randrange(first, after)
        for number in edited[:together]:
            stamps[number] = stamp
        edited = edited[together:]
    return stamps


def timeline(rng: Random, pipeline: Pipeline, stage: Stage, modified: int) -> Timeline:
    """Return the course of a deal that is in `stage` of `pipeline` and was modified at the stamp `modified`.

    The deal was created in the pipeline's first stage, passed most of those before `stage`, and may have been edited
    up to 30 days after it came to where it is. The times ascend in the pipeline's order; they may lie before the
    window in which deals were modified.
    """
    path = _path(rng, pipeline, stage)
    arrived = modified if rng.random() < 0.3 else modified - rng.randrange(30 * DAY_MS)
    created = arrived if len(path) == 1 else arrived - rng.randrange(2 * DAY_MS, 180 * DAY_MS)
    between = sorted(rng.randrange(created, arrived + 1) for _ in path[2:])
    times = [created, *between, arrived][: len(path)]
    return Timeline(
        created_at=moment_at(created),
        modified_at=moment_at(modified),
        entered_stage_at={step.key: moment_at(time) for step, time in zip(path, times, strict=True)},
    )


def _path(rng: Random, pipeline: Pipeline, stage: Stage) -> list[Stage]:
    open_stages = [step for step in pipeline.stages if not step.closed]
    if stage.won:
        before = open_stages
    elif stage.closed:
        before = open_stages[: rng.randrange(1, len(open_stages) + 1)]
    else:
        before = open_stages[: open_stages.index(stage)]
    return [step for number, step in enumerate(before) if number == 0 or rng.random() < 0.85] + [stage]

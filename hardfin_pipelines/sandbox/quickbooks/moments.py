"""Moments as QuickBooks writes and reads them: Pacific time with its offset, whole seconds."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
_FORM = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.IGNORECASE)
_FRACTION = re.compile(r"(\.\d{6})\d+")


def whole_second(moment: datetime) -> datetime:
    """Without its fraction, in UTC."""
    return moment.astimezone(UTC).replace(microsecond=0)


def written(moment: datetime) -> str:
    """`2026-03-02T04:00:00-08:00`."""
    return moment.astimezone(PACIFIC).isoformat(timespec="seconds")


def written_with_ms(moment: datetime) -> str:
    """`2026-03-02T04:00:00.000-08:00`, as envelopes have it."""
    return moment.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def read_moment(text: str) -> datetime | None:
    """A moment or a day; without an offset it is Pacific time, which is a guess. None for anything else."""
    if _FORM.fullmatch(text) is None:
        return None
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", text.upper()))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=PACIFIC)).astimezone(UTC)

"""Rule 7: where a tick begins to look, and how far it may say it has looked. All times are the vendor's."""

from datetime import datetime, timedelta

OVERLAP = timedelta(minutes=15)
"""How far before its cursor a tick looks again: vendors index changes late (HubSpot docs: "a few moments"; peers have
seen minutes)."""


def look_from(cursor: datetime, overlap: timedelta = OVERLAP) -> datetime:
    """The inclusive lower bound of a tick's search; `overlap` is how late the vendor may show a change."""
    return cursor - overlap


def covered_until(began: datetime | None, newest: datetime | None) -> datetime | None:
    """The cursor after everything a visit saw is committed.

    It is the newest stamp seen, but never later than the visit's first answer: what is modified while a visit goes on
    belongs to the next one. A visit that saw nothing covers the time up to its first answer.

    Args:
        began: The vendor's clock at the first answer; None where the visit never searched.
        newest: The newest modification stamp seen, or None.

    Returns:
        The cursor, or None where it must stay where it is.
    """
    if began is None or newest is None:
        return began
    return min(began, newest)

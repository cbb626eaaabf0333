"""The time zones that accounts may be in."""

from functools import cache
from zoneinfo import available_timezones


@cache
def is_time_zone(name: str) -> bool:
    """Whether the IANA time zone database has a zone of that name. Looking through its folders takes a while."""
    return name in available_timezones()

"""Moments as HTTP headers write them."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime


def http_date(moment: datetime) -> str:
    """`Mon, 02 Mar 2026 12:00:00 GMT`; `moment` is aware."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def retry_after_text(seconds: int, now: datetime | None = None) -> str:
    """A `Retry-After` in seconds or, where `now` is given, as the HTTP date so many seconds on."""
    return str(seconds) if now is None else http_date(now + timedelta(seconds=seconds))

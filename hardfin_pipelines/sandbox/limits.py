"""Rate limits as vendors keep them: rolling windows and daily counts, read against the sandbox's clock."""

from collections import deque
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


class RollingWindow:
    """Counts the calls of the last so many seconds. A refused call does not count."""

    def __init__(self, seconds: float) -> None:
        """A window of `seconds`."""
        self._span_ms = int(seconds * 1000)
        self._taken: deque[int] = deque()

    def _forget_old(self, now_ms: int) -> None:
        taken = self._taken
        while taken and taken[0] <= now_ms - self._span_ms:
            taken.popleft()
        while taken and taken[-1] > now_ms:  # the clock was put back
            taken.pop()

    def take(self, now_ms: int, limit: int) -> bool:
        """Counts one call at `now_ms`, unless `limit` calls are in the window already. Says whether it counted."""
        self._forget_old(now_ms)
        if len(self._taken) >= limit:
            return False
        self._taken.append(now_ms)
        return True

    def remaining(self, now_ms: int, limit: int) -> int:
        """How many more calls fit in now."""
        self._forget_old(now_ms)
        return max(limit - len(self._taken), 0)

    def free_in_ms(self, now_ms: int) -> int:
        """Milliseconds until the oldest counted call leaves the window."""
        self._forget_old(now_ms)
        return self._taken[0] + self._span_ms - now_ms if self._taken else 0


class DailyCount:
    """Counts the calls of one day; the day ends at midnight of the account's time zone."""

    def __init__(self, time_zone: str) -> None:
        """`time_zone` is an IANA name, such as `America/New_York`."""
        self._zone = ZoneInfo(time_zone)
        self._day: date | None = None
        self.used = 0

    def _turn_page(self, now: datetime) -> None:
        today = now.astimezone(self._zone).date()
        if today != self._day:
            self._day, self.used = today, 0

    def take(self, now: datetime, limit: int) -> bool:
        """Counts one call, unless the day's `limit` is used up. Says whether it counted."""
        self._turn_page(now)
        if self.used >= limit:
            return False
        self.used += 1
        return True

    def remaining(self, now: datetime, limit: int) -> int:
        """How many calls are left today."""
        self._turn_page(now)
        return max(limit - self.used, 0)

    def ends_in_ms(self, now: datetime) -> int:
        """Milliseconds until the day ends, at the account's midnight."""
        tomorrow = now.astimezone(self._zone).date() + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time(), tzinfo=self._zone)
        return (midnight.astimezone(UTC) - now) // timedelta(milliseconds=1)

"""How many calls QuickBooks takes (Intuit docs: API call limits and throttles)."""

from hardfin_pipelines.sandbox.limits import RollingWindow
from hardfin_pipelines.sandbox.quickbooks.settings import CompanySettings

_SECOND, _MINUTE = 1, 60


class Throttle:
    """The windows of one company. A refused call counts in none."""

    def __init__(self) -> None:
        """Nothing was called yet."""
        self._second = RollingWindow(_SECOND)
        self._minute = RollingWindow(_MINUTE)
        self._batches = RollingWindow(_MINUTE)

    def take(self, now_ms: int, settings: CompanySettings, *, batch: bool, under_way: int) -> bool:
        """Counts a call, unless a limit is reached. Says whether it counted.

        Args:
            now_ms: the sandbox's time.
            settings: the limits.
            batch: whether it is a batch, which has limits of its own.
            under_way: calls of the app that are being answered, this one among them.
        """
        limits = [
            (self._second, settings.calls_per_second),
            (self._minute, settings.calls_per_minute - settings.calls_of_others),
        ]
        if batch:
            of_all = settings.batches_of_all_per_minute - settings.batches_of_others
            limits.append((self._batches, min(settings.batches_per_minute, of_all)))
        if not settings.limits_enabled:
            limits = [(window, 2**62) for window, _ in limits]
        elif under_way > settings.concurrent_calls:
            return False
        if any(window.remaining(now_ms, limit) < 1 for window, limit in limits):
            return False
        return all(window.take(now_ms, limit) for window, limit in limits)

"""A portal's rate buckets: general per app, search per account, batch associations per account, and two daily counts.

HubSpot docs: usage guidelines, search guide, associations guide.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Literal

from hardfin_pipelines.sandbox.http_dates import retry_after_text
from hardfin_pipelines.sandbox.hubspot.errors import VendorError, rate_limited
from hardfin_pipelines.sandbox.limits import DailyCount, RollingWindow

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.oauth import Grant
    from hardfin_pipelines.sandbox.hubspot.portal import Portal

_BURST_SECONDS = 10


class PortalLimits:
    """Counts the calls of one portal."""

    def __init__(self, portal: "Portal") -> None:
        """Limits are read from the portal's settings at every call."""
        self._portal = portal
        self._general: defaultdict[str, RollingWindow] = defaultdict(lambda: RollingWindow(_BURST_SECONDS))
        self._associations = RollingWindow(_BURST_SECONDS)
        self._search = RollingWindow(1)
        self._daily = DailyCount(portal.time_zone)
        self._associations_daily = DailyCount(portal.time_zone)

    def take(
        self, bucket: Literal["general", "search", "associations"], grant: "Grant", headers: dict[str, str]
    ) -> None:
        """Counts one call and puts HubSpot's rate headers into `headers` (search replies have none).

        Raises:
            VendorError: 429, a limit is reached.
        """
        if not self._portal.settings.limits_enabled:
            return
        if bucket == "search":
            self._take_search()
        else:
            self._take_burst(bucket, grant, headers)
        self._take_daily(bucket, grant, headers)

    def _take_search(self) -> None:
        settings = self._portal.settings
        if not self._search.take(self._portal.sandbox.clock.now_ms(), settings.search_per_second):
            wait_ms = self._search.free_in_ms(self._portal.sandbox.clock.now_ms())
            raise self._refused("SECONDLY", wait_ms, with_policy=settings.search_429_with_policy)

    def _take_burst(self, bucket: str, grant: "Grant", headers: dict[str, str]) -> None:
        settings, tier = self._portal.settings, self._portal.tier
        if bucket == "associations":
            window, limit = self._associations, settings.associations_limit(tier)
        else:
            window, limit = self._general[grant.app_key], settings.general_limit(tier, grant.kind)
        now_ms = self._portal.sandbox.clock.now_ms()
        taken = window.take(now_ms, limit)
        remaining = window.remaining(now_ms, limit)
        secondly = max(limit // _BURST_SECONDS, 1)
        headers["X-HubSpot-RateLimit-Interval-Milliseconds"] = str(_BURST_SECONDS * 1000)
        headers["X-HubSpot-RateLimit-Max"] = str(limit)
        headers["X-HubSpot-RateLimit-Remaining"] = str(remaining)
        headers["X-HubSpot-RateLimit-Secondly"] = str(secondly)
        headers["X-HubSpot-RateLimit-Secondly-Remaining"] = str(min(remaining, secondly))
        if not taken:
            raise self._refused("TEN_SECONDLY_ROLLING", window.free_in_ms(now_ms))

    def _take_daily(self, bucket: str, grant: "Grant", headers: dict[str, str]) -> None:
        """OAuth apps see no daily headers; those of the marketplace have no daily limit but for associations."""
        now, settings = self._portal.sandbox.clock.now(), self._portal.settings
        if bucket == "associations" and not self._associations_daily.take(now, settings.associations_daily_calls):
            raise self._refused("DAILY", self._associations_daily.ends_in_ms(now))
        if grant.kind == "oauth" and not settings.private_oauth_app:
            return
        limit = settings.daily_limit(self._portal.tier)
        taken = bucket == "associations" or self._daily.take(now, limit)
        if bucket != "search" and grant.kind == "static":
            headers["X-HubSpot-RateLimit-Daily"] = str(limit)
            headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(self._daily.remaining(now, limit))
        if not taken:
            raise self._refused("DAILY", self._daily.ends_in_ms(now))

    def _refused(self, policy: str, wait_ms: int, *, with_policy: bool = True) -> VendorError:
        """429 in the form and with the `Retry-After` the settings choose; `wait_ms` is until a call fits again."""
        settings, retry_after = self._portal.settings, None
        if settings.retry_after:
            seconds = -(-wait_ms // 1000)
            now = self._portal.sandbox.clock.now()
            retry_after = retry_after_text(seconds, now if settings.retry_after_as_date else None)
        with_policy = with_policy and not settings.general_429_without_policy
        return rate_limited(policy, with_policy=with_policy, retry_after=retry_after)

    @property
    def used_today(self) -> int:
        """Calls counted against the day's limit."""
        return self._daily.used

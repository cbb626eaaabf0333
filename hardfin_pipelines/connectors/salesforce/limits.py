"""How hard one Salesforce org may be asked (Salesforce docs: API request limits and allocations).

An org has a number of calls for any 24 hours, for all its apps together; calls that take 20 seconds or longer are
limited in how many run at once. There is no limit by the second: ours keeps a fault of ours from becoming the org's.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry, Places, RollingLimiter
from hardfin_pipelines.sync.call_budget import DailyAllowance, Reserve
from hardfin_pipelines.sync.call_windows import CallWindow

BUCKET = "api"

PAGE = 2_000
"""Rows of an answer at most (Salesforce docs: Query Options header); fewer where rows are wide."""

COMPOSITE_QUERIES = 5
"""Queries that one composite call takes; it counts as one call of the day (Salesforce docs: composite)."""

COMPOSITE_PARTS = 25

LONGEST_QUERY_URL = 14_000
"""URI and headers together may have 16,384 bytes (Salesforce Help: URI too long); beyond, a query goes in a body."""

LONGEST_STATEMENT = 90_000
"""Characters; Salesforce takes 100,000 (SOQL reference: limits)."""

NO_RESERVE = Reserve("tick", 0.0)


@dataclass(frozen=True, slots=True)
class SalesforceLimits:
    """How hard and how long one org may be asked.

    Attributes:
        calls_per_ten_seconds: Calls of ours in any ten seconds.
        in_flight: Calls under way at once.
        page: Rows of an answer, 200 to 2,000.
        attempts: Tries of a call that fails on the way or with a 5xx.
        busy_pause_seconds: How long to wait when the org says that too many long calls run.
        patience_seconds: How long one call may be refused so before `RetryLater`.
        bulk_from_calls: A search that would take more further calls than this is made a Bulk job.
        reserve: What this work leaves of the day's calls to the org's other integrations.
    """

    calls_per_ten_seconds: int = 100
    in_flight: int = 4
    page: int = PAGE
    attempts: int = 6
    busy_pause_seconds: float = 5.0
    patience_seconds: float = 900.0
    bulk_from_calls: int = 50
    reserve: Reserve = NO_RESERVE


class OrgLimiter:
    """The rate limiter of one org, and what Salesforce said of its day.

    Attributes:
        limiter: Gives out places for calls.
        allowance: As the last answer told; None before the first one.
    """

    def __init__(
        self, limits: SalesforceLimits, clock: Clock, *, account: str = "", places: Places | None = None
    ) -> None:
        self.limiter = RollingLimiter(
            BUCKET, limits.calls_per_ten_seconds, 10, clock, account=account, places=places, left_to_others=1
        )
        self.allowance: DailyAllowance | None = None
        self._under_way = 0
        self._lock = threading.Lock()

    @contextmanager
    def one_more_under_way(self) -> Iterator[int]:
        """A call of ours that is not answered as long as the block runs; how many others there are when it begins."""
        with self._lock:
            others = self._under_way
            self._under_way += 1
        try:
            yield others
        finally:
            with self._lock:
                self._under_way -= 1

    def configure(self, limits: SalesforceLimits) -> None:
        """Take over changed limits."""
        self.limiter.configure(limits.calls_per_ten_seconds)


def account_name(login_url: str, account: str) -> str:
    """What tells orgs apart in the windows that processes share."""
    return f"salesforce {login_url} {account}"


def rate_windows(limits: SalesforceLimits, login_url: str, account: str) -> list[CallWindow]:
    """The windows of an org."""
    return [OrgLimiter(limits, SYSTEM_CLOCK, account=account_name(login_url, account)).limiter.window]


PROCESS_LIMITERS: LimiterRegistry[OrgLimiter] = LimiterRegistry()
"""The limiters of every org this process calls, where nobody brings others."""

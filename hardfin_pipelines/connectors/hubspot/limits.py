"""HubSpot's rate limits: three buckets that fill independently (HubSpot docs: usage guidelines, search guide)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry, Places, RollingLimiter
from hardfin_pipelines.sync.call_budget import DailyAllowance, Reserve
from hardfin_pipelines.sync.call_windows import CallWindow

Bucket = Literal["general", "search", "associations"]

BATCH_READ_INPUTS = 100
ASSOCIATION_INPUTS = 1_000
SEARCH_PAGE = 200
SEARCH_OFFSETS = 10_000
"""A search answers no result beyond this many, however it is paged."""
LEFT_OF_SEARCH = 1
"""Searches of a second that are left to the account's other apps for ten minutes after HubSpot refused one of ours.

All apps of an account share the search limit (HubSpot docs: search guide). Our own searches never exceed it, so a
refusal tells of others.
"""
FILTER_GROUPS = 5
FILTERS_IN_GROUP = 6
FILTERS = 18


NO_RESERVE = Reserve("tick", 0.0)


@dataclass(frozen=True, slots=True)
class HubSpotLimits:
    """How hard and how long one account may be asked.

    Attributes:
        general_per_ten_seconds: Calls of our app per account. 110 is what a marketplace OAuth app gets; where HubSpot's
            headers say less, less is used.
        search_per_second: Searches, shared by all apps of the account.
        associations_per_ten_seconds: Batch association calls; 100 on the smaller tiers, 150 on the others.
        in_flight: Batch reads under way at once; 12 use 11 calls a second up to a latency of a second.
        search_page: Records per search answer, at most 200.
        attempts: Tries of a call that fails on the way or with a 5xx.
        longest_wait_seconds: A longer `Retry-After` is not waited for: `RetryLater` says when to come back.
        patience_seconds: How long one call may be refused with 429 before `RetryLater`.
        reserve: What this work leaves of the day's calls to the account's other integrations.
    """

    general_per_ten_seconds: int = 110
    search_per_second: int = 5
    associations_per_ten_seconds: int = 100
    in_flight: int = 12
    search_page: int = SEARCH_PAGE
    attempts: int = 6
    longest_wait_seconds: float = 120.0
    patience_seconds: float = 900.0
    reserve: Reserve = NO_RESERVE

    def windows(self) -> Iterator[tuple[Bucket, int, float, int]]:
        """Each bucket: its name, calls, seconds, and calls left to the account's other apps once they are seen."""
        yield "general", self.general_per_ten_seconds, 10, 0
        yield "search", self.search_per_second, 1, LEFT_OF_SEARCH
        yield "associations", self.associations_per_ten_seconds, 10, 0


class AccountLimiters:
    """The rate limiters of one account, and what HubSpot said of its day.

    Attributes:
        allowance: As the headers of the account's last answer tell; None before the first one that does.
    """

    def __init__(self, limits: HubSpotLimits, clock: Clock, *, account: str = "", places: Places | None = None) -> None:
        self._by_bucket: dict[Bucket, RollingLimiter] = {
            bucket: RollingLimiter(bucket, calls, seconds, clock, account=account, places=places, left_to_others=left)
            for bucket, calls, seconds, left in limits.windows()
        }
        self.allowance: DailyAllowance | None = None

    def __getitem__(self, bucket: Bucket) -> RollingLimiter:
        return self._by_bucket[bucket]

    def configure(self, limits: HubSpotLimits) -> None:
        """Take over changed limits."""
        for bucket, calls, _seconds, _left in limits.windows():
            self[bucket].configure(calls)


def account_name(base_url: str, account: str) -> str:
    """What tells HubSpot accounts apart in the windows that processes share."""
    return f"hubspot {base_url} {account}"


def rate_windows(limits: HubSpotLimits, base_url: str, account: str) -> list[CallWindow]:
    """The windows of an account."""
    limiters = AccountLimiters(limits, SYSTEM_CLOCK, account=account_name(base_url, account))
    return [limiters[bucket].window for bucket, *_ in limits.windows()]


PROCESS_LIMITERS: LimiterRegistry[AccountLimiters] = LimiterRegistry()
"""The limiters of every HubSpot account this process calls, where nobody brings others."""

"""HubSpot's rate limits: three buckets that fill independently (HubSpot docs: usage guidelines, search guide)."""

from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry, RollingLimiter

Bucket = Literal["general", "search", "associations"]

BATCH_READ_INPUTS = 100
ASSOCIATION_INPUTS = 1_000
SEARCH_PAGE = 200
SEARCH_OFFSETS = 10_000
"""A search answers no result beyond this many, however it is paged."""
FILTER_GROUPS = 5
FILTERS_IN_GROUP = 6
FILTERS = 18


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
    """

    general_per_ten_seconds: int = 110
    search_per_second: int = 5
    associations_per_ten_seconds: int = 100
    in_flight: int = 12
    search_page: int = SEARCH_PAGE
    attempts: int = 6
    longest_wait_seconds: float = 120.0
    patience_seconds: float = 900.0


class AccountLimiters:
    """The rate limiters of one account."""

    def __init__(self, limits: HubSpotLimits, clock: Clock) -> None:
        self._by_bucket: dict[Bucket, RollingLimiter] = {
            "general": RollingLimiter("general", limits.general_per_ten_seconds, 10, clock),
            "search": RollingLimiter("search", limits.search_per_second, 1, clock),
            "associations": RollingLimiter("associations", limits.associations_per_ten_seconds, 10, clock),
        }

    def __getitem__(self, bucket: Bucket) -> RollingLimiter:
        return self._by_bucket[bucket]

    def configure(self, limits: HubSpotLimits) -> None:
        """Take over changed limits."""
        self["general"].configure(limits.general_per_ten_seconds)
        self["search"].configure(limits.search_per_second)
        self["associations"].configure(limits.associations_per_ten_seconds)


PROCESS_LIMITERS: LimiterRegistry[AccountLimiters] = LimiterRegistry()
"""The limiters of every HubSpot account this process calls."""

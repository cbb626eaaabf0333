"""How hard one NetSuite account may be asked (Oracle docs: web services and RESTlet concurrency governance).

NetSuite limits how many requests of an account are under way at once, those of all its integrations together: 5 in the
smallest tier. Half of them at most are ours. It limits requests by the minute and by the day as well and does not
publish how many; a window of our own keeps well below what others have reported, and carries the pauses after a refusal
to all processes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from hardfin_pipelines.connectors.clock import SYSTEM_CLOCK, Clock
from hardfin_pipelines.connectors.netsuite.slots import Slots
from hardfin_pipelines.connectors.rate_limiter import LimiterRegistry, Places, RollingLimiter
from hardfin_pipelines.sync.call_windows import CallWindow, Place

PAGE = 1_000
"""Rows of an answer at most (Oracle docs: collection paging)."""

LISTED = 1_000
"""Values of an IN list at most, as in Oracle's own SQL."""

COLUMNS = 100
"""With more columns than this a query answers no rows, and nobody is told (seen by other connectors)."""

READ_SECONDS = 300.0
"""How long the shared HTTP client should wait for a query: NetSuite ends one after 15 minutes (Oracle docs), and our
slot is free again for others only when it is over."""


@dataclass(frozen=True, slots=True)
class NetSuiteLimits:
    """How hard and how long one account may be asked.

    Attributes:
        in_flight: Requests of ours under way at once, never more than half of the account's.
        account_concurrency: Requests of all integrations that the account allows at once, where NetSuite does not
            tell: it tells administrators only. 5 is the smallest tier's.
        calls_per_minute: Calls of ours.
        page: Rows of an answer, at most 1,000.
        ids_in_statement: Ids that one query asks for, at most 1,000.
        attempts: Tries of a call that fails on the way or with a 5xx.
        throttle_pause_seconds: The first pause after "too many at once"; each later one is twice as long.
        frequency_pause_seconds: Likewise after "too many in a minute or a day".
        longest_pause_seconds: No pause is longer, unless NetSuite asks for it.
        longest_wait_seconds: A longer `Retry-After` is not waited for: `RetryLater` says when to come back.
        patience_seconds: How long one call may be refused with 429 before `RetryLater`.
        login_patience_seconds: How long one call may be refused with 401, though the token is new, before a person is
            asked: an account under load answers so too (seen by other clients).
    """

    in_flight: int = 3
    account_concurrency: int = 5
    calls_per_minute: int = 240
    page: int = PAGE
    ids_in_statement: int = LISTED
    attempts: int = 6
    throttle_pause_seconds: float = 1.0
    frequency_pause_seconds: float = 20.0
    longest_pause_seconds: float = 60.0
    longest_wait_seconds: float = 120.0
    patience_seconds: float = 900.0
    login_patience_seconds: float = 240.0

    def __post_init__(self) -> None:
        """Check what NetSuite would refuse."""
        for name, most in (("page", PAGE), ("ids_in_statement", LISTED)):
            if not 1 <= getattr(self, name) <= most:
                raise ValueError(f"NetSuite limits: {name} is {getattr(self, name)}; expected 1 to {most}")

    def most_under_way(self, told: int | None = None) -> int:
        """Requests of ours at once: half of the account's at most, but one always.

        Args:
            told: The account's limit as NetSuite says; None where it does not.
        """
        return max(1, min(self.in_flight, (told or self.account_concurrency) // 2))

    def windows(self) -> Iterator[tuple[str, int, float, int]]:
        """Each window: its name, calls, seconds, and calls left to the account's other apps once they are seen."""
        yield "minute", self.calls_per_minute, 60, self.calls_per_minute // 2


class AccountLimiters:
    """The rate limiter of one account, and its concurrency as NetSuite told of it. Of any thread and event loop.

    Attributes:
        concurrency_told: Requests that the account allows at once; None while it is not known.
    """

    def __init__(
        self, limits: NetSuiteLimits, clock: Clock, *, account: str = "", places: Places | None = None
    ) -> None:
        ((name, calls, seconds, left),) = limits.windows()
        self.account = account
        self.concurrency_told: int | None = None
        self._window = RollingLimiter(name, calls, seconds, clock, account=account, places=places, left_to_others=left)

    async def acquire(self) -> Place:
        """Wait for a place in the window.

        Raises:
            NoPlace: There is none to be had now.
        """
        return await self._window.acquire()

    async def still(self, place: Place) -> None:
        """Make sure of a place at the moment of sending.

        Raises:
            NoPlace: There is none to be had now.
        """
        await self._window.still(place)

    async def pause(self, seconds: float) -> None:
        """Let no call out for so long, of any process.

        Raises:
            NoPlace: Other processes cannot be told.
        """
        await self._window.pause(seconds)

    def configure(self, limits: NetSuiteLimits) -> None:
        """Take over changed limits."""
        for _name, calls, _seconds, _left in limits.windows():
            self._window.configure(calls)

    def windows(self) -> list[CallWindow]:
        """The windows as they are now."""
        return [self._window.window]


@dataclass(frozen=True, slots=True)
class Governance:
    """All that holds calls to an account back: windows, and slots for requests under way."""

    limits: NetSuiteLimits
    limiters: AccountLimiters
    slots: Slots

    @property
    def most_under_way(self) -> int:
        """Requests of ours at once, by what is known now."""
        return self.limits.most_under_way(self.limiters.concurrency_told)


def account_name(api_url: str, account_id: str) -> str:
    """What tells accounts apart in the windows and slots that processes share."""
    return f"netsuite {api_url} {account_id}"


def rate_windows(limits: NetSuiteLimits, api_url: str, account_id: str) -> list[CallWindow]:
    """The windows of an account."""
    return AccountLimiters(limits, SYSTEM_CLOCK, account=account_name(api_url, account_id)).windows()


PROCESS_LIMITERS: LimiterRegistry[AccountLimiters] = LimiterRegistry()
"""The limiters of every account this process calls, where nobody brings others."""

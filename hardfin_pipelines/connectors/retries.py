"""Doing again what failed on the way, with growing pauses and an end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from hardfin_pipelines.connectors.clock import Clock

Result = TypeVar("Result")


class Transient(Exception):
    """A failure that is worth another try.

    Attributes:
        reason: What happened, to follow the vendor's name: "answered 500 to POST /deals".
        retry_after: Seconds the vendor asked us to wait, or 0.
        correlation_id: The vendor's name for this exchange, or "".
    """

    def __init__(self, reason: str, *, retry_after: float = 0.0, correlation_id: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after
        self.correlation_id = correlation_id


class GaveUp(Exception):
    """All tries failed.

    Attributes:
        last: The last failure.
        attempts: How many tries there were.
        seconds: How long they took.
    """

    def __init__(self, last: Transient, attempts: int, seconds: float) -> None:
        super().__init__(last.reason)
        self.last = last
        self.attempts = attempts
        self.seconds = seconds


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently.

    Attributes:
        attempts: Tries in all.
        first_pause_seconds: The first pause; each later one is twice as long, up to a second of chance added.
        longest_pause_seconds: No pause is longer, unless the vendor asks for it.
    """

    attempts: int = 6
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 30.0

    async def run(self, attempt: Callable[[], Awaitable[Result]], clock: Clock) -> Result:
        """What `attempt` returns at the first try that does not raise `Transient`.

        Raises:
            GaveUp: Every try did.
        """
        began = clock.monotonic()
        growing = wait_exponential_jitter(self.first_pause_seconds, self.longest_pause_seconds, jitter=1.0)

        def pause(state: RetryCallState) -> float:
            failure = state.outcome.exception() if state.outcome is not None else None
            asked = failure.retry_after if isinstance(failure, Transient) else 0.0
            return max(growing(state), asked)

        retrying = AsyncRetrying(
            stop=stop_after_attempt(self.attempts),
            wait=pause,
            retry=retry_if_exception_type(Transient),
            sleep=clock.sleep,
            reraise=True,
        )

        async def once() -> Result:  # tenacity awaits coroutine functions only, and not all callables are one
            return await attempt()

        try:
            return await retrying(once)
        except Transient as failure:
            last = failure
        raise GaveUp(last, self.attempts, clock.monotonic() - began)

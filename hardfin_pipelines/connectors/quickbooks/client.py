"""One call to QuickBooks: its places, its token, another try where that helps, and the error if not."""

from datetime import timedelta

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.http import Answer, NoAnswer
from hardfin_pipelines.connectors.quickbooks import errors
from hardfin_pipelines.connectors.quickbooks.faults import fault_in
from hardfin_pipelines.connectors.quickbooks.limits import (
    METERED,
    UNMETERED,
    Bucket,
    CompanyLimiters,
    QuickBooksLimits,
)
from hardfin_pipelines.connectors.quickbooks.requests import Request
from hardfin_pipelines.connectors.quickbooks.transport import QuickBooksTransport
from hardfin_pipelines.connectors.renewal import Authenticator
from hardfin_pipelines.connectors.retries import GaveUp, RetryPolicy, Transient
from hardfin_pipelines.sync.call_windows import NoPlace, Place

_SHORTEST_PAUSE = 1.0


class QuickBooksClient:
    """Sends requests for one connection."""

    def __init__(
        self,
        *,
        transport: QuickBooksTransport,
        api_url: str,
        realm_id: str,
        auth: Authenticator,
        limiters: CompanyLimiters,
        limits: QuickBooksLimits,
        calls: CallCounts,
        clock: Clock,
    ) -> None:
        self._transport = transport
        self._api_url = api_url
        self._realm_id = realm_id
        self._auth = auth
        self._limiters = limiters
        self._limits = limits
        self._calls = calls
        self._clock = clock
        self._retries = RetryPolicy(limits.attempts)

    async def send(self, request: Request) -> Answer:
        """The answer to a request: a JSON object with a 2xx status and no fault in it.

        Raises:
            RetryLater: QuickBooks throttles us, is down, or cannot be reached, for longer than we wait; or no place in
                its rate limits can be had.
            NeedsAttention: Access was revoked or lacks a right, or the company's subscription has ended.
            SkipRecord: QuickBooks has no such record.
            VendorContractError: QuickBooks refused a request we should not have sent.
        """
        try:
            return await self._retries.run(lambda: self._attempt(request), self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self, request: Request) -> Answer:
        answer = await self._past_limits(request)
        if errors.is_refusal(answer):
            if errors.is_transient(answer):
                raise errors.transient(answer, request.call)
            raise errors.refusal(answer, request.call)
        if not answer.members:
            raise Transient(f"answered {request.call} with {answer.content_type} that is no whole JSON")
        _refuse_parts(answer, request)
        return answer

    async def _past_limits(self, request: Request) -> Answer:
        """Waiting for a rate limit is no failure: only patience ends it."""
        first_refusal: float | None = None
        while True:
            answer = await self._with_token(request)
            if not errors.is_throttled(answer):
                return answer
            _count(self._calls.throttled_by_bucket, UNMETERED)
            now = self._clock.monotonic()
            first_refusal = now if first_refusal is None else first_refusal
            await self._hold(request, answer, now - first_refusal)

    async def _hold(self, request: Request, answer: Answer, waited: float) -> None:
        """Pause all calls to the company for as long as QuickBooks asks, or give up for now."""
        if errors.is_months_end(answer):
            why = "Our app's reads of the month are used up."
            raise errors.throttled(answer, request.call, why, errors.MONTH_DELAY)
        asked = answer.retry_after()
        pause = self._limits.throttle_pause_seconds if asked is None else max(asked, _SHORTEST_PAUSE)
        if pause > self._limits.longest_wait_seconds:
            raise errors.throttled(answer, request.call, "It asks us to wait.", errors.capped(pause))
        if waited + pause > self._limits.patience_seconds:
            why = f"It refused this call for {waited:.0f} s."
            raise errors.throttled(answer, request.call, why, errors.DELAY)
        try:
            await self._limiters.pause(pause)
        except NoPlace as error:
            raise _no_place(error, request) from None

    async def _with_token(self, request: Request) -> Answer:
        access = (await self._auth.tokens()).access
        answer = await self._exchange(request, access)
        if errors.is_unauthorized(answer):
            answer = await self._exchange(request, (await self._auth.replace(access)).access)
        return answer

    async def _exchange(self, request: Request, access_token: str) -> Answer:
        async with self._limiters.one_more_under_way():
            try:
                return await self._placed(request, access_token)
            except NoPlace as error:
                failure = error
        raise _no_place(failure, request)

    async def _placed(self, request: Request, access_token: str) -> Answer:
        places = await self._limiters.acquire()
        sending = _Sending(self._limiters, places)
        failure = ""
        try:
            answer = await self._transport.ask(
                request,
                api_url=self._api_url,
                company_id=self._realm_id,
                access_token=access_token,
                now=self._clock.now(),
                before_sending=sending.begin,
            )
        except NoAnswer as error:
            failure = str(error)
        if failure:
            # What got no answer may have been carried out, and counted.
            self._note(request, METERED if sending.begun else UNMETERED)
            raise Transient(f"{failure} for {request.call}")
        self._note(request, UNMETERED if errors.is_refusal(answer) else METERED)
        return answer

    def _note(self, request: Request, bucket: Bucket) -> None:
        _count(self._calls.by_bucket, bucket, request.reads if bucket == METERED else 1)


class _Sending:
    """One call on its way; `begun` once it goes out."""

    def __init__(self, limiters: CompanyLimiters, places: tuple[Place, ...]) -> None:
        self._limiters = limiters
        self._places = places
        self.begun = False

    async def begin(self) -> None:
        await self._limiters.still(self._places)
        self.begun = True


def _refuse_parts(answer: Answer, request: Request) -> None:
    """A batch succeeds as a whole; what failed says so in its own part (Intuit docs: batch operations)."""
    parts = answer.members.get("BatchItemResponse")
    for part in parts if isinstance(parts, list) else []:
        fault = fault_in(part) if isinstance(part, dict) else None
        if fault is not None:
            raise errors.of_fault(fault, request.call)


def _count(counts: dict[str, int], bucket: str, calls: int = 1) -> None:
    counts[bucket] = counts.get(bucket, 0) + calls


def _no_place(error: NoPlace, request: Request) -> RetryLater:
    delay = timedelta(seconds=error.delay_seconds)
    text = f"no call to {errors.VENDOR} was made: {error} ({request.call}); will try again in {errors.in_words(delay)}"
    return RetryLater(errors.INTEGRATION, text, delay=delay, context={"call": request.call})

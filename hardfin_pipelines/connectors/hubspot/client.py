"""One call to HubSpot: its turn in the rate bucket, its token, another try where that helps, and the error if not."""

from datetime import timedelta

import httpx

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import ReserveReached, RetryLater
from hardfin_pipelines.connectors.http import Answer, NoAnswer, exchange
from hardfin_pipelines.connectors.hubspot import errors
from hardfin_pipelines.connectors.hubspot.auth import Authenticator
from hardfin_pipelines.connectors.hubspot.limits import AccountLimiters, Bucket, HubSpotLimits
from hardfin_pipelines.connectors.hubspot.requests import Request
from hardfin_pipelines.connectors.rate_limiter import RollingLimiter
from hardfin_pipelines.connectors.retries import GaveUp, RetryPolicy, Transient
from hardfin_pipelines.sync.call_budget import DailyAllowance
from hardfin_pipelines.sync.call_windows import NoPlace

_MAX_HEADER = "x-hubspot-ratelimit-max"
_DAILY_HEADER = "x-hubspot-ratelimit-daily"
_DAILY_REMAINING_HEADER = "x-hubspot-ratelimit-daily-remaining"
_SHORTEST_PAUSE = 1.0
_PAUSES = {"secondly": 1.0, "ten_secondly": 10.0}


class HubSpotClient:
    """Sends requests for one connection."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        base_url: str,
        auth: Authenticator,
        limiters: AccountLimiters,
        limits: HubSpotLimits,
        calls: CallCounts,
        clock: Clock,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._auth = auth
        self._limiters = limiters
        self._limits = limits
        self._calls = calls
        self._clock = clock
        self._retries = RetryPolicy(limits.attempts)

    async def send(self, request: Request) -> Answer:
        """The answer to a request: a JSON object with a 2xx status, or 404 where the request allows for absence.

        Raises:
            RetryLater: HubSpot throttles us, is down, or cannot be reached, for longer than we wait; or no place in its
                rate limits can be had. `ReserveReached`: what is left of the day's calls is left to others.
            NeedsAttention: Access was revoked, a scope is missing; `UnknownField`: a property is not known.
            VendorContractError: HubSpot refused a request we should not have sent.
        """
        try:
            return await self._retries.run(lambda: self._attempt(request), self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self, request: Request) -> Answer:
        answer = await self._past_rate_limits(request)
        if errors.is_transient(answer):
            retry = errors.transient(answer, request.call)
            if retry.retry_after > self._limits.longest_wait_seconds:
                raise _asked_for_longer(retry, errors.capped(retry.retry_after))
            raise retry
        if answer.status == 404 and request.absence:
            return answer
        if not 200 <= answer.status < 300:
            raise errors.refusal(answer, request.call)
        if not answer.members:
            raise Transient(f"answered {request.call} with {answer.content_type} that is no JSON object")
        return answer

    async def _past_rate_limits(self, request: Request) -> Answer:
        """Waiting for a rate limit is no failure: only patience ends it."""
        first_refusal: float | None = None
        while True:
            answer = await self._with_token(request)
            if answer.status != 429:
                return answer
            _count(self._calls.throttled_by_bucket, request.bucket)
            now = self._clock.monotonic()
            first_refusal = now if first_refusal is None else first_refusal
            await self._hold_bucket(request, answer, now - first_refusal)

    async def _hold_bucket(self, request: Request, answer: Answer, waited: float) -> None:
        """Pause the whole bucket for as long as HubSpot asks, or give up for now."""
        asked = answer.retry_after()
        policy = f"{answer.members.get('policyName') or ''} {answer.members.get('message') or ''}".lower()
        if "daily" in policy:
            self._note_day_spent()
            delay = errors.DAILY_DELAY if asked is None else max(errors.capped(asked), timedelta(minutes=1))
            raise errors.throttled(answer, request.call, "The day's calls are used up.", delay)
        pause = _default_pause(request.bucket, policy) if asked is None else max(asked, _SHORTEST_PAUSE)
        if pause > self._limits.longest_wait_seconds:
            raise errors.throttled(answer, request.call, "It asks us to wait.", errors.capped(pause))
        if waited + pause > self._limits.patience_seconds:
            why = f"It refused this call for {waited:.0f} s."
            raise errors.throttled(answer, request.call, why, timedelta(minutes=5))
        try:
            await self._limiters[request.bucket].pause(pause)
        except NoPlace as error:
            raise _no_place(error, request) from None

    async def _with_token(self, request: Request) -> Answer:
        token = await self._auth.access_token()
        answer = await self._exchange(request, token)
        if answer.status == 401:
            token = await self._auth.replace(token)
            self._calls.tokens_replaced += 1
            answer = await self._exchange(request, token)
        return answer

    async def _exchange(self, request: Request, token: str) -> Answer:
        limiter = self._limiters[request.bucket]
        self._leave_reserve()
        try:
            place = await limiter.acquire()
        except NoPlace as error:
            raise _no_place(error, request) from None
        _count(self._calls.by_bucket, request.bucket)
        headers = {"Authorization": f"Bearer {token}"}
        if request.body:
            headers["Content-Type"] = "application/json"
        failure = ""
        try:
            answer = await exchange(
                self._http,
                request.method,
                self._base_url + request.path,
                now=self._clock.now(),
                headers=headers,
                content=request.body,
                secrets=(token,),
                before_sending=lambda: limiter.still(place),
            )
        except NoPlace as error:
            raise _no_place(error, request) from None
        except NoAnswer as error:
            failure = str(error)
        if failure:
            raise Transient(f"{failure} for {request.call}")
        _adapt(request.bucket, answer, limiter)
        self._note_day(answer)
        return answer

    def _leave_reserve(self) -> None:
        """Ask nothing once what is left of the day's calls belongs to the account's other integrations."""
        allowance, reserve = self._limiters.allowance, self._limits.reserve
        rest = reserve.rests(allowance, self._clock.now())
        if allowance is not None and rest is not None:
            text = f"{reserve.sentence(allowance)}; will try again in {errors.in_words(rest)}"
            raise ReserveReached(errors.INTEGRATION, text, delay=rest, purpose=reserve.purpose)

    def _note_day(self, answer: Answer) -> None:
        """HubSpot tells static tokens and private apps what is left of the day, but not with searches."""
        per_day, remaining = _number(answer, _DAILY_HEADER), _number(answer, _DAILY_REMAINING_HEADER)
        if per_day and remaining is not None:
            known = self._limiters.allowance
            spent_at = None if known is None else known.spent_at
            self._calls.allowance = DailyAllowance(per_day, remaining, self._clock.now(), spent_at)
            self._limiters.allowance = self._calls.allowance

    def _note_day_spent(self) -> None:
        known, now = self._limiters.allowance, self._clock.now()
        self._calls.allowance = DailyAllowance(0 if known is None else known.per_day, 0, now, now)
        self._limiters.allowance = self._calls.allowance


def _adapt(bucket: Bucket, answer: Answer, limiter: RollingLimiter) -> None:
    """HubSpot says in each answer, but for searches, how many calls the window takes (seen on the wire)."""
    most = _number(answer, _MAX_HEADER)
    if bucket != "search" and most is not None:
        limiter.adapt(most)


def _number(answer: Answer, header: str) -> int | None:
    text = answer.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() else None


def _count(counts: dict[str, int], bucket: Bucket) -> None:
    counts[bucket] = counts.get(bucket, 0) + 1


def _no_place(error: NoPlace, request: Request) -> RetryLater:
    delay = timedelta(seconds=error.delay_seconds)
    text = f"no call to HubSpot was made: {error} ({request.call}); will try again in {errors.in_words(delay)}"
    return RetryLater(errors.INTEGRATION, text, delay=delay, context={"call": request.call})


def _default_pause(bucket: Bucket, policy: str) -> float:
    """HubSpot does not always send Retry-After: the pause that frees the window it names."""
    if "ten_secondly" in policy:
        return _PAUSES["ten_secondly"]
    return _PAUSES["secondly" if "secondly" in policy or bucket == "search" else "ten_secondly"]


def _asked_for_longer(failure: Transient, delay: timedelta) -> RetryLater:
    text = f"HubSpot {failure.reason} and asks us to wait; will try again in {errors.in_words(delay)}"
    return RetryLater(errors.INTEGRATION, text, delay=delay, context={"correlation_id": failure.correlation_id})

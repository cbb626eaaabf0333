"""One call to Salesforce: its place, its token, another try where that helps, and the error if not."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import orjson
from simple_salesforce.api import Salesforce

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import ReserveReached, RetryLater
from hardfin_pipelines.connectors.http import Answer, NoAnswer
from hardfin_pipelines.connectors.json_text import loads_leniently
from hardfin_pipelines.connectors.retries import GaveUp, RetryPolicy, Transient
from hardfin_pipelines.connectors.salesforce import errors
from hardfin_pipelines.connectors.salesforce.auth import Authenticator
from hardfin_pipelines.connectors.salesforce.csv_rows import is_whole
from hardfin_pipelines.connectors.salesforce.limits import BUCKET, OrgLimiter, SalesforceLimits
from hardfin_pipelines.connectors.salesforce.pages import pages_of
from hardfin_pipelines.connectors.salesforce.requests import Request
from hardfin_pipelines.connectors.salesforce.transport import Org, SalesforceTransport
from hardfin_pipelines.connectors.tokens import Tokens
from hardfin_pipelines.sync.call_budget import DailyAllowance
from hardfin_pipelines.sync.call_windows import NoPlace

DaySoFar = Callable[[], DailyAllowance | None]
"""What is known of an org's calls of the day from elsewhere."""

_FAILED_PART = re.compile(rb'"httpStatusCode"\s*:\s*[^2\s]')


class SalesforceClient:
    """Sends requests for one connection."""

    def __init__(
        self,
        *,
        transport: SalesforceTransport,
        auth: Authenticator,
        limiter: OrgLimiter,
        limits: SalesforceLimits,
        calls: CallCounts,
        clock: Clock,
        day_so_far: DaySoFar | None = None,
    ) -> None:
        self._transport = transport
        self._auth = auth
        self._limiter = limiter
        self._limits = limits
        self._calls = calls
        self._clock = clock
        self._day_so_far = day_so_far
        self._retries = RetryPolicy(limits.attempts)
        self._org: tuple[Tokens, Org] | None = None

    async def send(self, request: Request) -> Answer:
        """The answer to a request, with a 2xx status; of a composite one all parts have one, unless it lets them fail.

        Raises:
            RetryLater: Salesforce throttles us, is down, or cannot be reached, for longer than we wait; or no place in
                its rate limit can be had. `ReserveReached`: what is left of the day's calls is left to others.
            NeedsAttention: Access was revoked, a permission is missing; `UnknownField`: a field is not known.
            LocatorGone: The query's cursor is no more.
            VendorContractError: Salesforce refused a request we should not have sent.
        """
        try:
            return await self._retries.run(lambda: self._attempt(request), self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self, request: Request) -> Answer:
        answer = await self._past_limits(request)
        _refuse(answer, request)
        if request.media == "csv" and not is_whole(answer):
            raise Transient(f"answered {request.call} with {answer.content_type} that is no whole CSV")
        if request.media == "json" and not _is_whole(answer, request):
            raise Transient(f"answered {request.call} with {answer.content_type} that is no whole JSON")
        if request.is_composite and not request.parts_may_fail and _FAILED_PART.search(answer.body):
            for part in composite_parts(answer, request.call):
                _refuse(part, request)
        return answer

    async def _past_limits(self, request: Request) -> Answer:
        """Waiting for the limit of calls at once is no failure: only patience ends it."""
        first_refusal: float | None = None
        while True:
            answer = await self._with_token(request)
            if not errors.is_throttled(answer):
                return answer
            self._calls.throttled_by_bucket[BUCKET] = self._calls.throttled_by_bucket.get(BUCKET, 0) + 1
            now = self._clock.monotonic()
            first_refusal = now if first_refusal is None else first_refusal
            await self._hold(request, answer, now - first_refusal)

    async def _hold(self, request: Request, answer: Answer, waited: float) -> None:
        if errors.is_days_end(answer):
            self._note_day_spent()
            raise errors.throttled(answer, request.call, "The calls of 24 hours are used up.", errors.DAILY_DELAY)
        pause = max(answer.retry_after() or 0.0, self._limits.busy_pause_seconds)
        if waited + pause > self._limits.patience_seconds:
            raise errors.throttled(answer, request.call, f"It refused this call for {waited:.0f} s.", errors.DELAY)
        try:
            await self._limiter.limiter.pause(pause)
        except NoPlace as error:
            raise _no_place(error, request) from None

    async def _with_token(self, request: Request) -> Answer:
        tokens = await self._auth.tokens()
        answer = await self._exchange(request, tokens)
        if answer.status == 401:
            answer = await self._exchange(request, await self._auth.replace(tokens.access))
        return answer

    async def _exchange(self, request: Request, tokens: Tokens) -> Answer:
        with self._limiter.one_more_under_way() as others:
            self._leave_reserve(others)
            try:
                return await self._placed(request, tokens)
            except NoPlace as error:
                failure = error
        raise _no_place(failure, request)

    async def _placed(self, request: Request, tokens: Tokens) -> Answer:
        place = await self._limiter.limiter.acquire()
        self._calls.by_bucket[BUCKET] = self._calls.by_bucket.get(BUCKET, 0) + 1
        failure, sent_at = "", self._clock.now()
        try:
            answer = await self._transport.ask(
                self._session(tokens),
                request,
                now=sent_at,
                secrets=(tokens.access,),
                before_sending=lambda: self._limiter.limiter.still(place),
            )
        except NoAnswer as error:
            failure = str(error)
        if failure:
            raise Transient(f"{failure} for {request.call}")
        self._note_day(answer, sent_at)
        return answer

    def _session(self, tokens: Tokens) -> Org:
        if self._org is None or self._org[0] != tokens:
            if not tokens.instance_url:
                raise errors.unknown_shape("signing in", "instance URL for these tokens: connect Salesforce again")
            self._org = (tokens, self._transport.org(tokens.access, tokens.instance_url))
        return self._org[1]

    def _leave_reserve(self, others: int) -> None:
        """Ask nothing once what is left of the day's calls belongs to the org's other integrations.

        `others` are calls of ours that are under way and will be counted, too.
        """
        if self._limiter.allowance is None and self._day_so_far is not None:
            self._limiter.allowance = self._day_so_far()
        self._day_so_far = None
        allowance, reserve = self._limiter.allowance, self._limits.reserve
        if allowance is not None and others:
            allowance = replace(allowance, remaining=max(allowance.remaining - others, 0))
        rest = reserve.rests(allowance, self._clock.now())
        if allowance is not None and rest is not None:
            text = f"{reserve.sentence(allowance)}; will try again in {errors.in_words(rest)}"
            raise ReserveReached(errors.INTEGRATION, text, delay=rest, purpose=reserve.purpose)

    def _note_day(self, answer: Answer, sent_at: datetime) -> None:
        """Every answer says how many calls of the last 24 hours the org has made, all its apps together.

        Answers overtake each other: of those under way at once, the one that tells of the most calls is right.
        """
        usage = Salesforce.parse_api_usage(answer.headers.get("sforce-limit-info", "")).get("api-usage")
        if usage is not None and usage.total:
            known = self._limiter.allowance
            spent_at = None if known is None else known.spent_at
            remaining = max(usage.total - usage.used, 0)
            if known is not None and known.seen_at >= sent_at and known.per_day == usage.total:
                remaining = min(remaining, known.remaining)
            self._calls.allowance = DailyAllowance(usage.total, remaining, self._clock.now(), spent_at)
            self._limiter.allowance = self._calls.allowance

    def _note_day_spent(self) -> None:
        known, now = self._limiter.allowance, self._clock.now()
        self._calls.allowance = DailyAllowance(0 if known is None else known.per_day, 0, now, now)
        self._limiter.allowance = self._calls.allowance


def composite_parts(answer: Answer, call: str) -> list[Answer]:
    """The parts of a composite answer, as answers of their own.

    Raises:
        VendorContractError: It is none.
    """
    parts = answer.members.get("compositeResponse")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise errors.unknown_shape(call, 'list "compositeResponse"')
    headers = {"content-type": "application/json"}
    return [
        Answer(int(part.get("httpStatusCode") or 0), orjson.dumps(part.get("body")), headers, answer.vendor_time)
        for part in parts
    ]


def _is_whole(answer: Answer, request: Request) -> bool:
    """Whether a body came whole; what is not must be asked for again, not remembered."""
    if request.is_query:
        # Pages are large: what is parsed here is not parsed again by whom they are for.
        with contextlib.suppress(ValueError, RecursionError):
            pages_of(request, answer)
            return True
    return _is_json(answer.body)


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            loads_leniently(body)
        except (ValueError, RecursionError):
            return False
    return True


def _refuse(answer: Answer, request: Request) -> None:
    """Raises by what an answer says; nothing for a success."""
    if 200 <= answer.status < 300:
        return
    heavy = errors.is_too_heavy(answer) and not request.is_query
    if heavy or errors.is_transient(answer) or errors.is_throttled(answer):
        raise errors.transient(answer, request.call)
    raise errors.refusal(answer, request.call, request.fields)


def _no_place(error: NoPlace, request: Request) -> RetryLater:
    delay = timedelta(seconds=error.delay_seconds)
    text = f"no call to Salesforce was made: {error} ({request.call}); will try again in {errors.in_words(delay)}"
    return RetryLater(errors.INTEGRATION, text, delay=delay, context={"call": request.call})

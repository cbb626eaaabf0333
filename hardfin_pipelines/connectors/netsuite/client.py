"""One call to NetSuite: its slot, its place, its login, another try where that helps, and the error if not."""

from datetime import timedelta
from random import SystemRandom

import httpx

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.connectors.clock import Clock
from hardfin_pipelines.connectors.errors import RetryLater
from hardfin_pipelines.connectors.http import Answer, NoAnswer, exchange
from hardfin_pipelines.connectors.netsuite import errors
from hardfin_pipelines.connectors.netsuite.limits import Governance
from hardfin_pipelines.connectors.netsuite.requests import Request
from hardfin_pipelines.connectors.netsuite.signing import Signer
from hardfin_pipelines.connectors.retries import GaveUp, RetryPolicy, Transient
from hardfin_pipelines.sync.call_windows import NoPlace

_CHANCE = SystemRandom()
_JITTER = 0.5
"""The part of a pause that is left to chance: others are refused at the same moment, and would come back with us."""


class NetSuiteClient:
    """Sends requests for one connection."""

    def __init__(
        self,
        *,
        http: httpx.AsyncClient,
        api_url: str,
        signer: Signer,
        governance: Governance,
        calls: CallCounts,
        clock: Clock,
    ) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self.signer = signer
        self._governance = governance
        self._limits = governance.limits
        self._calls = calls
        self._clock = clock

    async def send(self, request: Request) -> Answer:
        """The answer to a request: a JSON object with a 2xx status.

        Raises:
            RetryLater: NetSuite throttles us, is down, or cannot be reached, for longer than we wait; or no place in
                our own window can be had.
            NeedsAttention: Access was revoked; `NotPermitted`, `NotVisible`: our role lacks something.
            VendorContractError: NetSuite refused a request we should not have sent.
        """
        retries = RetryPolicy(request.tries or self._limits.attempts)
        try:
            return await retries.run(lambda: self._attempt(request), self._clock)
        except GaveUp as failure:
            final = errors.gave_up(failure)
        raise final

    async def _attempt(self, request: Request) -> Answer:
        answer = await self._past_limits(request)
        if errors.is_transient(answer):
            raise errors.transient(answer, request.call)
        if not 200 <= answer.status < 300:
            raise errors.refusal(answer, request.call)
        if not answer.members:
            raise Transient(f"answered {request.call} with {answer.content_type} that is no whole JSON")
        return answer

    async def _past_limits(self, request: Request) -> Answer:
        """Waiting is no failure: only patience ends it. A refused login gets a new token once, then the same time."""
        first_refusal: float | None = None
        refusals, renewed = 0, False
        while True:
            answer, header = await self._exchange(request)
            throttled, locked_out = errors.is_throttled(answer), errors.is_login_refused(answer)
            if not throttled and not locked_out:
                return answer
            if throttled:
                _count(self._calls.throttled_by_bucket, request.bucket)
            elif not renewed:
                renewed = True
                if await self.signer.renewed(header):
                    continue
            now = self._clock.monotonic()
            first_refusal = now if first_refusal is None else first_refusal
            await self._hold(request, answer, now - first_refusal, refusals)
            refusals += 1

    async def _hold(self, request: Request, answer: Answer, waited: float, refusals: int) -> None:
        """Pause all calls to the account, or give up for now."""
        limits, asked = self._limits, answer.retry_after()
        pause = self._pause(answer, refusals) if asked is None else max(asked, 1.0)
        if pause > limits.longest_wait_seconds:
            raise errors.throttled(answer, request.call, "It asks us to wait.", errors.capped(pause))
        locked_out = errors.is_login_refused(answer)
        patience = limits.login_patience_seconds if locked_out else limits.patience_seconds
        if waited + pause > patience:
            if locked_out:
                raise errors.login_refused(answer, request.call, waited, self._clock.now() - answer.vendor_time)
            why = f"It refused this call for {waited:.0f} s."
            raise errors.throttled(answer, request.call, why, errors.BLOCKED_DELAY)
        try:
            await self._governance.limiters.pause(pause)
        except NoPlace as error:
            raise _no_place(error, request) from None

    def _pause(self, answer: Answer, refusals: int) -> float:
        """Seconds: NetSuite never says how long, so they grow, and a part of them is chance."""
        limits = self._limits
        quick = errors.is_concurrency(answer) and not errors.is_login_refused(answer)
        first = limits.throttle_pause_seconds if quick else limits.frequency_pause_seconds
        growing: float = min(first * 2 ** min(refusals, 16), limits.longest_pause_seconds)
        return growing * _CHANCE.uniform(1 - _JITTER, 1 + _JITTER)

    async def _exchange(self, request: Request) -> tuple[Answer, str]:
        """The answer, and the header that it was asked with."""
        governance = self._governance
        try:
            async with governance.slots.held(governance.limiters.account, governance.most_under_way):
                return await self._placed(request)
        except NoPlace as error:
            failure = error
        raise _no_place(failure, request)

    async def _placed(self, request: Request) -> tuple[Answer, str]:
        limiters = self._governance.limiters
        place = await limiters.acquire()
        header = await self.signer.header(request.method, self._api_url + request.target)  # a signature soon ages
        headers = {"Authorization": header}
        if request.content:
            headers |= {"Prefer": "transient", "Content-Type": "application/json"}
        _count(self._calls.by_bucket, request.bucket)
        failure = ""
        try:
            answer = await exchange(
                self._http,
                request.method,
                self._api_url + request.target,
                now=self._clock.now(),
                headers=headers,
                content=request.content,
                secrets=(header.partition(" ")[2],),
                before_sending=lambda: limiters.still(place),
            )
        except NoAnswer as error:
            failure = str(error)
        if failure:
            raise Transient(f"{failure} for {request.call}")
        return answer, header


def _count(counts: dict[str, int], bucket: str) -> None:
    counts[bucket] = counts.get(bucket, 0) + 1


def _no_place(error: NoPlace, request: Request) -> RetryLater:
    delay = timedelta(seconds=error.delay_seconds)
    text = f"no call to {errors.VENDOR} was made: {error} ({request.call}); will try again in {errors.in_words(delay)}"
    return RetryLater(errors.INTEGRATION, text, delay=delay, context={"call": request.call})

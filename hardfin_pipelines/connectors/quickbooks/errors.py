"""What a refusal of QuickBooks means to the caller (Intuit docs: error codes; recorded replies of public clients).

The fault's code decides, then the status: the two often disagree.
"""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta

from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    RetryLater,
    SkipRecord,
    VendorContractError,
    VendorError,
)
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.quickbooks.faults import Fault, fault_of
from hardfin_pipelines.connectors.retries import GaveUp, Transient

INTEGRATION = "quickbooks"
VENDOR = "QuickBooks"

DELAY = timedelta(minutes=5)
MONTH_DELAY = timedelta(hours=1)
"""The app's reads of the month are used up until somebody buys more or the month ends: look again hourly."""

_THROTTLED = "3001"
_NOT_SIGNED_IN = "3200"
_NO_RIGHTS = frozenset({"120", "3201"})
_NO_COMPANY = "3100"
_LAPSED = "6190"
_NOT_FOUND = "610"
_TRANSIENT_CODES = frozenset({"3003", "4002", "10000", "SystemFault"})
_PERMANENT_CODES = frozenset({*_NO_RIGHTS, _NO_COMPANY, _LAPSED, _NOT_FOUND})
_MONTH_IN_TEXT = re.compile(r"(?i)quota|monthly|\bmonth\b")


def is_refusal(answer: Answer) -> bool:
    """Whether an answer is no success."""
    return not 200 <= answer.status < 300 or fault_of(answer) is not None


def is_throttled(answer: Answer) -> bool:
    """Whether QuickBooks refuses the call for now because there are too many."""
    return is_refusal(answer) and (answer.status == 429 or _code(answer) == _THROTTLED)


def is_months_end(answer: Answer) -> bool:
    """Whether the app's reads of the month are used up. What QuickBooks says then is not published: a guess."""
    fault = fault_of(answer)
    return fault is not None and _MONTH_IN_TEXT.search(fault.text) is not None


def is_unauthorized(answer: Answer) -> bool:
    """Whether the access token is refused; a new one may help."""
    code = _code(answer)
    return code == _NOT_SIGNED_IN or (answer.status == 401 and code not in _PERMANENT_CODES)


def is_transient(answer: Answer) -> bool:
    """Whether the same call may well succeed in a moment."""
    code = _code(answer)
    if code in _PERMANENT_CODES or code == _NOT_SIGNED_IN:
        return False
    redirected = 300 <= answer.status < 400
    return redirected or answer.status >= 500 or answer.status == 408 or code in _TRANSIENT_CODES


def transient(answer: Answer, call: str) -> Transient:
    """The failure of an answer that is worth another try."""
    code = _code(answer)
    reason = f"answered {answer.status}{f' {code}' if code else ''} to {call}"
    return Transient(reason, retry_after=answer.retry_after() or 0.0, correlation_id=_correlation_id(answer))


def gave_up(failure: GaveUp) -> RetryLater:
    """The error when all tries of a call failed."""
    times = f"{failure.attempts} times in {failure.seconds:.0f} s"
    text = f"{VENDOR} {failure.last.reason} {times}; will try again later"
    context = {"correlation_id": failure.last.correlation_id}
    return RetryLater(INTEGRATION, text, delay=DELAY, context=context)


def throttled(answer: Answer, call: str, why: str, delay: timedelta) -> RetryLater:
    """The error for a call that QuickBooks refuses for now and that is not waited for."""
    text = f"{VENDOR} limits our calls: {message_of(answer)} {why} ({call}); will try again in {in_words(delay)}"
    return RetryLater(INTEGRATION, text, delay=delay, context=_context(answer, call))


def refusal(answer: Answer, call: str) -> VendorError:
    """The error for an answer that is neither a success, nor throttling, nor worth another try at once."""
    code, context = _code(answer), _context(answer, call)
    said = f"{VENDOR} answered {answer.status}{f' {code}' if code else ''} to {call}: {message_of(answer)}"
    if code == _NOT_FOUND:
        return SkipRecord(INTEGRATION, f"{said}; it was deleted or made inactive", record_id="", context=context)
    explained = _EXPLAINED.get(code) or _BY_STATUS.get(answer.status)
    if explained is not None:
        return NeedsAttention(INTEGRATION, explained(said), context=context)
    return VendorContractError(INTEGRATION, said, context=context)


def message_of(answer: Answer) -> str:
    """What QuickBooks says, on one line."""
    fault = fault_of(answer)
    return f"{answer.content_type}, no message" if fault is None else fault.text


def of_fault(fault: Fault, call: str) -> VendorError:
    """The error for a part of an answer that is a fault."""
    said = f"{VENDOR} answered {fault.code} to {call}: {fault.text}"
    explained = _EXPLAINED.get(fault.code)
    context = {"call": call, "code": fault.code}
    if explained is not None:
        return NeedsAttention(INTEGRATION, explained(said), context=context)
    if fault.code in _TRANSIENT_CODES | {_THROTTLED}:
        return RetryLater(INTEGRATION, f"{said}; will try again later", delay=DELAY, context=context)
    return VendorContractError(INTEGRATION, said, context=context)


def in_words(delay: timedelta) -> str:
    """A delay for people."""
    seconds = round(delay.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def capped(seconds: float) -> timedelta:
    """A wait that QuickBooks asks for, a day at most."""
    return timedelta(seconds=min(seconds, timedelta(days=1).total_seconds()))


def unknown_shape(call: str, expected: str) -> VendorContractError:
    """The error for an answer that lacks what it must have."""
    return VendorContractError(INTEGRATION, f"{VENDOR}'s answer to {call} has no {expected}", context={"call": call})


def _not_signed_in(said: str) -> str:
    return f"{VENDOR} refuses our access: connect {VENDOR} again ({said})"


def _no_rights(said: str) -> str:
    return (
        f"{VENDOR} does not let the user who connected Hardfin read this: connect {VENDOR} again as an administrator "
        f"of the company ({said})"
    )


def _no_company(said: str) -> str:
    return (
        f"{VENDOR} does not let our app into this company: it was disconnected there, lacks the accounting scope, or "
        f"its keys are for another environment (development, production): connect {VENDOR} again ({said})"
    )


def _lapsed(said: str) -> str:
    return f"the company's {VENDOR} subscription has ended or is not paid: renew it at {VENDOR} ({said})"


_EXPLAINED: Mapping[str, Callable[[str], str]] = {
    _NOT_SIGNED_IN: _not_signed_in,
    **dict.fromkeys(_NO_RIGHTS, _no_rights),
    _NO_COMPANY: _no_company,
    _LAPSED: _lapsed,
}
_BY_STATUS: Mapping[int, Callable[[str], str]] = {401: _not_signed_in, 403: _no_company}


def _code(answer: Answer) -> str:
    fault = fault_of(answer)
    return "" if fault is None else fault.code


def _correlation_id(answer: Answer) -> str:
    return answer.headers.get("intuit_tid", "")


def _context(answer: Answer, call: str) -> dict[str, str]:
    return {
        "status": str(answer.status),
        "call": call,
        "code": _code(answer),
        "correlation_id": _correlation_id(answer),
    }

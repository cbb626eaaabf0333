"""What a refusal of Salesforce means to the caller (Salesforce docs: status codes and error responses).

Errors come as a JSON array of objects with `errorCode` and `message`; those of OAuth as one object.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    RetryLater,
    UnknownField,
    VendorContractError,
    VendorError,
)
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.retries import GaveUp, Transient

INTEGRATION = "salesforce"

DAILY_DELAY = timedelta(hours=1)
"""Salesforce counts the calls of the last 24 hours, so places come free bit by bit: ask again hourly."""

DELAY = timedelta(minutes=5)

_LONGEST_TEXT = 300
_TRANSIENT_CODES = frozenset(
    {
        "SERVER_UNAVAILABLE",
        "TXN_SECURITY_METERING_ERROR",
        "UNABLE_TO_LOCK_ROW",
        "UNKNOWN_EXCEPTION",
    }
)
_TRANSIENT_STATUSES = frozenset({406, 408, 420})
_DISABLED_CODES = frozenset({"API_CURRENTLY_DISABLED", "API_DISABLED_FOR_ORG"})
_TOO_HEAVY_CODES = frozenset({"OPERATION_TOO_LARGE", "QUERY_TIMEOUT"})
_TOO_COMPLICATED = "QUERY_TOO_COMPLICATED"
_LOCATOR_GONE = "INVALID_QUERY_LOCATOR"
_COLUMN = re.compile(r"No such column '([^']+)' on entity '([^']+)'")
_RELATION = re.compile(r"(?:understand relationship|No such relation) '([^']+)'")
_TYPE = re.compile(r"sObject type '([^']+)' is not supported")


class LocatorGone(RetryLater):
    """The cursor behind a query's pages is no more; the query can be asked again from where it was.

    Those who page do so at once; it escapes only where cursors keep dying.
    """


class QueryTooHeavy(RetryLater):
    """The query takes longer, or touches more, than Salesforce lets it: less is to be asked for at once.

    Those who query divide it and go on; it escapes where even a small part is too heavy.
    """


def code_of(answer: Answer) -> str:
    """Salesforce's code of an error; "" where there is none."""
    return str(_first(answer).get("errorCode") or _first(answer).get("error") or "")


def message_of(answer: Answer) -> str:
    """What Salesforce says, on one line."""
    text = _first(answer).get("message") or _first(answer).get("error_description")
    return one_line(text) if isinstance(text, str) and text.strip() else f"{answer.content_type}, no message"


def one_line(text: str) -> str:
    """A text of the vendor for one of our messages; of a long one the end, where Salesforce says what is wrong."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else "…" + line[1 - _LONGEST_TEXT :]


def is_throttled(answer: Answer) -> bool:
    """Whether Salesforce refuses the call for now because there are too many."""
    return answer.status == 429 or (answer.status >= 400 and code_of(answer) == "REQUEST_LIMIT_EXCEEDED")


def is_days_end(answer: Answer) -> bool:
    """Whether the calls of 24 hours are used up; "ConcurrentPerOrgLongTxn" comes with the same code and passes soon."""
    return code_of(answer) == "REQUEST_LIMIT_EXCEEDED" and "concurrent" not in message_of(answer).lower()


def is_transient(answer: Answer) -> bool:
    """Whether the same call may well succeed in a moment; an org in maintenance sends people to another page."""
    redirected = 300 <= answer.status < 400
    passing = answer.status >= 500 or answer.status in _TRANSIENT_STATUSES
    return redirected or passing or code_of(answer) in _TRANSIENT_CODES


def is_too_heavy(answer: Answer) -> bool:
    """Whether Salesforce refuses a query for what it would cost: only asking for less at once helps."""
    return code_of(answer) in _TOO_HEAVY_CODES


def transient(answer: Answer, call: str) -> Transient:
    """The failure of an answer that is worth another try."""
    code = code_of(answer)
    reason = f"answered {answer.status}{f' {code}' if code else ''} to {call}"
    return Transient(reason, retry_after=answer.retry_after() or 0.0)


def gave_up(failure: GaveUp) -> RetryLater:
    """The error when all tries of a call failed."""
    times = f"{failure.attempts} times in {failure.seconds:.0f} s"
    return RetryLater(INTEGRATION, f"Salesforce {failure.last.reason} {times}; will try again later", delay=DELAY)


def throttled(answer: Answer, call: str, why: str, delay: timedelta) -> RetryLater:
    """The error for a call that Salesforce refuses for now and that is not waited for."""
    text = f"Salesforce limits our calls: {message_of(answer)} {why} ({call}); will try again in {in_words(delay)}"
    return RetryLater(INTEGRATION, text, delay=delay, context=_context(answer, call))


def refusal(answer: Answer, call: str, asked: Sequence[str] = ()) -> VendorError:
    """The error for an answer that is neither a success, nor throttling, nor worth another try at once.

    Args:
        answer: Salesforce's answer.
        call: What was asked.
        asked: The fields that were asked for, to name the one that Salesforce does not know.
    """
    context = _context(answer, call)
    code = context["code"]
    said = f"Salesforce answered {answer.status} {code} to {call}: {message_of(answer)}"
    if answer.status == 401:
        text = f"Salesforce refuses our access: connect Salesforce again ({said})"
        return NeedsAttention(INTEGRATION, text, context=context)
    if code == _LOCATOR_GONE:
        return LocatorGone(INTEGRATION, f"{said}; will try again later", delay=DELAY, context=context)
    if is_too_heavy(answer):
        return QueryTooHeavy(INTEGRATION, f"{said}; will try again later", delay=DELAY, context=context)
    if code == _TOO_COMPLICATED:
        text = f"Salesforce finds it too much to compute so many formulas at once: map fewer formula fields ({said})"
        return NeedsAttention(INTEGRATION, text, context=context)
    if code == "INVALID_FIELD" or (code == "INVALID_TYPE" and _RELATION.search(said)):
        return unknown_field(said, asked, context)
    if code == "INVALID_TYPE" or (answer.status == 404 and "/describe" in call):
        return _unknown_object(said, context)
    if answer.status == 403:
        return _forbidden(code, call, said, context)
    return VendorContractError(INTEGRATION, said, context=context)


def unknown_field(said: str, asked: Sequence[str], context: Mapping[str, str]) -> UnknownField:
    """The error for a query that names a field Salesforce does not know; it tells of the first one only."""
    name, where = _field_in(said, asked)
    text = (
        f"Salesforce does not know the field {name}{where}, or hides it: if it is there, grant Hardfin's user Read on "
        f"it (field-level security, in a permission set); else change the mapping ({said})"
    )
    return UnknownField(INTEGRATION, text, context={**context, "properties": name})


def _field_in(said: str, asked: Sequence[str]) -> tuple[str, str]:
    column, relation = _COLUMN.search(said), _RELATION.search(said)
    if column is not None:
        named = next((each for each in asked if each.rpartition(".")[2].lower() == column[1].lower()), column[1])
        return named, f" of {column[2]}"
    if relation is not None:
        named = next((each for each in asked if relation[1].lower() in each.lower().split(".")[:-1]), relation[1])
        return named, ""
    return "that the query names", ""


def _unknown_object(said: str, context: Mapping[str, str]) -> NeedsAttention:
    found = _TYPE.search(said)
    name = found[1] if found else "an object"
    text = f"Salesforce does not show {name} to Hardfin's user: grant it Read on {name} in a permission set ({said})"
    return NeedsAttention(INTEGRATION, text, context=context)


def _forbidden(code: str, call: str, said: str, context: Mapping[str, str]) -> NeedsAttention:
    if code in _DISABLED_CODES:
        text = f"Salesforce's API is off for this org or user: give Hardfin's user API Enabled ({said})"
    else:
        text = f"Salesforce does not let Hardfin's user do {call}: check its permission sets ({said})"
    return NeedsAttention(INTEGRATION, text, context=context)


def in_words(delay: timedelta) -> str:
    """A delay for people."""
    seconds = round(delay.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def unknown_shape(call: str, expected: str) -> VendorContractError:
    """The error for an answer that lacks what it must have."""
    return VendorContractError(INTEGRATION, f"Salesforce's answer to {call} has no {expected}", context={"call": call})


def _context(answer: Answer, call: str) -> dict[str, str]:
    return {"status": str(answer.status), "call": call, "code": one_line(code_of(answer))}


def _first(answer: Answer) -> Mapping[str, Any]:
    try:
        document = answer.document
    except (ValueError, RecursionError):
        return {}
    first = document[0] if isinstance(document, list) and document else document
    return first if isinstance(first, dict) else {}

"""What a refusal of NetSuite means to the caller (Oracle docs: REST errors; replies recorded by public clients).

The status decides, then `o:errorCode`, then the text: titles disagree with their status.
"""

import re
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

INTEGRATION = "netsuite"
VENDOR = "NetSuite"

DELAY = timedelta(minutes=5)
BLOCKED_DELAY = timedelta(minutes=15)
"""Until when to leave an account in peace that refused us for as long as we waited."""

CONCURRENCY = "CONCURRENCY_LIMIT_EXCEEDED"
UNEXPECTED = "UNEXPECTED_ERROR"
_BAD_QUERY = frozenset({"INVALID_PARAMETER", "NONEXISTENT_FIELD", "INVALID_CONTENT"})

_FIELD = re.compile(r"Field '([^']+)' for record '([^']+)' was not found")
_IDENTIFIER = re.compile(r"Unknown identifier '([^']+)'")
_TABLE = re.compile(r"Record '([^']+)' was not found|Invalid search type: ([^.\s]+)")
_LONGEST_TEXT = 400


class NotVisible(UnknownField):
    """A table or column that NetSuite does not have, or that our role does not see: NetSuite says the same of both.

    `context` has `table` and `column`, each "" where the refusal names none.
    """


class NotPermitted(NeedsAttention):
    """Our role lacks a permission."""


def is_throttled(answer: Answer) -> bool:
    """Whether NetSuite refuses the call for now because there are too many."""
    return answer.status == 429 or _code(answer) == CONCURRENCY


def is_concurrency(answer: Answer) -> bool:
    """Whether too many are under way at once, rather than too many in a minute or a day."""
    return _code(answer) == CONCURRENCY or "concurrent" in message_of(answer).lower()


def is_login_refused(answer: Answer) -> bool:
    """Whether NetSuite does not take who we say we are; under load it says so as well."""
    return answer.status == 401


def is_transient(answer: Answer) -> bool:
    """Whether the same call may well succeed in a moment."""
    return 300 <= answer.status < 400 or answer.status >= 500 or answer.status == 408


def transient(answer: Answer, call: str) -> Transient:
    """The failure of an answer that is worth another try."""
    code = _code(answer)
    reason = f"answered {answer.status}{f' {code}' if code else ''} to {call}"
    return Transient(reason, retry_after=answer.retry_after() or 0.0, correlation_id=code)


def gave_up(failure: GaveUp) -> RetryLater:
    """The error when all tries of a call failed."""
    times = f"{failure.attempts} times in {failure.seconds:.0f} s"
    text = f"{VENDOR} {failure.last.reason} {times}; will try again later"
    return RetryLater(INTEGRATION, text, delay=DELAY, context={"code": failure.last.correlation_id})


def throttled(answer: Answer, call: str, why: str, delay: timedelta) -> RetryLater:
    """The error for a call that NetSuite refuses for now and that is not waited for."""
    kind = "requests at once" if is_concurrency(answer) else "requests in a time"
    text = f"{VENDOR} limits our {kind}: {message_of(answer)} {why} ({call}); will try again in {in_words(delay)}"
    return RetryLater(INTEGRATION, text, delay=delay, context=_context(answer, call))


def login_refused(answer: Answer, call: str, waited: float, clock_ahead: timedelta) -> NeedsAttention:
    """The error for a login that NetSuite did not take for as long as load may explain it."""
    hint = ""
    if abs(clock_ahead) > timedelta(minutes=2):
        hint = f"; our clock and {VENDOR}'s differ by {abs(clock_ahead).total_seconds():.0f} s: set ours right"
    text = (
        f"{VENDOR} refused our login for {waited:.0f} s ({message_of(answer)}; {call}): see why in its Login Audit "
        f"Trail, give the role what it lacks, and connect {VENDOR} again{hint}"
    )
    return NeedsAttention(INTEGRATION, text, context=_context(answer, call))


def refusal(answer: Answer, call: str) -> VendorError:
    """The error for an answer that is neither a success, nor throttling, nor worth another try at once."""
    code, context = _code(answer), _context(answer, call)
    said = f"{VENDOR} answered {answer.status}{f' {code}' if code else ''} to {call}: {message_of(answer)}"
    if answer.status == 403:
        text = (
            f"our role at {VENDOR} lacks a permission: add what is named here to it at Setup > Users/Roles > Manage "
            f"Roles ({said})"
        )
        return NotPermitted(INTEGRATION, text, context=context)
    if answer.status == 400 and code in _BAD_QUERY | {""}:
        named = _named_in(message_of(answer))
        if named is not None or code == "NONEXISTENT_FIELD":
            return _not_visible(named or ("", ""), said, context)
    return VendorContractError(INTEGRATION, said, context=context)


def not_shown(what: str, needs: str, table: str, column: str = "") -> NotVisible:
    """The error for what our role was seen not to see, where it is not asked for once more.

    Its `context` has `needs` besides: what shows it.
    """
    text = f"{VENDOR} does not show {what} to our role: it needs {needs}"
    return NotVisible(INTEGRATION, text, context={"table": table, "column": column, "needs": needs})


def is_refused_query(error: VendorError) -> bool:
    """Whether NetSuite did not take a statement, rather than failed or answered in a shape we do not know."""
    return error.context.get("status") == "400"


def message_of(answer: Answer) -> str:
    """What NetSuite says, on one line."""
    texts = [one_line(each.get("detail")) for each in _details(answer)]
    found = "; ".join(text for text in texts if text) or one_line(answer.members.get("title"))
    return found or f"{answer.content_type}, no message"


def one_line(text: object) -> str:
    """A text of NetSuite's on one line, cut where it is very long."""
    return " ".join(text.split())[:_LONGEST_TEXT] if isinstance(text, str) else ""


def in_words(delay: timedelta) -> str:
    """A delay for people."""
    seconds = round(delay.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def capped(seconds: float) -> timedelta:
    """A wait that NetSuite asks for, a day at most."""
    return timedelta(seconds=min(seconds, timedelta(days=1).total_seconds()))


def unknown_shape(call: str, expected: str) -> VendorContractError:
    """The error for an answer that lacks what it must have."""
    return VendorContractError(INTEGRATION, f"{VENDOR}'s answer to {call} has no {expected}", context={"call": call})


def _not_visible(named: tuple[str, str], said: str, context: dict[str, str]) -> NotVisible:
    table, column = named
    what = f"the column {column}" if column else f"the record type {table}" if table else "what we ask for"
    text = (
        f"{VENDOR} does not have {what}, or our role does not see it: turn its feature on, or give the role the "
        f"permission and the field ({said})"
    )
    return NotVisible(INTEGRATION, text, context={**context, "table": table, "column": column})


def _named_in(text: str) -> tuple[str, str] | None:
    """Table and column that a refusal names, in lower case; None where it names neither."""
    field = _FIELD.search(text)
    if field is not None:
        return field[2].lower(), field[1].lower()
    identifier = _IDENTIFIER.search(text)
    if identifier is not None:
        table, _, column = identifier[1].lower().rpartition(".")
        return table, column
    missing = _TABLE.search(text)
    return None if missing is None else ((missing[1] or missing[2]).lower(), "")


def _details(answer: Answer) -> list[dict[str, Any]]:
    details = answer.members.get("o:errorDetails")
    return [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []


def _code(answer: Answer) -> str:
    return next((one_line(each.get("o:errorCode")) for each in _details(answer)), "")


def _context(answer: Answer, call: str) -> dict[str, str]:
    return {"status": str(answer.status), "call": call, "code": _code(answer)}

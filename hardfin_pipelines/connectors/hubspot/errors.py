"""What a refusal of HubSpot means to the caller (HubSpot docs: error handling; every field of a body is optional)."""

import re
from collections.abc import Iterable, Mapping
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

INTEGRATION = "hubspot"

LONGEST_DELAY = timedelta(hours=24)
"""HubSpot docs: moving an account to another data centre takes up to a day; no delay it gives is longer."""

DAILY_DELAY = timedelta(hours=1)
"""The daily limit ends at midnight of the portal's time zone, which the answer does not tell: ask again hourly."""

_MOVED_DELAY = timedelta(hours=1)
_DELAY = timedelta(minutes=5)
_PROPERTY_IN_TEXT = re.compile(r"""[Pp]ropert(?:y|yName)\s+\\?["']([^"'\\]+)\\?["']""")
_LONGEST_TEXT = 300


def is_transient(answer: Answer) -> bool:
    """Whether the same call may well succeed in a moment: locked, HubSpot's servers or its front door fail."""
    return answer.status in {408, 423} or answer.status >= 500


def correlation_id(answer: Answer) -> str:
    """HubSpot's name for an exchange, for its support; "" where it gave none."""
    return answer.headers.get("x-hubspot-correlation-id") or str(answer.members.get("correlationId") or "")


def message_of(answer: Answer) -> str:
    """What HubSpot says, on one line."""
    text = answer.members.get("message")
    return one_line(text) if isinstance(text, str) and text.strip() else f"{answer.content_type}, no message"


def one_line(text: str) -> str:
    """A text of the vendor for one of our messages."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_TEXT else line[: _LONGEST_TEXT - 1] + "…"


def refusal(answer: Answer, call: str) -> VendorError:
    """The error for an answer that is neither a success, nor 429, nor worth another try at once.

    Args:
        answer: HubSpot's answer.
        call: Method and path.
    """
    context = {"status": str(answer.status), "call": call, "correlation_id": correlation_id(answer)}
    said = f"HubSpot answered {answer.status} to {call}: {message_of(answer)}"
    if answer.status == 477:
        return _moving(answer, call, context)
    if answer.status == 401:
        return NeedsAttention(
            INTEGRATION, f"HubSpot refuses our access: connect HubSpot again ({said})", context=context
        )
    if answer.status == 403:
        return _forbidden(answer, call, said, context)
    names = unknown_properties(answer) if answer.status == 400 else []
    if names:
        listed = ", ".join(names)
        return UnknownField(
            INTEGRATION,
            f"HubSpot does not know the property {listed}: it was deleted, renamed or hidden; "
            f"change the mapping or the pipeline rule, or restore it in HubSpot ({said})",
            context=context | {"properties": listed},
        )
    return VendorContractError(INTEGRATION, f"{said}{_id_suffix(context['correlation_id'])}", context=context)


def _moving(answer: Answer, call: str, context: Mapping[str, str]) -> RetryLater:
    seconds = answer.retry_after()
    delay = _MOVED_DELAY if seconds is None else capped(seconds)
    text = f"HubSpot is moving this account to another data centre (477 to {call}); will try again in {in_words(delay)}"
    return RetryLater(INTEGRATION, text, delay=delay, context=context)


def _forbidden(answer: Answer, call: str, said: str, context: Mapping[str, str]) -> NeedsAttention:
    scopes = missing_scopes(answer)
    if not scopes:
        text = f"HubSpot does not let this connection do {call}: check the permissions of its user or app ({said})"
        return NeedsAttention(INTEGRATION, text, context=context)
    listed = ", ".join(scopes)
    text = f"HubSpot has not granted a scope that {call} needs ({listed}): connect HubSpot again and grant it"
    return NeedsAttention(INTEGRATION, text, context={**context, "scopes": listed})


def missing_scopes(answer: Answer) -> list[str]:
    """The scopes a 403 asks for."""
    return _from_contexts(answer.members.get("errors"), "requiredGranularScopes", "requiredScopes")


def unknown_properties(answer: Answer) -> list[str]:
    """The properties that a 400 is about."""
    named = _from_contexts(answer.members.get("errors"), "propertyName")
    if named:
        return named
    texts = [answer.members.get("message"), *(entry.get("message") for entry in _dicts(answer.members.get("errors")))]
    found = (_PROPERTY_IN_TEXT.findall(text) for text in texts if isinstance(text, str))
    return list(dict.fromkeys(one_line(name) for names in found for name in names))


def _from_contexts(errors: Any, *members: str) -> list[str]:
    values: dict[str, None] = {}
    for entry in _dicts(errors):
        given = entry.get("context")
        context = given if isinstance(given, dict) else {}
        for listed in (context.get(member) for member in members):
            values |= dict.fromkeys(one_line(str(each)) for each in (listed if isinstance(listed, list) else ()))
    return list(values)


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()


def transient(answer: Answer, call: str) -> Transient:
    """The failure of an answer that is worth another try."""
    reason = f"answered {answer.status} to {call}"
    return Transient(reason, retry_after=answer.retry_after() or 0.0, correlation_id=correlation_id(answer))


def gave_up(failure: GaveUp) -> RetryLater:
    """The error when all tries of a call failed."""
    last = failure.last
    times = f"{failure.attempts} times in {failure.seconds:.0f} s"
    return RetryLater(
        INTEGRATION,
        f"HubSpot {last.reason} {times}; will try again later{_id_suffix(last.correlation_id)}",
        delay=max(_DELAY, capped(last.retry_after)),
        context={"correlation_id": last.correlation_id},
    )


def throttled(answer: Answer, call: str, why: str, delay: timedelta) -> RetryLater:
    """The error for a 429 that is not waited for."""
    text = f"HubSpot limits our calls: {message_of(answer)} {why} ({call}); will try again in {in_words(delay)}"
    context = {"status": "429", "call": call, "correlation_id": correlation_id(answer)}
    return RetryLater(INTEGRATION, text, delay=delay, context=context)


def capped(seconds: float) -> timedelta:
    """A wait that HubSpot asks for, a day at most."""
    return min(timedelta(seconds=min(seconds, LONGEST_DELAY.total_seconds())), LONGEST_DELAY)


def in_words(delay: timedelta) -> str:
    """A delay for people."""
    seconds = round(delay.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"


def unknown_shape(call: str, expected: str) -> VendorContractError:
    """The error for a JSON answer that lacks what it must have."""
    return VendorContractError(INTEGRATION, f"HubSpot's answer to {call} has no {expected}", context={"call": call})


def _id_suffix(name: str) -> str:
    return f" (correlation id {name})" if name else ""

"""What a control request brings, and how it is answered."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from hardfin_pipelines.sandbox.salesforce.errors import VendorError

Fields = dict[str, Any]
Action = Callable[[Fields], Any]
Table = list[tuple[str, str, Action]]
"""Method, path behind the control API's prefix, and what is done with the body's members and the path's parts."""


class WrongRequestError(ValueError):
    """A control request that cannot be carried out; the text says what to send instead."""


def wanted(fields: Mapping[str, Any], name: str, kind: type | tuple[type, ...] = str) -> Any:
    """A member that must be there.

    Raises:
        WrongRequestError: it is missing or of another JSON type.
    """
    value = fields.get(name)
    if value is None or not isinstance(value, kind):
        raise WrongRequestError(f"{name} is missing or of the wrong type; send it as JSON")
    return value


def moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    """A moment with its time zone; None where the member is left out.

    Raises:
        WrongRequestError: it has no time zone.
        ValueError: it is no moment.
    """
    if fields.get(name) is None:
        return None
    found = datetime.fromisoformat(wanted(fields, name))
    if found.tzinfo is None:
        raise WrongRequestError(f"{name}: {fields[name]} has no time zone; send for example 2026-03-01T12:00:00Z")
    return found


def delay(fields: Mapping[str, Any]) -> timedelta:
    """`commit_after_seconds`, nothing where it is left out.

    Raises:
        WrongRequestError: it is no number, or below 0.
    """
    seconds = fields.get("commit_after_seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise WrongRequestError(f"commit_after_seconds is {seconds!r}; send a number of 0 or more")
    return timedelta(seconds=seconds)


def only(fields: Mapping[str, Any], *known: str) -> None:
    """Refuses members that an operation does not have.

    Raises:
        WrongRequestError: there is one; the text lists those it has.
    """
    unknown = sorted(fields.keys() - set(known))
    if unknown:
        raise WrongRequestError(f"unknown {unknown[0]!r}; send some of {', '.join(known)}")


def answering(action: Action) -> Any:
    """A Starlette endpoint that carries an action out; a wrong request gets 400 with `error`."""

    async def respond(request: Request) -> Response:
        try:
            fields = await _read(request)
            body, status = action({**fields, **request.path_params}), 200
        except (ValueError, TypeError, VendorError) as error:
            body, status = {"error": str(error)}, 400
        return Response(orjson.dumps(body, default=_plain), status, media_type="application/json")

    return respond


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | date):
        return str(value)
    if isinstance(value, set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


async def _read(request: Request) -> Fields:
    """The body. Only JSON is read, so that no page of another site can post a form here."""
    raw = await request.body()
    if not raw:
        if request.method in {"PUT", "PATCH"}:
            raise WrongRequestError("send a JSON object")
        return {}
    if "json" not in request.headers.get("content-type", ""):
        raise WrongRequestError("send a JSON object with content type application/json")
    fields = orjson.loads(raw)
    if not isinstance(fields, dict):
        raise WrongRequestError("send a JSON object")
    return fields

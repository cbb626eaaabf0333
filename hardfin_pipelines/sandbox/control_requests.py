"""What a control request brings, and how it is answered: the same below `/_sandbox` of every vendor."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

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
    if value is None or not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise WrongRequestError(f"{name} is missing or of the wrong type; send it as JSON")
    return value


def moment(fields: Mapping[str, Any], name: str) -> datetime | None:
    """A moment with its time zone; None where the member is left out.

    Raises:
        WrongRequestError: it is no moment, or has no time zone.
    """
    if fields.get(name) is None:
        return None
    try:
        found = datetime.fromisoformat(wanted(fields, name))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise WrongRequestError(f"{name}: send a moment with its time zone, for example 2026-03-01T12:00:00Z")
    return found


def only(fields: Mapping[str, Any], *known: str) -> None:
    """Refuses members that an operation does not have.

    Raises:
        WrongRequestError: there is one; the text lists those it has.
    """
    unknown = sorted(fields.keys() - set(known))
    if unknown:
        raise WrongRequestError(f"unknown {unknown[0]!r}; send some of {', '.join(known) or 'nothing'}")


def answering(action: Action, *refusals: type[Exception]) -> Any:
    """A Starlette endpoint that carries an action out; a wrong request gets 400 with `error`.

    Args:
        action: what is done.
        refusals: the vendor's own refusals, which are wrong requests too.
    """
    wrong: tuple[type[Exception], ...] = (ValueError, TypeError, *refusals)

    async def respond(request: Request) -> Response:
        try:
            fields = await _read(request)
            body, status = action({**fields, **request.path_params}), 200
        except wrong as error:
            body, status = {"error": " ".join(str(error).split())}, 400
        return Response(orjson.dumps(body, default=_plain), status, media_type="application/json")

    return respond


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | date):
        return str(value)
    if isinstance(value, set | tuple):
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

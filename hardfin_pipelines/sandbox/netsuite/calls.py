"""One API call as the endpoints see it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.errors import VendorError, invalid_parameter
from hardfin_pipelines.sandbox.netsuite.roles import User

JSON_TYPE = "application/vnd.oracle.resource+json; type={}; charset=UTF-8"


@dataclass(slots=True)
class Reply:
    """What an endpoint answers. `body` is JSON, or None for an empty reply; `kind` stands in the content type."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "singular"
    media_type: str | None = None


@dataclass(slots=True)
class Call:
    """One authenticated call.

    Attributes:
        path: what follows `/services/rest/`, without slashes at its ends.
        base: scheme and host to build links with.
        params: the variable parts of the path.
    """

    account: Account
    user: User
    method: str
    path: str
    base: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address without its query."""
        return f"{self.base}/services/rest/{self.path}"

    def json(self) -> dict[str, Any]:
        """The body, a JSON object.

        Raises:
            VendorError: 400, it is not.
        """
        try:
            body = orjson.loads(self.raw_body)
        except orjson.JSONDecodeError as error:
            raise VendorError(400, "INVALID_CONTENT", "Invalid content in the request body.") from error  # ours
        if not isinstance(body, dict):
            raise VendorError(400, "INVALID_CONTENT", "Invalid content in the request body.")
        return body

    def only(self, *known: str) -> None:
        """Refuses query parameters that an operation does not have.

        Raises:
            VendorError: 400, there is one.
        """
        unknown = sorted(set(self.query) - set(known))
        if unknown:
            raise invalid_parameter(unknown[0], f"Invalid query parameter name: {unknown[0]}.")

    def page(self, default_limit: int) -> tuple[int, int]:
        """`limit` and `offset`: a limit of 1 to 1,000, an offset that is a multiple of it.

        Raises:
            VendorError: 400, they are something else.
        """
        limit, offset = self._number("limit", default_limit), self._number("offset", 0)
        if not 1 <= limit <= 1_000:
            raise invalid_parameter("limit", "Invalid value for the query parameter limit. Use a value from 1 to 1000.")
        if offset % limit:
            detail = "Invalid value for the query parameter offset. The offset must be divisible by the limit."
            raise invalid_parameter("offset", detail)
        return limit, offset

    def _number(self, name: str, default: int) -> int:
        given = self.query.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit()):
            raise invalid_parameter(name, f"Invalid value for the query parameter {name}. Use a whole number.")
        return int(given)


def page_links(url: str, query: Mapping[str, str], limit: int, offset: int, total: int) -> list[dict[str, str]]:
    """The links of a page to itself and the others."""
    last = max((total - 1) // limit * limit, 0)
    others = {"next": offset + limit, "last": last} if offset + limit < total else {}
    earlier = {"first": 0, "prev": max(offset - limit, 0)} if offset else {}
    more = "".join(f"&{name}={value}" for name, value in query.items() if name not in {"limit", "offset"})
    places = {**others, **earlier, "self": offset}
    return [{"rel": rel, "href": f"{url}?limit={limit}&offset={at}{more}"} for rel, at in places.items()]


def collection(call: Call, rows: list[Any], limit: int, offset: int, total: int) -> Reply:
    """A page of something, with its links; `hasMore` alone says whether it is the last."""
    body = {
        "links": page_links(call.url, call.query, limit, offset, total),
        "count": len(rows),
        "hasMore": offset + limit < total,
        "items": rows,
        "offset": offset,
        "totalResults": total,
    }
    return Reply(body, kind="collection")


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. `path` has its variable parts in braces; `bucket` is what the call log counts it under."""

    method: str
    path: str
    bucket: str
    handler: Handler

"""One API call as the endpoints see it: who asks, for what, with which parameters, headers and body."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import orjson

from hardfin_pipelines.sandbox.salesforce.errors import VendorError, json_error, not_found
from hardfin_pipelines.sandbox.salesforce.schema import SchemaView
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject
from hardfin_pipelines.sandbox.salesforce.soql.binding import Reader

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.oauth import Grant
    from hardfin_pipelines.sandbox.salesforce.org import Org


@dataclass(slots=True)
class Reply:
    """What an endpoint answers. `body` is JSON, bytes as they are, or None for an empty reply.

    `root` is the name of the outermost element where XML is asked for.
    """

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json;charset=UTF-8"
    root: str = "Result"


@dataclass(slots=True)
class Call:
    """One authenticated call, or a part of a composite one.

    Attributes:
        version: the API version as a number.
        path: what follows the version in the path, without slashes at its ends.
        params: the variable parts of the path.
        part: whether it is a part of a composite call, which does not count by itself.
    """

    grant: "Grant"
    version: float
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw_body: bytes
    params: Mapping[str, str] = field(default_factory=dict)
    part: bool = False
    parsed_body: Any = None

    @property
    def org(self) -> "Org":
        """The organization that is asked."""
        return self.grant.org

    @property
    def base(self) -> str:
        """The path of the API version."""
        return f"/services/data/v{self.version:.1f}"

    @property
    def view(self) -> SchemaView:
        """The schema as the caller sees it."""
        return self.org.view(self.grant.user_id)

    def reader(self, *, with_deleted: bool = False) -> Reader:
        """What the caller's query reads with."""
        return self.org.reader(self.grant.user_id, with_deleted=with_deleted, version=self.version)

    @property
    def sobject(self) -> SObject:
        """The object in the path.

        Raises:
            VendorError: 404, it is not there for this user.
        """
        found = self.view.get(self.params["object"])
        if found is None:
            raise not_found()
        return found

    def json(self) -> dict[str, Any]:
        """The body, a JSON object.

        Raises:
            VendorError: 400, it is not.
        """
        body = self.parsed_body
        if body is None:
            try:
                body = orjson.loads(self.raw_body)
            except orjson.JSONDecodeError as error:
                raise json_error(f"{error.msg} at [line:{error.lineno}, column:{error.colno}]") from error
        if not isinstance(body, dict):
            raise json_error("The HTTP entity body is required to be a JSON object")
        return body

    def part_of_it(self, method: str, url: str, body: Any, headers: Mapping[str, str]) -> "Call":
        """A part of this call, with its own path and query.

        Raises:
            VendorError: 400, the URL is not one of the API's.
        """
        parts = urlsplit(url)
        path = parts.path.strip("/").removeprefix("services/data/")
        version, _, rest = path.partition("/")
        try:
            number = float(version.removeprefix("v"))
        except ValueError:
            raise VendorError(400, "INVALID_INPUT", f"The URL is not a REST API resource: {url}") from None
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        lowered = {name.lower(): value for name, value in headers.items()}
        return Call(
            self.grant, number, method.upper(), rest.strip("/"), query, lowered, b"", part=True, parsed_body=body
        )


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. `path` has its variable parts in braces, such as `sobjects/{object}/describe`."""

    method: str
    path: str
    handler: Handler

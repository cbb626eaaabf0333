"""One API call as the endpoints see it: who asks, for what, with which query parameters and body."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from hardfin_pipelines.sandbox.hubspot.errors import id_not_numeric, validation
from hardfin_pipelines.sandbox.hubspot.object_types import ObjectType, object_type

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.oauth import Grant
    from hardfin_pipelines.sandbox.hubspot.portal import Portal

_LARGEST_ID = 2**63 - 1


class Query:
    """A request's query parameters. Lists may be repeated or comma-joined, as the official clients send them."""

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        """`items` as they came, repeated names included."""
        self._values: dict[str, list[str]] = {}
        for name, value in items:
            self._values.setdefault(name, []).append(value)

    def refuse_others(self, known: frozenset[str]) -> None:
        """Refuses parameters that the endpoint does not have. The text is ours.

        Raises:
            VendorError: 400.
        """
        unknown = sorted(self._values.keys() - known)
        if unknown:
            raise validation(f"Unknown query parameter: {unknown[0]}", context={"parameter": unknown[:1]})

    def text(self, name: str) -> str | None:
        """The last value of a parameter; None where it is absent or empty."""
        values = self._values.get(name)
        return values[-1] or None if values else None

    def names(self, name: str) -> list[str]:
        """All values of a list parameter, split at commas."""
        joined = ",".join(self._values.get(name, ()))
        return [part.strip() for part in joined.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """A boolean parameter, false where absent.

        Raises:
            VendorError: 400, neither true nor false.
        """
        text = (self.text(name) or "false").lower()
        if text not in {"true", "false"}:
            raise validation(f"Invalid boolean value for {name}: {text}")
        return text == "true"

    def number(self, name: str, default: int) -> int:
        """A whole number.

        Raises:
            VendorError: 400, no whole number.
        """
        text = self.text(name)
        if text is None:
            return default
        if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit():
            raise validation(f"Invalid integer value for {name}: {text}")
        return int(text)

    def page_size(self, default: int, largest: int) -> int:
        """The `limit` parameter. The text of the refusal is ours.

        Raises:
            VendorError: 400, not between 1 and `largest`.
        """
        limit = self.number("limit", default)
        if not 1 <= limit <= largest:
            raise validation(f"Invalid limit {limit}: must be between 1 and {largest}")
        return limit


@dataclass(slots=True)
class Reply:
    """What an endpoint answers; `body` None is an empty reply."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Call:
    """One authenticated call.

    Attributes:
        version: `v3`, `v4` or a dated one, as in the path.
        params: the variable parts of the path.
        base_url: as the client addressed the server, for links in replies.
    """

    portal: "Portal"
    grant: "Grant"
    version: str
    params: Mapping[str, str]
    query: Query
    path: str
    raw_body: bytes
    base_url: str
    _json: Any = field(default=None, init=False)

    @property
    def kind(self) -> ObjectType:
        """The object type in the path.

        Raises:
            VendorError: 404, it is not known.
        """
        return object_type(self.params["object_type"])

    @property
    def defined(self) -> Mapping[str, dict[str, Any]]:
        """Definitions of the properties of `kind` whose values the token may read."""
        return self.portal.schema.visible_to(self.kind.name, self.grant.scopes)

    def record_id(self, name: str = "record_id") -> int:
        """A record id in the path.

        Raises:
            VendorError: 404, it is no number.
        """
        return numeric_id(self.params[name])

    def json(self) -> dict[str, Any]:
        """The body, a JSON object.

        Raises:
            VendorError: 400, it is not.
        """
        if self._json is None:
            try:
                self._json = orjson.loads(self.raw_body)
            except orjson.JSONDecodeError as error:
                place = f"line {error.lineno}, column {error.colno}"
                raise validation(f"Invalid input JSON on {place}: {error.msg}") from error
        if not isinstance(self._json, dict):
            text = "Invalid input JSON on line 1, column 1: Cannot deserialize value: expected an object"
            raise validation(text)
        return self._json

    def fields(self, known: Mapping[str, type | tuple[type, ...]], required: Iterable[str] = ()) -> dict[str, Any]:
        """The body's members, checked by name and JSON type.

        Raises:
            VendorError: 400, a member is unknown, missing or of another type.
        """
        return checked_fields(self.json(), known, required)

    def inputs(
        self,
        largest: int,
        known: Mapping[str, type | tuple[type, ...]],
        required: Iterable[str] = ("id",),
        *,
        beside: Mapping[str, type | tuple[type, ...]] | None = None,
    ) -> list[dict[str, Any]]:
        """The `inputs` of a batch, checked by name and JSON type; `beside` are the body's other members.

        Raises:
            VendorError: 400, missing, too many, or a member is unknown, missing or of another type.
        """
        inputs = self.fields({"inputs": list, **(beside or {})}).get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
            raise missing_fields(["inputs"])
        if not inputs:
            raise validation("inputs must not be empty")  # the text is ours
        if len(inputs) > largest:  # the text is ours: HubSpot docs give the limit only
            raise validation(f"Maximum number of inputs is {largest}, but the request has {len(inputs)}")
        return [checked_fields(each, known, required) for each in inputs]


def numeric_id(text: Any) -> int:
    """A record id.

    Raises:
        VendorError: 404, it is no number.
    """
    digits = str(text)
    if not (digits.isascii() and digits.isdigit()) or int(digits) > _LARGEST_ID:
        raise id_not_numeric(digits)
    return int(digits)


def missing_fields(names: Iterable[str]) -> Exception:
    """400 for a body that lacks members (seen on the wire)."""
    return validation(f"Some required fields were not set: [{', '.join(names)}]")


def checked_fields(
    body: Mapping[str, Any], known: Mapping[str, type | tuple[type, ...]], required: Iterable[str] = ()
) -> dict[str, Any]:
    """The members of a JSON object, without nulls, checked by name and JSON type.

    Raises:
        VendorError: 400, a member is unknown, missing or of another type. The texts follow HubSpot's JSON reader.
    """
    for name, value in body.items():
        if name not in known:
            raise validation(f'Invalid input JSON on line 1, column 1: Unrecognized field "{name}"')
        if value is not None and not isinstance(value, known[name]):
            raise validation(f"Invalid input JSON on line 1, column 1: Cannot deserialize value of `{name}`")
    present = {name: value for name, value in body.items() if value is not None}
    lacking = [name for name in required if name not in present]
    if lacking:
        raise missing_fields(lacking)
    return present

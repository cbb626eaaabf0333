"""One API call as the endpoints see it: which company, what is asked, with which parameters and body."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.sandbox.quickbooks.errors import invalid_request, unsupported
from hardfin_pipelines.sandbox.quickbooks.moments import written_with_ms

if TYPE_CHECKING:
    from datetime import datetime

    from hardfin_pipelines.sandbox.quickbooks.company import Company


@dataclass(slots=True)
class Call:
    """One authenticated call.

    Attributes:
        path: what follows the company in the path, without slashes at its ends.
        params: the variable parts of the path.
        allow_reads: raises where the month's allowance is used up; reads ask it before they answer.
        core_plus: how many calls of the month's allowance it takes.
    """

    company: "Company"
    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    raw_body: bytes
    now: "datetime"
    allow_reads: Callable[[], None]
    params: Mapping[str, str] = field(default_factory=dict)
    core_plus: int = 0

    def metered(self) -> None:
        """Notes one read.

        Raises:
            VendorError: the month's allowance is used up.
        """
        self.allow_reads()
        self.core_plus += 1

    def only(self, *known: str) -> None:
        """Refuses parameters that an operation does not have; QuickBooks passes over some of them, which is easier.

        Raises:
            VendorError: there is one.
        """
        unknown = sorted(self.query.keys() - {"minorversion", "requestid", *known})
        if unknown:
            raise invalid_request(f"Unknown query parameter {unknown[0]}")
        version = self.query.get("minorversion", "75")
        if not version.isascii() or not version.isdigit():
            raise invalid_request(f"minorversion is {version}; expected a number")

    def json(self) -> dict[str, Any]:
        """The body, a JSON object; numbers come as Decimal.

        Raises:
            VendorError: it is not one.
        """
        if "json" not in self.content_type:
            raise unsupported(f"with content type {self.content_type or 'none'}")
        try:
            body = json.loads(self.raw_body, parse_float=Decimal)
        except ValueError:
            raise invalid_request("Property Name:Unexpected end or character in the JSON body") from None
        if not isinstance(body, dict):
            raise invalid_request("Property Name:The body is not a JSON object")
        return body

    def envelope(self, **members: Any) -> dict[str, Any]:
        """A reply's body: the members, and the server's time."""
        return {**members, "time": written_with_ms(self.now)}


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. `path` has its variable parts in braces; `bucket` is its name in the call log."""

    method: str
    path: str
    bucket: str
    handler: Handler

"""A plan of things that go wrong: which request, and how."""

import dataclasses
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, Self

Drop = Literal["before_reply", "inside_reply"]
Mangle = Literal["truncated_gzip", "truncated_json", "html", "empty"]
MANGLES: tuple[Mangle, ...] = ("truncated_gzip", "truncated_json", "html", "empty")

_GATEWAY_PAGE = (
    "<html>\r\n<head><title>{0} {1}</title></head>\r\n<body><center><h1>{0} {1}</h1></center></body>\r\n</html>\r\n"
)
_REASONS = {
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Time-out",
    520: "Web server is returning an unknown error",
    521: "Web server is down",
    522: "Connection timed out",
    523: "Origin is unreachable",
    524: "A timeout occurred",
    525: "SSL handshake failed",
    526: "Invalid SSL certificate",
}


@dataclass(slots=True)
class Fault:
    """One rule. Requests that fit `method`, `path` and `account` are counted; some of them fail.

    Attributes:
        path: a shell pattern over the request's path without its query (`*` fits everything, slashes too).
        method: `GET`, `POST` ...; None fits any.
        account: the vendor's account (a HubSpot portal's id); None fits any.
        skip: how many fitting requests pass unharmed first; 2 hits from the third request on.
        times: how many requests to hit in all; None never stops.
        every: hit only every so manieth of the requests left after `skip`.
        probability: hit such a request only that often, 0 to 1; the same `seed` picks the same requests.
        seed: of the randomness.
        status: the reply's status; None lets the request through (to be slow or dropped).
        body: the reply's body as it goes on the wire.
        content_type: its content type.
        headers: more reply headers, such as `Retry-After`.
        retry_after_seconds: sends `Retry-After` with so many seconds ...
        retry_after_as_date: ... as an HTTP date of the sandbox's clock.
        delay_seconds: how long the request waits first.
        drop: cut the connection before any byte of the reply, or in the middle of its body; the request is carried out
            in the second case only.
        mangle: the request is carried out and its reply spoilt, with its own status and a fitting length: gzip or JSON
            that ends half-way, a page of HTML in its place, no body.
    """

    path: str = "*"
    method: str | None = None
    account: str | None = None
    skip: int = 0
    times: int | None = 1
    every: int = 1
    probability: float = 1.0
    seed: int = 0
    status: int | None = None
    body: str = ""
    content_type: str = "application/json;charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    retry_after_as_date: bool = False
    delay_seconds: float = 0.0
    drop: Drop | None = None
    mangle: Mangle | None = None
    seen: int = field(default=0, init=False)
    hits: int = field(default=0, init=False)
    _random: random.Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Checks the rule.

        Raises:
            ValueError: a field is out of range; the message names it.
        """
        if self.drop not in {None, "before_reply", "inside_reply"}:
            raise ValueError(f"fault: drop is {self.drop!r}; expected before_reply or inside_reply")
        if self.mangle not in {None, *MANGLES}:
            raise ValueError(f"fault: mangle is {self.mangle!r}; expected one of {', '.join(MANGLES)}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"fault: probability is {self.probability}; expected 0 to 1")
        if self.skip < 0 or self.every < 1 or self.delay_seconds < 0 or (self.times is not None and self.times < 1):
            raise ValueError("fault: skip and delay_seconds must be 0 or more, every and times 1 or more")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"fault: status is {self.status}; expected 200 to 599")
        self._random = random.Random(self.seed)  # noqa: S311  # chooses which requests fail, guards nothing

    @classmethod
    def gateway_page(cls, status: int, **fields: Any) -> Self:
        """A failure of the vendor's front door: `status` with an HTML page, as 502, 503, 504 and 520 to 526 come."""
        page = _GATEWAY_PAGE.format(status, _REASONS.get(status, "Error"))
        return cls(status=status, body=page, content_type="text/html", **fields)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """A rule out of a JSON object with the attributes above.

        Raises:
            ValueError: a name is unknown or a value is out of range.
        """
        known = {f.name for f in dataclasses.fields(cls) if f.init}
        unknown = sorted(set(fields) - known)
        if unknown:
            raise ValueError(f"fault: unknown field {unknown[0]!r}; expected some of {', '.join(sorted(known))}")
        try:
            return cls(**fields)
        except TypeError as error:
            raise ValueError(f"fault: {error}") from error

    def hit_by(self, method: str, path: str, account: str | None) -> bool:
        """Counts a request that fits, and says whether it fails."""
        if self.method not in {None, method} or self.account not in {None, account}:
            return False
        if not fnmatchcase(path, self.path) or (self.times is not None and self.hits >= self.times):
            return False
        self.seen += 1
        past = self.seen - self.skip
        if past < 1 or (past - 1) % self.every:
            return False
        if self.probability < 1 and self._random.random() >= self.probability:
            return False
        self.hits += 1
        return True

    def as_json(self) -> dict[str, Any]:
        """The rule with what it has seen and hit."""
        names = [f.name for f in dataclasses.fields(self) if not f.name.startswith("_")]
        return {name: getattr(self, name) for name in names}


class FaultPlan:
    """The rules in force, the first that hits wins, and the time every request takes."""

    def __init__(self, faults: Iterable[Fault] = (), *, latency_ms: float = 0) -> None:
        """`latency_ms` is added to every vendor request."""
        self.faults = list(faults)
        self.latency_ms = latency_ms

    def add(self, fault: Fault) -> Fault:
        """Puts one more rule in force and returns it (its `hits` can be read later)."""
        self.faults.append(fault)
        return fault

    def clear(self) -> None:
        """Takes all rules away; latency stays."""
        self.faults.clear()

    def pick(self, method: str, path: str, account: str | None) -> Fault | None:
        """The rule that hits this request, if any."""
        return next((fault for fault in self.faults if fault.hit_by(method, path, account)), None)

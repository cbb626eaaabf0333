"""The requests we send, as data: equal requests have equal keys, so an answer can be remembered by its request."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import orjson

from hardfin_pipelines.connectors.netsuite.versions import SUITEQL_PATH

Bucket = Literal["suiteql", "system"]


@dataclass(frozen=True, slots=True)
class Request:
    """One call; all of them read.

    Attributes:
        method: HTTP method.
        path: From the host on, without a query string.
        about: What is asked for, in a few words, for messages.
        bucket: What the call is counted under.
        statement: SuiteQL, or "".
        limit: Rows of an answer; 0 for what has none.
        tries: Tries in all where it fails on the way; None for as many as usual.
    """

    method: Literal["GET", "POST"]
    path: str
    about: str
    bucket: Bucket
    statement: str = ""
    limit: int = 0
    tries: int | None = None

    @property
    def call(self) -> str:
        """Method, path and subject, for messages."""
        return f"{self.method} {self.path.rpartition('/')[2]} ({self.about})"

    @property
    def key(self) -> str:
        """Names the request by all that the answer depends on."""
        return f"netsuite {self.path} {self.limit} {sha256(self.statement.encode()).hexdigest()}"

    @property
    def target(self) -> str:
        """Path and query string."""
        return f"{self.path}?limit={self.limit}&offset=0" if self.limit else self.path

    @property
    def content(self) -> bytes:
        """The body."""
        return orjson.dumps({"q": self.statement}) if self.statement else b""


def suiteql(statement: str, about: str, *, limit: int, tries: int | None = None) -> Request:
    """A query. Its answer begins at the first row always: what comes behind is asked for by another statement."""
    return Request("POST", SUITEQL_PATH, about, "suiteql", statement, limit, tries)


def system(path: str, about: str) -> Request:
    """A system operation."""
    return Request("GET", path, about, "system", tries=2)

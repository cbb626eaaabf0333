"""The requests we send, as data: equal requests have equal keys, so an answer can be remembered by its request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

import orjson

Operation = Literal["query", "cdc", "batch"]


@dataclass(frozen=True, slots=True)
class Request:
    """One call; all of them read.

    Attributes:
        operation: A query, change data capture, or a batch of queries.
        about: What is asked for, in a few words, for messages.
        body: The statement of a query, or the JSON of a batch.
        entities: Those whose changes are asked for, with commas between.
        since: From when on.
        reads: How many reads the call counts for in the month, if it succeeds.
        attempt: Above 0 where the same is asked again and what is remembered of it is no use any more.
    """

    operation: Operation
    about: str
    body: str = ""
    entities: str = ""
    since: str = ""
    reads: int = 1
    attempt: int = 0

    @property
    def call(self) -> str:
        """Method, path and subject, for messages."""
        return f"{'GET' if self.operation == 'cdc' else 'POST'} {self.operation} ({self.about})"

    @property
    def key(self) -> str:
        """Names the request by all that the answer depends on."""
        again = f" again {self.attempt}" if self.attempt else ""
        digest = sha256(self.body.encode()).hexdigest()
        return f"quickbooks {self.operation} {digest} {self.entities} {self.since}{again}"


def query(statement: str, about: str, *, attempt: int = 0) -> Request:
    """A query, in the body: there it may be as long as it likes."""
    return Request("query", about, statement, attempt=attempt)


def changes(entities: Sequence[str], since: datetime) -> Request:
    """What changed since a moment, of some entities."""
    named = ",".join(entities)
    return Request("cdc", named, entities=named, since=written(since))


def queries(statements: Sequence[str], about: str) -> Request:
    """Up to thirty queries as one call (Intuit docs: batch operations)."""
    parts = [{"bId": str(place), "Query": statement} for place, statement in enumerate(statements)]
    body = orjson.dumps({"BatchItemRequest": parts}).decode()
    return Request("batch", about, body, reads=len(statements))


def written(moment: datetime) -> str:
    """A moment for QuickBooks: whole seconds, down."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Answers that a unit of work has had already, so that it asks the vendor for none of them twice."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from typing import Any, Protocol, TypeVar

import orjson

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.http import Answer


class Keyed(Protocol):
    """A request."""

    @property
    def key(self) -> str:
        """Names the request by all that its answer depends on."""
        ...


Request = TypeVar("Request", bound=Keyed)


def remembering(
    send: Callable[[Request], Awaitable[Answer]], memory: PageMemory | None, headers: Collection[str] = ()
) -> Callable[[Request], Awaitable[Answer]]:
    """`send`, with answers kept in `memory` where there is one.

    Args:
        send: Sends a request.
        memory: Keeps answers.
        headers: Names, in lower case, of those that are kept with an answer.
    """
    if memory is None:
        return send
    kept = memory

    async def ask(request: Request) -> Answer:
        fresh: list[Answer] = []

        async def fetch() -> bytes:
            fresh.append((await send(request)).with_headers(headers))
            return wrapped(fresh[0])

        found = await kept.remember(request.key, fetch)
        return fresh[0] if fresh else unwrapped(found)

    return ask


def wrapped(answer: Answer) -> bytes:
    """An answer as bytes: a line of what decoding needs besides the body, then the body as received."""
    head: dict[str, Any] = {"status": answer.status, "vendor_time": answer.vendor_time.isoformat()}
    if answer.headers:
        head["headers"] = dict(answer.headers)
    return orjson.dumps(head) + b"\n" + answer.body


def unwrapped(kept: bytes) -> Answer:
    """The answer that was wrapped."""
    line, _, body = kept.partition(b"\n")
    head = orjson.loads(line)
    return Answer(head["status"], body, head.get("headers", {}), datetime.fromisoformat(head["vendor_time"]))

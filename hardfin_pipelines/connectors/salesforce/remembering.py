"""Answers that a unit of work has had already, so that it asks Salesforce for none of them twice."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import orjson

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce.requests import Request

_HEADERS = ("sforce-locator", "sforce-numberofrecords")
"""Headers that say where results go on."""

Ask = Callable[[Request], Awaitable[Answer]]
"""Sends a request, or finds its answer in memory."""


def remembering(send: Ask, memory: PageMemory | None) -> Ask:
    """`send`, with answers kept in `memory` where there is one."""
    if memory is None:
        return send
    kept = memory

    async def ask(request: Request) -> Answer:
        async def fetch() -> bytes:
            return _wrapped(await send(request))

        return _unwrapped(await kept.remember(request.key, fetch))

    return ask


def _wrapped(answer: Answer) -> bytes:
    head: dict[str, Any] = {"status": answer.status, "vendor_time": answer.vendor_time.isoformat()}
    kept = {name: answer.headers[name] for name in _HEADERS if name in answer.headers}
    if kept:
        head["headers"] = kept
    return orjson.dumps(head) + b"\n" + answer.body


def _unwrapped(kept: bytes) -> Answer:
    line, _, body = kept.partition(b"\n")
    head = orjson.loads(line)
    return Answer(head["status"], body, head.get("headers", {}), datetime.fromisoformat(head["vendor_time"]))

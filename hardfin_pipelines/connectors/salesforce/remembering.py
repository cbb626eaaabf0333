"""Answers that a unit of work has had already, so that it asks Salesforce for none of them twice."""

from collections.abc import Awaitable, Callable

from hardfin_pipelines.connectors import remembering as shared
from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce.requests import Request

_HEADERS = ("sforce-locator", "sforce-numberofrecords")
"""Headers that say where results go on."""

Ask = Callable[[Request], Awaitable[Answer]]
"""Sends a request, or finds its answer in memory."""


def remembering(send: Ask, memory: PageMemory | None) -> Ask:
    """`send`, with answers kept in `memory` where there is one."""
    return shared.remembering(send, memory, _HEADERS)

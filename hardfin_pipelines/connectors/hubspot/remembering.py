"""Answers that a unit of work has had already, so that it asks HubSpot for none of them twice."""

from collections.abc import Awaitable, Callable

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.requests import Request
from hardfin_pipelines.connectors.remembering import remembering

__all__ = ["Ask", "remembering"]

Ask = Callable[[Request], Awaitable[Answer]]
"""Sends a request, or finds its answer in memory."""

"""What connections answer to a poll, and the answers kept until it is known whether a run needs them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.connectors.base import CallCounts
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.platform.connection_store import ConnectionRow


@dataclass(slots=True, kw_only=True)
class PollAnswer:
    """What one connection answered to a poll.

    Attributes:
        object: The vendor's name of what was asked for: its cursor's.
        calls: Calls sent.
        worth_a_run: Whether a run has something to do.
        unit: The unit of work whose journal holds the answers; "" where nothing was asked.
        covered_until: The vendor's clock, where nothing new is up to there; None where nothing was asked.
        by_pulse: Whether marks were compared: then the cursor tells when something last changed, not how old news is.
    """

    object: str = ""
    calls: CallCounts = field(default_factory=CallCounts)
    worth_a_run: bool = False
    unit: str = ""
    covered_until: datetime | None = None
    by_pulse: bool = False


class AnswerBuffer:
    """Keeps the answers of a poll in memory: a `PageMemory`."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def remember(self, key: str, fetch: Callable[[], Awaitable[bytes]]) -> bytes:
        """The answer kept under `key`, else what `fetch` returns."""
        if key not in self.kept:
            self.kept[key] = await fetch()
        return self.kept[key]


async def keep_answers(deployment: Deployment, row: ConnectionRow, unit: str, kept: Mapping[str, bytes]) -> None:
    """Put a poll's answers into the journal of the unit that a run will carry out."""
    with UnitJournal(deployment.settings.landing_root, Unit(row.org, row.connection_id, unit)) as journal:
        for key, value in kept.items():
            await journal.remember(key, _giving(value))


def _giving(value: bytes) -> Callable[[], Awaitable[bytes]]:
    async def give() -> bytes:
        return value

    return give

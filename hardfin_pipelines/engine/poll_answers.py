"""Answers of a poll, kept until it is known whether a run needs them."""

from collections.abc import Awaitable, Callable, Mapping

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.platform.connection_store import ConnectionRow


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

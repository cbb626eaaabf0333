"""One process's way to everything: settings, store, vault, landing, and connectors for the connections."""

import asyncio
import gc
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

from sqlalchemy import Engine

from hardfin_pipelines.connectors.base import CrmConnector, PageMemory
from hardfin_pipelines.connectors.erp import ErpConnector
from hardfin_pipelines.engine.vendors import VendorRegistry
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import connect
from hardfin_pipelines.platform.destination import Destination, HardfinTables
from hardfin_pipelines.platform.migrate import upgrade
from hardfin_pipelines.platform.secrets import Vault
from hardfin_pipelines.settings import Settings
from hardfin_pipelines.sync.call_budget import Purpose

Result = TypeVar("Result")


@dataclass(slots=True)
class Deployment:
    """Opened once a process; cheap to pass around."""

    settings: Settings
    engine: Engine
    vault: Vault
    destination: Destination = field(default_factory=HardfinTables)
    vendors: VendorRegistry = field(init=False)

    def __post_init__(self) -> None:
        self.vendors = VendorRegistry(self.settings, self.engine, self.vault)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The deployment that the settings name, its store brought up to date.

        Raises:
            DatabaseError: The store cannot be reached.
        """
        engine = connect(settings.database_url)
        upgrade(engine)
        return cls(settings, engine, Vault(settings.secret_key.get_secret_value()))

    def now(self) -> datetime:
        """Our clock: for stamps of our own, never for cursors."""
        return datetime.now(UTC)

    def connector(
        self, row: ConnectionRow, memory: PageMemory | None = None, *, purpose: Purpose = "describe"
    ) -> CrmConnector:
        """A connector for a connection; close it after use. What it is for decides which calls it leaves to others.

        Raises:
            Refusal: The integration is not supported, or the connection has no credentials.
        """
        return self.vendors.crm_connector(row, memory, purpose=purpose)

    def erp_connector(
        self, row: ConnectionRow, memory: PageMemory | None = None, purpose: Purpose = "describe"
    ) -> ErpConnector:
        """A connector for a connection to an accounting system; as `connector` otherwise.

        Raises:
            Refusal: The integration is not supported.
        """
        return self.vendors.erp_connector(row, memory, purpose=purpose)

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run some work to its end in an event loop of its own, and close what it opened there."""
        with _rare_garbage_collection():
            return asyncio.run(self._closing(work))

    async def _closing(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await work
        finally:
            await self.vendors.aclose()


@contextmanager
def _rare_garbage_collection() -> Iterator[None]:
    """Records are many and in no cycles: looking for cycles every 700 objects takes an eighth of a load's CPU.

    What is there already, all the code, is not looked through at all.
    """
    before = gc.get_threshold()
    gc.set_threshold(30_000, 20, 100)
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)

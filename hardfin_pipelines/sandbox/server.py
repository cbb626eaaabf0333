"""Runs a sandbox's app on a real port, in a thread of this process."""

import asyncio
import socket
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from hardfin_pipelines.sandbox.middleware import ABORT

_START_SECONDS = 15.0
_PATIENCE_SECONDS = 2.0
"""How long answers that are under way may take once the server is told to stop."""


class _AbortableProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn picks the base class at run time
    """Lets an app cut its own connection, which ASGI has no word for."""

    app: ASGIApp

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        app = self.app

        async def app_that_can_abort(scope: Scope, receive: Receive, send: Send) -> None:
            scope[ABORT] = transport.abort
            await app(scope, receive, send)

        self.app = app_that_can_abort


def _config(app: ASGIApp, **options: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_AbortableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="critical",
        server_header=False,
        date_header=False,  # the sandbox's own clock says the date
        **options,
    )


class _PromptServer(uvicorn.Server):
    """Ends as soon as it is told to. Its base looks ten times a second whether it should, and then waits once more."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Tells it from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._ending.set)

    async def main_loop(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self.on_tick(0)  # sets the headers of every answer
        if not self.should_exit:
            await self._ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (self.server_state.connections or self.server_state.tasks) and time.monotonic() < deadline:  # noqa: ASYNC110  # uvicorn tells nobody
            await asyncio.sleep(0.002)
        for task in self.server_state.tasks:
            task.cancel()


class SandboxServer:
    """Serves an app from a thread of this process; use it as a context manager.

    Example:
        >>> with SandboxServer(sandbox.app) as server:
        ...     httpx.get(server.url)
    """

    def __init__(
        self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, certificate: Path | None = None
    ) -> None:
        """Port 0 takes a free one; `url` says which. A `certificate` (PEM with its key) serves https."""
        self._app = app
        self._certificate = certificate
        self._address = (host, port)
        self._server: _PromptServer | None = None
        self._thread: threading.Thread | None = None
        self.url = ""

    def start(self) -> Self:
        """Starts serving and returns once requests are answered.

        Raises:
            OSError: the port is taken.
            RuntimeError: the server did not come up.
        """
        listener = socket.create_server(self._address)
        host, port = listener.getsockname()[:2]
        self.url = f"{'https' if self._certificate else 'http'}://{host}:{port}"
        server = _PromptServer(_config(self._app, ssl_certfile=self._certificate))
        self._server = server
        self._thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError(f"the sandbox server on {self.url} did not start")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """Stops serving; open connections are closed."""
        if self._server is not None and self._thread is not None:
            self._server.end()
            self._thread.join(timeout=_START_SECONDS)
            self._server = self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

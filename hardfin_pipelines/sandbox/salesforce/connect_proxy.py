"""An HTTPS proxy that hands every host to the sandbox, for clients whose host names cannot be changed.

Set `HTTPS_PROXY` to its URL and trust the sandbox's authority; then even `login.salesforce.com` is ours.
"""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 65_536
_START_SECONDS = 15.0


class ConnectProxy:
    """Answers CONNECT for any host and joins the tunnel to the sandbox's https port; a context manager."""

    def __init__(self, sandbox_url: str) -> None:
        """`sandbox_url` is that of the https server."""
        parts = urlsplit(sandbox_url)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 443)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="connect-proxy", daemon=True)
        self._ready = threading.Event()
        self.url = ""
        self.hosts: list[str] = []
        """The hosts that were asked for, in order."""

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        server = await asyncio.start_server(self._tunnel, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stopping.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # lets the aborted transports go

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        if method != "CONNECT":
            writer.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
            writer.close()
            return
        self.hosts.append(rest.split(" ", 1)[0].rsplit(":", 1)[0])
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pass_on(reader, upstream_writer), _pass_on(upstream_reader, writer))
        finally:
            # Aborted rather than closed: nothing of a tunnel may outlive the proxy's loop.
            writer.transport.abort()
            upstream_writer.transport.abort()

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise RuntimeError("the sandbox's proxy did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=_START_SECONDS)
        self._loop.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    with contextlib.suppress(ConnectionError, RuntimeError):
        writer.close()

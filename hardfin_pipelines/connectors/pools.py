"""Connections that say when a request is about to be sent on them: they are open, and nothing of it is sent yet."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool


class _Sending(threading.local):
    """What the request of this thread calls first."""

    tell: Callable[[], None] | None = None


_SENDING = _Sending()


@contextmanager
def telling(tell: Callable[[], None] | None) -> Iterator[None]:
    """Requests of this thread call `tell` when they are about to be sent; what it raises ends them."""
    _SENDING.tell = tell
    try:
        yield
    finally:
        _SENDING.tell = None


def _told(connection: HTTPConnection) -> None:
    if connection.is_closed:
        connection.connect()
    if _SENDING.tell is not None:
        _SENDING.tell()


class _Connection(HTTPConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _told(self)
        super().request(*args, **kwargs)


class _SecureConnection(HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _told(self)
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class TellingAdapter(HTTPAdapter):
    """requests' adapter with connections that tell, through a proxy too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """The pools of a proxy's connections."""
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = _POOLS
        return manager

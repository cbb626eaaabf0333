"""The outermost layer: counts what each account has under way, from a request's arrival to its reply's end."""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from hardfin_pipelines.sandbox.netsuite.account import Account

ADMITTED = "netsuite.admitted"
"""Scope key: whether the request found a free slot when it arrived."""


class FrontDoor:
    """Gives requests their slot before anything slow happens to them.

    Token requests take none (a guess: governance is of web services and RESTlets).
    """

    def __init__(
        self, app: ASGIApp, account_of: Callable[[Headers], Account | None], governed: Callable[[str], bool]
    ) -> None:
        """`account_of` finds the account by the request's headers, `governed` says which paths count."""
        self._app = app
        self._account_of = account_of
        self._governed = governed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request."""
        account = None
        if scope["type"] == "http" and self._governed(scope["path"]):
            account = self._account_of(Headers(scope=scope))
        if account is None:
            await self._app(scope, receive, send)
            return
        settings = account.settings
        limit = settings.own_limit(account.tier) if settings.limits_enabled else None
        with account.slots.request(limit) as admitted:
            scope[ADMITTED] = admitted
            await self._app(scope, receive, send)

"""NetSuite's host names: each account has its own."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.account import Account
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105  # an address
_DOMAIN = ".suitetalk.api.netsuite.com"


def account_of_host(sandbox: "NetSuiteSandbox", host: str | None, netloc: str) -> "Account | None":
    """The account whose host it is, or that an address of this machine stands for; None where it stands for all."""
    if host is not None and host.endswith(_DOMAIN):
        return next((each for each in sandbox.accounts.values() if each.host == host), None)
    return sandbox.accounts.get(sandbox.local_hosts.get(netloc, ""))

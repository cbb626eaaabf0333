"""The control API under `/_sandbox`: for demos, people and tests in other processes. Pipelines never use it."""

from typing import TYPE_CHECKING

from starlette.routing import Route

from hardfin_pipelines.sandbox.control_operations import SandboxOperations
from hardfin_pipelines.sandbox.control_requests import Fields, WrongRequestError, answering
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.control_accounts import AccountControl
from hardfin_pipelines.sandbox.netsuite.control_records import RecordControl
from hardfin_pipelines.sandbox.netsuite.errors import VendorError
from hardfin_pipelines.sandbox.netsuite.vendor_faults import named_fault

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

CONTROL_PREFIX = "/_sandbox"


class ControlEndpoints:
    """The control API of one sandbox. Bodies and replies are JSON; a wrong request gets 400 with `error`."""

    def __init__(self, sandbox: "NetSuiteSandbox") -> None:
        """`sandbox` is what is controlled."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """All endpoints of the control API."""
        sandbox = self._sandbox
        shared = SandboxOperations(
            clock=sandbox.clock,
            faults=sandbox.faults,
            call_log=sandbox.call_log,
            accounts=lambda: list(sandbox.accounts),
            named_fault=named_fault,
        )
        accounts, records = AccountControl(sandbox, self._account), RecordControl(self._account)
        return [
            Route(CONTROL_PREFIX + path, answering(action, VendorError), methods=[method])
            for method, path, action in [*shared.table(), *accounts.table(), *records.table()]
        ]

    def _account(self, fields: Fields) -> Account:
        key = fields.pop("account_id")
        found = self._sandbox.accounts.get(key)
        if found is None:
            known = ", ".join(self._sandbox.accounts) or "none"
            raise WrongRequestError(f"there is no account {key!r}; accounts here: {known}")
        return found

"""The control API under `/_sandbox`: for demos, people and tests in other processes. Pipelines never use it."""

from typing import TYPE_CHECKING

from starlette.routing import Route

from hardfin_pipelines.sandbox.control_operations import SandboxOperations
from hardfin_pipelines.sandbox.control_requests import Fields, Table, WrongRequestError, answering, only
from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.control_records import RecordControl
from hardfin_pipelines.sandbox.quickbooks.errors import VendorError
from hardfin_pipelines.sandbox.quickbooks.oauth import ACCOUNTING
from hardfin_pipelines.sandbox.quickbooks.vendor_faults import named_fault

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.quickbooks.sandbox import QuickBooksSandbox

CONTROL_PREFIX = "/_sandbox"
_OPTIONS = ("realm_id", "country", "currency", "kind", "user_email")


class ControlEndpoints:
    """The control API of one sandbox. Bodies and replies are JSON; a wrong request gets 400 with `error`."""

    def __init__(self, sandbox: "QuickBooksSandbox") -> None:
        """`sandbox` is what is controlled."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """All endpoints of the control API."""
        sandbox = self._sandbox
        shared = SandboxOperations(
            clock=sandbox.clock,
            faults=sandbox.faults,
            call_log=sandbox.call_log,
            accounts=lambda: list(sandbox.companies),
            named_fault=named_fault,
        )
        table = [*shared.table(), *self._table(), *RecordControl(self._company).table()]
        return [
            Route(CONTROL_PREFIX + path, answering(action, VendorError), methods=[method])
            for method, path, action in table
        ]

    def _table(self) -> Table:
        company = "/companies/{realm}"
        return [
            ("GET", "/app", lambda _: self._app_json()),
            ("PATCH", "/app/settings", self._change_app),
            ("POST", "/app/metered", self._add_metered),
            ("GET", "/companies", lambda _: [self._json(each) for each in self._sandbox.companies.values()]),
            ("POST", "/companies", self._add),
            ("GET", company, lambda fields: self._json(self._company(fields))),
            ("PATCH", f"{company}/settings", self._change),
            ("POST", f"{company}/tokens", self._issue),
            ("DELETE", f"{company}/access-tokens", self._expire),
            ("DELETE", f"{company}/tokens", self._revoke),
            ("POST", f"{company}/rotate-elsewhere", self._rotate),
            ("POST", f"{company}/disconnect", self._disconnect),
        ]

    def _company(self, fields: Fields) -> Company:
        realm = fields.pop("realm")
        found = self._sandbox.companies.get(realm)
        if found is None:
            known = ", ".join(self._sandbox.companies) or "none"
            raise WrongRequestError(f"there is no company {realm!r}; companies here: {known}")
        return found

    def _app_json(self) -> Fields:
        now = self._sandbox.clock.now()
        return {
            "name": self._sandbox.tokens.app.name,
            "client_id": self._sandbox.client_id,
            "redirect_uris": list(self._sandbox.tokens.app.redirect_uris),
            "metered_calls": self._sandbox.meter.used(now),
            "metered_by_company": self._sandbox.meter.by_company(now),
            "settings": self._sandbox.settings.as_json(),
        }

    def _change_app(self, fields: Fields) -> Fields:
        self._sandbox.settings.change(fields)
        return self._sandbox.settings.as_json()

    def _add_metered(self, fields: Fields) -> Fields:
        """Calls that the app made elsewhere, for a company of any id."""
        only(fields, "realm_id", "calls")
        calls = fields.get("calls")
        if not isinstance(calls, int) or isinstance(calls, bool) or calls < 0:
            raise WrongRequestError(f"calls is {calls!r}; send a whole number of 0 or more")
        self._sandbox.meter.add(self._sandbox.clock.now(), str(fields.get("realm_id", "elsewhere")), calls)
        return self._app_json()

    def _json(self, company: Company) -> Fields:
        return {
            "realm_id": company.realm_id,
            "name": company.name,
            "country": company.country,
            "currency": company.currency,
            "kind": company.kind,
            "records": {name: company.count(name) for name in company.tables},
            "calls": self._sandbox.call_log.summary(company.realm_id),
            "metered_calls": self._sandbox.meter.by_company(self._sandbox.clock.now()).get(company.realm_id, 0),
            "settings": company.settings.as_json(),
        }

    def _add(self, fields: Fields) -> Fields:
        only(fields, "name", *_OPTIONS)
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
        if texts.keys() != fields.keys() or not texts.get("name"):
            raise WrongRequestError("send name, and other members as texts")
        if texts.get("kind", "production") not in {"production", "sandbox"}:
            raise WrongRequestError(f"kind is {texts['kind']!r}; send production or sandbox")
        return self._json(self._sandbox.add_company(**texts))  # type: ignore[arg-type]  # kind was checked above

    def _change(self, fields: Fields) -> Fields:
        company = self._company(fields)
        company.settings.change(fields)
        return company.settings.as_json()

    def _issue(self, fields: Fields) -> Fields:
        company = self._company(fields)
        only(fields, "scopes")
        issued = self._sandbox.issue_tokens(company, fields.get("scopes") or [ACCOUNTING])
        return {
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires_in": issued.expires_in,
            "x_refresh_token_expires_in": issued.refresh_expires_in,
        }

    def _expire(self, fields: Fields) -> Fields:
        return {"ended": self._sandbox.tokens.expire_access(self._company(fields))}

    def _revoke(self, fields: Fields) -> Fields:
        return {"ended": self._sandbox.tokens.end(self._company(fields), "revoked")}

    def _rotate(self, fields: Fields) -> Fields:
        return {"replaced": self._sandbox.tokens.rotate_elsewhere(self._company(fields))}

    def _disconnect(self, fields: Fields) -> Fields:
        """As the administrator's "Disconnect" in QuickBooks does."""
        return {"ended": self._sandbox.tokens.end(self._company(fields), "disconnected")}

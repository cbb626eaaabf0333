"""The control API under `/_sandbox`: for demos, people and tests in other processes. Pipelines never use it."""

import dataclasses
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from hardfin_pipelines.sandbox.control_requests import (
    Fields,
    Table,
    WrongRequestError,
    answering,
    moment,
    only,
    wanted,
)
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.salesforce.control_orgs import OrgControl
from hardfin_pipelines.sandbox.salesforce.control_records import RecordControl
from hardfin_pipelines.sandbox.salesforce.errors import VendorError
from hardfin_pipelines.sandbox.salesforce.vendor_faults import MAINTENANCE_PAGE, named_fault

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.org import Org
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

CONTROL_PREFIX = "/_sandbox"
_MOST_ENTRIES = 1_000


class ControlEndpoints:
    """The control API of one sandbox. Bodies and replies are JSON; a wrong request gets 400 with `error`."""

    def __init__(self, sandbox: "SalesforceSandbox") -> None:
        """`sandbox` is what is controlled."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """All endpoints of the control API."""
        table = [*self._table(), *OrgControl(self._sandbox, self._org).table(), *RecordControl(self._org).table()]
        routes = [
            Route(CONTROL_PREFIX + path, answering(action, VendorError), methods=[method])
            for method, path, action in table
        ]
        return [*routes, Route(f"{CONTROL_PREFIX}/maintenance", _maintenance, methods=["GET", "POST"])]

    def _table(self) -> Table:
        return [
            ("GET", "/calls", lambda _: self._calls()),
            ("GET", "/calls/entries", self._entries),
            ("DELETE", "/calls", lambda _: self._sandbox.call_log.reset()),
            ("GET", "/clock", lambda _: self._clock_json()),
            ("POST", "/clock", self._set_clock),
            ("PUT", "/latency", self._set_latency),
            ("GET", "/faults", lambda _: [fault.as_json() for fault in self._sandbox.faults.faults]),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", lambda _: self._sandbox.faults.clear()),
        ]

    def _org(self, fields: Fields) -> "Org":
        key = fields.pop("org_id")
        orgs = self._sandbox.orgs
        found = orgs.get(key) or next((org for org in orgs.values() if org.my_domain == key), None)
        if found is None:
            known = ", ".join(org.my_domain for org in orgs.values()) or "none"
            raise WrongRequestError(f"there is no organization {key!r}; organizations here: {known}")
        return found

    def _calls(self) -> Fields:
        log = self._sandbox.call_log
        return {**log.summary(), "by_org": {org_id: log.summary(org_id) for org_id in self._sandbox.orgs}}

    def _entries(self, fields: Fields) -> list[Fields]:
        only(fields, "org")
        entries = [each for each in self._sandbox.call_log.entries if fields.get("org") in (None, each.account)]
        return [dataclasses.asdict(call) for call in entries[-_MOST_ENTRIES:]]

    def _clock_json(self) -> Fields:
        return {"now": self._sandbox.clock.now().isoformat(), "frozen": self._sandbox.clock.frozen}

    def _set_clock(self, fields: Fields) -> Fields:
        only(fields, "set", "advance", "frozen")
        clock, at = self._sandbox.clock, moment(fields, "set")
        if "frozen" in fields:
            (clock.freeze if wanted(fields, "frozen", bool) else clock.run)()
        if at is not None:
            clock.set(at)
        if "advance" in fields:
            clock.advance(wanted(fields, "advance", (int, float)))
        return self._clock_json()

    def _set_latency(self, fields: Fields) -> None:
        only(fields, "milliseconds")
        self._sandbox.faults.latency_ms = wanted(fields, "milliseconds", (int, float))

    def _add_fault(self, fields: Fields) -> Fields:
        name = fields.pop("name", None)
        fault = Fault.from_json(fields) if name is None else named_fault(name, **fields)
        return self._sandbox.faults.add(fault).as_json()


async def _maintenance(_request: Request) -> Response:
    return HTMLResponse(MAINTENANCE_PAGE, 503)

"""The control API under `/_sandbox`: for demos, people and tests in other processes. Pipelines never use it."""

import dataclasses
from typing import TYPE_CHECKING

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
from hardfin_pipelines.sandbox.hubspot.control_account import AccountControl
from hardfin_pipelines.sandbox.hubspot.control_records import RecordControl
from hardfin_pipelines.sandbox.hubspot.errors import VendorError
from hardfin_pipelines.sandbox.hubspot.vendor_faults import named_fault

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.portal import Portal
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox

CONTROL_PREFIX = "/_sandbox"
_MOST_ENTRIES = 1_000


class ControlEndpoints:
    """The control API of one sandbox. Bodies and replies are JSON; a wrong request gets 400 with `error`.

    The README beside the sandbox lists the operations.
    """

    def __init__(self, sandbox: "HubSpotSandbox") -> None:
        """`sandbox` is what is controlled."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """All endpoints of the control API."""
        table = [*self._table(), *RecordControl(self._portal).table(), *AccountControl(self._portal).table()]
        return [
            Route(CONTROL_PREFIX + path, answering(action, VendorError), methods=[method])
            for method, path, action in table
        ]

    def _table(self) -> Table:
        portal = "/portals/{hub_id:int}"
        return [
            ("GET", "/portals", lambda _: [self._portal_json(each) for each in self._sandbox.portals.values()]),
            ("POST", "/portals", self._add_portal),
            ("GET", portal, lambda fields: self._portal_json(self._portal(fields))),
            ("PATCH", f"{portal}/settings", self._change_settings),
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

    def _portal(self, fields: Fields) -> "Portal":
        hub_id = fields.pop("hub_id")
        if hub_id not in self._sandbox.portals:
            known = ", ".join(map(str, self._sandbox.portals)) or "none"
            raise WrongRequestError(f"there is no portal {hub_id}; portals here: {known}")
        return self._sandbox.portals[hub_id]

    def _portal_json(self, portal: "Portal") -> Fields:
        return {
            "hub_id": portal.hub_id,
            "name": portal.name,
            "tier": portal.tier,
            "currencies": portal.currencies,
            "time_zone": portal.time_zone,
            "records": portal.record_counts(),
            "calls": self._sandbox.call_log.summary(str(portal.hub_id)),
            "settings": dataclasses.asdict(portal.settings),
        }

    def _add_portal(self, fields: Fields) -> Fields:
        only(fields, "hub_id", "name", "tier", "currency", "time_zone", "additional_currencies")
        hub_id = wanted(fields, "hub_id", int)
        return self._portal_json(
            self._sandbox.add_portal(hub_id, **{key: value for key, value in fields.items() if key != "hub_id"})
        )

    def _change_settings(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        portal.settings.change(fields)
        return dataclasses.asdict(portal.settings)

    def _calls(self) -> Fields:
        log = self._sandbox.call_log
        by_portal = {str(hub_id): log.summary(str(hub_id)) for hub_id in self._sandbox.portals}
        return {**log.summary(), "by_portal": by_portal}

    def _entries(self, _fields: Fields) -> list[Fields]:
        return [dataclasses.asdict(call) for call in list(self._sandbox.call_log.entries)[-_MOST_ENTRIES:]]

    def _clock_json(self) -> Fields:
        return {"now": self._sandbox.clock.now(), "frozen": self._sandbox.clock.frozen}

    def _set_clock(self, fields: Fields) -> Fields:
        clock = self._sandbox.clock
        unknown = set(fields) - {"set", "advance_seconds", "offset_seconds", "frozen"}
        if unknown or not fields:
            raise WrongRequestError("clock: send set, advance_seconds, offset_seconds or frozen")
        if "offset_seconds" in fields:
            clock.offset_from_machine(wanted(fields, "offset_seconds", (int, float)))
        at = moment(fields, "set")
        if at is not None:
            clock.set(at)
        if "advance_seconds" in fields:
            clock.advance(wanted(fields, "advance_seconds", (int, float)))
        if "frozen" in fields:
            (clock.freeze if wanted(fields, "frozen", bool) else clock.run)()
        return self._clock_json()

    def _set_latency(self, fields: Fields) -> Fields:
        latency_ms = wanted(fields, "ms", (int, float))
        if latency_ms < 0:
            raise WrongRequestError("latency: ms must be 0 or more")
        self._sandbox.faults.latency_ms = latency_ms
        return {"ms": latency_ms}

    def _add_fault(self, fields: Fields) -> Fields:
        """A rule as `Fault` has it, or one of HubSpot's failures by its `name`."""
        name = fields.pop("name", None)
        fault = Fault.from_json(fields) if name is None else named_fault(name, **fields)
        return self._sandbox.faults.add(fault).as_json()

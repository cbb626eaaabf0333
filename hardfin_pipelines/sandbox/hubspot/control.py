"""The control API under `/_sandbox`: for demos, people and tests in other processes. Pipelines never use it."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.hubspot.errors import VendorError
from hardfin_pipelines.sandbox.hubspot.oauth import ALL_SCOPES

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.portal import Portal
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox

CONTROL_PREFIX = "/_sandbox"
_MOST_ENTRIES = 1_000

Fields = dict[str, Any]
Action = Callable[[Fields], Any]


class WrongRequestError(ValueError):
    """A control request that cannot be carried out; the text says what to send instead."""


def _wanted(fields: Mapping[str, Any], name: str, kind: type | tuple[type, ...] = str) -> Any:
    value = fields.get(name)
    if value is None or not isinstance(value, kind):
        raise WrongRequestError(f"{name} is missing or of the wrong type; send it as JSON")
    return value


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise WrongRequestError(f"{text} has no time zone; send for example 2026-03-01T12:00:00Z")
    return moment


class ControlEndpoints:
    """The control API of one sandbox. Bodies and replies are JSON; a wrong request gets 400 with `error`."""

    def __init__(self, sandbox: "HubSpotSandbox") -> None:
        """`sandbox` is what is controlled."""
        self._sandbox = sandbox

    def routes(self) -> list[Route]:
        """All endpoints of the control API."""
        portal, record = "/portals/{hub_id:int}", "/portals/{hub_id:int}/objects/{object_type}/{record_id}"
        table: list[tuple[str, str, Action]] = [
            ("GET", "/portals", lambda _: [self._portal_json(each) for each in self._sandbox.portals.values()]),
            ("GET", portal, lambda fields: self._portal_json(self._portal(fields))),
            ("PATCH", f"{portal}/settings", self._change_settings),
            ("GET", "/calls", lambda _: self._calls()),
            ("GET", "/calls/entries", self._entries),
            ("DELETE", "/calls", lambda _: self._sandbox.call_log.reset()),
            ("GET", "/clock", lambda _: self._clock_json()),
            ("POST", "/clock", self._set_clock),
            ("PUT", "/latency", self._set_latency),
            ("GET", "/faults", lambda _: [_fault_json(fault) for fault in self._sandbox.faults.faults]),
            ("POST", "/faults", lambda fields: _fault_json(self._sandbox.faults.add(Fault.from_json(fields)))),
            ("DELETE", "/faults", lambda _: self._sandbox.faults.clear()),
            ("POST", f"{portal}/deals/merge", self._merge),
            ("POST", f"{portal}/deals/{{deal_id}}/move", self._move),
            ("POST", f"{portal}/objects/{{object_type}}", self._create),
            ("GET", record, lambda fields: {"properties": self._properties(fields)}),
            ("PATCH", record, self._update),
            ("DELETE", record, self._archive),
            ("POST", f"{record}/restore", self._restore),
            ("POST", f"{portal}/associations", self._associate),
            ("POST", f"{portal}/tokens", self._issue_token),
            ("POST", f"{portal}/authorization-codes", self._issue_code),
            ("POST", f"{portal}/uninstall", lambda fields: self._portal(fields).uninstall_app()),
        ]
        return [Route(CONTROL_PREFIX + path, _answering(action), methods=[method]) for method, path, action in table]

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
            clock.offset_from_machine(_wanted(fields, "offset_seconds", (int, float)))
        if "set" in fields:
            clock.set(_moment(_wanted(fields, "set")))
        if "advance_seconds" in fields:
            clock.advance(_wanted(fields, "advance_seconds", (int, float)))
        if "frozen" in fields:
            (clock.freeze if _wanted(fields, "frozen", bool) else clock.run)()
        return self._clock_json()

    def _set_latency(self, fields: Fields) -> Fields:
        latency_ms = _wanted(fields, "ms", (int, float))
        if latency_ms < 0:
            raise WrongRequestError("latency: ms must be 0 or more")
        self._sandbox.faults.latency_ms = latency_ms
        return {"ms": latency_ms}

    def _merge(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        return {"id": portal.merge_deals(_wanted(fields, "primary"), _wanted(fields, "other"))}

    def _move(self, fields: Fields) -> Fields:
        portal, deal_id = self._portal(fields), fields["deal_id"]
        at = _moment(_wanted(fields, "at")) if "at" in fields else None
        portal.move_deal(deal_id, _wanted(fields, "stage"), at)
        return {"properties": portal.properties("deals", deal_id)}

    def _create(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        return {"id": portal.create(fields["object_type"], _wanted(fields, "properties", dict))}

    def _properties(self, fields: Fields) -> dict[str, str | None]:
        return self._portal(fields).properties(fields["object_type"], fields["record_id"])

    def _update(self, fields: Fields) -> Fields:
        portal, key = self._portal(fields), (fields["object_type"], fields["record_id"])
        portal.update(*key, _wanted(fields, "properties", dict))
        return {"properties": portal.properties(*key)}

    def _archive(self, fields: Fields) -> None:
        self._portal(fields).archive(fields["object_type"], fields["record_id"])

    def _restore(self, fields: Fields) -> None:
        self._portal(fields).restore(fields["object_type"], fields["record_id"])

    def _associate(self, fields: Fields) -> None:
        portal = self._portal(fields)
        near = _wanted(fields, "from_type"), _wanted(fields, "from_id")
        portal.associate(*near, _wanted(fields, "to_type"), _wanted(fields, "to_id"), fields.get("type_id"))

    def _issue_token(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        issuers: dict[str, Callable[[Iterable[str]], str]] = {
            "refresh": portal.issue_refresh_token,
            "access": portal.issue_access_token,
            "static": portal.issue_static_token,
        }
        kind = _wanted(fields, "kind")
        if kind not in issuers:
            raise WrongRequestError("kind: send refresh, access or static")
        return {"token": issuers[kind](fields.get("scopes", ALL_SCOPES))}

    def _issue_code(self, fields: Fields) -> Fields:
        portal = self._portal(fields)
        scopes = fields.get("scopes", ALL_SCOPES)
        return {"code": portal.issue_authorization_code(_wanted(fields, "redirect_uri"), scopes)}


def _fault_json(fault: Fault) -> Fields:
    return dataclasses.asdict(fault)


def _answering(action: Action) -> Any:
    async def respond(request: Request) -> Response:
        try:
            fields = await _read(request)
            body, status = action({**fields, **request.path_params}), 200
        except (ValueError, VendorError) as error:
            body, status = {"error": str(error)}, 400
        return Response(orjson.dumps(body), status, media_type="application/json")

    return respond


async def _read(request: Request) -> Fields:
    """The body. Only JSON is read, so that no page of another site can post a form here."""
    raw = await request.body()
    if not raw:
        if request.method in {"PUT", "PATCH"}:
            raise WrongRequestError("send a JSON object")
        return {}
    if "json" not in request.headers.get("content-type", ""):
        raise WrongRequestError("send a JSON object with content type application/json")
    fields = orjson.loads(raw)
    if not isinstance(fields, dict):
        raise WrongRequestError("send a JSON object")
    return fields

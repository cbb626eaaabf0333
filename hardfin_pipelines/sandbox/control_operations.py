"""Control operations that are alike for every vendor: the call log, the clock, latency and the fault plan."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from hardfin_pipelines.sandbox.call_log import CallLog
from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.control_requests import Fields, Table, moment, only, wanted
from hardfin_pipelines.sandbox.faults import Fault, FaultPlan

_MOST_ENTRIES = 1_000
_NUMBER = (int, float)


class SandboxOperations:
    """Calls, clock, latency and faults of one sandbox, over HTTP."""

    def __init__(
        self,
        *,
        clock: SandboxClock,
        faults: FaultPlan,
        call_log: CallLog,
        accounts: Callable[[], Iterable[str]],
        named_fault: Callable[..., Fault],
    ) -> None:
        """`accounts` names the accounts that calls are counted by; `named_fault` knows the vendor's failures."""
        self._clock = clock
        self._faults = faults
        self._call_log = call_log
        self._accounts = accounts
        self._named_fault = named_fault

    def table(self) -> Table:
        """The operations."""
        return [
            ("GET", "/calls", lambda _: self._calls()),
            ("GET", "/calls/entries", self._entries),
            ("DELETE", "/calls", lambda _: self._call_log.reset()),
            ("GET", "/clock", lambda _: self._clock_json()),
            ("POST", "/clock", self._set_clock),
            ("PUT", "/latency", self._set_latency),
            ("GET", "/faults", lambda _: [fault.as_json() for fault in self._faults.faults]),
            ("POST", "/faults", self._add_fault),
            ("DELETE", "/faults", lambda _: self._faults.clear()),
        ]

    def _calls(self) -> Fields:
        log = self._call_log
        return {**log.summary(), "by_account": {account: log.summary(account) for account in self._accounts()}}

    def _entries(self, fields: Fields) -> list[dict[str, Any]]:
        only(fields)
        return [dataclasses.asdict(call) for call in list(self._call_log.entries)[-_MOST_ENTRIES:]]

    def _clock_json(self) -> Fields:
        return {"now": self._clock.now().isoformat(), "frozen": self._clock.frozen}

    def _set_clock(self, fields: Fields) -> Fields:
        only(fields, "set", "advance", "frozen")
        at = moment(fields, "set")
        seconds = wanted(fields, "advance", _NUMBER) if "advance" in fields else 0
        if "frozen" in fields:
            (self._clock.freeze if wanted(fields, "frozen", bool) else self._clock.run)()
        if at is not None:
            self._clock.set(at)
        if seconds:
            self._clock.advance(seconds)
        return self._clock_json()

    def _set_latency(self, fields: Fields) -> None:
        only(fields, "milliseconds")
        self._faults.latency_ms = wanted(fields, "milliseconds", _NUMBER)

    def _add_fault(self, fields: Fields) -> Fields:
        name = fields.pop("name", None)
        fault = Fault.from_json(fields) if name is None else self._named_fault(name, **fields)
        return self._faults.add(fault).as_json()

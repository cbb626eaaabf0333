"""An initial load under HubSpot's real limits and a latency, beside the least time both allow."""

from collections.abc import Iterator
from typing import Any

from benchmarks.bounds import least_seconds
from benchmarks.initial_load import load
from benchmarks.installation import installed
from benchmarks.measurement import Measurement
from benchmarks.sandbox_process import Filling, sandbox_process

FULL, QUICK = 10_000, 3_000

_LATENCY_SECONDS = 0.15
_TEN_THOUSAND = 10_000


def measure(deals: int) -> Iterator[Measurement]:
    """The share of the best possible time is promised for 10,000 deals: a small load is mostly beginning and end."""
    loaded, calls, refused = paced_load(deals)
    least = least_seconds(loaded["least_calls"], _LATENCY_SECONDS)
    promised = deals == _TEN_THOUSAND
    name = f"initial load of {deals:,} won deals under HubSpot's limits at 150 ms"
    share = round(least / loaded["seconds"], 3)
    floor = 0.9 if promised else None
    yield Measurement(f"{name}: share of the best possible time", share, "ratio", 1, floor, better="more")
    yield Measurement(f"{name}: time", round(loaded["seconds"], 1), "seconds", round(least, 1))
    yield Measurement(f"{name}: 429 answers", refused, "answers", 0, 0)
    yield Measurement(f"{name}: vendor calls", calls, "calls", sum(loaded["least_calls"].values()))


def paced_load(deals: int) -> tuple[dict[str, Any], int, int]:
    """What the process measured that loaded so many deals, the calls the vendor got, and those of them it refused."""
    with sandbox_process(Filling(deals)) as sandbox, installed(sandbox) as installation:
        sandbox.set_latency(_LATENCY_SECONDS)
        sandbox.enforce_limits(enforced=True)
        sandbox.reset_calls()
        loaded = load(sandbox, installation, "--limited")
        return loaded, sandbox.total_calls(), sandbox.refused()

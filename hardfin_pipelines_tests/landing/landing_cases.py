"""Records, units and processes that the tests of landing share."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from hardfin_pipelines.landing.layout import Unit
from hardfin_pipelines.landing.parquet import LandingWriter
from hardfin_pipelines.sync.records import Record, Reference

AWKWARD = "a\0\ud800\udfff\U0001f642\u05d0\u202e"
"""Characters that break careless code: NUL, lone surrogates, an emoji, right to left."""

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def unit(name: str = "tick-1", org: str = "acme", integration: str = "hubspot") -> Unit:
    return Unit(org, f"{org}:{integration}", name)


def record(identifier: str, minutes: int = 0, **changes) -> Record:
    facts: dict[str, Any] = {"role": "deal", "id": identifier, "properties": {}}
    facts["modified_at"] = NOON + timedelta(minutes=minutes)
    return Record(**(facts | changes))


def rich_record() -> Record:
    return record(
        "701",
        references={"company": (Reference("9", primary=True), Reference("10")), "line_item": ()},
        merged_ids=("55", "56"),
        archived=True,
        url="https://vendor.example/701",
    )


def land(
    root: Path, work: Unit, records: Sequence[Record], *, landed_at: datetime = NOON, object_name: str = "deals"
) -> Path:
    """Land records whose raw text names the id, the stamp and the unit."""
    with LandingWriter(root, work, object_name) as writer:
        raw = [f'{{"id": "{each.id}", "unit": "{work.name}"}}'.encode() for each in records]
        writer.add(records, raw, landed_at, f"run-{work.name}")
    return writer.path


def start(program: str, *arguments: str) -> "subprocess.Popen[str]":
    """Run Python text in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def lines_of(process: "subprocess.Popen[str]") -> IO[str]:
    """What a started process prints."""
    assert process.stdout is not None
    return process.stdout

"""Replaying an organization, and looking at what came of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select

from hardfin_pipelines.engine.replay_report import ReplayReport, ReplayRequest
from hardfin_pipelines.engine.replaying import replay
from hardfin_pipelines.platform.database import connect, reading
from hardfin_pipelines.platform.tables import (
    audit_events,
    customers,
    items,
    ledger,
    ledger_aliases,
    links,
    project_line_items,
    projects,
)
from hardfin_pipelines_tests.engine.product import Organization

HELD = (customers, items, projects, project_line_items, links, ledger, ledger_aliases)


@contextmanager
def empty_store(template: Path, folder: Path, name: str = "rebuilt.db") -> Iterator[Engine]:
    """A store with all tables and nothing in them."""
    path = folder / name
    shutil.copyfile(template, path)
    engine = connect(f"sqlite:///{path}")
    try:
        yield engine
    finally:
        engine.dispose()


def rows(engine: Engine, org: str, *left_out: str) -> dict[str, list[str]]:
    """Every row of an organization in the tables of entities, links and ledger, and the audit of first syncs."""
    of_syncs = audit_events.c.action == "project.synced"
    with reading(engine) as connection:
        return {
            table.name: sorted(
                repr(sorted((name, value) for name, value in row.items() if name not in left_out))
                for row in connection.execute(query.where(table.c.org == org)).mappings()
            )
            for table, query in [
                *((table, select(table)) for table in HELD),
                (audit_events, select(*(each for each in audit_events.c if each.name != "id")).where(of_syncs)),
            ]
        }


def replayed(acme: Organization, into: Engine | None = None, **choices: Any) -> ReplayReport:
    """Replay an organization, with the vendor watching."""
    before = acme.calls()
    request = ReplayRequest(acme.org, acme.connection_id, **choices)
    report = acme.deployment.run(replay(acme.deployment, request, into))
    assert acme.calls() == before
    return report


def values(report: ReplayReport) -> list[tuple[str, str, str | None, str | None, str]]:
    """The differences that a report shows."""
    return [
        (each.entity, each.field, each.held, each.replayed, each.origin)
        for shown in report.differences.shown.values()
        for each in shown
    ]

"""The store that a replay writes to: an organization's configuration without its credentials, and nothing else yet."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, exists, select

from hardfin_pipelines.engine import configuration
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.platform.audit import AuditEvent, Cause, record_audit
from hardfin_pipelines.platform.database import connect, reading, writing
from hardfin_pipelines.platform.entity_rows import ENTITY_TABLES
from hardfin_pipelines.platform.migrate import upgrade
from hardfin_pipelines.platform.tables import (
    connections,
    customers,
    items,
    ledger,
    ledger_aliases,
    links,
    organization_revisions,
    organizations,
    pipeline_rules,
)
from hardfin_pipelines.platform.triage_tables import item_decisions

_CONFIGURATION: tuple[Table, ...] = (organizations, organization_revisions, connections, pipeline_rules)
_ROWS = 1_000
"""Rows copied at a time."""

_NEVER_VISITED: dict[str, Any] = {
    "status": "not connected",
    "status_reason": "",
    "next_due_at": None,
    "last_polled_at": None,
    "last_synced_at": None,
    "failures": 0,
    "failing_since": None,
}
"""What a connection without credentials is: configured and described, but nobody has visited it from there."""


@contextmanager
def scratch_store() -> Iterator[Engine]:
    """An empty store of its own, gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="hardfin-replay-") as folder:
        engine = connect(f"sqlite:///{Path(folder) / 'replay.db'}")
        try:
            upgrade(engine)
            yield engine
        finally:
            engine.dispose()


def copy_organization(source: Engine, target: Engine, org: str, cause: Cause) -> None:
    """Copy an organization's configuration and connections, without credentials, to a store that does not know it.

    Args:
        source: The store it is in. It is only read.
        target: The store to copy to, with all tables.
        org: The organization.
        cause: Who copies it and why, for the audit of the target.

    Raises:
        Refusal: The target knows the organization already; nothing was written.
    """
    with reading(source) as connection:
        rows = {
            table: [dict(row) for row in connection.execute(select(table).where(table.c.org == org)).mappings()]
            for table in _CONFIGURATION
        }
    with writing(target) as connection:
        _require_empty(connection, org)
        for table, copied in rows.items():
            fresh = [{**row, **(_NEVER_VISITED if table is connections else {})} for row in copied]
            if fresh:
                connection.execute(table.insert(), fresh)
        record_audit(connection, org, [AuditEvent("organization.replayed", "organization", org, cause)])


def seed(source: Engine, target: Engine, org: str, before: datetime) -> None:
    """Let the target know what syncs before a moment had made and linked, so that what follows is planned as it was.

    Projects and their lines are left out: nothing that is synced later looks at them.
    """
    copied = (
        (customers, customers.c.created_at < before),
        (items, items.c.created_at < before),
        (links, links.c.synced_at < before),
        (ledger, ledger.c.first_synced_at < before),
        (ledger_aliases, ledger_aliases.c.external_id.in_(_synced(org, before))),
        (item_decisions, item_decisions.c.decided_at < before),
    )
    with reading(source) as connection, writing(target) as into:
        for table, early in copied:
            query = select(table).where(table.c.org == org, early)
            rows = connection.execution_options(yield_per=_ROWS).execute(query).mappings()
            for batch in rows.partitions():
                into.execute(table.insert(), [dict(row) for row in batch])


def _synced(org: str, before: datetime) -> Select[Any]:
    return select(ledger.c.external_id).where(ledger.c.org == org, ledger.c.first_synced_at < before)


def configure(
    target: Engine, document: OrganizationDocument, org: str, integration: str, *, actor: str, now: datetime
) -> None:
    """Give the organization in the target another document.

    Raises:
        Refusal: The document is another organization's, or has no such connection.
        ConfigurationError: The plan or the account does not have what it asks for.
    """
    named = document.configuration.organization
    if named != org:
        raise Refusal(f"{document.source or 'the document'} is of organization {named!r}: expected one of {org!r}")
    if all(each.integration != integration for each in document.configuration.connections):
        raise Refusal(f"{document.source or 'the document'} has no {integration} connection: expected {org}'s with it")
    configuration.apply(target, [document], actor=actor, now=now, reason="a replay with this document")


def _require_empty(connection: Connection, org: str) -> None:
    for table in (organizations, *ENTITY_TABLES.values(), links, ledger):
        if connection.scalar(select(exists().where(table.c.org == org))):
            raise Refusal(
                f"the store to rebuild into has {table.name} of {org} already: expected one that does not know it; "
                "give another database"
            )

"""Pipeline rules as stored: what of a connection's document becomes rows of its own, and how they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from hardfin_pipelines.platform.tables import pipeline_rules
from hardfin_pipelines.platform.upsert import upsert
from hardfin_pipelines.sync.pipeline_rules import RuleStatus


@dataclass(frozen=True, slots=True)
class RulePart:
    """A pipeline rule as configured.

    Attributes:
        pipeline: The vendor's id of the pipeline, or its label.
        trigger_stages: "won", or a list of stage ids or labels.
        status: Whether its deals sync.
        overrides: The pipeline's own mapping entries, by entity, as JSON.
    """

    pipeline: str
    trigger_stages: str | Sequence[str]
    status: RuleStatus
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredRule:
    """A pipeline rule as stored. One that left the document stays, paused, so that it remembers `active_since`.

    Attributes:
        rule: The rule as configured.
        active_since: When it was first made active.
        held_because: What the account lacks that it needs, or "".
        held_since: Since when, by our clock.
        unseen_since: From when on deals were not looked at for it, in vendor time; None where all were.
        found: What its names stood for when they were last found, as `rule_holds` keeps it.
    """

    rule: RulePart
    active_since: datetime | None
    held_because: str = ""
    held_since: datetime | None = None
    unseen_since: datetime | None = None
    found: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class HeldRule:
    """An active pipeline rule that does not run because the account lacks what it needs.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        pipeline: The rule's pipeline as configured.
        because: What the account lacks, by key path, in one line.
        since: Since when, by our clock.
    """

    org: str
    connection_id: str
    pipeline: str
    because: str
    since: datetime

    def __str__(self) -> str:
        return f"{self.connection_id}: the rule of pipeline {self.pipeline!r} is held: {self.because}"


def load_rules(connection: Connection, org: str, of_connection: str) -> list[StoredRule]:
    """The pipeline rules of a connection, by pipeline, those that left the document too (paused)."""
    query = select(pipeline_rules).where(rules_of(org, of_connection)).order_by(pipeline_rules.c.pipeline)
    return [
        StoredRule(
            RulePart(row.pipeline, row.trigger_stages, row.status, row.overrides),
            row.active_since,
            row.held_because,
            row.held_since,
            row.unseen_since,
            row.found,
        )
        for row in connection.execute(query)
    ]


def held_rules(connection: Connection, org: str | None = None) -> list[HeldRule]:
    """The pipeline rules that are held now, the longest held first.

    Args:
        connection: An open transaction.
        org: The organization; None for ALL organizations of the deployment.
    """
    held = and_(pipeline_rules.c.status == "active", pipeline_rules.c.held_because != "")
    query = select(pipeline_rules).where(held if org is None else and_(held, pipeline_rules.c.org == org))
    order = (pipeline_rules.c.held_since, pipeline_rules.c.connection_id, pipeline_rules.c.pipeline)
    return [
        HeldRule(row.org, row.connection_id, row.pipeline, row.held_because, row.held_since)
        for row in connection.execute(query.order_by(*order))
    ]


def write_rules(connection: Connection, org: str, of_connection: str, rules: Sequence[RulePart]) -> None:
    """Store the rules of a connection as its document has them; one that left it is paused.

    When a rule was first active, and what it has missed, is left as it is: it survives pauses, and a rule that left
    the document and came back.
    """
    gone = and_(rules_of(org, of_connection), pipeline_rules.c.pipeline.not_in([rule.pipeline for rule in rules]))
    connection.execute(update(pipeline_rules).where(gone).values(status="paused"))
    rows = [
        {
            "org": org,
            "connection_id": of_connection,
            "pipeline": rule.pipeline,
            "trigger_stages": rule.trigger_stages
            if isinstance(rule.trigger_stages, str)
            else list(rule.trigger_stages),
            "status": rule.status,
            "active_since": None,
            "overrides": dict(rule.overrides),
        }
        for rule in rules
    ]
    if rows:
        kept = ("trigger_stages", "status", "overrides")
        connection.execute(
            upsert(connection, pipeline_rules, lambda statement: {name: statement.excluded[name] for name in kept}),
            rows,
        )


def rules_of(org: str, of_connection: str) -> ColumnElement[bool]:
    """The condition for the rules of one connection."""
    return and_(pipeline_rules.c.org == org, pipeline_rules.c.connection_id == of_connection)

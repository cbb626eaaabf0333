"""Drift: an account that loses what a configuration names, or has it again.

What is missing holds the pipeline rules that need it, and them alone: their deals wait instead of becoming projects
with blanks, the other rules go on. A rule is released by itself as soon as the account has what it needs, and then
looks back over the time it was held.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.resolution import Resolution
from hardfin_pipelines.organizations.resolving import FoundNames
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import ConnectionRow, doubt_description
from hardfin_pipelines.platform.cursor_store import read_cursors
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.rule_holds import HoldChanges, Holds, settle_holds
from hardfin_pipelines.platform.rule_store import StoredRule
from hardfin_pipelines.sync.entities import ROLE_OF_ENTITY
from hardfin_pipelines.sync.first_sync import Context, DealBundle
from hardfin_pipelines.sync.records import PropertyDescription, Record, Role
from hardfin_pipelines.sync.values import UnknownOption, ValueProblem, as_option_label

LOOK_AGAIN = timedelta(hours=1)
"""How soon an account that holds up a rule is described again; all is well, a day is soon enough."""


class EveryRuleHeld(UnknownField):
    """The account has what none of the connection's active rules can do without: a person must act."""


def doubt_where_options_are_new(crm: CrmConnection, bundles: Sequence[DealBundle], now: datetime) -> None:
    """Let the account be described again, where deals hold options newer than its description; hourly at most."""
    described_at = crm.row.described_at
    if described_at is None or now - described_at <= LOOK_AGAIN:
        return
    records = (
        record
        for bundle in bundles
        for record in (
            bundle.deal,
            *bundle.companies.values(),
            *bundle.line_items.values(),
            *bundle.products.values(),
        )
    )
    if meets_unknown_options(crm.context, records):
        with writing(crm.engine) as connection:
            doubt_description(connection, crm.row.org, crm.row.connection_id)


def settle_rules(
    connection: Connection, row: ConnectionRow, resolution: Resolution, described_at: datetime, now: datetime
) -> HoldChanges:
    """Let the stored rules say what holds them now, in the caller's transaction.

    Args:
        connection: An open transaction.
        row: The connection.
        resolution: Its configuration beside the account's latest description.
        described_at: The vendor's clock at that description.
        now: Our clock.
    """
    positions = read_cursors(connection, row.org, row.connection_id).values()
    holds = Holds(
        held={each.pipeline: each.because for each in resolution.held},
        found={pipeline: _found_to_json(names) for pipeline, names in resolution.found.items()},
        position=min(positions, default=row.enabled_at or described_at),
    )
    return settle_holds(connection, row.org, row.connection_id, holds, Cause("sync", "the account was described", now))


def is_settled(resolution: Resolution, stored: Sequence[StoredRule]) -> bool:
    """Whether the stored rules say already what holds them, and what their names stand for."""
    held = {each.pipeline: each.because for each in resolution.held}
    return all(
        each.held_because == (held.get(each.rule.pipeline, "") if each.rule.status == "active" else "")
        and _names_kept(resolution.found.get(each.rule.pipeline), each.found)
        for each in stored
    )


def newly_held(resolution: Resolution, stored: Sequence[StoredRule]) -> bool:
    """Whether a rule is held, or held for another reason, without that being known: the account may have it by now."""
    known = {each.rule.pipeline: each.held_because for each in stored}
    return any(each.because != known.get(each.pipeline) for each in resolution.held)


def names_found(stored: Sequence[StoredRule]) -> dict[str, FoundNames]:
    """What the names of each stored rule stood for when they were last found, by its pipeline as configured."""
    return {
        each.rule.pipeline: FoundNames(each.found["pipeline"], tuple(each.found["stages"]), each.found["names"])
        for each in stored
        if each.found
    }


def fields_named(configuration: ConnectionConfiguration) -> dict[Role, frozenset[str]]:
    """The vendor fields that a document names itself, by role: of those that are missing a person wants to know why."""
    named: dict[Role, set[str]] = {}
    for blocks in (configuration.mappings.blocks(), *(rule.blocks() for rule in configuration.pipelines)):
        for entity, block in blocks.items():
            sources = (source for target, entry in block.items() for source in entry.rule(target).sources())
            named.setdefault(ROLE_OF_ENTITY[entity], set()).update(sources)
    return {role: frozenset(names) for role, names in named.items()}


def meets_unknown_options(context: Context, records: Iterable[Record]) -> bool:
    """Whether records hold options whose labels a mapping asks for and that the account's description does not have."""
    mappings = [context.mappings, *(context.mappings_for(rule) for rule in context.rules if rule.overrides)]
    asked: dict[Role, dict[str, PropertyDescription]] = {}
    for entity, role in ROLE_OF_ENTITY.items():
        described = context.properties.get(role, {})
        rules = (rule for each in mappings for rule in each[entity].rules if rule.convert == "option label")
        asked[role] = {rule.source: described[rule.source] for rule in rules if rule.source in described}
    return any(
        not _is_known(record.properties.get(name), about)
        for record in records
        for name, about in asked[record.role].items()
    )


def _is_known(value: str | None, about: PropertyDescription) -> bool:
    try:
        as_option_label(value or "", about)
    except UnknownOption:
        return not value or not value.strip()
    except ValueProblem:
        return True
    return True


def every_rule_held(row: ConnectionRow, resolution: Resolution) -> EveryRuleHeld:
    """The error that says what every active rule waits for, each reason once."""
    reasons = dict.fromkeys(str(problem) for each in resolution.held for problem in each.problems)
    return EveryRuleHeld(row.integration, f"{row.connection_id}: {'; '.join(reasons)}")


def _found_to_json(names: FoundNames) -> dict[str, Any]:
    return {"pipeline": names.pipeline_id, "stages": list(names.stage_ids), "names": dict(names.stages)}


def _names_kept(names: FoundNames | None, stored: Mapping[str, Any] | None) -> bool:
    return names is None or _found_to_json(names) == stored

"""A CRM connection made ready to sync: its rules found in the account, its mapping, the fields to read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import Engine

from hardfin_pipelines.engine.extraction import FieldsToRead
from hardfin_pipelines.organizations.problems import Problem
from hardfin_pipelines.organizations.resolution import HeldPipeline
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.destination import Destination
from hardfin_pipelines.sync.cursors import OVERLAP
from hardfin_pipelines.sync.entities import ROLE_OF_ENTITY
from hardfin_pipelines.sync.first_sync import Context
from hardfin_pipelines.sync.pipeline_rules import active_rules, held_rules
from hardfin_pipelines.sync.records import AccountDescription, Role


@dataclass(frozen=True, slots=True)
class CrmConnection:
    """What a visit needs to know of a connection.

    Attributes:
        engine: The store.
        destination: Where its projects are made.
        row: The connection as stored when the visit began.
        context: Rules, mapping and descriptions for the rules of sync.
        fields: The vendor fields that the mapping reads.
        described_at: The vendor's clock when the account was described.
        held: The pipeline rules that cannot run as the account is; they are in `context` too, but trigger nothing.
        problems: Everything that the account cannot do of the configuration, by key path within the connection.
        missed: From when on rules that were held and run again have seen no deals: pipeline as configured to vendor
            time.
        overlap: How late the vendor may show a change: how far before its cursor a tick looks again.
    """

    engine: Engine
    destination: Destination
    row: ConnectionRow
    context: Context
    fields: FieldsToRead
    described_at: datetime
    held: tuple[HeldPipeline, ...] = ()
    problems: tuple[Problem, ...] = ()
    missed: Mapping[str, datetime] = field(default_factory=dict)
    overlap: timedelta = OVERLAP

    def trigger_stages(self) -> Mapping[str, tuple[str, ...]]:
        """The trigger stages of each pipeline whose rule is active and not held."""
        return {rule.pipeline_id: rule.stage_ids for rule in active_rules(self.context.rules)}

    def held_stages(self) -> Mapping[str, tuple[str, ...]]:
        """The trigger stages of each pipeline whose rule is held, as they were last found."""
        return {rule.pipeline_id: rule.stage_ids for rule in held_rules(self.context.rules)}

    def tick_from(self, cursor: datetime) -> datetime:
        """Where a tick begins, in vendor time: its cursor, or what a released rule has missed before it."""
        enabled = self.row.enabled_at
        return min((cursor, *(since if enabled is None else max(since, enabled) for since in self.missed.values())))

    def edited_from(self) -> datetime | None:
        """Deals that nobody has edited since are not wanted: the start date, else when the connection was enabled.

        A vendor's own work on its records (recalculations, renamed options) moves the stamps of very old ones too.
        """
        return start_of(self.row) or self.row.enabled_at


def start_of(row: ConnectionRow) -> datetime | None:
    """The first moment of a connection's start date."""
    return None if row.start_date is None else datetime.combine(row.start_date, time.min, UTC)


def fields_to_read(context: Context, description: AccountDescription) -> FieldsToRead:
    """Every vendor field some mapping of the connection reads, and the currencies that belong to money fields.

    What the account does not show is not asked for: the rules that need it are held, the others go on without it.
    """
    by_role: dict[Role, tuple[str, ...]] = {}
    all_mappings = [context.mappings, *(context.mappings_for(rule) for rule in context.rules)]
    for entity, role in ROLE_OF_ENTITY.items():
        described = description.properties.get(role, {})
        names = [
            name
            for name in dict.fromkeys(source for mappings in all_mappings for source in mappings[entity].sources())
            if name in described and not described[name].hidden
        ]
        currencies = [described[name].currency_property for name in names if described[name].currency_property]
        by_role[role] = tuple(dict.fromkeys((*names, *currencies)))
    return FieldsToRead(by_role)

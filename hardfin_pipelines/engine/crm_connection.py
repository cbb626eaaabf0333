"""A CRM connection made ready to sync: its rules found in the account, its mapping, the fields to read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from hardfin_pipelines.engine.extraction import FieldsToRead
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.destination import Destination
from hardfin_pipelines.sync.entities import ROLE_OF_ENTITY
from hardfin_pipelines.sync.first_sync import Context
from hardfin_pipelines.sync.pipeline_rules import active_rules
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
    """

    engine: Engine
    destination: Destination
    row: ConnectionRow
    context: Context
    fields: FieldsToRead
    described_at: datetime

    def trigger_stages(self) -> Mapping[str, tuple[str, ...]]:
        """The trigger stages of each active pipeline."""
        return {rule.pipeline_id: rule.stage_ids for rule in active_rules(self.context.rules)}


def fields_to_read(context: Context, description: AccountDescription) -> FieldsToRead:
    """Every vendor field some mapping of the connection reads, and the currencies that belong to money fields."""
    by_role: dict[Role, tuple[str, ...]] = {}
    all_mappings = [context.mappings, *(context.mappings_for(rule) for rule in context.rules)]
    for entity, role in ROLE_OF_ENTITY.items():
        names = dict.fromkeys(source for mappings in all_mappings for source in mappings[entity].sources())
        described = description.properties.get(role, {})
        currencies = {
            described[name].currency_property: None
            for name in names
            if name in described and described[name].currency_property
        }
        by_role[role] = tuple(names | currencies)
    return FieldsToRead(by_role)

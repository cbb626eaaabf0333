"""Fields that a CRM computes (formulas, roll-ups): they change while the stamp of their record does not."""

from collections.abc import Collection, Iterator, Mapping

from hardfin_pipelines.organizations.mapping_entries import named
from hardfin_pipelines.sync.entities import ENTITY_TYPES, ROLE_OF_ENTITY
from hardfin_pipelines.sync.mapping_rules import MappingSet
from hardfin_pipelines.sync.records import PropertyDescription, Role


def computed_fields(
    mappings: MappingSet,
    properties: Mapping[Role, Mapping[str, PropertyDescription]],
    chosen: Mapping[Role, Collection[str]],
) -> Iterator[str]:
    """What a person should know of each mapping entry that reads a computed field, a line each.

    Only of fields that were `chosen` in a document: those of an integration's own mapping are ours to answer for.

    A project has the value of the moment it was first synced. A later one never comes by a tick, as with every field;
    here not even the record's own stamp says that there is one.
    """
    for entity in ENTITY_TYPES:
        role = ROLE_OF_ENTITY[entity]
        described = properties.get(role, {})
        for rule in mappings[entity].rules:
            for source in rule.sources():
                about = described.get(source)
                if about is not None and about.calculated and source in chosen.get(role, ()):
                    yield (
                        f"{named(entity)}: {rule.target} reads {source}, which the CRM computes: it may change without "
                        "the record's stamp moving; Hardfin has its value at the first sync or the last re-sync"
                    )

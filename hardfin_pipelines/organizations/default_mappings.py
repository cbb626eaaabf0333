"""The mapping of each integration where a connection has none of its own."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from hardfin_pipelines.organizations.mapping_entries import Block, MappingBlocks
from hardfin_pipelines.organizations.yaml_source import values_of
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ENTITY_TYPES, EntityType
from hardfin_pipelines.sync.mapping_rules import EntityMapping, MappingSet

_PACKAGED = Path(__file__).with_name("default_mappings.yaml")


@cache
def _packaged() -> Mapping[str, Mapping[EntityType, Block]]:
    (document,) = values_of(_PACKAGED.read_text(encoding="utf-8"))
    return {integration: MappingBlocks.model_validate(blocks).blocks() for integration, blocks in document.items()}


def default_blocks(integration: str) -> Mapping[EntityType, Block]:
    """The entries of an integration's own mapping, by entity; {} for an integration that has none."""
    return _packaged().get(integration, {})


def default_mappings(integration: str) -> MappingSet:
    """An integration's own mapping of every entity; without entries where it has none."""
    blocks = default_blocks(integration)
    return {entity: entity_mapping(entity, blocks.get(entity, {})) for entity in ENTITY_TYPES}


def entity_mapping(entity: EntityType, block: Block) -> EntityMapping:
    """The entries of a block in the order of the entity's fields, the organization's own fields last."""
    order = [*(target for target in ENTITY_FIELDS[entity] if target in block)]
    order += sorted(target for target in block if target not in ENTITY_FIELDS[entity])
    return EntityMapping(entity, tuple(block[target].rule(target) for target in order))

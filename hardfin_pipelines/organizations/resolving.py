"""From a connection's configuration to what the rules of sync work with."""

from collections.abc import Mapping
from datetime import datetime

from hardfin_pipelines.organizations.default_mappings import default_blocks, entity_mapping
from hardfin_pipelines.organizations.mapping_entries import Block
from hardfin_pipelines.organizations.models import ConnectionConfiguration, PipelineConfiguration
from hardfin_pipelines.organizations.problems import KeyPath, Problem, did_you_mean, one_of, shown
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ENTITY_TYPES, ROLE_OF_ENTITY, EntityType
from hardfin_pipelines.sync.mapping_rules import MappingSet
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.records import AccountDescription, PipelineDescription, StageDescription


def mapping_set(connection: ConnectionConfiguration, account: AccountDescription | None = None) -> MappingSet:
    """The mapping of every entity.

    A block that the connection gives replaces the integration's own one, but for required fields it leaves out; a
    block it leaves out is the integration's own.

    Args:
        connection: The connection's configuration.
        account: The vendor's description of the account. With it, optional entries of the integration's own mapping
            are dropped where the account has no such field: nobody asked for them.
    """
    given = connection.mappings.blocks()
    return {entity: entity_mapping(entity, _block(connection, entity, given, account)) for entity in ENTITY_TYPES}


def _block(
    connection: ConnectionConfiguration,
    entity: EntityType,
    given: Mapping[EntityType, Block],
    account: AccountDescription | None,
) -> Block:
    required = {target for target, about in ENTITY_FIELDS[entity].items() if about.required}
    default = default_blocks(connection.integration).get(entity, {})
    if entity in given:
        return {target: entry for target, entry in default.items() if target in required} | dict(given[entity])
    if account is None:
        return default
    visible = {name for name, about in account.properties.get(ROLE_OF_ENTITY[entity], {}).items() if not about.hidden}
    return {
        target: entry
        for target, entry in default.items()
        if target in required or visible.issuperset(entry.rule(target).sources())
    }


def resolve_rules(
    connection: ConnectionConfiguration,
    account: AccountDescription,
    active_since: Mapping[str, datetime | None],
) -> tuple[list[PipelineRule], list[Problem]]:
    """The connection's pipeline rules, their pipelines and stages found in the account.

    A paused rule that cannot be found is left out and is no problem: pausing must always be possible.

    Args:
        connection: The connection's configuration.
        account: The vendor's description of the account.
        active_since: When each rule was first made active, by its pipeline as configured.

    Returns:
        The rules that could be found, and what is wrong with the others, by key path within the connection.
    """
    rules: dict[str, PipelineRule] = {}
    problems: list[Problem] = []
    for index, configured in enumerate(connection.pipelines):
        path: KeyPath = ("pipelines", index)
        found = _resolve(configured, account, active_since.get(configured.pipeline))
        if isinstance(found, PipelineRule):
            if found.pipeline_id not in rules:
                rules[found.pipeline_id] = found
                continue
            found = [Problem(("pipeline",), f"is a second rule for the pipeline {found.pipeline_id}: keep one")]
        if configured.status == "active":
            problems.extend(problem.below(path) for problem in found)
    return list(rules.values()), problems


def _resolve(
    configured: PipelineConfiguration, account: AccountDescription, active_since: datetime | None
) -> PipelineRule | list[Problem]:
    pipeline = _pipeline(configured.pipeline, account)
    if isinstance(pipeline, Problem):
        return [pipeline]
    stages = _stages(configured, pipeline)
    if stages and isinstance(stages[0], Problem):
        return [each for each in stages if isinstance(each, Problem)]
    wanted = {each.id for each in stages if isinstance(each, StageDescription)}
    return PipelineRule(
        pipeline_id=pipeline.id,
        stage_ids=tuple(stage.id for stage in pipeline.stages if stage.id in wanted),
        status=configured.status,
        active_since=active_since,
        overrides={entity: entity_mapping(entity, block) for entity, block in configured.blocks().items()},
    )


def _pipeline(name: str, account: AccountDescription) -> PipelineDescription | Problem:
    found = account.pipeline(name)
    if found is not None:
        return found
    labelled = [pipeline for pipeline in account.pipelines if pipeline.label == name]
    if len(labelled) == 1:
        return labelled[0]
    path: KeyPath = ("pipeline",)
    if labelled:
        ids = one_of(pipeline.id for pipeline in labelled)
        return Problem(path, f"{len(labelled)} pipelines are called {shown(name)}: write the id instead, {ids}")
    known = _ids_and_labels(account.pipelines)
    return Problem(
        path, f"the account has no pipeline {shown(name)}; it has {one_of(known)}{did_you_mean(name, known)}"
    )


def _stages(configured: PipelineConfiguration, pipeline: PipelineDescription) -> list[StageDescription] | list[Problem]:
    if isinstance(configured.trigger_stages, str):
        won = [stage for stage in pipeline.stages if stage.won]
        known = _ids_and_labels(pipeline.stages)
        nothing = (
            f"the pipeline {shown(pipeline.label)} has no stage that the vendor flags as won: "
            f"list the trigger stages; it has {one_of(known)}"
        )
        return won or [Problem(("trigger_stages",), nothing)]
    found: list[StageDescription] = []
    problems: list[Problem] = []
    for index, name in enumerate(configured.trigger_stages):
        stage = _stage(name, pipeline)
        if isinstance(stage, str):
            problems.append(Problem(("trigger_stages", index), stage))
        else:
            found.append(stage)
    return problems or found


def _stage(name: str, pipeline: PipelineDescription) -> StageDescription | str:
    """The stage with that id, else the only one with that label, else what is wrong."""
    by_id = next((stage for stage in pipeline.stages if stage.id == name), None)
    if by_id is not None:
        return by_id
    labelled = [stage for stage in pipeline.stages if stage.label == name]
    if len(labelled) == 1:
        return labelled[0]
    within = f"the pipeline {shown(pipeline.label)}"
    if labelled:
        ids = one_of(stage.id for stage in labelled)
        return f"{len(labelled)} stages of {within} are called {shown(name)}: write the id instead, {ids}"
    known = _ids_and_labels(pipeline.stages)
    return f"{within} has no stage {shown(name)}; it has {one_of(known)}{did_you_mean(name, known)}"


def _ids_and_labels(things: tuple[PipelineDescription, ...] | tuple[StageDescription, ...]) -> list[str]:
    return [thing.label or thing.id for thing in things]

"""From a connection's configuration to what the rules of sync work with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.organizations.default_mappings import default_blocks, entity_mapping
from hardfin_pipelines.organizations.mapping_entries import Block, MappingEntry
from hardfin_pipelines.organizations.models import ConnectionConfiguration, PipelineConfiguration
from hardfin_pipelines.organizations.problems import KeyPath, Problem, did_you_mean, one_of, shown
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, ENTITY_TYPES, ROLE_OF_ENTITY, EntityType
from hardfin_pipelines.sync.mapping_rules import EntityMapping, MappingSet
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
    return {
        entity: entity_mapping(entity, _with_currency(entity, _block(connection, entity, given, account), account))
        for entity in ENTITY_TYPES
    }


def _with_currency(entity: EntityType, block: Block, account: AccountDescription | None) -> Block:
    """The block with the currency of its money: the record's own, else the account's.

    Where an entry is read `as: money` and the block has none for the currency, the field in which the vendor keeps the
    currency of that amount fills it. A record without a currency of its own is in the account's (HubSpot docs:
    multiple currencies).
    """
    if account is None or "currency" not in ENTITY_FIELDS[entity]:
        return block
    described = account.properties.get(ROLE_OF_ENTITY[entity], {})
    currency = block.get("currency")
    if currency is None:
        amounts = [
            described[entry.field or ""] for entry in block.values() if _is_money(entry) and entry.field in described
        ]
        name = next((about.currency_property for about in amounts if about.currency_property in described), None)
        if name is None:
            return block
        currency = MappingEntry(field=name)
    of_amounts = {about.currency_property for about in described.values() if about.currency_property}
    if account.currency and currency.default is None and currency.field in of_amounts:
        currency = currency.model_copy(update={"default": account.currency})
    return {**block, "currency": currency}


def _is_money(entry: MappingEntry) -> bool:
    return entry.convert == "money" and entry.field is not None


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


@dataclass(frozen=True, slots=True)
class FoundNames:
    """What the names in a pipeline rule stood for when they were last found: vendors let people rename things.

    Attributes:
        pipeline_id: The vendor's id of the pipeline.
        stage_ids: The ids of its trigger stages, in the vendor's order.
        stages: The id of each trigger stage that the rule lists, as it lists it; {} for "won".
    """

    pipeline_id: str
    stage_ids: tuple[str, ...]
    stages: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResolvedRule:
    """One configured rule, looked for in the account.

    Attributes:
        index: Which of the connection's pipeline rules.
        rule: The rule; None where its pipeline or its stages could not be found.
        found: What its names stand for; None where `rule` is.
        problems: What is wrong, by key path within the connection.
    """

    index: int
    rule: PipelineRule | None
    found: FoundNames | None
    problems: tuple[Problem, ...] = ()


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
    resolved = resolve_each(connection, account, active_since)
    problems = [problem for each in resolved for problem in each.problems]
    return [each.rule for each in resolved if each.rule is not None], problems


def resolve_each(
    connection: ConnectionConfiguration,
    account: AccountDescription,
    active_since: Mapping[str, datetime | None],
    before: Mapping[str, FoundNames] | None = None,
) -> list[ResolvedRule]:
    """Every pipeline rule of a connection, looked for in the account; see `resolve_rules`.

    Args:
        connection: The connection's configuration.
        account: The vendor's description of the account.
        active_since: When each rule was first made active, by its pipeline as configured.
        before: What the names of each rule stood for when they were last found, by its pipeline as configured.
    """
    resolved: dict[int, ResolvedRule] = {}
    taken: set[str] = set()
    # Of two rules for one pipeline the active one counts, whichever comes first.
    order = sorted(range(len(connection.pipelines)), key=lambda index: connection.pipelines[index].status != "active")
    for index in order:
        configured = connection.pipelines[index]
        names = (before or {}).get(configured.pipeline)
        found = _resolve(configured, account, active_since.get(configured.pipeline), names)
        if isinstance(found, list):
            problems = found
        elif found[0].pipeline_id in taken:
            problems = [Problem(("pipeline",), f"is a second rule for the pipeline {found[0].pipeline_id}: keep one")]
        else:
            taken.add(found[0].pipeline_id)
            resolved[index] = ResolvedRule(index, *found)
            continue
        told = problems if configured.status == "active" else []
        resolved[index] = ResolvedRule(index, None, None, tuple(each.below(("pipelines", index)) for each in told))
    return [resolved[index] for index in range(len(connection.pipelines))]


def overrides_of(configured: PipelineConfiguration) -> Mapping[EntityType, EntityMapping]:
    """The mapping entries of a pipeline rule alone."""
    return {entity: entity_mapping(entity, block) for entity, block in configured.blocks().items()}


def _resolve(
    configured: PipelineConfiguration,
    account: AccountDescription,
    active_since: datetime | None,
    before: FoundNames | None,
) -> tuple[PipelineRule, FoundNames] | list[Problem]:
    pipeline = _pipeline(configured.pipeline, account, before)
    if isinstance(pipeline, Problem):
        return [pipeline]
    stages = _stages(configured, pipeline, before)
    if isinstance(stages, list):
        return stages
    wanted = {stage.id for stage in stages.values()}
    stage_ids = tuple(stage.id for stage in pipeline.stages if stage.id in wanted)
    rule = PipelineRule(
        pipeline_id=pipeline.id,
        stage_ids=stage_ids,
        status=configured.status,
        active_since=active_since,
        overrides=overrides_of(configured),
    )
    listed = {} if isinstance(configured.trigger_stages, str) else {name: each.id for name, each in stages.items()}
    return rule, FoundNames(pipeline.id, stage_ids, listed)


def _pipeline(name: str, account: AccountDescription, before: FoundNames | None) -> PipelineDescription | Problem:
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
    renamed = account.pipeline(before.pipeline_id) if before is not None else None
    if renamed is not None:
        return Problem(path, f"the pipeline {shown(name)} {_is_called(renamed)}")
    known = _ids_and_labels(account.pipelines)
    return Problem(
        path, f"the account has no pipeline {shown(name)}; it has {one_of(known)}{did_you_mean(name, known)}"
    )


def _stages(
    configured: PipelineConfiguration, pipeline: PipelineDescription, before: FoundNames | None
) -> dict[str, StageDescription] | list[Problem]:
    """The trigger stages as configured, or what is wrong with them."""
    if isinstance(configured.trigger_stages, str):
        won = {stage.id: stage for stage in pipeline.stages if stage.won}
        known = _ids_and_labels(pipeline.stages)
        nothing = (
            f"the pipeline {shown(pipeline.label)} has no stage that the vendor flags as won: "
            f"list the trigger stages; it has {one_of(known)}"
        )
        return won or [Problem(("trigger_stages",), nothing)]
    found: dict[str, StageDescription] = {}
    problems: list[Problem] = []
    for index, name in enumerate(configured.trigger_stages):
        stage = _stage(name, pipeline, None if before is None else before.stages.get(name))
        if isinstance(stage, str):
            problems.append(Problem(("trigger_stages", index), stage))
        else:
            found[name] = stage
    return problems or found


def _stage(name: str, pipeline: PipelineDescription, id_before: str | None) -> StageDescription | str:
    """The stage with that id, else the only one with that label, else what is wrong."""
    by_id = {stage.id: stage for stage in pipeline.stages}
    if name in by_id:
        return by_id[name]
    labelled = [stage for stage in pipeline.stages if stage.label == name]
    if len(labelled) == 1:
        return labelled[0]
    within = f"the pipeline {shown(pipeline.label)}"
    if labelled:
        ids = one_of(stage.id for stage in labelled)
        return f"{len(labelled)} stages of {within} are called {shown(name)}: write the id instead, {ids}"
    if id_before in by_id:
        return f"the stage {shown(name)} of {within} {_is_called(by_id[id_before])}"
    known = _ids_and_labels(pipeline.stages)
    return f"{within} has no stage {shown(name)}; it has {one_of(known)}{did_you_mean(name, known)}"


def _is_called(renamed: PipelineDescription | StageDescription) -> str:
    return f"is called {shown(renamed.label)} now: write that, or its id {shown(renamed.id)}, which stays"


def _ids_and_labels(things: tuple[PipelineDescription, ...] | tuple[StageDescription, ...]) -> list[str]:
    return [thing.label or thing.id for thing in things]

"""A connection's configuration put beside its account: the rules that can sync, and those that are held, with why.

Pure: it works on a document that is stored nowhere as well as on a stored one.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from hardfin_pipelines.organizations.checking import check_against_account, problems_of_rule
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.problems import Problem
from hardfin_pipelines.organizations.resolving import (
    FoundNames,
    ResolvedRule,
    mapping_set,
    overrides_of,
    resolve_each,
)
from hardfin_pipelines.sync.mapping_rules import MappingSet
from hardfin_pipelines.sync.pipeline_rules import PipelineRule, active_rules
from hardfin_pipelines.sync.records import AccountDescription


@dataclass(frozen=True, slots=True)
class HeldPipeline:
    """A pipeline rule that cannot run as the account is now.

    Attributes:
        pipeline: The rule's pipeline as configured.
        problems: What the account lacks, by key path within the connection.
    """

    pipeline: str
    problems: tuple[Problem, ...]

    @property
    def because(self) -> str:
        """The reason in one line."""
        return "; ".join(map(str, self.problems))


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a configuration comes to at an account.

    Attributes:
        rules: The pipeline rules, in their order. A held one says why; one that was never found is left out.
        mappings: The connection's mapping, before a pipeline's own entries.
        held: The rules that cannot run.
        problems: Everything that the account cannot do of what is asked for, by key path within the connection: more
            than what holds rules, where every rule replaces a broken entry.
        found: What the names of each rule that could be found stand for, by its pipeline as configured.
    """

    rules: tuple[PipelineRule, ...]
    mappings: MappingSet
    held: tuple[HeldPipeline, ...]
    problems: tuple[Problem, ...]
    found: Mapping[str, FoundNames]

    @property
    def runnable(self) -> bool:
        """Whether any rule can sync."""
        return bool(active_rules(self.rules))


def resolve(
    configuration: ConnectionConfiguration,
    description: AccountDescription,
    active_since: Mapping[str, datetime | None],
    before: Mapping[str, FoundNames] | None = None,
) -> Resolution:
    """Put a configuration beside an account.

    A rule is held where its pipeline, a stage, or a field that its mapping reads is missing, hidden or of another
    type. A problem in the connection's mapping concerns every rule that does not replace that entry.

    Args:
        configuration: The connection's configuration.
        description: The vendor's description of the account.
        active_since: When each rule was first made active, by its pipeline as configured.
        before: What the names of each rule stood for when they were last found, by its pipeline as configured: a held
            rule keeps its pipeline and stages, so that its deals are known to wait for it.
    """
    rules: list[PipelineRule] = []
    held: list[HeldPipeline] = []
    found: dict[str, FoundNames] = {}
    resolved = resolve_each(configuration, description, active_since, before)
    taken = {each.rule.pipeline_id for each in resolved if each.rule is not None}
    for each in resolved:
        configured = configuration.pipelines[each.index]
        if each.found is not None:
            found[configured.pipeline] = each.found
        problems = each.problems
        if configured.status == "active":
            problems += tuple(problems_of_rule(configuration, each.index, description))
        rule = each.rule
        if problems:
            held.append(HeldPipeline(configured.pipeline, problems))
            rule = rule or _as_last_found(configuration, each, active_since, before, taken)
            rule = rule and replace(rule, held_because=held[-1].because)
        if rule is not None:
            rules.append(rule)
    return Resolution(
        rules=tuple(rules),
        mappings=mapping_set(configuration, description),
        held=tuple(held),
        problems=tuple(check_against_account(configuration, description)),
        found=found,
    )


def _as_last_found(
    configuration: ConnectionConfiguration,
    resolved: ResolvedRule,
    active_since: Mapping[str, datetime | None],
    before: Mapping[str, FoundNames] | None,
    taken: Collection[str],
) -> PipelineRule | None:
    """A rule that cannot be found by the names it was last found under, unless another has its pipeline now."""
    configured = configuration.pipelines[resolved.index]
    names = (before or {}).get(configured.pipeline)
    if names is None or names.pipeline_id in taken:
        return None
    return PipelineRule(
        pipeline_id=names.pipeline_id,
        stage_ids=names.stage_ids,
        status=configured.status,
        active_since=active_since.get(configured.pipeline),
        overrides=overrides_of(configured),
    )

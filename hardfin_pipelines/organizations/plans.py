"""Plans: which integrations an organization may connect, and how often they are visited."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from hardfin_pipelines.organizations.integrations import INTEGRATIONS, NAMES, Integration
from hardfin_pipelines.organizations.problems import KeyPath, Problem, did_you_mean, one_of, shown
from hardfin_pipelines.sync.cadence import PERIODS, TIERS, Tier

_PACKAGED = Path(__file__).with_name("plans.yaml")


class Plan(BaseModel):
    """One plan.

    Attributes:
        fastest: The shortest cadence a connection may have, and the one it has where it asks for none.
        integrations: Those that come with it.
        add_ons: Those an organization on this plan may have besides.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    fastest: Tier
    integrations: tuple[Integration, ...]
    add_ons: tuple[Integration, ...] = ()


class Plans(BaseModel):
    """All plans, by name, the smallest first."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plans: Mapping[str, Plan]

    def cadence(self, plan: str, asked: Tier | None) -> Tier:
        """The cadence of a connection: the one it asks for, else the fastest of its plan."""
        return asked or self.plans[plan].fastest

    def allowed(self, plan: str, add_ons: Sequence[str]) -> tuple[Integration, ...]:
        """The integrations that an organization with this plan and these add-ons may connect."""
        chosen = self.plans[plan]
        own = {*chosen.integrations, *(name for name in add_ons if name in chosen.add_ons)}
        return tuple(name for name in INTEGRATIONS if name in own)

    def where_available(self, integration: Integration) -> str:
        """Which plans and add-ons have an integration, for people who would like to have it."""
        included = [name for name, plan in self.plans.items() if integration in plan.integrations]
        besides = [name for name, plan in self.plans.items() if integration in plan.add_ons]
        ways = []
        if included:
            ways.append(f"{NAMES[integration]} is included in the plan {one_of(included)}")
        if besides:
            way = f'the add-on "{integration}" to the plan {one_of(besides)}'
            ways.append(f"comes with {way}" if included else f"{NAMES[integration]} comes with {way}")
        return ", or ".join(ways) or f"{NAMES[integration]} is in no plan"

    def check(self, document: Mapping[str, Any]) -> list[Problem]:
        """What an organization asks for that its plan does not have.

        Args:
            document: The organization's document. It need not be valid: what is missing or of a wrong type is left
                to others to complain about.
        """
        name = document.get("plan")
        if not isinstance(name, str):
            return []
        if name not in self.plans:
            hint = did_you_mean(name, self.plans)
            return [Problem(("plan",), f"expected {one_of(self.plans)}, got {shown(name)}{hint}")]
        asked = document.get("add_ons")
        add_ons = [each for each in asked if isinstance(each, str)] if isinstance(asked, Sequence) else []
        problems = list(self._add_on_problems(name, add_ons))
        for path, connection in _connections(document):
            problems.extend(self._connection_problems(name, add_ons, path, connection))
        return problems

    def _add_on_problems(self, plan: str, add_ons: Sequence[str]) -> Iterator[Problem]:
        chosen = self.plans[plan]
        known = list(dict.fromkeys(name for each in self.plans.values() for name in each.add_ons))
        for index, name in enumerate(add_ons):
            path: KeyPath = ("add_ons", index)
            if name not in known:
                hint = did_you_mean(name, known)
                yield Problem(path, f"expected {one_of(known)}, got {shown(name)}{hint}")
            elif name in chosen.integrations:
                yield Problem(path, f"the plan {shown(plan)} includes {name} already; leave the add-on out")
            elif name not in chosen.add_ons:
                where = self.where_available(_integration(name))
                yield Problem(path, f"the plan {shown(plan)} cannot have {name} as an add-on: {where}")

    def _connection_problems(
        self, plan: str, add_ons: Sequence[str], path: KeyPath, connection: Mapping[str, Any]
    ) -> Iterator[Problem]:
        integration = connection.get("integration")
        if integration in INTEGRATIONS and integration not in self.allowed(plan, add_ons):
            where = self.where_available(_integration(integration))
            yield Problem((*path, "integration"), f"{integration} is not in the plan {shown(plan)}: {where}")
        cadence = connection.get("cadence")
        fastest = self.plans[plan].fastest
        if cadence in TIERS and PERIODS[cadence] < PERIODS[fastest]:
            quicker = [name for name, each in self.plans.items() if PERIODS[each.fastest] <= PERIODS[cadence]]
            offer = f"the plan {one_of(quicker)} has {cadence}" if quicker else "no plan is faster"
            yield Problem(
                (*path, "cadence"),
                f"{cadence} is faster than the plan {shown(plan)} allows; ask for {fastest} or slower, "
                f"or leave it out ({offer})",
            )


@cache
def load_plans(path: Path = _PACKAGED) -> Plans:
    """The plans of a file; by default those that come with the product."""
    return Plans.model_validate(YAML(typ="safe").load(path))


def _connections(document: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    listed = document.get("connections")
    for index, connection in enumerate(listed if isinstance(listed, Sequence) else ()):
        if isinstance(connection, Mapping):
            yield ("connections", index), connection


def _integration(name: object) -> Integration:
    return next(integration for integration in INTEGRATIONS if integration == name)

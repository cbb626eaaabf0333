"""One organization's document: read, checked and ready to be applied."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pydantic import ValidationError

from hardfin_pipelines.organizations.consistency import consistency_problems
from hardfin_pipelines.organizations.model_problems import model_problems
from hardfin_pipelines.organizations.models import OrganizationConfiguration
from hardfin_pipelines.organizations.plans import Plans, load_plans
from hardfin_pipelines.organizations.problems import ConfigurationError, KeyPath, Problem, shown
from hardfin_pipelines.organizations.yaml_source import nearest_line


@dataclass(frozen=True, slots=True)
class OrganizationDocument:
    """An organization's configuration with where it was read.

    Attributes:
        configuration: The configuration.
        source: The file it was read from, or "".
        lines: The line of each key in that file; {} where it was not read from one.
    """

    configuration: OrganizationConfiguration
    source: str = ""
    lines: Mapping[KeyPath, int] = field(default_factory=dict, repr=False)

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with the file and the line they are on."""
        return [replace(each, source=self.source, line=nearest_line(self.lines, each.path)) for each in problems]


def read_document(
    data: Any,
    *,
    source: str = "",
    lines: Mapping[KeyPath, int] | None = None,
    plans: Plans | None = None,
    today: date | None = None,
) -> OrganizationDocument:
    """The document of an organization from plain values, such as a form's or a file's.

    Args:
        data: What YAML or JSON gave.
        source: What it was read from, for messages.
        lines: The line of each of its keys there.
        plans: What the plans include; by default those that come with the product.
        today: The last day a start date may be; by default today, where on earth that begins first.

    Raises:
        ConfigurationError: With everything that is wrong with it.
    """
    lines = lines or {}
    if not isinstance(data, Mapping):
        wanted = f'expected a block of keys that begins with "organization", got {shown(data)}'
        raise ConfigurationError([Problem((), wanted, source, nearest_line(lines, ()))])
    problems = [*consistency_problems(data), *(plans or load_plans()).check(data)]
    configuration = None
    try:
        configuration = OrganizationConfiguration.model_validate(data, context={"today": today})
    except ValidationError as error:
        problems += model_problems(error, OrganizationConfiguration, data)
    if configuration is None or problems:
        located = [replace(each, source=source, line=nearest_line(lines, each.path)) for each in problems]
        raise ConfigurationError(sorted(dict.fromkeys(located), key=lambda each: (each.line or 0, str(each))))
    return OrganizationDocument(configuration, source, lines)

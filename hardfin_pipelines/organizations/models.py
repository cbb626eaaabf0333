"""The document of an organization: its plan, connections, pipeline rules and mappings.

The models say what each part may be by itself; `consistency` says what must hold between parts, and `document` reads
both together.
"""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo, WithJsonSchema

from hardfin_pipelines.organizations.integrations import KINDS, Integration, Kind
from hardfin_pipelines.organizations.logins import Login
from hardfin_pipelines.organizations.mapping_entries import ConfigurationPart, MappingBlocks
from hardfin_pipelines.organizations.netsuite_accounts import NetSuiteAccount
from hardfin_pipelines.organizations.problems import did_you_mean, shown
from hardfin_pipelines.organizations.salesforce_objects import SalesforceObjects
from hardfin_pipelines.organizations.text_types import ShortText, VendorName, complaint, expected
from hardfin_pipelines.sync.cadence import Tier
from hardfin_pipelines.sync.pipeline_rules import RuleStatus

EARLIEST_START = date(2010, 1, 1)

WON = "won"
"""The trigger stages that the vendor itself flags as won."""

_SLUG = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])"
_FURTHEST_ZONE = timedelta(hours=14)  # where today begins first


def _slug(value: str) -> str:
    if not re.fullmatch(_SLUG, value):
        raise expected("2 to 63 lower-case letters, digits and hyphens, no hyphen at either end", value)
    return value


def _day(value: Any) -> Any:
    if isinstance(value, datetime):
        raise expected("a date such as 2025-01-31", value)
    if isinstance(value, str):
        try:
            # fromisoformat also takes 20250131 and 2025-W05-5, which few can read.
            value = date.fromisoformat(value if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "")
        except ValueError:
            raise expected("a date such as 2025-01-31", value) from None
    if not isinstance(value, date):
        raise expected("a date such as 2025-01-31", value)
    return value


def _start(value: date, info: ValidationInfo) -> date:
    today = (info.context or {}).get("today") or (datetime.now(UTC) + _FURTHEST_ZONE).date()
    if value < EARLIEST_START:
        raise complaint(f"expected a date from {EARLIEST_START} on, got {value}")
    if value > today:
        raise complaint(f"expected a date that is not in the future, got {value}")
    return value


def _stages(value: Any) -> Any:
    if value == WON or (isinstance(value, list | tuple) and value):
        return tuple(value) if isinstance(value, list) else value
    if isinstance(value, str):
        hint = did_you_mean(value, [WON]) or f"; for one stage write [{value}]"
        raise complaint(f'expected "won" or a list of stages, got {shown(value)}{hint}')
    if isinstance(value, list | tuple):
        raise complaint('expected "won" or a list of stages, got an empty list')
    raise expected('"won" or a list of stages', value)


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


StartDate = Annotated[date, BeforeValidator(_day), AfterValidator(_start)]

TriggerStages = Annotated[
    Annotated[Literal["won"], Tag("won")] | Annotated[tuple[VendorName, ...], Tag("list")],
    Discriminator(lambda value: "won" if value == WON else "list"),
    BeforeValidator(_stages),
    WithJsonSchema(
        {"anyOf": [{"const": WON}, {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"]}}]}
    ),
]


class PipelineConfiguration(MappingBlocks):
    """A pipeline rule: which deals of one pipeline sync, and the mapping entries of this pipeline alone."""

    pipeline: VendorName = Field(description="The vendor's id of the pipeline, or its exact label.")
    trigger_stages: TriggerStages = Field(
        default="won",
        description='"won" for the stages the vendor flags as won, or a list of stage ids or exact labels.',
    )
    status: RuleStatus = Field(default="active", description="Whether its deals sync now.")

    def document(self) -> dict[str, Any]:
        """The rule as it stands in a document, in one form only."""
        stages = self.trigger_stages if isinstance(self.trigger_stages, str) else list(self.trigger_stages)
        own = {"pipeline": self.pipeline, "trigger_stages": stages, "status": self.status}
        return own | self.blocks_document()


class ConnectionConfiguration(ConfigurationPart):
    """A connection to one integration."""

    integration: Integration = Field(description="The kind of vendor system.")
    status: RuleStatus = Field(default="active", description="Paused connections are not visited.")
    cadence: Tier | None = Field(
        default=None, description="How often to look for changes; left out, as often as the plan allows."
    )
    start_date: StartDate | None = Field(
        default=None,
        description="Deals modified since this day are loaded when the connection is enabled; of NetSuite, sales "
        "orders and invoices modified since then are kept.",
    )
    login: Login | None = Field(default=None, description="Salesforce only: how the connection signs in.")
    objects: SalesforceObjects | None = Field(
        default=None, description="Salesforce only: the objects of an org that keeps things in others than usual."
    )
    netsuite: NetSuiteAccount | None = Field(
        default=None, description="NetSuite only: its account, how we sign in to it, and what of its items is read."
    )
    files: bool | None = Field(
        default=None, description="CRM only: whether files of deals are synced, too; left out, they are."
    )
    pipelines: Annotated[tuple[PipelineConfiguration, ...], BeforeValidator(_listed)] = Field(
        default=(), description="CRM only: the pipelines whose deals sync."
    )
    mappings: MappingBlocks = Field(
        default_factory=MappingBlocks,
        description="Hardfin field: vendor field, for each entity. A block given replaces the integration's own.",
    )

    @property
    def kind(self) -> Kind:
        """Whether it is a CRM or an ERP."""
        return KINDS[self.integration]

    def document(self) -> dict[str, Any]:
        """The connection as it stands in a document, in one form only: an ERP has neither pipelines nor files."""
        document: dict[str, Any] = {"integration": self.integration, "status": self.status}
        if self.cadence is not None:
            document["cadence"] = self.cadence
        if self.start_date is not None:
            document["start_date"] = self.start_date.isoformat()
        if self.login is not None and self.login.document():
            document["login"] = self.login.document()
        if self.netsuite is not None:
            document["netsuite"] = self.netsuite.document()
        if self.objects is not None and self.objects.document():
            document["objects"] = self.objects.document()
        if self.kind == "CRM":
            document["files"] = self.files is not False
            document["pipelines"] = [rule.document() for rule in self.pipelines]
        mappings = self.mappings.blocks_document()
        return document | ({"mappings": mappings} if mappings else {})


class OrganizationConfiguration(ConfigurationPart):
    """The document of one organization."""

    organization: Annotated[str, AfterValidator(_slug)] = Field(
        description="The organization's slug. It never changes: another slug is another organization.",
        json_schema_extra={"pattern": f"^{_SLUG}$"},
    )
    name: ShortText | None = Field(default=None, description="What people call it; left out, the slug.")
    plan: ShortText = Field(description="The plan: it decides which integrations there are and how often they run.")
    add_ons: Annotated[tuple[ShortText, ...], BeforeValidator(_listed)] = Field(
        default=(), description="Integrations that the organization has besides those of its plan."
    )
    connections: Annotated[tuple[ConnectionConfiguration, ...], BeforeValidator(_listed)] = Field(
        default=(), description="The organization's accounts at its integrations, one for each."
    )

    def document(self) -> dict[str, Any]:
        """The organization as JSON and YAML keep it, in one form only: equal organizations have equal documents."""
        document: dict[str, Any] = {"organization": self.organization}
        if self.name is not None:
            document["name"] = self.name
        document["plan"] = self.plan
        if self.add_ons:
            document["add_ons"] = sorted(self.add_ons)
        return document | {"connections": [connection.document() for connection in self.connections]}

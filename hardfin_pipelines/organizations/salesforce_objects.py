"""Which objects of a Salesforce org fill which entity, where they are others than every org's own."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from hardfin_pipelines.organizations.mapping_entries import ConfigurationPart
from hardfin_pipelines.organizations.problems import KeyPath, Problem
from hardfin_pipelines.organizations.text_types import expected

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


def _api_name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise expected("an API name such as Rental_Line__c", value)
    return value


ApiName = Annotated[str, AfterValidator(_api_name)]


class ProjectObject(ConfigurationPart):
    """The object that becomes projects."""

    object: ApiName = Field(description="Its API name, such as Order or Rental__c.")
    stage: ApiName = Field(description="Its picklist of stages.")


class CustomerObject(ConfigurationPart):
    """The object that becomes customers, or the field that leads there."""

    object: ApiName | None = Field(default=None, description="Its API name; left out, Account.")
    field: ApiName | None = Field(
        default=None, description="The lookup of the project's object that leads to it; left out, AccountId."
    )


class LineItemObject(ConfigurationPart):
    """The object that becomes project line items, or the field that leads to their items."""

    object: ApiName | None = Field(default=None, description="Its API name; left out, OpportunityLineItem.")
    project: ApiName | None = Field(default=None, description="Its lookup to the project's object.")
    item: ApiName | None = Field(default=None, description="Its lookup to the item's object; left out, Product2Id.")
    order: ApiName | None = Field(
        default=None, description="Its number among the lines of a project; left out, SortOrder."
    )


class ItemObject(ConfigurationPart):
    """The object that becomes items."""

    object: ApiName = Field(description="Its API name.")


class SalesforceObjects(ConfigurationPart):
    """Which objects fill which entity. Left out: Opportunity, Account, OpportunityLineItem and Product2."""

    project: ProjectObject | None = Field(default=None, description="What becomes projects.")
    customer: CustomerObject | None = Field(default=None, description="What becomes customers.")
    project_line_item: LineItemObject | None = Field(default=None, description="What becomes project line items.")
    item: ItemObject | None = Field(default=None, description="What becomes items.")

    def document(self) -> dict[str, Any]:
        """The objects as they stand in a document, in one form only."""
        parts = self.model_dump(mode="json", exclude_none=True)
        return {entity: part for entity, part in parts.items() if part}


def object_problems(path: KeyPath, objects: Mapping[str, Any]) -> Iterator[Problem]:
    """What must be said together.

    Args:
        path: Where the objects stand.
        objects: As read.
    """
    project, customer, line, item = (
        _block(objects, each) for each in ("project", "customer", "project_line_item", "item")
    )
    if "object" in customer and "field" not in customer:
        text = f"expected the lookup that leads from a project's record to {customer['object']}"
        yield Problem((*path, "customer", "field"), text)
    if "object" in line and "project" not in line:
        text = f"expected the lookup that leads from {line['object']} to a project's record"
        yield Problem((*path, "project_line_item", "project"), text)
    if "object" not in line and {"project", "order"} & line.keys():
        text = "expected the object whose fields these are: without one, leave project and order out"
        yield Problem((*path, "project_line_item", "object"), text)
    if "object" in project and "object" not in line:
        text = f"expected the object of the line items of {project['object']}, such as OrderItem for Order"
        yield Problem((*path, "project_line_item", "object"), text)
    if "object" in item and "item" not in line:
        text = f"expected the lookup that leads from a line item to {item['object']}"
        yield Problem((*path, "project_line_item", "item"), text)


def _block(objects: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    block = objects.get(name)
    return block if isinstance(block, Mapping) else {}

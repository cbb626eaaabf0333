"""Writing documents of organizations as YAML, and the JSON schema of that YAML."""

from collections.abc import Mapping
from datetime import date
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from hardfin_pipelines.organizations.models import OrganizationConfiguration
from hardfin_pipelines.organizations.plans import Plans


def to_yaml(document: Mapping[str, Any]) -> str:
    """A document as YAML that reads back as the same document.

    Args:
        document: In the form `OrganizationConfiguration.document` gives.
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 120
    stream = StringIO()
    yaml.dump(_readable(document), stream)
    return stream.getvalue()


def _readable(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with its dates as dates: they need no quotes then."""
    readable = dict(document)
    readable["connections"] = [
        connection | {"start_date": date.fromisoformat(connection["start_date"])}
        if "start_date" in connection
        else connection
        for connection in document["connections"]
    ]
    return readable


def json_schema(plans: Plans) -> dict[str, Any]:
    """The JSON schema of an organization's YAML, for editors.

    Args:
        plans: The plans whose names are offered.
    """
    schema = OrganizationConfiguration.model_json_schema(by_alias=True, mode="validation")
    schema["properties"]["plan"]["enum"] = list(plans.plans)
    add_ons = list(dict.fromkeys(name for plan in plans.plans.values() for name in plan.add_ons))
    schema["properties"]["add_ons"]["items"] = {"enum": add_ons}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Organization",
        "description": "One organization of Hardfin Pipelines: its plan, connections, pipeline rules and mappings.",
    } | {key: value for key, value in schema.items() if key not in {"title", "description"}}

"""The 400 for property values that cannot be written."""

from collections.abc import Sequence

import orjson

from hardfin_pipelines.sandbox.hubspot.errors import VendorError, validation
from hardfin_pipelines.sandbox.hubspot.record_values import Problem


def refused_properties(problems: Sequence[Problem], hub_id: int) -> VendorError:
    """400 as HubSpot words it: the problems as JSON in the message, and again as `errors` (HubSpot docs: errors)."""
    listed = [
        {
            "isValid": False,
            "message": problem.text,
            "error": problem.code,
            "name": problem.name,
            "localizedErrorMessage": problem.text,
            "portalId": hub_id,
        }
        for problem in problems
    ]
    return validation(
        f"Property values were not valid: {orjson.dumps(listed).decode()}",
        errors=[
            {"message": problem.text, "code": problem.code, "context": {"propertyName": [problem.name]}}
            for problem in problems
        ],
    )

"""The vendor's description of an account as the store keeps it: JSON, and back."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from hardfin_pipelines.sync.records import AccountDescription

_ADAPTER = TypeAdapter(AccountDescription)


def description_to_json(description: AccountDescription) -> dict[str, Any]:
    """The description in values that JSON can hold."""
    stored: dict[str, Any] = _ADAPTER.dump_python(description, mode="json")
    return stored


def description_from_json(stored: Mapping[str, Any]) -> AccountDescription:
    """The description that was stored.

    Raises:
        pydantic.ValidationError: It was not stored by `description_to_json`.
    """
    return _ADAPTER.validate_python(stored)

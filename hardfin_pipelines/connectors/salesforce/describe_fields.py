"""Salesforce's descriptions of fields, in words of no vendor (Salesforce docs: sObject Describe)."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from hardfin_pipelines.sync.records import PropertyDescription, PropertyType

_TYPES: Mapping[str, PropertyType] = {
    "boolean": "boolean",
    "combobox": "text",
    "currency": "number",
    "date": "date",
    "datetime": "datetime",
    "double": "number",
    "email": "text",
    "encryptedstring": "text",
    "id": "text",
    "int": "number",
    "long": "number",
    "multipicklist": "options",
    "percent": "number",
    "phone": "text",
    "picklist": "option",
    "reference": "text",
    "string": "text",
    "textarea": "text",
    "url": "text",
}

CURRENCY = "CurrencyIsoCode"

_NEAR = 0.8
"""How alike two names are, from 0 to 1, for one to be suggested for the other."""

Description = Mapping[str, Any]
"""The answer to a describe of one object."""


def fields_of(description: Description) -> list[Mapping[str, Any]]:
    """The fields of an object."""
    listed = description.get("fields")
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def own_properties(description: Description, prefix: str = "", label: str = "") -> dict[str, PropertyDescription]:
    """The fields of an object, under the names by which a record of it, or of its child, has them.

    Args:
        description: The object's description.
        prefix: The path to the object with its dot, or "".
        label: What goes before each label, or "".
    """
    fields = fields_of(description)
    currency = prefix + CURRENCY if any(each.get("name") == CURRENCY for each in fields) else ""
    found = (_property(each, prefix, label, currency) for each in fields)
    return {about.name: about for about in found}


def _property(given: Mapping[str, Any], prefix: str, label: str, currency: str) -> PropertyDescription:
    name = str(given.get("name"))
    kind = _TYPES.get(str(given.get("type")), "other")
    listed = given.get("picklistValues")
    return PropertyDescription(
        name=prefix + name,
        label=f"{label}{given.get('label') or name}",
        type=kind,
        options={
            str(option["value"]): str(option.get("label") or option["value"])
            for option in (listed if isinstance(listed, list) and kind in {"option", "options"} else ())
            if isinstance(option, dict) and option.get("value") is not None
        },
        currency_property=currency if given.get("type") == "currency" else "",
        hidden=given.get("deprecatedAndHidden") is True,
        calculated=given.get("calculated") is True,
    )


def parents(description: Description) -> dict[str, tuple[str, str]]:
    """The relationships to parents by their name in lower case: that name, and the parent's object.

    A relationship to one of several objects has only the fields of `Name` in common (Salesforce docs: SOQL, polymorphic
    relationships); Owner of an opportunity or account is a user.
    """
    found: dict[str, tuple[str, str]] = {}
    for each in fields_of(description):
        name, objects = each.get("relationshipName"), each.get("referenceTo")
        if isinstance(name, str) and name and isinstance(objects, list) and objects:
            target = "User" if "User" in objects else str(objects[0])
            found[name.lower()] = (name, target)
    return found


def relation_field(step: str) -> str:
    """The field behind a step of a path: `Site__r` leads over `Site__c`, `Account` over `AccountId`."""
    return f"{step[:-1]}c" if step.lower().endswith("__r") else f"{step}Id"


def hidden_property(object_name: str, field: str, visible: Collection[str], path: str = "") -> PropertyDescription:
    """A field that was named and that the descriptions do not have.

    Salesforce describes what the user may see, so a field that is hidden looks like one that is not there.

    Args:
        object_name: The object that lacks something, or that is itself not seen.
        field: The field that is not seen; "" for the object itself.
        visible: The fields that are there, of which one may have been meant.
        path: How the field was named, where that is not its own name.
    """
    by_case = {each.lower(): each for each in visible}
    near = difflib.get_close_matches(field.lower(), by_case, n=1, cutoff=_NEAR) if field else []
    meant = f"; did you mean {by_case[near[0]]}?" if near else ""
    what = f"field {object_name}.{field}" if field else f"object {object_name}"
    needs = f"Read on the {what} (if Salesforce has it{meant}) in a permission set of Hardfin's user"
    return PropertyDescription(name=path or field, label=path or field, type="other", hidden=True, needs=needs)

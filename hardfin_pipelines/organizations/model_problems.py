"""What pydantic finds wrong with a document, in words for the person who wrote it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hardfin_pipelines.organizations.problems import KeyPath, Problem, did_you_mean, one_of, shown

_EXPECTED: Mapping[str, str] = MappingProxyType(
    {
        "string_type": "text",
        "bool_type": "true or false",
        "tuple_type": "a list",
        "mapping_type": "a block of keys",
        "dict_type": "a block of keys",
        "model_type": "a block of keys",
    }
)


def model_problems(error: ValidationError, model: type[BaseModel], document: Any) -> list[Problem]:
    """One problem for each thing that pydantic found.

    Args:
        error: What validating the document raised.
        model: The model it was validated with.
        document: The document as read.
    """
    return [_problem(details, model, document) for details in error.errors(include_url=False)]


def _problem(details: ErrorDetails, model: type[BaseModel], document: Any) -> Problem:
    path = _path(details, document)
    kind = details["type"]
    found = details["input"]
    if kind == "extra_forbidden":
        known = _keys(_model_at(model, path[:-1]))
        return Problem(
            path, f"is not a known key; the keys here are {one_of(known)}{did_you_mean(str(path[-1]), known)}"
        )
    if kind == "missing":
        field = _fields(_model_at(model, path[:-1]))[str(path[-1])]
        return Problem(path, f"is missing: {field}")
    if kind == "literal_error":
        names = re.findall(r"'([^']*)'", details["ctx"]["expected"])
        hint = did_you_mean(found, names) if isinstance(found, str) else ""
        return Problem(path, f"expected {one_of(names)}, got {shown(found)}{hint}")
    if kind in _EXPECTED:
        hint = "; put it in quotes" if kind == "string_type" and isinstance(found, int | Decimal) else ""
        return Problem(path, f"expected {_EXPECTED[kind]}, got {shown(found)}{hint}")
    return Problem(path, details["msg"])


def _path(details: ErrorDetails, document: Any) -> KeyPath:
    """The error's place in the document: pydantic's own steps (union branches, "[key]") are left out."""
    *inner, last = details["loc"] or ("",)
    path: list[str | int] = []
    here = document
    for step in inner:
        if _has(here, step):
            path.append(step)
            here = here[step]
    if _has(here, last) or details["type"] == "missing":
        path.append(last)
    return tuple(path)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, Mapping):
        return step in value
    return isinstance(step, int) and isinstance(value, Sequence) and not isinstance(value, str) and step < len(value)


def _model_at(model: type[BaseModel], path: KeyPath) -> type[BaseModel]:
    """The model of the part at `path`: list positions and the keys of open blocks lead no deeper."""
    for step in path:
        by_name = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        if step in by_name:
            model = next(_models_in(by_name[str(step)]), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_in(part)


def _fields(model: type[BaseModel]) -> dict[str, str]:
    return {field.alias or name: field.description or "" for name, field in model.model_fields.items()}


def _keys(model: type[BaseModel]) -> list[str]:
    return list(_fields(model))

"""Runs a statement over a company's records."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import islice
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.company import Company
from hardfin_pipelines.sandbox.quickbooks.entities import Entity, FieldDefinition, entities, entity_name
from hardfin_pipelines.sandbox.quickbooks.errors import query_invalid
from hardfin_pipelines.sandbox.quickbooks.moments import read_moment
from hardfin_pipelines.sandbox.quickbooks.query.reading import read_statement
from hardfin_pipelines.sandbox.quickbooks.query.tree import Comparison, Statement, Value
from hardfin_pipelines.sandbox.quickbooks.record_json import as_fragment, with_columns
from hardfin_pipelines.sandbox.quickbooks.records import Snapshot

MOST_RESULTS = 1_000
USUAL_RESULTS = 100
Test = Callable[[Snapshot], bool]
_LOWEST: dict[str, Any] = {"boolean": False, "decimal": Decimal("-Infinity"), "integer": Decimal("-Infinity")}


def run_query(company: Company, text: str) -> dict[str, Any]:
    """The `QueryResponse` of a statement.

    Raises:
        VendorError: 400 with code 4000 or 4001, QuickBooks would refuse it.
    """
    statement = read_statement(text)
    name = entity_name(statement.entity)
    if name is None:
        raise query_invalid(f"Metadata not found for Entity: {statement.entity}")
    if "OR" in statement.junctions:
        raise query_invalid("OR is not supported, use only AND")  # the text is ours
    start, most = _page(statement)
    if name not in entities():
        return {"totalCount": 0} if statement.counts else {}
    entity = entities()[name]
    columns = [] if "*" in statement.columns else [_known(entity, path).name for path in statement.columns]
    for path in statement.columns:
        if path != "*":
            _known(entity, path)
    rows = _rows(company, entity, statement)
    if statement.counts:
        return {"totalCount": sum(1 for _ in rows)}
    page = list(islice(rows, start - 1, start - 1 + most))
    if not page:
        return {}
    shown = [with_columns(entity, each, columns) if columns else as_fragment(entity, each) for each in page]
    return {name: shown, "startPosition": start, "maxResults": len(page)}


def _page(statement: Statement) -> tuple[int, int]:
    """First row and number of rows. A start of 0 is taken as 1, which clients rely on; a number of 0 is not."""
    start, most = statement.start_position, statement.max_results
    start, most = (1 if start is None else start), (USUAL_RESULTS if most is None else most)
    if most < 1 or start < 0:
        raise query_invalid(f"value {min(most, start)} is too small. Min allowed value is 1")
    if most > MOST_RESULTS:
        raise query_invalid(f"value {most} is too large. Max allowed value is {MOST_RESULTS}")
    return max(start, 1), most


def _known(entity: Entity, path: str) -> FieldDefinition:
    found = entity.path(path)
    if found is None:
        raise query_invalid(f"Property {path} not found for Entity {entity.name}")
    return found


def _rows(company: Company, entity: Entity, statement: Statement) -> Iterator[Snapshot]:
    tests = [_test(company, entity, comparison) for comparison in statement.comparisons]
    asks_active = any(each.path.lower() == "active" for each in statement.comparisons)
    if "Active" in entity.fields and not asks_active:
        tests.append(lambda row: bool(row.values.get("Active", True)))
    rows: Iterable[Snapshot] = _ordered(company, entity, statement)
    return (row for row in rows if all(test(row) for test in tests))


def _ordered(company: Company, entity: Entity, statement: Statement) -> list[Snapshot]:
    """In the order asked for, else by name, as QuickBooks is seen to do."""
    ordering = []
    for each in statement.order:
        definition = _known(entity, each.path)
        if not definition.sortable:
            raise query_invalid(f"property '{each.path}' is not sortable")
        ordering.append((definition.name, each.descending))
    if not ordering and entity.name_field:
        ordering = [(entity.name_field, False)]
    text_ids = company.settings.ids_compared_as_text
    table = company.tables[entity.name]

    def key(row: Snapshot, path: str) -> Any:
        return _sort_key(_known(entity, path), row.value(path), text_ids=text_ids)

    rows = table.ordered(tuple(ordering), key, text_ids=text_ids)
    if not company.settings.ties_shuffled:
        return rows
    shuffled = company.random.sample(rows, len(rows))
    for path, descending in reversed(ordering):
        shuffled.sort(key=lambda row, path=path: key(row, path), reverse=descending)  # type: ignore[misc]
    return shuffled


def _sort_key(definition: FieldDefinition, value: Any, *, text_ids: bool) -> Any:
    if definition.kind == "id":
        return str(value) if text_ids else value
    if value is None:
        return _LOWEST.get(definition.kind, "")
    return value.casefold() if isinstance(value, str) else value


def _test(company: Company, entity: Entity, comparison: Comparison) -> Test:
    definition = _known(entity, comparison.path)
    if not definition.filterable:
        raise query_invalid(f"property '{comparison.path}' is not queryable")
    path = definition.name
    if comparison.operator == "LIKE":
        return _like(definition, path, str(comparison.values[0]))
    text_ids = company.settings.ids_compared_as_text
    wanted = [_sort_key(definition, _typed(definition, value), text_ids=text_ids) for value in comparison.values]
    compare = _comparing(comparison.operator, wanted)

    def fits(row: Snapshot) -> bool:
        held = row.value(path)
        if held is None and definition.kind == "boolean":
            held = False
        return held is not None and compare(_sort_key(definition, held, text_ids=text_ids))

    return fits


def _comparing(operator: str, wanted: list[Any]) -> Callable[[Any], bool]:
    first = wanted[0]
    return {
        "IN": lambda held: held in wanted,
        "=": lambda held: held == first,
        "<": lambda held: held < first,
        ">": lambda held: held > first,
        "<=": lambda held: held <= first,
        ">=": lambda held: held >= first,
    }[operator]


def _like(definition: FieldDefinition, path: str, pattern: str) -> Test:
    if definition.kind not in {"string", "enum"}:
        raise query_invalid(f"LIKE is not supported for property '{path}'")  # the text is ours
    form = re.compile(".*".join(map(re.escape, pattern.split("%"))), re.IGNORECASE | re.DOTALL)
    return lambda row: form.fullmatch(str(row.value(path) or "")) is not None


def _typed(definition: FieldDefinition, value: Value) -> Any:
    """A literal as its field's kind. Which mismatches QuickBooks refuses, and how, is a guess."""
    kind = definition.kind
    found: Any
    if kind == "boolean":
        found = {"true": True, "false": False}.get(str(value).lower())
    elif kind in {"decimal", "integer"}:
        found = _decimal(value)
    elif kind == "id":
        found = int(str(value)) if str(value).isascii() and str(value).isdigit() else None
    elif kind in {"datetime", "date"}:
        found = read_moment(str(value)) if isinstance(value, str) else None
    else:
        found = value if isinstance(value, str) else str(value)
    if found is None:
        raise query_invalid(f"value {value} is not valid for property '{definition.name}'")
    return found


def _decimal(value: Value) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None

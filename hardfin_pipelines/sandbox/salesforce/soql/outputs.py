"""The select list of a query: which columns are read, and how a row of them becomes a record."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.sandbox.salesforce.errors import malformed_query
from hardfin_pipelines.sandbox.salesforce.fields import COMPOUNDS, Field
from hardfin_pipelines.sandbox.salesforce.soql.binding import Bound, Source
from hardfin_pipelines.sandbox.salesforce.soql.functions import bind_expression
from hardfin_pipelines.sandbox.salesforce.soql.tree import Expression, FunctionCall, Path, Query, Selected
from hardfin_pipelines.sandbox.salesforce.values import to_csv, to_json

if TYPE_CHECKING:
    import sqlalchemy as sa

_LARGEST_FIELDS_LIMIT = 200
_ADDRESS_PARTS = (
    "City",
    "Country",
    "GeocodeAccuracy",
    "Latitude",
    "Longitude",
    "PostalCode",
    "State",
    "Street",
)


@dataclass(frozen=True, slots=True)
class Output:
    """One member of a record: `width` columns from `first` on."""

    parents: tuple[str, ...]
    key: str
    field: Field
    first: int
    parts: tuple[tuple[str, Field], ...] = ()

    @property
    def header(self) -> str:
        """The column's name in CSV."""
        return ".".join((*self.parents, self.key))


class Outputs:
    """The members of a query's records. The first column is always the record's Id."""

    def __init__(self, source: Source, base_url: str) -> None:
        """`base_url` is the API version's path, for the records' URLs."""
        self.source = source
        self.columns: list[sa.ColumnElement[Any]] = [source.table.c.Id]
        self.members: list[Output] = []
        self._base_url = base_url
        self._parent_ids: dict[tuple[str, ...], tuple[int, str]] = {}
        self._taken: set[tuple[str, ...]] = set()

    def add(self, selected: Selected) -> None:
        """Adds one part of the select list; FIELDS() adds many.

        Raises:
            VendorError: 400, a name is not there or comes twice.
        """
        expression = selected.expression
        if isinstance(expression, FunctionCall) and expression.name == "FIELDS":
            for path in _all_fields(self.source, expression):
                self._add_bound(self.source.bind(path), None)
            return
        if selected.alias is not None and isinstance(expression, Path):
            text = "Only aggregate expressions use field aliasing"
            raise self.source.refusal(expression.position, text, "MALFORMED_QUERY")
        self._add_bound(bind_expression(self.source, expression), selected.alias)

    def _add_bound(self, bound: Bound, alias: str | None) -> None:
        key = alias or bound.field.name
        if (*bound.parents, key) in self._taken:
            raise malformed_query(f"duplicate field selected: {key}")
        self._taken.add((*bound.parents, key))
        self._read_parents(bound.parents)
        parts = self._parts(bound)
        self.members.append(Output(bound.parents, key, bound.field, len(self.columns), parts))
        if parts:
            self.columns += [bound.column.table.c[field.name] for _, field in parts]
        elif bound.field.type == "base64":
            self.columns.append(self.source.table.c.Id)  # shown as the path to the bytes
        else:
            self.columns.append(bound.column)

    def _parts(self, bound: Bound) -> tuple[tuple[str, Field], ...]:
        if bound.field.type not in COMPOUNDS:
            return ()
        stem = bound.field.name.removesuffix("Address")
        held = bound.sobject.fields
        return tuple(
            (part[0].lower() + part[1:], held[f"{stem}{part}".lower()])
            for part in _ADDRESS_PARTS
            if f"{stem}{part}".lower() in held
        )

    def _read_parents(self, way: tuple[str, ...]) -> None:
        for depth in range(1, len(way) + 1):
            step = way[:depth]
            if step not in self._parent_ids:
                bound = self.source.parent_id(step)
                self._parent_ids[step] = (len(self.columns), bound.sobject.name)
                self.columns.append(bound.column)

    def _attributes(self, name: str, record_id: str) -> dict[str, str]:
        return {"type": name, "url": f"{self._base_url}/sobjects/{name}/{record_id}"}

    def record(self, row: Sequence[Any]) -> dict[str, Any]:
        """A row as REST writes it."""
        made: dict[str, Any] = {"attributes": self._attributes(self.source.sobject.name, row[0])}
        for member in self.members:
            place = self._place(made, member.parents, row)
            if place is not None:
                place[member.key] = self._json(member, row)
        return made

    def _place(self, made: dict[str, Any], way: tuple[str, ...], row: Sequence[Any]) -> dict[str, Any] | None:
        """The nested object of a parent, made where it is first met; None where there is no parent."""
        place = made
        for depth, name in enumerate(way, 1):
            index, object_name = self._parent_ids[way[:depth]]
            if row[index] is None:
                place[name] = None
                return None
            if name not in place:
                place[name] = {"attributes": self._attributes(object_name, row[index])}
            place = place[name]
        return place

    def _json(self, member: Output, row: Sequence[Any]) -> Any:
        if member.parts:
            held = {name: to_json(field, row[member.first + place]) for place, (name, field) in enumerate(member.parts)}
            return held if any(value is not None for value in held.values()) else None
        if member.field.type == "base64":
            return f"{self._base_url}/sobjects/{self.source.sobject.name}/{row[0]}/{member.field.name}"
        return to_json(member.field, row[member.first])

    def csv_row(self, row: Sequence[Any]) -> list[str]:
        """A row as the CSV of Bulk writes it."""
        return [
            ""
            if member.parents and row[self._parent_ids[member.parents][0]] is None
            else to_csv(member.field, row[member.first])
            for member in self.members
        ]


def _all_fields(source: Source, call: FunctionCall) -> list[Path]:
    which = call.argument.text.upper() if isinstance(call.argument, Path) else ""
    if which not in {"ALL", "STANDARD", "CUSTOM"}:
        raise source.refusal(call.position, f"Invalid parameter for FIELDS: {which}", "MALFORMED_QUERY")
    fields = source.reader.view.fields(source.sobject)
    wanted = [each for each in fields if which == "ALL" or each.custom == (which == "CUSTOM")]
    return [Path((each.name,), call.position) for each in wanted]


def check_fields_function(query: Query) -> None:
    """FIELDS(ALL) and FIELDS(CUSTOM) need a LIMIT of 200 at most.

    Raises:
        VendorError: 400.
    """
    for each in query.expressions():
        expression: Expression = each.expression
        if isinstance(expression, FunctionCall) and expression.name == "FIELDS":
            standard = isinstance(expression.argument, Path) and expression.argument.text.upper() == "STANDARD"
            if not standard and (query.limit is None or query.limit > _LARGEST_FIELDS_LIMIT):
                raise malformed_query("The SOQL FIELDS function must have a LIMIT of at most 200")

"""Gives every name of a statement its meaning, and every function its translation."""

from dataclasses import dataclass, field

from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.errors import invalid_query, unsupported_query
from hardfin_pipelines.sandbox.netsuite.roles import SchemaView
from hardfin_pipelines.sandbox.netsuite.schema import Table
from hardfin_pipelines.sandbox.netsuite.suiteql.displays import column_of, displayed, table_as
from hardfin_pipelines.sandbox.netsuite.suiteql.functions import Node, Setting, translated
from hardfin_pipelines.sandbox.netsuite.suiteql.operators import operated
from hardfin_pipelines.sandbox.netsuite.suiteql.row_numbers import is_rownum, limit_by_rownum, row_number
from hardfin_pipelines.sandbox.netsuite.suiteql.types import Kind, Origin, kind_of, kind_of_column, marked, origin_of


@dataclass(frozen=True, slots=True)
class Output:
    """A column of a query's answer: its name, kind, and the table's column that it shows as it is."""

    name: str
    kind: Kind | None
    origin: Origin | None


@dataclass(slots=True)
class Source:
    """A table or sub-query of a FROM clause. `label` is its name as the statement writes it."""

    alias: str
    label: str
    table: Table | None = None
    outputs: list[Output] = field(default_factory=list)


@dataclass(slots=True)
class Scope:
    """What names mean in one SELECT, and outside of it."""

    sources: list[Source]
    outer: "Scope | None" = None
    outputs: list[tuple[Output, Node]] = field(default_factory=list)
    """What ORDER BY may name besides columns."""

    def described(self) -> str:
        """The names of the tables, as an error lists them."""
        return "{" + ", ".join(f"{each.alias}={each.label}" for each in self.sources) + "}"


class Binder:
    """Translates one statement for one role of an account."""

    def __init__(self, view: SchemaView, setting: Setting, *, most_in_list: int) -> None:
        """`view` says what there is; `setting` who asks and when."""
        self._view = view
        self._setting = setting
        self._most_in_list = most_in_list

    def bind(self, query: exp.Query, outer: Scope | None = None) -> list[Output]:
        """Translates a query in place and says what it answers; its columns are named c0, c1 and so on.

        Raises:
            VendorError: 400, it names what is not there or has what SuiteQL has not.
        """
        if isinstance(query, exp.Subquery):
            return self.bind(query.this, outer)
        if isinstance(query, exp.SetOperation):
            return self._bind_union(query, outer)
        if not isinstance(query, exp.Select):
            raise unsupported_query()
        return self._bind_select(query, outer)

    def _bind_union(self, query: exp.SetOperation, outer: Scope | None) -> list[Output]:
        outputs = self.bind(query.this, outer)
        if len(self.bind(query.expression, outer)) != len(outputs):
            raise unsupported_query()
        scope = Scope([], None, [(each, exp.Null()) for each in outputs])
        self._bind_order(query, scope)
        _fetch_as_limit(query)
        return outputs

    def _bind_select(self, select: exp.Select, outer: Scope | None) -> list[Output]:
        scope = Scope([], outer)
        joins: list[exp.Join] = select.args.get("joins") or []
        for holder in (select.args["from_"], *joins):
            scope.sources.append(self._source(holder))
        self._expand_stars(select, scope)
        limit_by_rownum(select)
        for join in joins:
            if join.args.get("on") is not None:
                join.set("on", self._rewritten(join.args["on"], scope))
        for name in ("where", "having"):
            clause = select.args.get(name)
            if clause is not None:
                clause.set("this", self._rewritten(clause.this, scope))
        group = select.args.get("group")
        if group is not None:
            group.set("expressions", [self._rewritten(each, scope) for each in group.expressions])
        outputs = self._bind_outputs(select, scope)
        self._bind_order(select, scope)
        _fetch_as_limit(select)
        return outputs

    def _source(self, holder: exp.From | exp.Join) -> Source:
        node = holder.this
        if isinstance(node, exp.Subquery):
            alias = node.alias.lower() or f"_q{id(node)}"
            source = Source(alias, node.alias or "", outputs=self.bind(node.this))
            node.set("alias", exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
            return source
        name, alias = node.name, (node.alias or node.name)
        if name.lower() == "dual":
            only = exp.select(exp.alias_(exp.Literal.number(1), "c0")).subquery(exp.to_identifier(alias.lower()))
            holder.set("this", only)
            return Source(alias.lower(), name)
        if not self._view.knows(name):
            raise invalid_query(f"Invalid search type: {name}.")
        table = self._view.table(name)
        if table is None:
            raise invalid_query(f"Search error occurred: Record '{name}' was not found.")
        holder.set("this", table_as(table.name, alias.lower()))
        return Source(alias.lower(), name, table)

    def _expand_stars(self, select: exp.Select, scope: Scope) -> None:
        made: list[Node] = []
        for each in select.expressions:
            if isinstance(each, exp.Star):
                made.extend(self._all_of(scope.sources))
            elif isinstance(each, exp.Column) and isinstance(each.this, exp.Star):
                named = [source for source in scope.sources if source.alias == each.table.lower()]
                if not named:
                    raise self._unknown(each.table, scope)
                made.extend(self._all_of(named))
            else:
                made.append(each)
        select.set("expressions", made)

    def _all_of(self, sources: list[Source]) -> list[Node]:
        return [
            exp.column(name, table=source.alias)
            for source in sources
            for name in (
                [each.name for each in self._view.columns(source.table)]
                if source.table is not None
                else [each.name for each in source.outputs]
            )
        ]

    def _bind_outputs(self, select: exp.Select, scope: Scope) -> list[Output]:
        outputs, made, unnamed = [], [], 0
        for index, each in enumerate(select.expressions):
            plain = each.this if isinstance(each, exp.Alias) else each
            name = each.alias if isinstance(each, exp.Alias) else each.name if isinstance(each, exp.Column) else ""
            if not name:
                unnamed += 1
                name = f"expr{unnamed}"
            node = self._rewritten(plain, scope)
            output = Output(name.lower(), kind_of(node), origin_of(node))
            outputs.append(output)
            scope.outputs.append((output, node))
            made.append(exp.alias_(node.copy(), f"c{index}", quoted=True))
        select.set("expressions", made)
        return outputs

    def _bind_order(self, query: exp.Query, scope: Scope) -> None:
        order = query.args.get("order")
        for ordered in order.expressions if order is not None else []:
            named = ordered.this
            index = _named_output(named, scope) if isinstance(named, exp.Column) else None
            if index is not None:
                ordered.set("this", exp.column(f"c{index}", quoted=True))
            elif not (isinstance(named, exp.Literal) and not named.is_string):
                ordered.set("this", self._rewritten(named, scope))

    def _rewritten(self, node: Node, scope: Scope) -> Node:
        if isinstance(node, exp.Query):
            self.bind(node, scope)
            return node
        if isinstance(node, exp.Dot):
            return self._builtin(node, scope)
        if isinstance(node, exp.Column):
            return self._column(node, scope)
        if isinstance(node, exp.In) and len(node.expressions) > self._most_in_list:
            raise unsupported_query()  # ORA-01795; what NetSuite makes of it is a guess
        for name, value in list(node.args.items()):
            if isinstance(value, exp.Expression):
                node.set(name, self._rewritten(value, scope))
            elif isinstance(value, list):
                new = [self._rewritten(each, scope) if isinstance(each, exp.Expression) else each for each in value]
                node.set(name, new)
        if isinstance(node, exp.Anonymous):
            return translated(self._setting, node.name, node.expressions)
        return operated(self._setting, node)

    def _builtin(self, node: exp.Dot, scope: Scope) -> Node:
        called = node.expression
        known = isinstance(called, exp.Anonymous) and f"{node.this.name}.{called.name}".upper() == "BUILTIN.DF"
        if not known or len(called.expressions) != 1:
            raise unsupported_query()
        value = self._rewritten(called.expressions[0], scope)
        return displayed(self._setting, dict(self._view.tables), value)

    def _column(self, node: exp.Column, scope: Scope) -> Node:
        if isinstance(node.this, exp.Star):
            raise unsupported_query()
        if is_rownum(node):
            return row_number()
        at: Scope | None = scope
        while at is not None:
            found = self._in_scope(node, at)
            if found is not None:
                return found
            at = at.outer
        for output, value in scope.outputs:  # an alias inside an expression of ORDER BY
            if not node.table and output.name == node.name.lower():
                copied: Node = value.copy()
                return copied
        raise self._unknown(node.table or node.name, scope)

    def _in_scope(self, node: exp.Column, scope: Scope) -> Node | None:
        wanted = node.name.lower()
        for source in scope.sources:
            if node.table and source.alias != node.table.lower():
                continue
            found = self._of_table(source, wanted, node) if source.table is not None else _of_query(source, wanted)
            if found is not None:
                return found
            if node.table:
                label = source.table.name if source.table is not None else source.label
                raise _not_found(node.name, label, "REMOVED - Field is removed")
        return None

    def _of_table(self, source: Source, wanted: str, node: exp.Column) -> Node | None:
        table = source.table
        column = table.columns.get(wanted) if table is not None else None
        if table is None or column is None or not self._view.shows(table, column):
            return None
        if column.internal:
            raise _not_found(node.name, table.name, "NOT_EXPOSED - Field is marked as internal for channel SEARCH")
        made = column_of(source.alias, column.name)
        return marked(made, kind_of_column(column), Origin(table, column, source.alias))

    def _unknown(self, name: str, scope: Scope) -> Exception:
        return invalid_query(
            f"Search error occurred: Unknown identifier '{name}'. Available identifiers are: {scope.described()}."
        )


def _not_found(field_name: str, record: str, reason: str) -> Exception:
    return invalid_query(
        f"Search error occurred: Field '{field_name}' for record '{record}' was not found. Reason: {reason}"
    )


def _of_query(source: Source, wanted: str) -> Node | None:
    for index, output in enumerate(source.outputs):
        if output.name == wanted:
            return marked(column_of(source.alias, f"c{index}"), output.kind, output.origin)
    return None


def _named_output(node: exp.Column, scope: Scope) -> int | None:
    if node.table:
        return None
    names = {output.name: index for index, (output, _) in reversed(list(enumerate(scope.outputs)))}
    return names.get(node.name.lower())


def _fetch_as_limit(query: exp.Query) -> None:
    """FETCH NEXT as the LIMIT that DuckDB has.

    Raises:
        VendorError: 400, the count is not a number.
    """
    fetch = query.args.get("limit")
    if fetch is None:
        return
    count = fetch.args.get("count") or exp.Literal.number(1)
    if not isinstance(count, exp.Literal) or count.is_string:
        raise unsupported_query()
    query.set("limit", exp.Limit(expression=count))

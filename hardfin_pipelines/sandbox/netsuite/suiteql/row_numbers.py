"""ROWNUM: numbers rows as they pass WHERE, before ORDER BY; so `ROWNUM > 1` never comes true."""

from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.errors import unsupported_query
from hardfin_pipelines.sandbox.netsuite.suiteql.reading import AGGREGATES
from hardfin_pipelines.sandbox.netsuite.suiteql.types import marked


def is_rownum(node: exp.Expr) -> bool:
    """Whether it is the pseudo-column."""
    return isinstance(node, exp.Column) and not node.table and node.name.upper() == "ROWNUM"


def row_number() -> exp.Expression:
    """The number of a row, as DuckDB has it."""
    return marked(exp.Window(this=exp.Anonymous(this="row_number", expressions=[])), "number")


def limit_by_rownum(select: exp.Select) -> None:
    """Turns the comparisons of a WHERE clause with ROWNUM into a condition on the numbers of its rows.

    Raises:
        VendorError: 400, ROWNUM is compared in a way that is not covered here, or rows are grouped besides.
    """
    where = select.args.get("where")
    if where is None:
        return
    parts = list(where.this.flatten()) if isinstance(where.this, exp.And) else [where.this]
    most: int | None = None
    kept = []
    for part in parts:
        limit = _limit_of(part)
        if limit is None:
            kept.append(part)
        else:
            most = limit if most is None else min(most, limit)
    if any(is_rownum(node) for part in kept for node in _own_nodes(part)):
        raise unsupported_query()
    if most is None:
        return
    if select.args.get("group") is not None or any(each.find(*AGGREGATES) for each in select.expressions):
        raise unsupported_query()
    select.set("where", exp.Where(this=exp.and_(*kept, copy=False)) if kept else None)
    condition = exp.LTE(this=row_number(), expression=exp.Literal.number(most))
    select.set("qualify", exp.Qualify(this=condition))


def _own_nodes(part: exp.Expr) -> list[exp.Expr]:
    """The nodes of a condition, without those of its sub-queries."""
    return list(part.walk(prune=lambda each: isinstance(each, exp.Query)))


def _limit_of(part: exp.Expr) -> int | None:
    """How many rows a condition on ROWNUM lets pass; None for other conditions."""
    if isinstance(part, exp.Paren):
        return _limit_of(part.this)
    if not is_rownum(part.this):
        return None
    if isinstance(part, exp.Between):
        low, high = _number(part.args["low"]), _number(part.args["high"])
        return high if low <= 1 else 0
    if not isinstance(part, exp.LT | exp.LTE | exp.EQ | exp.GT | exp.GTE):
        raise unsupported_query()
    number = _number(part.expression)
    if isinstance(part, exp.LTE):
        return max(number, 0)
    if isinstance(part, exp.LT):
        return max(number - 1, 0)
    if isinstance(part, exp.EQ):
        return 1 if number == 1 else 0
    first = number if isinstance(part, exp.GTE) else number + 1
    return 0 if first > 1 else 2**62


def _number(node: exp.Expr) -> int:
    if not isinstance(node, exp.Literal) or node.is_string or not str(node.this).isdigit():
        raise unsupported_query()
    return int(node.this)

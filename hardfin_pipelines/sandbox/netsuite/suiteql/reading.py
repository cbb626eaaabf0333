"""Reads a SuiteQL statement into a syntax tree and lets only what SuiteQL has pass.

Whatever is not listed here is refused, so that nothing but a SELECT over the account's tables gets any further.
"""

from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.oracle import Oracle
from sqlglot.errors import SqlglotError

from hardfin_pipelines.sandbox.netsuite.errors import unsupported_query

AGGREGATES = (exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg)
_KEPT = {"COUNT", "SUM", "MIN", "MAX", "AVG"}
_CLAUSES = {
    exp.Select: {
        "expressions",
        "distinct",
        "from_",
        "joins",
        "where",
        "group",
        "having",
        "order",
        "limit",
        "offset",
        "operation_modifiers",
    },
    exp.Table: {"this", "alias"},
    exp.Subquery: {"this", "alias"},
    exp.Join: {"this", "on", "side", "kind"},
    exp.Group: {"expressions"},
    exp.Fetch: {"direction", "count", "limit_options"},
    exp.LimitOptions: {"rows"},
    exp.Union: {"this", "expression", "distinct", "order", "limit", "offset"},
    exp.Intersect: {"this", "expression", "distinct", "order"},
    exp.Except: {"this", "expression", "distinct", "order"},
    exp.TableAlias: {"this"},
    exp.Ordered: {"this", "desc", "nulls_first"},
    exp.Column: {"this", "table"},
    exp.Star: set(),
    exp.CurrentTimestamp: {"sysdate"},
    exp.CurrentDate: set(),
    exp.Systimestamp: set(),
}
_NODES = (
    *_CLAUSES,
    *AGGREGATES,
    exp.From,
    exp.Where,
    exp.Having,
    exp.Order,
    exp.Offset,
    exp.Alias,
    exp.Identifier,
    exp.Literal,
    exp.Null,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.EQ,
    exp.NEQ,
    exp.GT,
    exp.GTE,
    exp.LT,
    exp.LTE,
    exp.Between,
    exp.In,
    exp.Like,
    exp.Escape,
    exp.Is,
    exp.Exists,
    exp.Case,
    exp.If,
    exp.Add,
    exp.Sub,
    exp.Mul,
    exp.Div,
    exp.Neg,
    exp.DPipe,
    exp.Anonymous,
    exp.Dot,
    exp.Distinct,
    exp.Cast,
    exp.DataType,
    exp.DataTypeParam,
    exp.Trim,
)
_KINDS = {"", "INNER", "CROSS", "OUTER"}
_SIDES = {"", "LEFT", "RIGHT", "FULL"}
_DEEPEST = 200


class SuiteQL(Oracle):
    """Oracle's dialect with functions left as they are written."""

    class Parser(Oracle.Parser):  # type: ignore[misc, valid-type]  # sqlglot's own way to make a dialect
        """Turns five aggregates into nodes of their own; every other function keeps its name."""

        FUNCTIONS: ClassVar[dict[str, Any]] = {name: Oracle.Parser.FUNCTIONS[name] for name in _KEPT}
        FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
            name: Oracle.Parser.FUNCTION_PARSERS[name] for name in ("CAST", "TRIM")
        }


def read(statement: str) -> exp.Query:
    """The syntax tree of one SELECT.

    Raises:
        VendorError: 400, it is none, or has something that SuiteQL has not.
    """
    try:
        trees = sqlglot.parse(statement, dialect=SuiteQL)
    except (SqlglotError, RecursionError) as error:
        raise unsupported_query() from error
    if len(trees) != 1 or not isinstance(trees[0], exp.Select | exp.SetOperation):
        raise unsupported_query()
    tree = trees[0]
    for node in tree.walk():
        _check(node)
    return tree


def _check(node: exp.Expr) -> None:
    if not isinstance(node, _NODES) or node.depth > _DEEPEST:
        raise unsupported_query()
    known = _CLAUSES.get(type(node))
    if known is not None and any(value for name, value in node.args.items() if name not in known):
        raise unsupported_query()
    if isinstance(node, exp.Select):
        _check_select(node)
    elif (isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier)) or (
        isinstance(node, exp.Join) and (node.kind not in _KINDS or node.side not in _SIDES)
    ):
        raise unsupported_query()


def _check_select(node: exp.Select) -> None:
    """Both ways to join are there, and they do not mix (Oracle docs: query language compliance)."""
    joins = node.args.get("joins") or []
    commas = [each for each in joins if not each.kind and not each.side and not each.args.get("on")]
    if node.args.get("from_") is None or (commas and len(commas) != len(joins)):
        raise unsupported_query()
    if isinstance(node.args.get("limit"), exp.Limit):  # LIMIT is not Oracle's
        raise unsupported_query()

"""Oracle's operators where DuckDB's differ: empty strings, joining texts, adding days, comparing with a date's text."""

import contextlib
from collections.abc import Callable
from datetime import datetime

from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.errors import unsupported_query
from hardfin_pipelines.sandbox.netsuite.suiteql.functions import Node, Setting, call, cast, now, text
from hardfin_pipelines.sandbox.netsuite.suiteql.types import MOMENTS, kind_of, marked

_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)
_CASTS = {"VARCHAR": "VARCHAR", "CHAR": "VARCHAR", "NVARCHAR": "VARCHAR", "TEXT": "VARCHAR"}
_NUMBERS = {"DECIMAL": "DECIMAL(18, 8)", "INT": "BIGINT", "BIGINT": "BIGINT", "FLOAT": "DOUBLE", "DOUBLE": "DOUBLE"}


def operated(setting: Setting, node: Node) -> Node:
    """A node whose parts are translated already, as DuckDB has it.

    Raises:
        VendorError: 400, it compares or casts in a way that SuiteQL has not.
    """
    for kinds, translate in _TRANSLATIONS:
        if isinstance(node, kinds):
            return translate(setting, node)
    return node


def _literal(_: Setting, node: Node) -> Node:
    """Oracle's empty string is no value at all."""
    return exp.Null() if node.is_string and not node.this else node


def _joined(_: Setting, node: Node) -> Node:
    """Joining with no value leaves the other side as it is."""
    return marked(call("ns_joined", node.this, node.expression), "text")


def _compared(setting: Setting, node: Node) -> Node:
    for here, there in (("this", "expression"), ("expression", "this")):
        if kind_of(node.args[there]) in MOMENTS:
            node.set(here, _as_date(setting, node.args[here]))
    return node


def _between(setting: Setting, node: Node) -> Node:
    if kind_of(node.this) in MOMENTS:
        for name in ("low", "high"):
            node.set(name, _as_date(setting, node.args[name]))
    return node


def _as_date(setting: Setting, node: Node) -> Node:
    """A text that a date is compared with must be in the user's own format.

    Raises:
        VendorError: 400, it is in another one.
    """
    if not isinstance(node, exp.Literal) or not node.is_string:
        return node
    with contextlib.suppress(ValueError):
        directives = setting.user.date_directives.replace("%-", "%")
        day = datetime.strptime(str(node.this), directives)  # noqa: DTZ007  # a day of the user's calendar
        return marked(cast(text(day.date().isoformat()), "TIMESTAMP"), "plain")
    raise unsupported_query()


def _added(_: Setting, node: Node) -> Node:
    left, right = kind_of(node.this), kind_of(node.expression)
    if left not in MOMENTS:
        return marked(node, "number")
    if right in MOMENTS:
        return marked(call("ns_between", node.this, node.expression), "number")
    moment = cast(node.this, "TIMESTAMP") if left == "date" else node.this
    days = exp.Neg(this=exp.Paren(this=node.expression)) if isinstance(node, exp.Sub) else node.expression
    return marked(call("ns_days", moment, days), "plain" if left == "date" else left)


def _cast(_: Setting, node: Node) -> Node:
    wanted = node.args["to"].this.value
    known = _CASTS.get(wanted) or _NUMBERS.get(wanted)
    if known is None or kind_of(node.this) in MOMENTS:
        raise unsupported_query()
    return marked(cast(node.this, known), "text" if wanted in _CASTS else "number")


def _multiplied(_: Setting, node: Node) -> Node:
    """Wide decimals: DuckDB keeps the width of the factors, which a product of two overflows."""
    for name in ("this", "expression"):
        node.set(name, cast(node.args[name], "DECIMAL(38, 10)"))
    return marked(node, "number")


def _number(_: Setting, node: Node) -> Node:
    return marked(node, "number")


def _case(_: Setting, node: Node) -> Node:
    ifs = node.args["ifs"]
    return marked(node, kind_of(ifs[0].args["true"]) if ifs else None)


_TRANSLATIONS: tuple[tuple[type | tuple[type, ...], Callable[[Setting, Node], Node]], ...] = (
    (exp.Literal, _literal),
    (exp.DPipe, _joined),
    (_COMPARISONS, _compared),
    (exp.Between, _between),
    ((exp.Add, exp.Sub), _added),
    (exp.Cast, _cast),
    (exp.Mul, _multiplied),
    ((exp.Count, exp.Sum, exp.Avg, exp.Div, exp.Neg), _number),
    (exp.Case, _case),
    ((exp.CurrentTimestamp, exp.CurrentDate, exp.Systimestamp), now),
)

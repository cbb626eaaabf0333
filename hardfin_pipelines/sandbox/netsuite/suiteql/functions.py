"""SuiteQL's functions, each as DuckDB has it. Others are refused, as NetSuite refuses what is not on its list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from hardfin_pipelines.sandbox.netsuite.errors import unsupported_query
from hardfin_pipelines.sandbox.netsuite.roles import User
from hardfin_pipelines.sandbox.netsuite.suiteql.formats import Piece, date_pieces, decimal_places, reading_format
from hardfin_pipelines.sandbox.netsuite.suiteql.types import MOMENTS, Kind, kind_of, marked

_SERVER_ZONE = ZoneInfo("America/Los_Angeles")
_DAY_AND_TIME = "%Y-%m-%d %H:%M:%S.%f"
Node = exp.Expression


@dataclass(frozen=True, slots=True)
class Setting:
    """What functions depend on: who asks, and when."""

    user: User
    now: datetime


Builder = Callable[[Setting, Sequence[Node]], Node]


def call(name: str, *args: Node) -> exp.Anonymous:
    """A call of a DuckDB function."""
    return exp.Anonymous(this=name, expressions=list(args))


def text(value: str) -> exp.Literal:
    """A string."""
    return exp.Literal.string(value)


def cast(node: Node, sql_type: str) -> exp.Cast:
    """A cast to one of DuckDB's types."""
    return exp.Cast(this=node, to=exp.DataType.build(sql_type, dialect="duckdb"))


def literal(node: Node) -> str:
    """The text of a string that must be written out.

    Raises:
        VendorError: 400, it is something else.
    """
    if not isinstance(node, exp.Literal) or not node.is_string:
        raise unsupported_query()
    return str(node.this)


def _written(value: Node, pieces: Sequence[Piece]) -> Node:
    parts: list[Node] = []
    for piece in pieces:
        if piece.kind == "text":
            parts.append(text(piece.text))
        elif piece.kind == "directive":
            parts.append(call("strftime", value.copy(), text(piece.text)))
        else:
            names = {"TZH": ["ns_tzh"], "TZM": ["ns_tzm"], "TZH:TZM": ["ns_tzh", ":", "ns_tzm"]}[piece.text]
            parts.extend(text(name) if name == ":" else call(name, value.copy()) for name in names)
    there = exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null()))  # no date has no text: DuckDB's has dashes
    return marked(exp.Case(ifs=[exp.If(this=there, true=call("concat", *parts))]), "text")


def to_char(setting: Setting, args: Sequence[Node]) -> Node:
    """`TO_CHAR(value[, model])` of dates, numbers and texts; dates without a model come in the user's format."""
    value, kind = args[0], kind_of(args[0])
    if kind in MOMENTS:
        model = literal(args[1]) if len(args) > 1 else "DS"
        return _written(value, date_pieces(model, setting.user.date_directives))
    if kind == "text":
        return value
    if len(args) == 1:
        return marked(call("ns_bare", call("ns_number", value)), "text")
    model = literal(args[1])
    places = decimal_places(model.strip())
    rounded = cast(call("round", cast(value, "DECIMAL(38, 12)"), exp.Literal.number(places)), f"DECIMAL(38, {places})")
    shown: Node = cast(rounded, "VARCHAR")
    if not model.upper().startswith("FM"):
        shown = call("lpad", shown, exp.Literal.number(len(model) + 1), text(" "))
    return marked(shown, "text")


def _read_as(kind: Kind) -> Builder:
    def read(setting: Setting, args: Sequence[Node]) -> Node:
        if kind_of(args[0]) in MOMENTS:
            return args[0]
        model = literal(args[1]) if len(args) > 1 else "DS"
        directives = reading_format(model, setting.user.date_directives)
        return marked(call("strptime", args[0], text(directives)), "moment" if "%z" in directives else kind)

    return read


def in_utc(_: Setting, args: Sequence[Node]) -> Node:
    """`SYS_EXTRACT_UTC(moment)`: the moment in UTC, without its zone."""
    kind = kind_of(args[0])
    if kind not in {"moment", "plain"}:
        raise unsupported_query()
    moment = args[0] if kind == "moment" else cast(args[0], "TIMESTAMPTZ")
    return marked(call("timezone", text("UTC"), moment), "plain")


def trunc(_: Setting, args: Sequence[Node]) -> Node:
    """`TRUNC(date[, unit])` and `TRUNC(number[, places])`."""
    if kind_of(args[0]) not in MOMENTS:
        return marked(call("trunc", *args), "number")
    units = {"DD": "day", "MM": "month", "MONTH": "month", "YYYY": "year", "YEAR": "year", "Q": "quarter", "IW": "week"}
    unit = units.get(literal(args[1]).upper() if len(args) > 1 else "DD")
    if unit is None:
        raise unsupported_query()
    return marked(call("date_trunc", text(unit), cast(args[0], "TIMESTAMP")), "plain")


def decode(_: Setting, args: Sequence[Node]) -> Node:
    """`DECODE(value, when, then, ..., otherwise)`; an empty value equals an empty `when`."""
    value, rest = args[0], list(args[1:])
    otherwise = rest.pop() if len(rest) % 2 else None
    ifs = [
        exp.If(this=exp.NullSafeEQ(this=value.copy(), expression=when), true=then)
        for when, then in zip(rest[::2], rest[1::2], strict=True)
    ]
    return marked(exp.Case(ifs=ifs, default=otherwise), kind_of(rest[1]))


def _nvl2(_: Setting, args: Sequence[Node]) -> Node:
    there = exp.Not(this=exp.Is(this=args[0], expression=exp.Null()))
    return marked(exp.Case(ifs=[exp.If(this=there, true=args[1])], default=args[2]), kind_of(args[1]))


def _add_months(_: Setting, args: Sequence[Node]) -> Node:
    months = call("to_months", cast(args[1], "INTEGER"))
    return marked(exp.Add(this=cast(args[0], "TIMESTAMP"), expression=months), "plain")


def _padded(name: str) -> Builder:
    def pad(_: Setting, args: Sequence[Node]) -> Node:
        return marked(call(name, args[0], args[1], args[2] if len(args) > 2 else text(" ")), "text")

    return pad


def _substr(_: Setting, args: Sequence[Node]) -> Node:
    return marked(call("ns_part" if len(args) > 2 else "ns_rest", *args), "text")


def _replace(_: Setting, args: Sequence[Node]) -> Node:
    """`REPLACE(text, part[, new])`; without a new text the part is taken out."""
    new = call("coalesce", args[2], text("")) if len(args) > 2 else text("")
    return marked(call("nullif", call("replace", args[0], args[1], new), text("")), "text")


def _same(name: str, kind: Kind | None = None) -> Builder:
    """A function that DuckDB has with the same arguments; without a kind its values are of the first one's."""

    def build(_: Setting, args: Sequence[Node]) -> Node:
        return marked(call(name, *args), kind or kind_of(args[0]))

    return build


_Entry = tuple[int, int, Builder]
_FUNCTIONS: dict[str, _Entry] = {
    "TO_CHAR": (1, 2, to_char),
    "TO_DATE": (1, 2, _read_as("plain")),
    "TO_TIMESTAMP": (1, 2, _read_as("plain")),
    "TO_TIMESTAMP_TZ": (1, 2, _read_as("plain")),
    "TO_NUMBER": (1, 1, lambda _, args: marked(cast(args[0], "DECIMAL(38, 8)"), "number")),
    "SYS_EXTRACT_UTC": (1, 1, in_utc),
    "TRUNC": (1, 2, trunc),
    "ADD_MONTHS": (2, 2, _add_months),
    "LAST_DAY": (1, 1, _same("last_day", "date")),
    "NVL": (2, 2, _same("coalesce")),
    "NVL2": (3, 3, _nvl2),
    "COALESCE": (2, 50, _same("coalesce")),
    "NULLIF": (2, 2, _same("nullif")),
    "DECODE": (3, 255, decode),
    "SUBSTR": (2, 3, _substr),
    "INSTR": (2, 2, _same("ns_position", "number")),
    "LENGTH": (1, 1, _same("length", "number")),
    "UPPER": (1, 1, _same("upper", "text")),
    "LOWER": (1, 1, _same("lower", "text")),
    "LTRIM": (1, 2, _same("ltrim", "text")),
    "RTRIM": (1, 2, _same("rtrim", "text")),
    "LPAD": (2, 3, _padded("ns_padded_left")),
    "RPAD": (2, 3, _padded("ns_padded_right")),
    "REPLACE": (2, 3, _replace),
    "CONCAT": (2, 2, _same("ns_joined", "text")),
    "ABS": (1, 1, _same("abs", "number")),
    "ROUND": (1, 2, _same("round", "number")),
    "CEIL": (1, 1, _same("ceil", "number")),
    "FLOOR": (1, 1, _same("floor", "number")),
    "MOD": (2, 2, _same("mod", "number")),
    "SIGN": (1, 1, _same("sign", "number")),
    "POWER": (2, 2, _same("power", "number")),
    "GREATEST": (1, 50, _same("greatest")),
    "LEAST": (1, 50, _same("least")),
}


def translated(setting: Setting, name: str, args: Sequence[Node]) -> Node:
    """A function call as DuckDB has it; the arguments are translated already.

    Raises:
        VendorError: 400, SuiteQL does not have it, or not with so many arguments.
    """
    entry = _FUNCTIONS.get(name.upper())
    if entry is None or not entry[0] <= len(args) <= entry[1]:
        raise unsupported_query()
    return entry[2](setting, args)


def now(setting: Setting, node: Node) -> Node:
    """SYSDATE, CURRENT_DATE, CURRENT_TIMESTAMP and SYSTIMESTAMP, all of the sandbox's clock.

    SYSDATE is the time of NetSuite's own data centre (that it is Pacific is a guess), CURRENT_DATE the user's.
    """
    if isinstance(node, exp.CurrentTimestamp) and node.args.get("sysdate"):
        there = setting.now.astimezone(_SERVER_ZONE)
        return marked(cast(text(there.strftime(_DAY_AND_TIME)), "TIMESTAMP"), "plain")
    if isinstance(node, exp.CurrentDate):
        here = setting.now.astimezone(ZoneInfo(setting.user.time_zone))
        return marked(cast(text(here.strftime("%Y-%m-%d %H:%M:%S")), "TIMESTAMP"), "plain")
    return marked(cast(text(setting.now.strftime(f"{_DAY_AND_TIME}+00")), "TIMESTAMPTZ"), "moment")

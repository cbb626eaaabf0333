"""Reads a query's text."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from hardfin_pipelines.sandbox.salesforce.errors import VendorError, located, malformed_query
from hardfin_pipelines.sandbox.salesforce.soql.grammar import GRAMMAR
from hardfin_pipelines.sandbox.salesforce.soql.tree import (
    Comparison,
    Condition,
    DateLiteral,
    Expression,
    FunctionCall,
    Junction,
    Negation,
    Ordering,
    Path,
    Query,
    Selected,
    Value,
)

LONGEST_QUERY = 100_000
LONGEST_TEXT = 4_000
_WORDS = {"TRUE": True, "FALSE": False, "NULL": None}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Query]):
    """Turns Lark's tree into ours."""

    def start(self, query: Query) -> Query:
        return query

    def path(self, *names: Token) -> Path:
        return Path(tuple(map(str, names)), names[0].start_pos or 0)

    def call(self, name: Token, argument: Expression | None) -> FunctionCall:
        return FunctionCall(name.upper(), argument, name.start_pos or 0)

    def alias(self, name: Token) -> str:
        return str(name)

    def selected(self, expression: Expression, alias: str | None = None) -> Selected:
        return Selected(expression, alias)

    def sub_query(self, query: Query) -> Query:
        return query

    def select_list(self, *items: Selected | Query) -> tuple[str, list[Selected | Query]]:
        return "selected", list(items)

    def scope(self, name: Token) -> tuple[str, str]:
        return "scope", str(name)

    def where(self, condition: Condition) -> tuple[str, Condition]:
        return "where", condition

    def having(self, condition: Condition) -> tuple[str, Condition]:
        return "having", condition

    def all_of(self, *parts: Condition) -> Junction:
        return Junction("AND", parts)

    def any_of(self, *parts: Condition) -> Junction:
        return Junction("OR", parts)

    def negated(self, _not: Token, part: Condition) -> Negation:
        return Negation(part)

    def compared(self, left: Expression, operator: Token, value: Value) -> Comparison:
        plain = "!=" if operator == "<>" else operator.upper()
        return Comparison(left, plain, (value,), None, left.position)

    def in_values(self, left: Expression, _in: Token, wanted: Any) -> Comparison:
        return _membership(left, "IN", wanted)

    def not_in_values(self, left: Expression, _not: Token, _in: Token, wanted: Any) -> Comparison:
        return _membership(left, "NOT IN", wanted)

    def multi_picklist(self, left: Expression, operator: Token, wanted: tuple[Value, ...]) -> Comparison:
        return _membership(left, operator.upper(), wanted)

    def value_list(self, *listed: Value) -> tuple[Value, ...]:
        return listed

    def value(self, held: Token | Value) -> Value:
        if isinstance(held, Value):
            return held
        return Value(_constant(held), held.start_pos or 0)

    def date_literal(self, name: Token, number: Token | None = None) -> Value:
        word, position = name.upper(), name.start_pos or 0
        if word in _WORDS and number is None:
            return Value(_WORDS[word], position)
        return Value(DateLiteral(word, None if number is None else int(Decimal(number))), position)

    def group(self, *fields: Expression) -> tuple[str, tuple[Expression, ...]]:
        return "group", fields

    def order(self, *orderings: Ordering) -> tuple[str, tuple[Ordering, ...]]:
        return "order", orderings

    def ordered(self, expression: Expression, *words: Token) -> Ordering:
        said = {word.type for word in words}
        nulls = "FIRST" if "FIRST" in said else "LAST" if "LAST" in said else None
        return Ordering(expression, "DESC" in said, nulls)

    def limit(self, number: Token) -> tuple[str, int]:
        return "limit", int(Decimal(number))

    def offset(self, number: Token) -> tuple[str, int]:
        return "offset", int(Decimal(number))

    def purpose(self, *_words: Token) -> tuple[str, None]:
        return "purpose", None

    def query(self, select: Token, *parts: Any) -> Query:
        made = Query(next(each for each in parts if isinstance(each, Path)), position=select.start_pos or 0)
        for each in parts:
            if isinstance(each, tuple) and each[0] != "purpose":
                setattr(made, each[0], each[1])
            elif type(each) is str:
                made.alias = each
        return made


def _membership(left: Expression, operator: str, wanted: Any) -> Comparison:
    if isinstance(wanted, Query):
        return Comparison(left, operator, (), wanted, left.position)
    return Comparison(left, operator, wanted, None, left.position)


def _constant(token: Token) -> Any:
    text = str(token)
    if token.type == "STRING":
        if len(text) > LONGEST_TEXT + 2:
            raise malformed_query(f"string literal is longer than {LONGEST_TEXT} characters")  # the text is ours
        # Escaped wildcards stay escaped: LIKE tells them from its own.
        return _ESCAPE.sub(lambda m: m[0] if m[1] in "%_" else _ESCAPES.get(m[1], m[1]), text[1:-1])
    if token.type == "DATETIME":
        return datetime.fromisoformat(text.upper())
    if token.type == "DATE":
        return date.fromisoformat(text)
    return Decimal(text[3:] if token.type == "MONEY" else text)


_LARK = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True, propagate_positions=False)


def read_query(text: str) -> Query:
    """A query as a tree.

    Raises:
        VendorError: 400 MALFORMED_QUERY, with the place.
    """
    if len(text) > LONGEST_QUERY:
        raise malformed_query(
            f"SOQL statements cannot be longer than {LONGEST_QUERY:,} characters."
        )  # the text is ours
    if not text.strip():
        raise malformed_query("SOQL statement cannot be empty.")
    try:
        return _TreeBuilder().transform(_LARK.parse(text))
    except UnexpectedInput as error:
        raise _unexpected(text, error) from error
    except VisitError as error:
        if isinstance(error.orig_exc, VendorError):
            raise error.orig_exc from error
        raise malformed_query(f"unexpected token: {error.orig_exc}") from error


def _unexpected(text: str, error: UnexpectedInput) -> VendorError:
    if isinstance(error, UnexpectedToken):
        if error.token.type == "$END":
            return malformed_query("unexpected token: '<EOF>'")
        return located(text, error.token.start_pos or 0, "MALFORMED_QUERY", f"unexpected token: '{error.token}'")
    at = error.pos_in_stream if isinstance(error, UnexpectedCharacters) else len(text)
    word = re.match(r"\w+|.", text[at:], re.DOTALL)
    return located(text, at or 0, "MALFORMED_QUERY", f"unexpected token: '{word[0] if word else '<EOF>'}'")

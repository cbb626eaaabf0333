"""Reads a statement's text."""

import re
from decimal import Decimal
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from hardfin_pipelines.sandbox.quickbooks.errors import VendorError, query_not_parsed
from hardfin_pipelines.sandbox.quickbooks.query.grammar import GRAMMAR
from hardfin_pipelines.sandbox.quickbooks.query.tree import Comparison, Ordering, Statement, Value

_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SHOWN = {
    "$END": "<EOF>",
    "NAME": "<IDENTIFIER>",
    "STRING": "<STRING>",
    "NUMBER": "<NUMBER>",
    "AND": "<AND>",
    "OR": "<OR>",
    "COMMA": '","',
    "RPAR": '")"',
    "LPAR": '"("',
    "STAR": '"*"',
}


@v_args(inline=True)
class _TreeBuilder(Transformer[Token, Statement]):
    """Turns Lark's tree into ours; clauses come as (member of Statement, value)."""

    def start(self, columns: tuple[str, ...], entity: Token, *clauses: dict[str, Any]) -> Statement:
        members = {name: value for clause in clauses for name, value in clause.items()}
        return Statement(str(entity), columns, **members)

    def count(self, *_tokens: Token) -> tuple[str, ...]:
        return ()

    def columns(self, *names: Token) -> tuple[str, ...]:
        return tuple(map(str, names))

    def where(self, *parts: Any) -> dict[str, Any]:
        return {"comparisons": parts[::2], "junctions": parts[1::2]}

    def junction(self, word: Token) -> str:
        return word.upper()

    def compared(self, path: Token, operator: Token, value: Value) -> Comparison:
        return Comparison(str(path), str(operator), (value,))

    def like(self, path: Token, text: Token) -> Comparison:
        return Comparison(str(path), "LIKE", (_text(text),))

    def one_of(self, path: Token, *values: Value) -> Comparison:
        return Comparison(str(path), "IN", values)

    def value(self, token: Token) -> Value:
        if token.type == "STRING":
            return _text(token)
        return Decimal(token) if token.type == "NUMBER" else token.type == "TRUE"

    def order(self, _word: Token, *orderings: Ordering) -> dict[str, Any]:
        return {"order": orderings}

    def ordered(self, path: Token, direction: Token | None = None) -> Ordering:
        return Ordering(str(path), direction is not None and direction.type == "DESC")

    def start_position(self, number: Token) -> dict[str, Any]:
        return {"start_position": _whole(number)}

    def max_results(self, number: Token) -> dict[str, Any]:
        return {"max_results": _whole(number)}


def _text(token: Token) -> str:
    return _ESCAPE.sub(r"\1", token[1:-1])


def _whole(token: Token) -> int:
    return int(Decimal(token))


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", transformer=_TreeBuilder())


def read_statement(text: str) -> Statement:
    """The statement in a query's text.

    Raises:
        VendorError: 400 with code 4000, it breaks the grammar.
    """
    if not text.strip():
        raise query_not_parsed("The query provided was empty")
    try:
        return _parser().parse(text)  # type: ignore[return-value]  # Lark's own type is that without a transformer
    except UnexpectedToken as error:
        raise _unexpected(text, error, str(error.token) if error.token.type != "$END" else None) from None
    except UnexpectedCharacters as error:
        raise _lexical(text, error) from None
    except UnexpectedInput as error:
        raise _unexpected(text, error, None) from None


def _lexical(text: str, error: UnexpectedCharacters) -> VendorError:
    """A character that no word begins with; a word in the wrong place comes here too."""
    character = error.char
    if character.isalnum() or character in "*(),":
        word = re.match(r"[\w.]+|.", text[error.pos_in_stream or 0 :], re.DOTALL)
        return _unexpected(text, error, word[0] if word else character)
    place = f"Lexical error at line {error.line}, column {error.column}."
    return query_not_parsed(f'Invalid content. {place}  Encountered: "{character}" ({ord(character)}), after : ""')


def _unexpected(text: str, error: UnexpectedInput, word: str | None) -> VendorError:
    """QuickBooks' parser names the word, its place and what may stand there."""
    if word is None or isinstance(error, UnexpectedEOF):
        lines = text.rstrip().split("\n")
        found, place = '"<EOF>"', f"line {len(lines)}, column {len(lines[-1])}"
    else:
        kind = "<STRING>" if word.startswith("'") else "<IDENTIFIER>"
        found, place = f'" {kind} "{word} ""', f"line {error.line}, column {error.column}"
    wanted = sorted(_expected(error), key=str.lower)
    listed = "\n".join(f"    {each} ..." if each != "<EOF>" else "    <EOF> " for each in wanted)
    return query_not_parsed(f"Encountered {found} at {place}.\nWas expecting one of:\n{listed}\n    ")


def _expected(error: UnexpectedInput) -> set[str]:
    names = set(getattr(error, "expected", None) or getattr(error, "allowed", None) or ())
    shown = {_SHOWN.get(name, f'"{name.lower()}"') for name in names}
    if "MAXRESULTS" in names:
        shown |= {"<EOF>", '"iterator"'}
    return shown | ({'"order"'} if "ORDERBY" in names else set())

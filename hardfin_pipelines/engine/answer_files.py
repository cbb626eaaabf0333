"""Triage as a table for spreadsheets: what waits goes out as CSV, answers come back in.

A vendor's text that a spreadsheet would take for a formula goes out behind an apostrophe, and the apostrophe is taken
off again when the file comes back.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import cast, get_args

from hardfin_pipelines.engine.deciding import Answer, AnswerAction, AnswersRefused
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.triage import Waiting
from hardfin_pipelines.sync.catalogue import CatalogueKind
from hardfin_pipelines.sync.match_wording import quoted

KEYS = ("connection", "external_id")
ANSWERS = ("action", "item", "kind", "new_name")
SHOWN_SUGGESTIONS = 3

_ACTIONS: tuple[AnswerAction, ...] = get_args(AnswerAction)
_KINDS: tuple[CatalogueKind, ...] = get_args(CatalogueKind)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_QUOTE = "'"

_SUGGESTED = re.compile(r"(itm_\w+) \(\d+\): .*", re.DOTALL)
"""A suggestion as it is exported: people copy the whole cell."""


def write_answers(path: Path, waiting: Sequence[Waiting]) -> None:
    """Write items in triage to a CSV file (UTF-8 with a mark, so that Excel reads it), with empty answers.

    Raises:
        Refusal: The file cannot be written.
    """
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, _columns())
            writer.writeheader()
            writer.writerows(_row(each) for each in waiting)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror or error}") from None


def read_answers(path: Path) -> list[Answer]:
    """The answers of a CSV file; rows without an action are left out.

    Raises:
        Refusal: The file cannot be read as a table of answers.
        AnswersRefused: Some rows are none; a line for each.
    """
    problems: list[str] = []
    answers: list[Answer] = []
    for number, row in _rows(path):
        told = {name: _unquoted(value).strip() for name, value in row.items()}
        if not told["action"]:
            continue
        problem = _problem(told)
        if problem:
            problems.append(f"row {number}: {problem}")
        else:
            answers.append(_answer(told, f"row {number}"))
    if problems:
        raise AnswersRefused(problems)
    return answers


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows below the first line, which names the columns: each with its number, the first line being 1."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not UTF-8 (byte {error.start + 1}): save it as “CSV UTF-8”") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror or error}") from None
    if "\0" in text:
        raise Refusal(f"{path} is not UTF-8 (it has NUL characters): save it as “CSV UTF-8”")
    reader = csv.reader(StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        _require_columns(path, names)
        for number, cells in enumerate(reader, 2):
            if len(cells) > len(names):
                raise Refusal(f"{path}: row {number} has {len(cells)} cells, and the first line names {len(names)}")
            yield number, dict.fromkeys(names, "") | dict(zip(names, cells, strict=False))
    except csv.Error as error:
        said = "a quote is opened and not closed" if "end of data" in str(error) else str(error)
        raise Refusal(f"{path} is no CSV table: {said} (line {reader.line_num})") from None


def _delimiter(text: str) -> str:
    """Excel writes what the country does: semicolons in half of Europe, and tabs as “Unicode text”."""
    first = text.split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _require_columns(path: Path, names: Sequence[str]) -> None:
    expected = (*KEYS, "action")
    missing = [name for name in expected if name not in names]
    if missing:
        raise Refusal(
            f"{path}: the column {missing[0]!r} is missing; expected at least {', '.join(expected)} in the first line, "
            f"found {', '.join(names) or 'nothing'}"
        )
    twice = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    if twice:
        raise Refusal(f"{path}: the column {twice[0]!r} is there twice: leave one")


def _problem(told: dict[str, str]) -> str:
    if not told["external_id"]:
        return "external_id is empty: expected the item's id at the vendor, as exported"
    if told["action"].lower() not in _ACTIONS:
        return f"unknown action {quoted(told['action'])}: expected {', '.join(_ACTIONS)}, or nothing"
    kind = told.get("kind", "")
    if kind and kind.lower() not in _KINDS:
        return f"unknown kind {quoted(kind)}: expected {' or '.join(_KINDS)}"
    if told["action"].lower() != "map" and told.get("item"):
        return f"{told['action']} takes no item, found {quoted(told['item'])}: map it to that, or leave the cell empty"
    return ""


def _answer(told: dict[str, str], place: str) -> Answer:
    return Answer(
        external_id=told["external_id"],
        action=cast("AnswerAction", told["action"].lower()),
        connection_id=told["connection"],
        item=_SUGGESTED.sub(r"\1", told.get("item", "")),
        kind=cast("CatalogueKind", told.get("kind", "").lower() or "product"),
        name=told.get("new_name", ""),
        place=place,
    )


def _columns() -> list[str]:
    shown = [f"suggestion_{number}" for number in range(1, SHOWN_SUGGESTIONS + 1)]
    return [*KEYS, *ANSWERS, "name", "full_name", "sku", "type", "price", "currency", "reason", "why", *shown]


def _row(waiting: Waiting) -> dict[str, str]:
    item, facts = waiting.item, waiting.item.facts
    cells = {
        "connection": item.scope.connection_id,
        "external_id": item.external_id,
        **dict.fromkeys(ANSWERS, ""),
        "name": facts.name,
        "full_name": item.full_name,
        "sku": facts.sku,
        "type": facts.vendor_type,
        "price": "" if facts.price is None else format(facts.price, "f"),
        "currency": facts.currency,
        "reason": item.reason,
        "why": item.detail,
    }
    for number in range(SHOWN_SUGGESTIONS):
        shown = waiting.suggestions[number] if number < len(waiting.suggestions) else None
        told = "" if shown is None else f"{shown.item_id} ({shown.score}): {shown.name} {shown.sku}".rstrip()
        cells[f"suggestion_{number + 1}"] = told
    return {name: _quoted(value) for name, value in cells.items()}


def _quoted(text: str) -> str:
    # A text that begins with the apostrophe itself gets another one, so that taking one off gives it back.
    return f"{_QUOTE}{text}" if text.startswith((*_FORMULA, _QUOTE)) else text


def _unquoted(text: str) -> str:
    return text[1:] if text.startswith(_QUOTE) and text[1:].startswith((*_FORMULA, _QUOTE)) else text

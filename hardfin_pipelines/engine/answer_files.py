"""Triage as a table for spreadsheets: what waits goes out as CSV, answers come back in.

A vendor's text that a spreadsheet would take for a formula goes out behind an apostrophe, and the apostrophe is taken
off again when the file comes back.
"""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from hardfin_pipelines.engine.deciding import Answer, AnswerAction, AnswersRefused
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.triage import Waiting
from hardfin_pipelines.sync.catalogue import CatalogueKind
from hardfin_pipelines.sync.match_wording import quoted

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("connection", "external_id")
ANSWERS = ("action", "item", "kind", "new_name")
SHOWN_SUGGESTIONS = 3

_ACTIONS: tuple[AnswerAction, ...] = get_args(AnswerAction)
_KINDS: tuple[CatalogueKind, ...] = get_args(CatalogueKind)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"


def write_answers(path: Path, waiting: Sequence[Waiting]) -> None:
    """Write items in triage to a CSV file (UTF-8 with a mark, so that Excel reads it), with empty answers.

    Raises:
        Refusal: The file cannot be written.
    """
    import pandas as pd

    table = pd.DataFrame([_row(each) for each in waiting], columns=_columns(), dtype=str)
    try:
        table.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n")
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror or error}") from None


def read_answers(path: Path) -> list[Answer]:
    """The answers of a CSV file; rows without an action are left out.

    Raises:
        Refusal: The file cannot be read as a table of answers.
        AnswersRefused: Some rows are none; a line for each.
    """
    table = _table(path)
    missing = [name for name in (*KEYS, "action") if name not in table.columns]
    if missing:
        raise Refusal(
            f"{path}: the column {missing[0]!r} is missing; expected at least {', '.join((*KEYS, 'action'))} in the "
            f"first line, found {', '.join(map(str, table.columns)) or 'nothing'}"
        )
    problems: list[str] = []
    answers: list[Answer] = []
    # The first line has the names.
    for number, row in enumerate(table.to_dict("records"), 2):
        told = {str(name): _unquoted(str(value)).strip() for name, value in row.items()}
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


def _table(path: Path) -> "pd.DataFrame":
    import pandas as pd

    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{path} is not UTF-8 (byte {error.start + 1}): save it as “CSV UTF-8”") from None
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror or error}") from None
    first = text.split("\n", 1)[0]
    separator = ";" if first.count(";") > first.count(",") else ","  # what Excel writes in half of Europe
    try:
        # The names are read as a row like the others: pandas would take what stands behind them for an index.
        cells = pd.read_csv(
            StringIO(text), sep=separator, header=None, dtype=str, na_filter=False, skip_blank_lines=False
        ).fillna("")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        said = " ".join(str(error).split())
        raise Refusal(f"{path} is no CSV table with one header line: {said}") from None
    names = [str(name).strip() for name in cells.iloc[0]]
    twice = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    if twice:
        raise Refusal(f"{path}: the column {twice[0]!r} is there twice: leave one")
    return cells.iloc[1:].set_axis(names, axis="columns")


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
        item=told.get("item", ""),
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

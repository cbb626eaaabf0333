"""Answers in a file: triage goes out as CSV, comes back filled in, and a file that is wrong changes nothing."""

import csv
import re
from pathlib import Path

import pytest

from hardfin_pipelines.engine.answer_files import read_answers, write_answers
from hardfin_pipelines.engine.deciding import Answer, AnswersRefused
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.triage import decide, list_waiting
from hardfin_pipelines.platform.tables import audit_events, items, links
from hardfin_pipelines.platform.triage_tables import item_decisions, triage_items
from hardfin_pipelines_tests.engine.accounting import CONNECTION, Accounting, filled, open_accounting

LATIN_1 = "connection,external_id,action,name\nacme:quickbooks,3,ignore,Grüße\n".encode("latin-1")


@pytest.fixture
def acme(sqlite_url: str, tmp_path: Path):
    """An organization with two products; of its books' items one is linked, three wait."""
    accounting = filled(open_accounting(sqlite_url, tmp_path))
    yield accounting
    accounting.deployment.engine.dispose()


def states(acme: Accounting) -> dict[str, str]:
    return acme.by_id(triage_items, "state")


def exported(acme: Accounting, tmp_path: Path) -> Path:
    path = tmp_path / "triage.csv"
    write_answers(path, list_waiting(acme.deployment, "acme", suggest=True)[0])
    return path


def answered(path: Path, **actions: str) -> None:
    """Fill in the file as a spreadsheet would: action and what follows, by external id."""
    lines = path.read_text(encoding="utf-8-sig").split("\n")
    for number, line in enumerate(lines):
        cells = line.split(",")
        if len(cells) > 1 and f"_{cells[1]}" in actions:
            told = [*actions[f"_{cells[1]}"].split(","), "", "", ""]
            cells[2:6] = told[:4]
            lines[number] = ",".join(cells)
    path.write_text("\n".join(lines), encoding="utf-8")


def test_answers_go_out_and_come_back(acme, tmp_path):
    path = exported(acme, tmp_path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfconnection,external_id,action,item,kind,new_name,name,")
    answered(path, _3="create,,part,Grip", _4="IGNORE")

    answers = read_answers(path)
    decide(acme.deployment, "acme", answers, actor="cli:ann")

    assert answers == [
        Answer("3", "create", CONNECTION, kind="part", name="Grip", place="row 2"),
        Answer("4", "ignore", CONNECTION, place="row 3"),
    ]
    assert states(acme) == {"3": "created", "4": "ignored", "5": "open"}


def test_a_vendors_text_is_no_formula_in_a_spreadsheet(acme, tmp_path):
    acme.books.put("=6", '=HYPERLINK("http://evil")', "+1", Description="x")
    acme.books.put("'7", "@SUM(A1)\nsecond line", "-2")
    acme.sync()
    path = exported(acme, tmp_path)

    text = path.read_text(encoding="utf-8-sig")
    assert not re.search(r"(^|,)\"?[=+@-]", text, re.MULTILINE)
    answered(path, **{"_'=6": "ignore"})
    assert [each.external_id for each in read_answers(path)] == ["=6"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"connection,external_id\nacme:quickbooks,3\n", "the column 'action' is missing; expected at least"),
        ("connection,external_id,action\nacme:quickbooks,3,ignore\n".encode("utf-16"), "is not UTF-8 (byte 1)"),
        (LATIN_1, "is not UTF-8 (byte 6"),
        ("connection,external_id,action\n".encode("utf-16-le"), "is not UTF-8 (it has NUL characters)"),
        (
            b"",
            "the column 'connection' is missing; expected at least connection, external_id, action in the first line",
        ),
        (b'connection,external_id,action\n"acme,3\n', "is no CSV table: a quote is opened and not closed (line 2)"),
        (b'connection,external_id,action\n"acme"x,3\n', "is no CSV table: ',' expected after '\"' (line 2)"),
        (
            b"connection,external_id,action\na,3,ignore,x,y\nb,4,ignore\n",
            "row 2 has 5 cells, and the first line names 3",
        ),
        (b"connection,external_id,action,action\na,3,ignore,map\n", "the column 'action' is there twice"),
    ],
    ids=[
        "missing column",
        "utf-16",
        "latin-1",
        "utf-16 without a mark",
        "empty",
        "open quote",
        "text after a quote",
        "too many cells",
        "column twice",
    ],
)
def test_a_file_that_is_no_table_of_answers(tmp_path, content, says):
    path = tmp_path / "answers.csv"
    path.write_bytes(content)

    with pytest.raises(Refusal) as error:
        read_answers(path)

    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_spreadsheets_ways_of_writing_a_table_are_all_read(tmp_path, separator, ending):
    path = tmp_path / "answers.csv"
    rows = [["action", "external_id", "connection", "new_name"], ["Create ", " 3", "", '"A ""big"" claw"'], ["", "4"]]
    path.write_bytes("\ufeff".encode() + ending.join(separator.join(row) for row in rows).encode())

    assert read_answers(path) == [Answer("3", "create", name='A "big" claw', place="row 2")]


def test_a_suggestion_that_is_copied_whole_names_its_product(acme, tmp_path):
    path = exported(acme, tmp_path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = next(row for row in rows if row["external_id"] == "5")
    assert chosen["suggestion_1"].startswith("itm_arm (")
    chosen |= {"action": "map", "item": chosen["suggestion_1"]}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)

    decide(acme.deployment, "acme", read_answers(path), actor="cli:ann")

    assert acme.by_id(links, "entity_id")["5"] == "itm_arm"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Refusal, match=r"nowhere\.csv cannot be read: No such file"):
        read_answers(tmp_path / "nowhere.csv")
    with pytest.raises(Refusal, match="cannot be written"):
        write_answers(tmp_path / "no" / "such" / "folder.csv", [])


def test_rows_that_are_no_answers_are_all_named(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(
        "connection;external_id;action;item;kind\n;3;destroy;;\n;4;create;;robot\n;;ignore;;\n;5;ignore;itm_1;\n;6;;;\n",
        encoding="utf-8",
    )

    with pytest.raises(AnswersRefused) as error:
        read_answers(path)

    assert error.value.problems == (
        "row 2: unknown action “destroy”: expected map, create, ignore, or nothing",
        "row 3: unknown kind “robot”: expected product or part",
        "row 4: external_id is empty: expected the item's id at the vendor, as exported",
        "row 5: ignore takes no item, found “itm_1”: map it to that, or leave the cell empty",
    )


def test_answers_with_unknown_products_and_two_for_one_item_are_refused_whole(acme, tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(
        f"connection,external_id,action,item\n{CONNECTION},3,map,itm_none\n{CONNECTION},4,ignore,\n,4,create,\n"
        f"{CONNECTION},5,map,BP-1\n",
        encoding="utf-8",
    )

    before = [acme.rows(table) for table in (links, triage_items, item_decisions, items, audit_events)]

    with pytest.raises(AnswersRefused) as error:
        decide(acme.deployment, "acme", read_answers(path), actor="cli:ann")

    assert error.value.problems == (
        "row 2: acme has no product or part with the id or SKU “itm_none”",
        "row 4: item 4 is answered twice, first in row 3: leave one answer",
    )
    assert before == [acme.rows(table) for table in (links, triage_items, item_decisions, items, audit_events)]

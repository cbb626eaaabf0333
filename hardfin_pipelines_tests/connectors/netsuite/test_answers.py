"""Rows are cut out of answers byte for byte, whatever texts they hold and however they are written."""

import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import value_of as read_value
from hardfin_pipelines.connectors.netsuite import answers
from hardfin_pipelines.connectors.netsuite.answers import decimal_of, moment_of, rows_in, value_in
from hardfin_pipelines.connectors.netsuite.decode import OBJECTS, NetSuiteDecoder
from hardfin_pipelines.sync.books import BOOKS_KINDS

AT = datetime(2026, 1, 11, tzinfo=UTC)
NASTY = ['},{"', '"items":[', '}],"hasMore":true', "\\", '\\"},{\\"', "\u2028 ☃ \U0001f600", "\x00\x1f", "\ud800"]
TEXTS = st.text(st.characters(exclude_categories=())) | st.sampled_from(NASTY)
ROWS = st.lists(st.dictionaries(st.sampled_from(["id", "links", "a", "b", '},{"', *NASTY[:3]]), TEXTS, min_size=1))


def answer(body: bytes) -> Answer:
    return Answer(200, body, {}, AT)


def written(rows: Any, *, links: bool = True, compact: bool = True, ascii_only: bool = False) -> bytes:
    """A body as the vendor may write it; `orjson` takes no halves of surrogate pairs, so `json` writes it."""
    document: dict[str, Any] = {"links": [{"rel": "self", "href": "x"}, {"rel": "next", "href": "y"}]} if links else {}
    document |= {"count": len(rows), "hasMore": False, "items": rows, "offset": 0, "totalResults": len(rows)}
    separators = (",", ":") if compact else (", ", ": ")
    return json.dumps(document, separators=separators, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


@settings(deadline=None)
@given(ROWS, st.booleans(), st.booleans(), st.booleans())
@example([{"a": '},{"'}, {"b": '"items":['}], True, True, False)
@example([{"a": "\ud800"}], True, True, True)
@example([], True, True, False)
def test_rows_are_as_read_from_left_to_right_whichever_way_is_taken(
    rows: list[dict[str, str]], links: bool, compact: bool, ascii_only: bool
) -> None:
    body = written(rows, links=links, compact=compact, ascii_only=ascii_only)
    found = rows_in(answer(body), "POST suiteql").rows
    slow, more = answers._read_rows(answer(body))
    assert slow is not None
    assert (found, more) == (slow, False)
    assert all(value_in(row.raw) == read_value(row.raw) == row.document for row in found)


def test_a_plain_answer_is_cut_quickly() -> None:
    rows: list[dict[str, Any]] = [{"links": [], "id": str(n), "name": '},{"', "empty": None} for n in range(50)]
    body = orjson.dumps({"links": [], "count": 50, "hasMore": True, "items": rows, "offset": 0, "totalResults": 99})
    found = answers._plain_rows(answer(body))
    assert found is not None
    assert [row.raw for row in found] == [orjson.dumps(row) for row in rows]


@pytest.mark.parametrize("value", [12, 12.10, 12345678901234567890123.45, True, {"a": "b"}, ["x"], [{"a": "b"}]])
def test_what_is_no_text_is_read_digit_for_digit(value: Any) -> None:
    body = json.dumps({"items": [{"id": "1", "n": value}], "hasMore": False}, separators=(",", ":")).encode()
    body = body.replace(b"1.2345678901234568e+22", b"12345678901234567890123.45")
    assert answers._plain_rows(answer(body)) is None
    (row,) = rows_in(answer(body), "POST suiteql").rows
    assert row.raw == body[body.index(b'{"id"') : body.rindex(b"]")]
    if isinstance(value, float):
        assert row.document["n"] in {"12.1", "12345678901234567890123.45"}


def test_broken_texts_stay_as_received() -> None:
    body = b'{"items":[{"id":"1","n":"\xff\xfe"},{"id":"2"}],"hasMore":false}'
    found = rows_in(answer(body), "POST suiteql").rows
    assert [row.raw for row in found] == [b'{"id":"1","n":"\xff\xfe"}', b'{"id":"2"}']


@pytest.mark.parametrize("role", ["item", *BOOKS_KINDS])
@pytest.mark.parametrize("raw", [b"", b"{", b"7", b"[]", b"{}", b'{"id":"x"}', b'{"id":"\\u0661"}'])
def test_what_landing_keeps_and_is_no_record_is_skipped_with_one_line(role: Any, raw: bytes) -> None:
    with pytest.raises(SkipRecord, match=OBJECTS[role]) as caught:
        NetSuiteDecoder().decode_record(role, raw, AT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-11 23:59:59", datetime(2026, 1, 11, 23, 59, 59, tzinfo=UTC)),
        ("2026-01-11T23:59:59", None),
        ("2026-02-30 00:00:00", None),
        ("2026-01-11 24:00:00", None),
        ("2026-01-11", None),
        ("1/11/2026", None),
        ("not a date at all..", None),
        ("", None),
    ],
)
def test_a_moment_is_read_as_our_statements_have_it_written(text: str, moment: datetime | None) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize("text", ["", "x", "NaN", "-Infinity", "1e400", "9" * 31])
def test_what_is_no_number_that_is_meant_is_none(text: str) -> None:
    assert decimal_of(text) is None


@settings(deadline=None)
@given(st.decimals(min_value=-(10**20), max_value=10**20, allow_nan=False, allow_infinity=False))
def test_numbers_keep_their_digits(number: Any) -> None:
    found = decimal_of(str(number))
    assert (found, str(found)) == (number, str(number))

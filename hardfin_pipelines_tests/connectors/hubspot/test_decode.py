from datetime import UTC, datetime, timedelta

import orjson
import pytest

from hardfin_pipelines.connectors.errors import SkipRecord, UnknownField
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.decode import (
    Received,
    deal_state,
    epoch_ms,
    epoch_ms_up,
    moment_of,
    record_of,
    records_of,
    refuse_unknown,
    results_of,
)
from hardfin_pipelines.connectors.json_text import array_elements
from hardfin_pipelines.sync.records import Reference

MOMENT = datetime(2026, 4, 3, 12, 59, 10, tzinfo=UTC)


def received(**fields: object) -> Received:
    record = {"id": "7", "properties": {"hs_lastmodifieddate": "2026-04-03T12:59:10Z"}, **fields}
    return Received(record, orjson.dumps(record))


def answer(body: bytes) -> Answer:
    return Answer(200, body, {}, MOMENT)


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-03T12:59:10Z",
        "2026-04-03T12:59:10.000Z",
        "2026-04-03T12:59:10.000000001Z",
        "2026-04-03T14:59:10+02:00",
        "2026-04-03T12:59:10+0000",
        "2026-04-03T12:59:10",
        "1775221150000",
    ],
)
def test_stamps_are_read_in_all_their_forms(text: str) -> None:
    assert moment_of(text) == MOMENT


@pytest.mark.parametrize(
    "text", ["", None, "soon", "0000-99-99T99:99:99Z", "99999999999999999999", 5, "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_stamp_is_none(text: object) -> None:
    assert moment_of(text) is None


def test_milliseconds_are_rounded_as_asked() -> None:
    odd = MOMENT + timedelta(microseconds=1)
    assert (epoch_ms(odd), epoch_ms_up(odd), epoch_ms_up(MOMENT)) == (1775221150000, 1775221150001, 1775221150000)


def test_values_stay_as_received() -> None:
    properties = {"amount": "43.10", "note": None, "empty": "", "hs_lastmodifieddate": "2026-04-03T12:59:10.5Z"}
    record = record_of("deal", received(properties=properties, archived=True, url="https://app.hubspot.com/x"))
    assert record.properties == properties
    assert record.modified_at == MOMENT + timedelta(milliseconds=500)
    assert (record.archived, record.url) == (True, "https://app.hubspot.com/x")


def test_values_that_are_no_text_become_text() -> None:
    properties = {"a": 1.5, "b": True, "c": ["x"], "hs_lastmodifieddate": "2026-04-03T12:59:10Z"}
    record = record_of("deal", received(id=7, properties=properties))
    assert (record.id, record.properties["a"], record.properties["b"]) == ("7", "1.5", "true")
    assert record.properties["c"] == '["x"]'


def test_a_garbled_stamp_gives_way_to_updated_at() -> None:
    poison = received(properties={"hs_lastmodifieddate": "N/A"}, updatedAt="2026-04-03T12:59:10Z")
    assert record_of("deal", poison).modified_at == MOMENT


def test_a_record_without_any_stamp_is_skipped_by_name() -> None:
    with pytest.raises(SkipRecord, match="deals 7 has no modification stamp") as caught:
        record_of("deal", received(properties=None))
    assert caught.value.record_id == "7"


def test_results_that_are_no_records_do_not_stop_the_page() -> None:
    good = received()
    results = [Received(None, b"null"), Received({"id": None}, b"{}"), good]
    records, raw = records_of("deal", results, MOMENT)
    assert ([record.id for record in records], raw) == (["7"], (good.raw,))


def test_merged_ids_are_split_and_never_the_own_one() -> None:
    properties = {"hs_merged_object_ids": "5; 6;7;5;", "hs_lastmodifieddate": "2026-04-03T12:59:10Z"}
    assert record_of("deal", received(properties=properties)).merged_ids == ("5", "6")


@pytest.mark.parametrize(("product", "references"), [("12", (Reference("12", primary=True),)), (None, ()), ("", ())])
def test_a_line_item_refers_to_its_product(product: str | None, references: tuple[Reference, ...]) -> None:
    properties = {"hs_product_id": product, "hs_lastmodifieddate": "2026-04-03T12:59:10Z"}
    assert record_of("line_item", received(properties=properties)).references == {"product": references}


def test_the_state_of_a_deal_has_the_stages_it_entered() -> None:
    properties = {
        "pipeline": "default",
        "dealstage": "closedwon",
        "hs_v2_date_entered_closedwon": "2026-04-03T12:59:10Z",
        "hs_v2_date_entered_301": None,
        "hs_v2_date_entered_302": "garbage",
        "hs_v2_date_entered_current_stage": "2026-04-03T12:59:10Z",
        "hs_lastmodifieddate": "2026-04-03T12:59:10Z",
    }
    state = deal_state(record_of("deal", received(properties=properties)))
    assert (state.pipeline_id, state.stage_id, dict(state.entered)) == ("default", "closedwon", {"closedwon": MOMENT})


def test_only_a_property_no_record_has_is_unknown() -> None:
    stamp = {"hs_lastmodifieddate": "2026-04-03T12:59:10Z"}
    records = [
        record_of("deal", received(properties=stamp | {"a": None})),
        record_of("deal", received(properties=stamp)),
    ]
    refuse_unknown("deal", ["a"], records)
    refuse_unknown("deal", ["b"], [])
    with pytest.raises(UnknownField, match="deals have no property b:"):
        refuse_unknown("deal", ["a", "b"], records)


COMPACT = b'{"total":2,"results":[{"id":"1","n":"1.10"},{"id":"2","n":"\xc3\xa9"}]}'
SPACED = b'{ "x" : [1, "results"],\n "results" : [ {"id": "1", "n": 1.10} , {"id":"2","n":"\\u00e9\\/"}\t] , "y":{} }'


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        (COMPACT, [b'{"id":"1","n":"1.10"}', b'{"id":"2","n":"\xc3\xa9"}']),
        (SPACED, [b'{"id": "1", "n": 1.10}', b'{"id":"2","n":"\\u00e9\\/"}']),
        (b'{"results":[{"n":123456789012345678901234567890}]}', [b'{"n":123456789012345678901234567890}']),
        (b'{"results":[]}', []),
        (b'{"results":[ ]}', []),
    ],
)
def test_records_are_kept_byte_for_byte(body: bytes, raw: list[bytes]) -> None:
    assert [each.raw for each in results_of(answer(body), "call")] == raw


def test_broken_text_is_mended_in_values_and_kept_as_received() -> None:
    body = b'{"results":[{"id":"1","half":"a\\ud83db","whole":"\\ud83d\\ude00","bytes":"\xff"}]}'
    (result,) = results_of(answer(body), "call")
    assert result.json["half"] == "a\ufffdb"
    assert result.json["whole"] == "\U0001f600"
    assert result.json["bytes"] == "\ufffd"
    assert result.raw in body


@pytest.mark.parametrize("body", [b"", b"[]", b'{"results":', b'{"other":[]}', b'{"results":{}}', b'{"a":1'])
def test_a_body_without_the_array_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        array_elements(body, "results")

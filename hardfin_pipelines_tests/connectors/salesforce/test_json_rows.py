import orjson
import pytest

from hardfin_pipelines.connectors.json_reader import value_of
from hardfin_pipelines.connectors.salesforce.json_rows import composite_pages, query_page


def test_each_row_comes_byte_for_byte_and_its_numbers_as_texts():
    rows = [b'{"Id":"1", "Amount":1234567890123456.78,"Quantity":50.00}', '{ "Name" : "Zoë \\u00fc" , "N": 7}'.encode()]
    body = b' {"totalSize":2,"done":true,"records":[' + rows[0] + b" ,\n " + rows[1] + b"]}\n"
    page = query_page(body)
    assert [row.raw for row in page.rows] == rows
    assert page.rows[0].document == {"Id": "1", "Amount": "1234567890123456.78", "Quantity": "50.00"}
    assert page.rows[1].document == {"Name": "Zoë ü", "N": "7"}
    assert (page.total, page.locator) == (2, "")


def test_records_may_come_before_or_behind_the_rest():
    page = query_page(
        b'{"records":[],"nextRecordsUrl":"/services/data/v62.0/query/01gX-2000","done":false,"totalSize":4000,"more":[{}]}'
    )
    assert (page.rows, page.total, page.locator) == ([], 4000, "01gX-2000")


def test_parts_of_a_composite_answer_are_pages_each():
    part = {"body": {"totalSize": 1, "done": True, "records": [{"Id": "1"}]}, "httpStatusCode": 200, "referenceId": "a"}
    pages = composite_pages(orjson.dumps({"compositeResponse": [part, part]}))
    assert [[row.raw for row in page.rows] for page in pages] == [[b'{"Id":"1"}']] * 2


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"records":[{}',
        b'{"records":[],"done":false}',
        b'{"done":true}',
        b'{"records":[{} {}]}',
        b'{"records":[],"done":true}{',
        b"<html>",
    ],
)
def test_what_is_no_page_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011  # its text is the JSON reader's
        query_page(body)


def test_bytes_that_are_no_utf_8_survive():
    body = b'{"done":true,"records":[{"Name":"\xff"}]}'
    assert query_page(body).rows[0].raw == b'{"Name":"\xff"}'
    assert value_of(b'{"a":"\\ud800"}') == {"a": "\ud800"}

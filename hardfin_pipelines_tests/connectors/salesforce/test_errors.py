from datetime import UTC, datetime

import orjson
import pytest

from hardfin_pipelines.connectors.errors import NeedsAttention, UnknownField, VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce import errors

NO_COLUMN = (
    "\nSELECT Bacon__c FROM Account LIMIT 2\n       ^\nERROR at Row:1:Column:8\nNo such column 'Bacon__c' on entity "
    "'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
)


def answer(status, code, message="said so"):
    body = orjson.dumps([{"message": message, "errorCode": code}])
    return Answer(status, body, {"content-type": "application/json"}, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "INVALID_SESSION_ID", NeedsAttention),
        (400, "INVALID_FIELD", UnknownField),
        (400, "INVALID_TYPE", NeedsAttention),
        (403, "API_DISABLED_FOR_ORG", NeedsAttention),
        (403, "INSUFFICIENT_ACCESS", NeedsAttention),
        (400, "QUERY_TOO_COMPLICATED", NeedsAttention),
        (400, "MALFORMED_QUERY", VendorContractError),
        (404, "NOT_FOUND", VendorContractError),
        (400, "INVALID_QUERY_LOCATOR", errors.LocatorGone),
    ],
)
def test_each_refusal_has_its_kind_and_one_line(status, code, kind):
    found = errors.refusal(answer(status, code), "GET query/")
    assert type(found) is kind
    assert "\n" not in str(found)
    assert found.context["code"] == code


def test_an_unknown_field_is_named_as_the_mapping_names_it_with_the_permission():
    found = errors.refusal(answer(400, "INVALID_FIELD", NO_COLUMN), "GET query/", ["Name", "Account.Bacon__c"])
    assert found.context["properties"] == "Account.Bacon__c"
    assert "grant Hardfin's user Read on it" in str(found)


def test_an_unknown_relationship_is_named():
    text = "Didn't understand relationship 'Site__r' in field path. If you are attempting to use a custom relationship…"
    found = errors.refusal(answer(400, "INVALID_FIELD", text), "GET query/", ["Name", "Site__r.City__c"])
    assert found.context["properties"] == "Site__r.City__c"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (503, "SERVER_UNAVAILABLE"),
        (500, "UNKNOWN_EXCEPTION"),
        (403, "TXN_SECURITY_METERING_ERROR"),
    ],
)
def test_what_passes_is_tried_again(status, code):
    assert errors.is_transient(answer(status, code))
    assert not errors.is_throttled(answer(status, code))


def test_the_days_end_is_told_from_too_many_long_calls():
    day = answer(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
    busy = answer(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded.")
    assert [errors.is_throttled(each) for each in (day, busy)] == [True, True]
    assert [errors.is_days_end(each) for each in (day, busy)] == [True, False]


def test_a_page_of_html_is_no_error_of_ours():
    page = Answer(502, b"<html>Bad Gateway</html>", {"content-type": "text/html"}, datetime(2026, 1, 1, tzinfo=UTC))
    assert errors.is_transient(page)
    assert errors.message_of(page) == "text/html, no message"

"""From QuickBooks' JSON to records and facts, and faults in every form they come in."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.quickbooks import QuickBooksDecoder
from hardfin_pipelines.connectors.quickbooks.answers import changes_in, query_rows, vendor_time
from hardfin_pipelines.connectors.quickbooks.decode import gone_of
from hardfin_pipelines.connectors.quickbooks.facts import KINDS, item_facts
from hardfin_pipelines.connectors.quickbooks.faults import Fault, fault_of
from hardfin_pipelines.connectors.quickbooks.statements import by_ids, quoted
from hardfin_pipelines.sandbox.quickbooks.entities import ITEM_TYPES
from hardfin_pipelines.sync.records import Record

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOSE = (
    b'{"Name":"Hose","Active":true,"SubItem":true,"ParentRef":{"value":"17","name":"Sprinkler System:Sprinkler Pipes"},'
    b'"Level":2,"FullyQualifiedName":"Sprinkler System:Sprinkler Pipes:Hose","UnitPrice":12345678901234.10,'
    b'"Type":"Inventory","PurchaseCost":1e-7,"domain":"QBO","sparse":false,"Id":"5","SyncToken":"2",'
    b'"MetaData":{"CreateTime":"2014-09-16T10:42:19-07:00","LastUpdatedTime":"2014-09-19T13:16:17-07:00"}}'
)


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer(status, body, {"content-type": "application/json"}, AT)


def record(**fields: object) -> Record:
    stamp = {"LastUpdatedTime": "2026-01-01T00:00:00Z"}
    given = {"Id": "1", "Name": "Arm", "Type": "Inventory", "MetaData": stamp, **fields}
    return QuickBooksDecoder().decode_record("item", json.dumps(given).encode())


def test_a_record_has_the_vendors_values_under_dotted_names() -> None:
    found = QuickBooksDecoder().decode_record("item", HOSE)
    assert (found.id, found.role) == ("5", "item")
    assert found.modified_at == datetime(2014, 9, 19, 20, 16, 17, tzinfo=UTC)
    assert found.properties["ParentRef.value"] == "17"
    assert found.properties["ParentRef.name"] == "Sprinkler System:Sprinkler Pipes"
    assert found.properties["UnitPrice"] == "12345678901234.10"
    assert found.properties["PurchaseCost"] == "1e-7"
    assert found.properties["Active"] == "true"
    assert found.properties["SyncToken"] == "2"
    assert "Sku" not in found.properties


def test_facts_keep_digits_and_the_path() -> None:
    facts = item_facts(QuickBooksDecoder().decode_record("item", HOSE), "USD")
    assert facts.price is not None
    assert str(facts.price) == "12345678901234.10"
    assert facts.cost == Decimal("0.0000001")
    assert facts.path == ("Sprinkler System", "Sprinkler Pipes", "Hose")
    assert (facts.currency, facts.sku, facts.kind) == ("USD", "", "stocked")


@pytest.mark.parametrize("suffix", [" (deleted)", " (deleted 1)", " (deleted 12)"])
def test_what_is_appended_to_names_of_inactive_items_is_taken_off(suffix: str) -> None:
    name = f"Thrifty Meats{suffix}"
    facts = item_facts(record(Name=name, FullyQualifiedName=f"Old{suffix}:{name}", Active=False))
    assert (facts.name, facts.path, facts.active) == ("Thrifty Meats", ("Old", "Thrifty Meats"), False)
    assert item_facts(record(Name=name, Active=True)).name == name


def test_an_item_whose_path_does_not_end_in_its_name_has_its_name() -> None:
    assert item_facts(record(Name="New", FullyQualifiedName="Arms:Old")).path == ("Arms", "New")
    assert item_facts(record(Name="Lone", FullyQualifiedName=None)).path == ("Lone",)


def test_every_type_that_quickbooks_has_is_known() -> None:
    assert set(ITEM_TYPES) == set(KINDS)
    kinds = {kind: item_facts(record(Type=kind)).kind for kind in KINDS}
    assert kinds["Service"] == "service"
    assert kinds["NonInventory"] == "non_stocked"
    assert kinds["Group"] == kinds["Bundle"] == "kit"
    assert kinds["Assembly"] == "assembly"
    assert kinds["Category"] == kinds["Discount"] == "helper"


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"Name": ""}, "it has no Name"),
        ({"Type": "Hologram"}, "its Type is Hologram: expected one of Assembly"),
        ({"Type": None}, "its Type is not set"),
        ({"UnitPrice": "N/A"}, "its UnitPrice is 'N/A': expected a number"),
        ({"PurchaseCost": "NaN"}, "its PurchaseCost is 'NaN'"),
    ],
)
def test_what_cannot_be_read_is_skipped_with_its_reason(fields: dict[str, object], says: str) -> None:
    with pytest.raises(SkipRecord, match=says) as caught:
        item_facts(record(**fields))
    assert caught.value.record_id == "1"


def test_a_percentage_is_no_price() -> None:
    assert item_facts(record(PercentBased=True, UnitPrice=10)).price is None


def test_custom_fields_have_their_names() -> None:
    fields = [
        {"DefinitionId": "1", "Name": "Bin", "Type": "StringType", "StringValue": "A-7"},
        {"Name": "Fragile", "Type": "BooleanType", "BooleanValue": True},
        {"Name": "Empty", "Type": "StringType"},
    ]
    properties = record(CustomField=fields).properties
    assert properties["CustomField.Bin"] == "A-7"
    assert properties["CustomField.Fragile"] == "true"
    assert properties["CustomField.Empty"] is None


@pytest.mark.parametrize(
    ("raw", "says"),
    [(b"{", "is no JSON"), (b"7", "no Id"), (b'{"Id":""}', "no Id"), (b'{"Id":"3"}', "LastUpdatedTime")],
)
def test_what_is_no_record_is_skipped(raw: bytes, says: str) -> None:
    with pytest.raises(SkipRecord, match=says):
        QuickBooksDecoder().decode_record("item", raw)


def test_a_record_without_a_stamp_gets_the_given_one() -> None:
    assert QuickBooksDecoder().decode_record("item", b'{"Id":"3"}', AT).modified_at == AT


def test_a_row_is_kept_byte_for_byte() -> None:
    body = (
        b'{"QueryResponse": {"Item" : [ '
        + HOSE
        + b' , {"Id":"6","Name":"\xc3\xa9\\u00e9"} ],"maxResults":2},"time":""}'
    )
    first, second = query_rows(answer(body), "Item", "call")
    assert first.raw == HOSE
    assert second.raw == b'{"Id":"6","Name":"\xc3\xa9\\u00e9"}'
    assert query_rows(answer(b'{"QueryResponse":{},"time":""}'), "Item", "call") == []


def test_changes_of_several_entities_are_told_apart_and_stubs_from_rows() -> None:
    body = (
        b'{"CDCResponse":[{"QueryResponse":[{"Item":[{"Id":"1","Name":"a"},{"domain":"QBO","status":"Deleted","Id":"39",'
        b'"MetaData":{"LastUpdatedTime":"2014-12-08T19:36:24-08:00"}}],"startPosition":1,"maxResults":2,"totalCount":2},'
        b'{"Account":[{"Id":"7"}]},{}]}],"time":"2014-12-08T19:36:36.977-08:00"}'
    )
    found = changes_in(answer(body), "call")
    assert found.keys() == {"Item", "Account"}
    assert [row.document["Id"] for row in found["Item"].rows] == ["1"]
    (gone,) = gone_of("item", found["Item"].stubs, AT)
    assert (gone.id, gone.at, gone.how) == ("39", datetime(2014, 12, 9, 3, 36, 24, tzinfo=UTC), "deleted")
    assert vendor_time(answer(body)) == datetime(2014, 12, 9, 3, 36, 36, 977000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"Fault":{"Error":[{"Message":"m","Detail":"d","code":"003200"}],"type":"X"}}', Fault("3200", "m: d")),
        (b'{"fault":{"error":[{"message":"m","detail":null,"code":"3200"}]},"time":1}', Fault("3200", "m")),
        (
            b'{"Fault":{"Error":[{"Message":"message=E; errorCode=003001; statusCode=429"}]}}',
            Fault("3001", "message=E; errorCode=003001; statusCode=429"),
        ),
        (b'{"Fault":{"Error":[{"Message":"m","code":"SystemFault"}]}}', Fault("SystemFault", "m")),
        (b'{"Fault":{"type":"SERVICE"}}', Fault("", "SERVICE")),
        (b'{"Fault":{"Error":[{"Detail":"Token expired: eyJhbGci.x","code":"0"}]}}', Fault("0", "Token expired")),
        (b'{"QueryResponse":{"Fault":1}}', None),
        (b"<html><body>502</body></html>", None),
        (b"<Fault", None),
        (b"", None),
    ],
)
def test_a_fault_is_read_in_any_form(body: bytes, fault: Fault | None) -> None:
    assert fault_of(answer(body)) == fault


def test_texts_in_statements_stay_texts() -> None:
    assert quoted("O'Neil \\ Sons") == "'O\\'Neil \\\\ Sons'"
    assert by_ids("Item", ["1", "2"], 1000) == (
        "SELECT * FROM Item WHERE Active IN (true, false) AND Id IN ('1', '2') MAXRESULTS 1000"
    )


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("file", "code", "says"),
    [
        ("fault.xml", "2050", "Length exceeds limit: Length of the field exceeds 21 chars"),
        ("generic_error.xml", "10000", "An application error has occurred"),
        ("throttle_exceeded_error.xml", "3001", "ThrottleExceeded"),
        ("too_many_requests_error.xml", "3001", "The request limit was reached"),
        ("query_validation_error.xml", "4001", "QueryValidationError: value 0 is too small"),
        ("customer_duplicate_error.xml", "6240", "Duplicate Name Exists Error"),
    ],
)
def test_recorded_faults_in_xml_are_read(shared_data: Path, file: str, code: str, says: str) -> None:
    fault = fault_of(answer((shared_data / "quickbooks" / "xml" / file).read_bytes(), 400))
    assert fault is not None
    assert fault.code == code
    assert says in fault.text


@pytest.mark.shared_data
def test_recorded_answers_in_xml_are_no_faults(shared_data: Path) -> None:
    for file in ("items.xml", "item_changes.xml", "company_info.xml"):
        assert fault_of(answer((shared_data / "quickbooks" / "xml" / file).read_bytes())) is None


@pytest.mark.shared_data
def test_recorded_items_are_read(shared_data: Path) -> None:
    rows = json.loads((shared_data / "quickbooks" / "items.json").read_text(encoding="utf-8"))
    found = [QuickBooksDecoder().decode_record("item", json.dumps(row).encode()) for row in rows]
    facts = {each.id: item_facts(each, "USD") for each in found}
    assert len(found) == len(rows) > 0
    assert facts["10"].price == Decimal(35)
    assert facts["3category"].kind == "helper"
    assert not facts["8"].active

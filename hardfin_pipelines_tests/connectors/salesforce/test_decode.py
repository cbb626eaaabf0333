from datetime import UTC, datetime

import orjson
import pytest

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.salesforce.decode import MASTER_RECORD_TYPE, SalesforceDecoder, moment_of
from hardfin_pipelines.sync.records import Reference

STAMP = "2026-03-01T10:00:00.000+0000"
DECODER = SalesforceDecoder()


def decoded(role="deal", **fields):
    document = {"attributes": {"type": "X"}, "Id": "0065e00000AbCdEAAV"[:15], "SystemModstamp": STAMP, **fields}
    return DECODER.decode_record(role, orjson.dumps(document))


def test_values_are_texts_and_parents_have_dotted_names():
    account = {"attributes": {"type": "Account"}, "Name": "Acme", "Owner": {"attributes": {}, "Email": "a@b.c"}}
    record = decoded(Name="Robot", IsWon=True, IsClosed=False, Amount=10.5, NextStep=None, Account=account)
    assert dict(record.properties) == {
        "Id": "0065e00000AbCdE",
        "SystemModstamp": STAMP,
        "Name": "Robot",
        "IsWon": "true",
        "IsClosed": "false",
        "Amount": "10.5",
        "NextStep": None,
        "Account.Name": "Acme",
        "Account.Owner.Email": "a@b.c",
    }
    assert record.modified_at == datetime(2026, 3, 1, 10, tzinfo=UTC)
    assert len(record.id) == 18


def test_money_keeps_every_digit():
    raw = b'{"Id":"0065e00000AbCdE","SystemModstamp":"2026-03-01T10:00:00.000+0000","Amount":1234567890123456.78}'
    assert DECODER.decode_record("deal", raw).properties["Amount"] == "1234567890123456.78"


def test_the_fields_of_a_parent_there_is_none_of_are_empty_not_unknown():
    properties = decoded(Account=None).properties
    assert "Account.Name" in properties
    assert "Account.Owner.Name" in properties
    assert properties["Account.Name"] is None
    assert properties.get("Account.Name", "x") is None
    assert "Owner.Name" not in properties
    assert properties.get("Owner.Name", "x") == "x"
    with pytest.raises(KeyError):
        properties["Owner.Name"]


def test_compound_values_are_json_texts():
    assert decoded(ShippingAddress={"city": "Ulm"}).properties["ShippingAddress"] == '{"city":"Ulm"}'


def test_references_are_the_account_and_the_product():
    assert decoded(AccountId="001A0000006Vm9r").references["company"] == (
        Reference("001A0000006Vm9rIAC", primary=True),
    )
    assert decoded(AccountId=None).references["company"] == ()
    assert "company" not in decoded().references
    assert decoded("line_item", Product2Id="01tA0000006Vm9r").references["product"][0].id.startswith("01tA0000006Vm9r")


def test_the_pipeline_is_the_record_type():
    assert DECODER.deal_state(decoded(StageName="Won")).pipeline_id == "default"
    assert DECODER.deal_state(decoded(StageName="Won", RecordTypeId=None)).pipeline_id == MASTER_RECORD_TYPE
    state = DECODER.deal_state(decoded(StageName="Won", RecordTypeId="012A0000006Vm9r"))
    assert (state.pipeline_id[:15], state.stage_id) == ("012A0000006Vm9r", "Won")
    nothing = DECODER.deal_state(decoded())
    assert (nothing.pipeline_id, nothing.stage_id) == ("", "")


def at(hour):
    return f"2026-03-01T{hour:02}:00:00.000+0000"


def test_entered_stages_come_from_the_history_and_the_present_one_from_its_own_date():
    rows = [(9, "Won"), (7, "Won"), (6, "Draft"), (5, "Won")]
    history = {"totalSize": 4, "done": True, "records": [{"StageName": name, "CreatedDate": at(h)} for h, name in rows]}
    record = decoded(StageName="Lost", LastStageChangeDate=at(10), OpportunityHistories=history)
    entered = DECODER.deal_state(record).entered
    # The row of nine o'clock is a change of something else within the stage.
    assert {name: moment.hour for name, moment in entered.items()} == {"Won": 7, "Draft": 6, "Lost": 10}
    assert DECODER.deal_state(decoded(StageName="Won", OpportunityHistories=None)).entered == {}


def test_stamps_are_read_in_rests_and_bulks_form_only():
    assert moment_of("2026-03-01T10:00:00.000Z") == moment_of(STAMP)
    assert [moment_of(text) for text in ("not a date", "", None, "2026-13-41T00:00:00.000+0000", 7)] == [None] * 5


def test_what_is_no_record_is_told():
    for raw in (b"x", b"[]", b"{}", b'{"Id":"42"}'):
        with pytest.raises(SkipRecord):
            DECODER.decode_record("deal", raw)
    raw = b'{"Id":"0065e00000AbCdE","SystemModstamp":"soon"}'
    with pytest.raises(SkipRecord, match="no modification stamp"):
        DECODER.decode_record("deal", raw)
    assert DECODER.decode_record("deal", raw, datetime(2026, 1, 1, tzinfo=UTC)).modified_at.year == 2026

import pytest

from hardfin_pipelines.connectors.salesforce.ids import long_id, long_ids, own_id


def test_fifteen_characters_get_their_checks():
    assert long_id("00D000000000062") == "00D000000000062EAA"
    assert long_id("001A0000006Vm9r") == "001A0000006Vm9rIAC"
    assert long_id("012000000000000") == "012000000000000AAA"


def test_eighteen_characters_stay_and_lost_case_is_mended():
    for text in ("001A0000006Vm9rIAC", "001a0000006vm9riac", "001A0000006VM9RIAC"):
        assert long_id(text) == "001A0000006Vm9rIAC"


@pytest.mark.parametrize(
    "text", ["", "42", "001A0000006Vm9", "001A0000006Vm9rIAZ", "001A0000006Vm9r'OR", "ünfzehn-zeichen"]
)
def test_what_is_no_id_is_told(text):
    assert long_id(text) == ""


def test_ids_that_differ_in_length_only_are_one():
    assert set(long_ids(["001A0000006Vm9r", "001A0000006Vm9rIAC"]).values()) == {"001A0000006Vm9rIAC"}


@pytest.mark.parametrize(
    "text",
    [
        "001A0000006Vm9r",
        " 001A0000006Vm9rIAC ",
        "001a0000006vm9riac",
        "https://acme.lightning.force.com/lightning/r/Account/001A0000006Vm9rIAC/view",
        "https://acme.my.salesforce.com/001A0000006Vm9r",
        "https://acme.my.salesforce.com/001A0000006Vm9r?retURL=%2Fhome%2Fhome.jsp",
        "https://acme.lightning.force.com/one/one.app#/sObject/001A0000006Vm9r/view",
    ],
)
def test_what_people_copy_leads_to_the_id(text):
    assert own_id(text) == "001A0000006Vm9rIAC"


@pytest.mark.parametrize("text", ["prj_3p5q27k4n3xj52mp", "42", "Robot arm", "https://acme.my.salesforce.com/"])
def test_what_has_no_id_in_it_stays_as_it_is(text):
    assert own_id(f" {text}\n") == text

"""Record ids in their two forms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sandbox.salesforce.ids import IdSource, normalized, number_in, to_18

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_checksums_are_salesforces():
    assert to_18("0057e00000RmwSW") == "0057e00000RmwSWAAZ"
    assert to_18("012000000000000") == "012000000000000AAA"


@given(st.text(_ALPHABET, min_size=15, max_size=15))
def test_an_id_of_18_characters_survives_any_loss_of_case(text: str):
    whole = to_18(text)
    assert normalized(text) == normalized(whole.lower()) == normalized(whole.upper()) == whole


@pytest.mark.parametrize("text", ["", "abc", "001000000000000AA", "001-00000000000", "001000000000000!!!"])
def test_other_texts_are_no_ids(text: str):
    assert normalized(text) is None


def test_new_ids_rise_and_skip_what_is_taken():
    source = IdSource(first=61)
    made = [source.next("001") for _ in range(3)]
    assert made == sorted(made)
    assert [number_in(each) for each in made] == [61, 62, 63]
    source.skip_past("001", 100)
    assert number_in(source.next("001")) == 101

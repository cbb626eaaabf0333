"""The keys by which items are found: what counts in them and what does not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.identity import normalized_name, normalized_sku
from hardfin_pipelines.sync.item_keys import name_key, path_forms, sku_key

TRICKY = "aB0 \t-\u2013\u2212\u2011:\u200b\u00ad\u00a0\uff0d\u0301éßİ\ufb01½1"
TEXTS = st.text(st.sampled_from(TRICKY), max_size=12) | st.text(st.characters(codec="utf-8"), max_size=12)


@pytest.mark.parametrize(
    "name",
    [
        "HL Frame - Black",
        "hl frame-black",
        "HL  Frame \u2013 Black",
        "HL\u00a0Frame \u2212Black",
        "HL Fr\u00adame -\u200bBlack",
    ],
)
def test_case_spaces_kinds_of_dash_and_unseen_characters_do_not_count_in_names(name):
    assert name_key(name) == "hl frame-black"


@pytest.mark.parametrize(
    ("first", "second"), [("Frame Black", "Frame-Black"), ("Nut 5", "Nut 05"), ("Valve", "Vàlve"), ("1,5", "1.5")]
)
def test_punctuation_accents_and_zeros_count_in_names(first, second):
    assert name_key(first) != name_key(second)


@pytest.mark.parametrize(("first", "second"), [("0012", "12"), ("AB-1", "AB1"), ("AB-1", "AB.1"), ("O1", "01")])
def test_leading_zeros_and_punctuation_count_in_skus(first, second):
    assert sku_key(first) != sku_key(second)


@pytest.mark.parametrize("sku", ["", " ", "-", "\u2014", "N/A", " n/a ", "None", "TBD", "..."])
def test_what_stands_for_no_sku_is_no_key(sku):
    assert sku_key(sku) == ""


@pytest.mark.parametrize("name", ["", " \u200b", "-", "???"])
def test_a_name_without_a_letter_or_digit_is_no_key(name):
    assert name_key(name) == ""


def test_a_path_is_written_as_both_vendors_do():
    assert path_forms(("Pipes", "Hose")) == ("Pipes:Hose", "Pipes : Hose")
    assert path_forms(("Hose",)) == ()


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_a_key_is_its_own_key(text):
    assert name_key(name_key(text)) == name_key(text)
    assert sku_key(sku_key(text)) == sku_key(text)


@settings(deadline=None, max_examples=300)
@given(TEXTS, TEXTS)
def test_what_the_stored_columns_hold_equal_has_one_key(first, second):
    if normalized_name(first) == normalized_name(second):
        assert name_key(first) == name_key(second)
    if normalized_sku(first) == normalized_sku(second):
        assert sku_key(first) == sku_key(second)


@settings(deadline=None)
@given(st.text(st.characters(codec="ascii"), max_size=12))
def test_the_short_way_for_ascii_is_the_long_way(text):
    assert name_key(text) == name_key(text + "\u200b")
    assert sku_key(text) == sku_key(text + "\u200b")

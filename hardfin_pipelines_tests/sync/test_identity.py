"""How names and SKUs are compared, and how entities get their ids."""

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.entities import ENTITY_TYPES
from hardfin_pipelines.sync.identity import entity_id, line_item_id, normalized_name, normalized_sku

TRICKY = (
    "\u0345\u0301\u03b1\u03b9\u0391ΐ\u02bcnǰß\u017f\u0130i\u0307\u0323ὒᾳ\u0308ώ\u0342 \u00b4-\u2212\u2011\ufb01Ⅻ½\u1e9e"
)
"""Characters on which normal forms, case folding and dashes disagree with each other."""
NO_SURROGATES = st.characters(codec="utf-8")
TEXTS = st.text(NO_SURROGATES) | st.text(st.sampled_from(TRICKY))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Pump X1", "pump x1"),
        ("Pump  X1", " Pump\tX1\n"),
        ("Pump\u00a0X1", "Pump X1"),
        ("\uff30\uff55\uff4d\uff50\u3000\uff38\uff11", "Pump X1"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("STRASSE", "Straße"),
        ("\ufb01lter", "FILTER"),
        ("Ærø", "ærø"),
        ("ΟΔΟΣ", "οδος"),
        ("10 ㎏", "10 KG"),
    ],
)
def test_case_white_space_width_and_composed_forms_do_not_count_in_names(first, second):
    assert normalized_name(first) == normalized_name(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Pump", "Pumps"),
        ("Pump X1", "Pump-X1"),
        ("Pump X1", "PumpX1"),
        ("Valve", "Vàlve"),
        ("10", "1O"),
        ("A", "\u0410"),
    ],
)
def test_everything_else_counts_in_names(first, second):
    assert normalized_name(first) != normalized_name(second)


@pytest.mark.parametrize(
    "sku",
    [
        "ab-1",
        "AB-1",
        " ab - 1 ",
        "AB\u20111",
        "AB\u20131",
        "AB\u20141",
        "AB\u22121",
        "\uff21\uff22\uff0d\uff11",
        "ab\ufe631",
        "a\u00a0b-1",
    ],
)
def test_case_white_space_and_the_kinds_of_dash_do_not_count_in_skus(sku):
    assert normalized_sku(sku) == "ab-1"


@pytest.mark.parametrize(("first", "second"), [("AB-1", "AB1"), ("AB-1", "AB_1"), ("AB-1", "AB.1"), ("AB-1", "AB-01")])
def test_everything_else_counts_in_skus(first, second):
    assert normalized_sku(first) != normalized_sku(second)


@settings(deadline=None, max_examples=500)
@given(TEXTS)
def test_normalizing_twice_is_normalizing_once_and_the_unicode_form_does_not_count(text):
    for normalized in (normalized_name, normalized_sku):
        once = normalized(text)
        assert normalized(once) == once
        for form in ("NFC", "NFD"):
            assert normalized(unicodedata.normalize(form, text)) == once


@given(st.text(st.characters(codec="ascii")))
def test_the_case_of_ascii_text_does_not_count(text):
    assert normalized_name(text.upper()) == normalized_name(text.lower()) == normalized_name(text)
    assert normalized_sku(text.upper()) == normalized_sku(text.lower()) == normalized_sku(text)


@given(TEXTS)
def test_a_name_that_is_not_blank_has_a_normalized_name(text):
    assert bool(normalized_name(text)) == bool(text.strip())


def test_an_id_says_its_kind_and_is_plain_text():
    prefixes = {"customer": "cus", "item": "itm", "project": "prj", "project_line_item": "pli"}
    for entity in ENTITY_TYPES:
        assert re.fullmatch(rf"{prefixes[entity]}_[a-z2-7]{{16}}", entity_id(entity, "acme", "acme:hubspot", "7"))


def test_an_id_is_the_same_in_every_release():
    """A changed id would make a second entity of a record whose first sync was cut off and is done again."""
    assert entity_id("project", "acme-robotics", "acme-robotics:hubspot", "12") == "prj_6aunhn76mo2rnib2"


def test_neighbours_and_the_lines_of_a_project_have_ids_that_begin_alike():
    one, next_one, other = (entity_id("project", "acme", "acme:hubspot", each) for each in ("120", "121", "130"))
    assert one[:10] == next_one[:10] != other[:10]
    lines = {line_item_id("acme", "acme:hubspot", each, one) for each in ("7", "8", "951")}
    assert len(lines) == 3
    assert {line[:12] for line in lines} == {one.replace("prj", "pli")[:12]}
    assert all(re.fullmatch(r"pli_[a-z2-7]{16}", line) for line in lines)


PARTS = st.tuples(
    st.sampled_from(ENTITY_TYPES),
    st.sampled_from(["acme", "acme-robotics", "globex"]),
    st.sampled_from(["acme:hubspot", "acme:salesforce", "globex:hubspot", ""]),
    st.text(NO_SURROGATES, max_size=5),
)


@given(st.lists(PARTS, unique=True, max_size=20))
def test_hazard_no_two_records_organizations_or_connections_share_an_entity(parts):
    assert len({entity_id(*each) for each in parts}) == len(parts)

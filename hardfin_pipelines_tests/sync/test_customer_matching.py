"""Which of Hardfin's customers an accounting system's customer is: by a name that is one's alone, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.customer_matching import CustomerMatch, match_customers
from hardfin_pipelines.sync.item_keys import name_key

GLOBEX = {"cus_globex": "Globex Corporation", "cus_initech": "Initech"}


def matched(vendor, hardfin=GLOBEX, linked=(), left_alone=()) -> dict[str, CustomerMatch]:
    found = match_customers(vendor, hardfin, linked=dict(linked), left_alone=left_alone)
    return {each.external_id: each for each in found}


@pytest.mark.parametrize(
    ("name", "matched_by"),
    [
        ("Globex Corporation", "name"),
        ("globex  CORPORATION ", "normalized name"),
        ("Ｇlobex Corporation", "normalized name"),  # full width, as pasted from elsewhere  # noqa: RUF001
    ],
)
def test_a_name_that_is_one_customers_alone_links_it(name, matched_by):
    (found,) = matched({"300": name}).values()

    assert (found.customer_id, found.matched_by) == ("cus_globex", matched_by)
    assert found.because.endswith("and no other customer's.")


def test_an_exact_name_goes_before_one_that_is_written_otherwise():
    hardfin = {**GLOBEX, "cus_shouting": "GLOBEX CORPORATION"}

    assert matched({"300": "GLOBEX CORPORATION"}, hardfin)["300"].customer_id == "cus_shouting"
    assert matched({"300": "globex corporation"}, hardfin)["300"].customer_id is None


@pytest.mark.parametrize(
    ("vendor", "hardfin", "because"),
    [
        ({"300": "Globex"}, GLOBEX, "No customer in Hardfin is called “Globex”."),
        ({"300": "Globex Corporation Inc."}, GLOBEX, "No customer in Hardfin"),
        ({"300": " - "}, {"cus_dash": "-"}, "says nothing"),
        ({"300": "Acme"}, {"cus_1": "Acme", "cus_2": "Acme"}, "2 customers in Hardfin are called “Acme”."),
        (
            {"300": "Initech", "301": "INITECH", "302": "Initech "},
            GLOBEX,
            "3 customers of the accounting system are called",
        ),
    ],
)
def test_what_is_not_certain_is_left_to_a_person(vendor, hardfin, because):
    for found in matched(vendor, hardfin).values():
        assert (found.customer_id, found.matched_by) == (None, "")
        assert because in found.because


def test_links_hold_and_nobody_joins_them_by_name():
    vendor = {"300": "Renamed since", "301": "Globex Corporation", "302": "Initech"}

    found = matched(vendor, linked={"300": "cus_globex"})

    assert found.keys() == {"301", "302"}
    assert found["301"].customer_id is None
    assert "Another customer of the accounting system is linked to “Globex Corporation”" in found["301"].because
    assert found["302"].customer_id == "cus_initech"


def test_what_a_person_took_away_is_left_alone_and_still_counts_as_bearing_its_name():
    vendor = {"300": "Initech", "301": "initech"}

    assert matched(vendor, left_alone={"300"}).keys() == {"301"}
    assert matched(vendor, left_alone={"300"})["301"].customer_id is None
    assert matched({"300": "Initech"}, left_alone={"300"}) == {}


NAMES = st.sampled_from(["Globex", "globex", "GLOBEX ", "Initech", "Ini-tech", "Ini \u2013 tech", "Acme", "", "…"])
VENDOR = st.dictionaries(st.sampled_from([str(number) for number in range(300, 308)]), NAMES)
HARDFIN = st.dictionaries(st.sampled_from([f"cus_{letter}" for letter in "abcdef"]), NAMES)
LINKED = st.dictionaries(
    st.sampled_from([str(number) for number in range(300, 308)]), st.sampled_from(["cus_a", "cus_b"]), max_size=2
)
LEFT_ALONE = st.sets(st.sampled_from([str(number) for number in range(300, 308)]), max_size=2)


@given(VENDOR, HARDFIN, LINKED, LEFT_ALONE)
def test_every_link_is_certain_and_nobody_is_linked_twice(vendor, hardfin, linked, left_alone):
    found = matched(vendor, hardfin, linked, left_alone)

    assert found.keys() == vendor.keys() - linked.keys() - left_alone
    made = {each.external_id: each.customer_id for each in found.values() if each.customer_id is not None}
    customers = [*made.values(), *linked.values()]
    assert len(set(made.values()) | set(linked.values())) == len(made) + len(set(linked.values())), customers
    for external_id, customer_id in made.items():
        key = name_key(vendor[external_id])
        assert key == name_key(hardfin[customer_id])
        assert [each for each in vendor if name_key(vendor[each]) == key] == [external_id]
        same = hardfin[customer_id] == vendor[external_id]
        rivals = [
            each
            for each in hardfin
            if (hardfin[each] == vendor[external_id] if same else name_key(hardfin[each]) == key)
        ]
        assert rivals == [customer_id]
        assert found[external_id].matched_by == ("name" if same else "normalized name")


@given(VENDOR, HARDFIN, LINKED, st.randoms())
def test_the_order_makes_no_difference(vendor, hardfin, linked, random):
    def shuffled(names):
        return dict(random.sample(list(names.items()), len(names)))

    assert matched(shuffled(vendor), shuffled(hardfin), linked) == matched(vendor, hardfin, linked)


@given(VENDOR, HARDFIN)
def test_what_is_linked_stays_so_and_matching_again_finds_nothing_new(vendor, hardfin):
    made = {
        each.external_id: each.customer_id for each in matched(vendor, hardfin).values() if each.customer_id is not None
    }

    again = matched(vendor, hardfin, made)

    assert all(each.customer_id is None for each in again.values())

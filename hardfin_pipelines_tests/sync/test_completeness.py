"""When a window may close."""

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.completeness import Proof, agrees


def test_a_window_closes_when_every_deal_the_vendor_counts_has_an_answer():
    assert Proof(12, 12).holds
    assert Proof(12, 12).sentence() == ""


def test_deals_that_moved_on_since_are_no_reason_to_keep_a_window_open():
    assert Proof(11, 12).holds


def test_a_window_stays_open_while_a_deal_has_no_answer_and_says_which():
    proof = Proof(9, 2, tuple(str(number) for number in range(7)))
    assert not proof.holds
    assert proof.sentence() == (
        "the CRM counts 9 deals, 2 have an answer; without an answer: 0, 1, 2, 3, 4 and 2 more; the window stays open"
    )


def test_a_window_stays_open_while_the_vendor_counts_more_than_it_shows():
    assert Proof(10, 9).sentence() == "the CRM counts 10 deals, 9 have an answer; the window stays open"


@given(st.integers(0, 50), st.sets(st.text(max_size=3), max_size=50))
def test_a_scan_is_looked_at_again_whenever_the_count_could_hide_a_deal(at_vendor, seen):
    assert agrees(at_vendor, seen, exactly=True) == (at_vendor == len(seen))
    assert agrees(at_vendor, seen, exactly=False) == (len(seen) >= at_vendor)
    assert not agrees(None, seen, exactly=False)

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sandbox.data_sets.shares import few, share_companies, spread


@given(st.integers(), st.integers(0, 500), st.integers(1, 100), st.data())
def test_spread_adds_up_and_leaves_the_asked_number_empty_when_it_can(seed, total, slots, data):
    empty = data.draw(st.integers(0, slots - 1))
    counts = spread(Random(seed), total, slots, empty=empty)
    assert len(counts) == slots
    assert sum(counts) == total
    assert min(counts) >= 0
    assert counts.count(0) >= empty
    if total >= slots - empty:
        assert counts.count(0) == empty


def test_spread_over_nothing_is_nothing():
    assert spread(Random(1), 0, 0, empty=0) == []


@given(st.integers(), st.integers(1, 60), st.integers(0, 200))
def test_every_company_is_named_and_none_twice_in_a_deal(seed, deals, companies):
    shared = share_companies(Random(seed), deals, companies)
    assert len(shared) == deals
    assert {company for chosen in shared for company in chosen} == set(range(companies))
    assert all(len(set(chosen)) == len(chosen) for chosen in shared)


def test_few_is_at_least_one_of_ten():
    assert [few(count, 3) for count in (0, 9, 10, 100, 1_000)] == [0, 0, 1, 3, 30]

"""Rule 5, without a store: a stored link, then a person's decision, then matching; what none settles waits."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.item_plan import LeftAlone, LinkBroken, LinkMade, LinkMended, TriageClosed, TriageWaits
from hardfin_pipelines.sync.vendor_items import HeldLink, KnownItem, Sightings, VendorItem, storable_facts
from hardfin_pipelines_tests.sync.item_cases import (
    Memory,
    at,
    catalogue,
    decision,
    deleted,
    facts,
    item,
    merged,
)

ARM, BASE = ("itm_arm", "Robot arm", "RA-1"), ("itm_base", "Base plate", "BP-1")


def memory(**known: KnownItem) -> Memory:
    return Memory(catalogue(ARM, BASE), {external_id.removeprefix("_"): each for external_id, each in known.items()})


def linked_to(item_id: str, broken: str = "") -> KnownItem:
    return KnownItem(item=item("1", "Robot arm", "RA-1"), link=HeldLink(item_id, "sku", broken))


def test_an_item_is_linked_by_its_sku_else_waits():
    store = memory()

    made, waits = store.visit(item("1", "Arm of a robot", "RA-1"), item("2", "Gripper", "G-1"))

    assert isinstance(made, LinkMade)
    assert (made.item_id, made.matched_by) == ("itm_arm", "sku")
    assert isinstance(waits, TriageWaits)
    assert (waits.id, waits.reason) == ("2", "unmatched")
    assert "G-1" in waits.because


def test_a_stored_link_decides_whatever_the_item_is_called_by_now():
    store = memory(_1=linked_to("itm_arm"))

    (left,) = store.visit(item("1", "Base plate", "BP-1", 5))

    assert isinstance(left, LeftAlone)
    assert store.linked() == {"1": "itm_arm"}


@pytest.mark.parametrize("change", [{"active": False}, {"kind": "helper", "vendor_type": "Category"}])
def test_a_linked_item_that_turns_inactive_or_a_helper_keeps_its_link(change):
    store = memory(_1=linked_to("itm_arm"))

    store.visit(item("1", "Robot arm", "RA-1", 5, **change))

    assert store.linked() == {"1": "itm_arm"}


@pytest.mark.parametrize("change", [{"active": False}, {"kind": "helper", "vendor_type": "Category"}])
def test_inactive_items_and_helpers_are_never_matched(change):
    store = memory()

    (left,) = store.visit(item("1", "Robot arm", "RA-1", **change))

    assert isinstance(left, LeftAlone)
    assert left.why in {"inactive", "helper"}
    assert (store.linked(), store.waiting()) == ({}, {})


@pytest.mark.parametrize("change", [{"active": False}, {"kind": "helper", "vendor_type": "Category"}])
def test_what_waits_leaves_triage_when_it_turns_inactive_or_a_helper_and_comes_back(change):
    store = memory()
    store.visit(item("1", "Gripper"))

    (closed,) = store.visit(item("1", "Gripper", minute=5, **change))
    assert isinstance(closed, TriageClosed)
    assert closed.state == "gone"
    (again,) = store.visit(item("1", "Gripper", minute=6))

    assert isinstance(again, TriageWaits)
    assert not again.refreshed


def test_what_waits_is_linked_once_hardfin_has_it_without_being_seen_again():
    store = memory()
    store.visit(item("1", "Gripper", "G-1"))
    store.catalogue = catalogue(ARM, BASE, ("itm_grip", "Gripper", ""))

    made, closed = store.visit()

    assert isinstance(made, LinkMade)
    assert made.matched_by == "name"
    assert isinstance(closed, TriageClosed)
    assert (closed.state, closed.because) == ("gone", made.because)


def test_a_reason_that_changes_is_refreshed_and_one_that_does_not_is_left_alone():
    store = memory()
    store.visit(item("1", "Gripper", "G-1"))

    (left,) = store.visit(item("1", "Gripper", "G-1", 5))
    (waits,) = store.visit(item("1", "Robot arm", "BP-1", 6))

    assert isinstance(left, LeftAlone)
    assert isinstance(waits, TriageWaits)
    assert (waits.refreshed, waits.reason) == (True, "conflict")


def test_two_items_with_one_sku_both_wait_and_the_other_is_linked_when_one_is_renamed():
    store = memory()
    store.visit(item("1", "First", "RA-1"), item("2", "Second", "RA-1"))
    assert store.waiting() == {"1": "ambiguous", "2": "ambiguous"}

    store.visit(item("2", "Second", "", 5))

    assert store.linked() == {"1": "itm_arm"}
    assert store.waiting() == {"2": "unmatched"}


def test_a_second_item_is_never_linked_to_what_another_one_has():
    store = memory(_1=linked_to("itm_arm"))

    store.visit(item("2", "Robot arm", "", 5))

    assert store.linked() == {"1": "itm_arm"}
    assert store.waiting() == {"2": "ambiguous"}


# -- gone, merged, back


def test_a_deleted_items_link_is_broken_once_and_mended_when_it_is_back():
    store = memory(_1=linked_to("itm_arm"))

    (broken,) = store.visit(gone=[deleted("1")])
    (left,) = store.visit(gone=[deleted("1")])
    assert isinstance(broken, LinkBroken)
    assert broken.because == "deleted at the vendor on 2026-03-02"
    assert isinstance(left, LeftAlone)
    assert store.linked() == {}
    (mended,) = store.visit(item("1", "Robot arm", "RA-1", 20))

    assert isinstance(mended, LinkMended)
    assert store.linked() == {"1": "itm_arm"}


def test_a_deleted_item_leaves_triage():
    store = memory()
    store.visit(item("1", "Gripper"))

    (closed,) = store.visit(gone=[deleted("1")])

    assert isinstance(closed, TriageClosed)
    assert (closed.state, store.waiting()) == ("gone", {})


def test_the_link_of_a_merged_item_follows_the_survivor_out_of_triage():
    store = memory(_1=linked_to("itm_arm"))
    store.visit(item("2", "Arm"))

    changes = store.visit(item("2", "Arm", minute=10), gone=[merged("1", "2")])

    assert store.linked() == {"2": "itm_arm"}
    assert store.waiting() == {}
    assert [type(change) for change in changes[:3]] == [LinkBroken, LinkMade, TriageClosed]
    assert store.known["1"].link == HeldLink(
        "itm_arm", "sku", "merged into 2 at the vendor on 2026-03-02, which its link has followed"
    )


@pytest.mark.parametrize(
    ("survivor", "says"),
    [
        (linked_to("itm_base"), "which is linked to another item, itm_base"),
        (linked_to("itm_arm"), "which is linked to the same item"),
        (KnownItem(decision=decision("ignore")), "but cli:ann ignored it on 2026-03-02"),
        (KnownItem(refused=frozenset({"itm_arm"})), "but a person took itm_arm away from that"),
        (KnownItem(gone=deleted("2")), "and 2 was deleted at the vendor"),
    ],
)
def test_a_merged_items_link_is_broken_where_the_survivor_cannot_take_it(survivor, says):
    store = memory(_1=linked_to("itm_arm"), _2=survivor)

    store.visit(gone=[merged("1", "2")])

    link = store.known["1"].link
    assert link is not None
    assert says in link.broken_because
    assert store.known["2"].link == survivor.link


def test_a_link_follows_merges_one_after_the_other_and_a_circle_ends():
    store = memory(_1=linked_to("itm_arm"))
    store.visit(gone=[merged("1", "2", 10), merged("2", "3", 11)])
    assert store.linked() == {"3": "itm_arm"}

    circle = memory(_1=linked_to("itm_arm"))
    circle.visit(gone=[merged("1", "2", 10), merged("2", "1", 11)])
    assert circle.linked() == {}


def test_of_two_linked_items_merged_into_one_the_first_ones_link_follows():
    store = memory(_1=linked_to("itm_arm"), _2=linked_to("itm_base"))

    store.visit(gone=[merged("2", "3", 11), merged("1", "3", 10)])

    assert store.linked() == {"3": "itm_arm"}
    link = store.known["2"].link
    assert link is not None
    assert "linked to another item, itm_arm" in link.broken_because


def test_a_merge_that_only_the_survivor_tells_of_counts():
    store = memory(_1=linked_to("itm_arm"))

    store.visit(VendorItem("2", facts("Arm"), at(10), "", ("1",)))

    assert store.linked() == {"2": "itm_arm"}


def test_a_merged_item_that_is_listed_as_inactive_is_not_back():
    store = memory(_1=linked_to("itm_arm"))
    store.visit(item("2", "Arm", minute=10), gone=[merged("1", "2")])

    store.visit(item("1", "Robot arm", "RA-1", 20, active=False))
    assert store.linked() == {"2": "itm_arm"}
    store.visit(item("1", "Robot arm", "RA-1", 21))

    assert store.linked() == {"1": "itm_arm", "2": "itm_arm"}


# -- decisions


def test_a_decision_resolves_the_item_when_it_returns():
    store = memory(_1=KnownItem(decision=decision("map", "itm_base")), _2=KnownItem(decision=decision("ignore")))

    made, left = store.visit(item("1", "Robot arm", "RA-1"), item("2", "Robot arm", "RA-1"))

    assert isinstance(made, LinkMade | LeftAlone)
    assert isinstance(left, LinkMade | LeftAlone)
    assert store.linked() == {"1": "itm_base"}
    assert store.waiting() == {}


def test_a_decision_for_an_item_that_hardfin_has_no_more_is_asked_again():
    store = memory(_1=KnownItem(decision=decision("map", "itm_gone")))

    store.visit(item("1", "Gripper"))

    assert store.waiting() == {"1": "unmatched"}


def test_what_a_person_took_away_is_not_linked_again_by_matching():
    store = memory(_1=KnownItem(refused=frozenset({"itm_arm"})))

    (waits,) = store.visit(item("1", "Robot arm", "RA-1"))

    assert isinstance(waits, TriageWaits)
    assert (waits.reason, store.linked()) == ("conflict", {})
    assert "a person took that link away" in waits.because


def test_text_that_no_database_takes_is_replaced():
    clean = storable_facts(facts("Ro\0bot \ud800", path=("A\0", "B")))

    assert clean == facts("Ro\N{REPLACEMENT CHARACTER}bot ?", path=("A\N{REPLACEMENT CHARACTER}", "B"))
    assert storable_facts(facts("Zoë")) == facts("Zoë")


# -- whatever the order

NAMES = st.sampled_from(["Robot arm", "robot ARM", "Base plate", "Gripper", "", "Smörg", "RA-1"])
SKUS = st.sampled_from(["", "RA-1", "ra 1", "BP-1", "X", "Robot arm"])
IDS = st.sampled_from([str(number) for number in range(6)])


@st.composite
def versions(draw):
    """Versions of a few items, each with a stamp of its own, and items that are gone."""
    seen = draw(
        st.lists(st.tuples(IDS, NAMES, SKUS, st.booleans(), st.sampled_from(["stocked", "helper"])), max_size=12)
    )
    lost = draw(st.lists(st.tuples(IDS, st.one_of(st.just(""), IDS)), max_size=4))
    stamps = draw(st.permutations(range(len(seen) + len(lost))))
    found: list = [
        item(each, name, sku, stamps[place], active=active, kind=kind)
        for place, (each, name, sku, active, kind) in enumerate(seen)
    ]
    for place, (each, survivor) in enumerate(lost, len(seen)):
        into = survivor if survivor != each else ""
        found.append(merged(each, into, stamps[place]) if into else deleted(each, stamps[place]))
    return found


def sightings(found) -> Sightings:
    taken = Sightings()
    for each in found:
        (taken.see if isinstance(each, VendorItem) else taken.lose)(each)
    return taken


def state(store: Memory):
    return {
        external_id: replace(each, item=None, gone=None)
        for external_id, each in store.known.items()
        if each.link or each.triage
    }


@settings(max_examples=300, deadline=None)
@given(versions(), st.randoms(use_true_random=False))
def test_the_order_of_pages_and_repeats_make_no_difference(found, chance):
    once, shuffled = memory(), memory()
    other = [*found, *chance.sample(found, len(found) // 2)]
    chance.shuffle(other)

    changes = once.take(sightings(found))
    others = shuffled.take(sightings(other))

    assert changes == others
    assert once.known == shuffled.known


@settings(max_examples=300, deadline=None)
@given(versions(), versions())
@example([], [item("0", "Base plate"), item("1", "RA-1", "BP-1", 1)])  # a conflict over what another one gets
def test_a_replay_changes_nothing(first, second):
    store = memory()
    store.take(sightings(first))
    store.take(sightings(second))
    before = dict(store.known)

    changes = store.take(sightings(second))

    assert [change for change in changes if not isinstance(change, LeftAlone)] == []
    assert store.known == before


@settings(max_examples=200, deadline=None)
@given(st.lists(versions(), max_size=5), st.sampled_from(["map", "ignore"]))
def test_a_decision_survives_anything(visits, action):
    decided = decision(action, "itm_base" if action == "map" else "")
    store = memory(_0=KnownItem(item=item("0", "Robot arm", "RA-1"), decision=decided))
    if action == "map":
        store.known["0"] = replace(store.known["0"], link=HeldLink("itm_base", "decision"))
    for found in visits:
        store.take(sightings(found))
    store.visit(item("0", "Robot arm", "RA-1", 100))

    assert store.linked().get("0") == ("itm_base" if action == "map" else None)
    assert "0" not in store.waiting()


@settings(max_examples=200, deadline=None)
@given(st.lists(versions(), max_size=5))
def test_a_link_once_made_is_never_another_ones(visits):
    store = memory()
    for found in visits:
        before = {external_id: each.link.item_id for external_id, each in store.known.items() if each.link}
        store.take(sightings(found))
        after = {external_id: each.link.item_id for external_id, each in store.known.items() if each.link}
        assert before.items() <= after.items()

"""Paths of items follow their parents, whether the vendor tells of them as changed or not."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.sync.item_paths import leads_through, moved_paths, paths_by_parents, written_path
from hardfin_pipelines.sync.vendor_items import KnownItem, Sightings
from hardfin_pipelines_tests.sync.item_cases import facts, item


def below(name: str, parent_id: str, *path: str):
    return facts(name, parent_id=parent_id, path=(*path, name))


def test_an_item_below_a_renamed_parent_has_the_new_path():
    there = {"1": facts("Robots"), "2": below("Arms", "1", "Old"), "3": below("Claw", "2", "Old", "Arms")}

    assert paths_by_parents(there) == {"2": ("Robots", "Arms"), "3": ("Robots", "Arms", "Claw")}


def test_what_has_no_known_parent_keeps_its_path():
    there = {"2": below("Arms", "1", "Old"), "3": below("Claw", "2", "Old", "Arms"), "4": facts("Top")}

    assert paths_by_parents(there) == {}


def test_parents_in_a_circle_change_nothing():
    there = {"1": below("A", "2", "B"), "2": below("B", "1", "A"), "3": below("C", "1", "A"), "4": below("D", "4", "D")}

    assert paths_by_parents(there) == {}


def test_only_what_was_known_under_another_path_has_moved():
    known = {"1": KnownItem(item("1", "Old")), "2": KnownItem(item("2", "Same")), "4": KnownItem()}
    seen = Sightings([item("1", "New"), item("2", "Same", "S-1"), item("3", "Unknown"), item("4", "Unread")])

    assert moved_paths(seen, known) == {"Old"}
    assert leads_through("Old:Arms:Claw", {"Old"})
    assert leads_through("Old:Arms:Claw", {"Old:Arms"})
    assert not leads_through("Old", {"Old"})
    assert not leads_through("Older:Arms", {"Old"})


NAMES = st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=8)


@given(names=NAMES, renamed=st.dictionaries(st.integers(0, 7), st.text("xy", min_size=1, max_size=2)), data=st.data())
def test_after_any_renames_every_path_is_that_of_its_parents_and_nothing_is_left_to_change(names, renamed, data):
    parents = [data.draw(st.integers(-1, number - 1)) for number in range(len(names))]
    paths: list[tuple[str, ...]] = []
    for number, name in enumerate(names):
        paths.append((*(paths[parents[number]] if parents[number] >= 0 else ()), name))
    there = {
        str(number): facts(
            renamed.get(number, name),
            parent_id="" if parents[number] < 0 else str(parents[number]),
            path=(*paths[number][:-1], renamed.get(number, name)),
        )
        for number, name in enumerate(names)
    }

    now = {each: replace(there[each], path=path) for each, path in paths_by_parents(there).items()}

    for found in (there | now).values():
        above = (there | now)[found.parent_id].path if found.parent_id else ()
        assert found.path == (*above, found.name)
    assert paths_by_parents(there | now) == {}
    moved = {written_path(paths[number]) for number in renamed if number < len(names)}
    assert all(leads_through(written_path(paths[int(each)]), moved) for each in now)

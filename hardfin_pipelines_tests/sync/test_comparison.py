"""What a replay gives beside what Hardfin holds."""

from hardfin_pipelines.sync.comparison import WHOLE, EntityState, compare_states


def state(*, synced=None, resynced=False, **texts):
    return EntityState("project", "prj_1", {"name": "Ten robots", **texts}, synced or {}, resynced)


def found(held, replayed):
    return [(each.field, each.held, each.replayed, each.origin) for each in compare_states(held, replayed)]


def test_equal_entities_do_not_differ():
    assert found(state(owner="Ann"), state(owner="Ann")) == []
    assert found(None, None) == []


def test_a_field_that_was_changed_in_hardfin_is_told_from_one_that_the_replay_makes_otherwise():
    held = state(owner="Bob", value="5", synced={"owner": "Ann", "value": "5"})
    assert found(held, state(owner="Ann", value="6")) == [
        ("owner", "Bob", "Ann", "edited"),
        ("value", "5", "6", "replayed"),
    ]


def test_a_field_that_only_one_of_the_two_has_differs_from_an_empty_one_only_by_a_value():
    held = state(**{"custom.po": "7", "custom.none": None}, synced={"custom.po": "7"})
    assert found(held, state()) == [("custom.po", "7", None, "replayed")]
    assert found(state(), state(**{"custom.po": "7"})) == [("custom.po", None, "7", "replayed")]
    assert found(state(owner="Bob", synced={"owner": None}), state(owner=None)) == [("owner", "Bob", None, "edited")]


def test_what_a_re_sync_wrote_is_its_own():
    held = state(owner="Bob", synced={"owner": "Bob"}, resynced=True)
    assert found(held, state(owner="Ann")) == [("owner", "Bob", "Ann", "re-synced")]
    assert found(held, None) == [(WHOLE, "Ten robots", None, "re-synced")]


def test_an_entity_that_only_one_of_the_two_has_is_one_difference():
    assert found(state(owner="Ann"), None) == [(WHOLE, "Ten robots", None, "replayed")]
    assert found(None, state(owner="Ann")) == [(WHOLE, None, "Ten robots", "replayed")]

"""The stores of items, triage and decisions, once on each database."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, select, update
from sqlalchemy.exc import IntegrityError

from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.entity_values import write_values
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.item_plan_store import write_item_steps
from hardfin_pipelines.platform.item_store import (
    catalogue_mark,
    existing_items,
    find_items,
    insert_items,
    list_items,
    load_catalogue,
    remove_unused_item,
)
from hardfin_pipelines.platform.tables import items, links
from hardfin_pipelines.platform.triage_store import (
    Decision,
    add_decisions,
    count_triage,
    decisions_of,
    find_triage_items,
    has_open,
    list_triage,
    mark_matched,
    save_suggestions,
    scopes_to_match_again,
    set_states,
    undo_decision,
)
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items
from hardfin_pipelines.platform.vendor_item_store import (
    ItemScope,
    open_ids,
    present_ids,
    present_keys,
    read_known,
    save_gone,
    save_items,
    whole_links,
)
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_plan import ItemStep, LinkBroken, LinkMade, LinkMended, TriageClosed, TriageWaits
from hardfin_pipelines.sync.suggestions import Suggestion
from hardfin_pipelines.sync.vendor_items import HeldLink, HeldTriage, ItemGone, VendorItem
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization

SCOPE = ItemScope("acme", "acme:quickbooks", "Item")
OTHER = ItemScope("bolt", "bolt:quickbooks", "Item")
STAMP = SyncStamp("acme", SCOPE.connection_id, {"item": "Item"}, "run-1", "poll", 3, A_MOMENT)
FACTS = ItemFacts(
    "Grippér", ("Parts", "Grippér"), "G-01", "stocked", "Inventory", price=Decimal("12.50"), currency="USD"
)
GRIPPER = VendorItem("7", FACTS, A_MOMENT, "books/7")


@pytest.fixture
def store(engine: Engine):
    """An open transaction on a store with two organizations that have accounting systems."""
    with writing(engine) as connection:
        for org in ("acme", "bolt"):
            add_organization(connection, org)
            add_connection(connection, org, "quickbooks")
        yield connection


def write(store: Connection, *changes, mark: str = "mark", scope: ItemScope = SCOPE, **stamp) -> None:
    steps = [ItemStep((change.id,), (change,)) for change in changes]
    write_item_steps(store, scope, steps, replace(STAMP, org=scope.org, **stamp), items={"7": GRIPPER}, mark=mark)


def waits(store: Connection, *ids: str, scope: ItemScope = SCOPE, **stamp) -> None:
    """Items that are known and wait."""
    save_items(store, scope, [replace(GRIPPER, id=each) for each in ids], now=A_MOMENT, run_id="run-1")
    write(store, *(TriageWaits(each, "unmatched", "nothing has it") for each in ids), scope=scope, **stamp)


def test_an_item_comes_back_as_it_was_kept(store: Connection):
    save_items(store, SCOPE, [GRIPPER], now=A_MOMENT, run_id="run-1")

    known = read_known(store, SCOPE, ["7", "8"])

    assert known["7"].item == GRIPPER
    assert known.keys() == {"7"}
    assert read_known(store, OTHER, ["7"]) == {}
    assert (present_ids(store, SCOPE), present_ids(store, OTHER)) == ({"7"}, set())
    assert present_keys(store, SCOPE) == {"7": ItemFacts("Grippér", (), "G-01", "stocked", "", active=True)}
    assert store.execute(select(vendor_items.c.full_name)).scalar_one() == "Parts:Grippér"


def test_an_item_that_went_is_kept_and_one_that_is_back_is_there(store: Connection):
    save_items(store, SCOPE, [GRIPPER], now=A_MOMENT, run_id="run-1")
    gone = ItemGone("7", A_MOMENT + timedelta(hours=1), "merged", "8")

    save_gone(store, SCOPE, [gone, ItemGone("never read", A_MOMENT, "deleted")])
    assert read_known(store, SCOPE, ["7"])["7"].gone == gone
    assert (present_ids(store, SCOPE), present_keys(store, SCOPE)) == (set(), {})
    save_items(store, SCOPE, [GRIPPER], now=A_MOMENT, run_id="run-2")

    assert read_known(store, SCOPE, ["7"])["7"].gone is None


def test_facts_that_cannot_be_read_are_as_if_the_item_had_never_been(store: Connection):
    save_items(store, SCOPE, [GRIPPER], now=A_MOMENT, run_id="run-1")
    store.execute(update(vendor_items).values(facts={"name": "of another version"}))

    assert read_known(store, SCOPE, ["7"])["7"].item is None


def test_links_are_made_broken_and_mended(store: Connection):
    write(store, LinkMade("7", "itm_1", "sku", "same SKU"), LinkMade("8", "itm_2", "name", "same name"))
    write(store, LinkBroken("7", "itm_1", "deleted"))

    assert read_known(store, SCOPE, ["7"])["7"].link == HeldLink("itm_1", "sku", "deleted")
    assert whole_links(store, SCOPE) == {"8": "itm_2"}
    row = store.execute(select(links).where(links.c.external_id == "7")).one()
    assert (row.run_id, row.mapping_revision, row.url, row.synced_values) == ("run-1", 3, "books/7", {})
    write(store, LinkMended("7", "itm_1", "back"))
    assert whole_links(store, SCOPE) == {"7": "itm_1", "8": "itm_2"}


def test_an_external_id_has_one_link(engine: Engine):
    with writing(engine) as store:
        add_organization(store, "acme")
        write(store, LinkMade("7", "itm_1", "sku", "same SKU"))
    with pytest.raises(IntegrityError), writing(engine) as store:
        write(store, LinkMade("7", "itm_2", "name", "same name"))


def test_what_waits_again_keeps_when_it_first_did(store: Connection):
    waits(store, "7")
    write(store, TriageClosed("7", "gone", "it is inactive"))
    assert read_known(store, SCOPE, ["7"])["7"].triage == HeldTriage("gone", "unmatched", "It is inactive")
    assert not has_open(store, SCOPE)

    later = A_MOMENT + timedelta(days=1)
    write(store, TriageWaits("7", "ambiguous", "two have it"), now=later, run_id="run-2")

    ((found,), total) = list_triage(store, "acme")
    assert found.last_seen_at >= found.first_seen_at
    assert (found.first_seen_at, found.state_at, found.reason, total) == (A_MOMENT, later, "ambiguous", 1)
    assert (found.facts, found.full_name, found.url) == (FACTS, "Parts:Grippér", "books/7")
    assert has_open(store, SCOPE)


def test_what_waits_for_another_reason_by_now_waits_since_it_first_did(store: Connection):
    waits(store, "7")

    write(store, TriageWaits("7", "ambiguous", "two have it", refreshed=True), now=A_MOMENT + timedelta(days=1))

    ((found,), _) = list_triage(store, "acme")
    assert (found.state_at, found.reason) == (A_MOMENT, "ambiguous")


def test_triage_is_listed_by_age_and_of_one_age_by_the_number_that_an_id_is(store: Connection):
    waits(store, "10", "9", "100")
    waits(store, "99", now=A_MOMENT - timedelta(hours=1))

    assert [each.external_id for each in list_triage(store, "acme")[0]] == ["99", "9", "10", "100"]


def test_triage_is_listed_by_age_searched_and_counted(store: Connection):
    waits(store, "9")
    waits(store, "10", "11", now=A_MOMENT - timedelta(hours=1))
    waits(store, "12", scope=OTHER)
    set_states(store, [(SCOPE, "11", "ignored")], A_MOMENT)

    found, total = list_triage(store, "acme")
    assert ([each.external_id for each in found], total) == (["10", "9"], 2)
    assert list_triage(store, "acme", limit=1, after=1)[0][0].external_id == "9"
    assert [list_triage(store, "acme", search=text)[1] for text in ("PARTS:g", "g-01", "9", "G_01")] == [2, 2, 1, 0]
    assert list_triage(store, "acme", connection_id="acme:netsuite") == ([], 0)
    assert list_triage(store, "acme", reason="conflict") == ([], 0)
    assert list_triage(store, "acme", state=None)[1] == 3
    assert count_triage(store, "acme") == {"open": 2, "mapped": 0, "created": 0, "ignored": 1, "gone": 0}
    assert count_triage(store, "bolt", "bolt:quickbooks")["open"] == 1
    assert sorted(open_ids(store, SCOPE)) == ["10", "9"]
    assert find_triage_items(store, "acme", ["12"]) == {}


def test_what_is_to_be_matched_again_is_told_by_the_catalogues_mark(store: Connection):
    waits(store, "7", "8")
    assert scopes_to_match_again(store, "acme", "mark") == []
    assert scopes_to_match_again(store, "acme", "another") == [SCOPE]

    mark_matched(store, SCOPE, "another")

    assert scopes_to_match_again(store, "acme", "another") == []
    assert set(store.scalars(select(triage_items.c.matched_for))) == {"another"}


def test_suggestions_are_kept_with_the_mark_they_are_for(store: Connection):
    waits(store, "7", "8")
    made = (Suggestion("itm_1", 80, ("the name is alike", "the SKU as well")), Suggestion("itm_2", 40, ()))

    save_suggestions(store, SCOPE, {"7": made, "8": ()}, "mark")

    found = {each.external_id: each for each in list_triage(store, "acme")[0]}
    assert (found["7"].suggestions, found["7"].suggested_for) == (made, "mark")
    assert (found["8"].suggestions, found["8"].suggested_for) == ((), "mark")


def test_the_newest_decision_that_holds_counts_and_what_was_taken_away_is_remembered(store: Connection):
    def decided(key: str, action, item_id: str, minute: int) -> Decision:
        return Decision(key, SCOPE, "7", action, item_id, A_MOMENT + timedelta(minutes=minute), "cli:ann", "because")

    first, second = decided("dec_1", "map", "itm_1", 1), decided("dec_2", "unlink", "itm_2", 2)
    add_decisions(store, [second, first, decided("dec_3", "map", "itm_3", 3)])

    held = read_known(store, SCOPE, ["7"])["7"]
    assert held.decision is not None
    assert (held.decision.decision_id, held.refused) == ("dec_3", frozenset({"itm_2"}))
    assert undo_decision(store, "acme", "dec_3", by="cli:bob", now=A_MOMENT)
    assert not undo_decision(store, "acme", "dec_3", by="cli:eve", now=A_MOMENT)
    assert not undo_decision(store, "bolt", "dec_1", by="cli:eve", now=A_MOMENT)
    held = read_known(store, SCOPE, ["7"])["7"]
    assert held.decision is not None
    assert (held.decision.decision_id, held.refused) == ("dec_1", frozenset({"itm_2", "itm_3"}))
    assert [(each.decision_id, each.undone_by) for each in decisions_of(store, SCOPE, "7")] == [
        ("dec_1", ""),
        ("dec_2", ""),
        ("dec_3", "cli:bob"),
    ]


# -- Hardfin's items


def add_items(store: Connection, org: str = "acme") -> None:
    new = [
        ("itm_1", "product", {"name": "Robot arm", "sku": "RA-1", "price": Decimal("99.90"), "currency": "EUR"}),
        ("itm_2", "part", {"name": "Base_plate", "sku": "RA-1"}),
        ("itm_3", "product", {"name": "Gripper"}),
    ]
    insert_items(store, org, new, A_MOMENT)  # type: ignore[arg-type]  # literals


def test_the_catalogue_has_what_matching_needs(store: Connection):
    add_items(store)

    catalogue = load_catalogue(store, "acme")

    arm = catalogue.item("itm_1")
    assert (arm.kind, arm.name, arm.sku, str(arm.price), arm.currency) == (
        "product",
        "Robot arm",
        "RA-1",
        "99.90",
        "EUR",
    )
    assert (catalogue.item("itm_2").kind, catalogue.item("itm_3").sku) == ("part", "")
    assert len(load_catalogue(store, "bolt")) == 0


def test_the_mark_is_another_one_after_any_change_of_the_catalogue(store: Connection):
    marks = [catalogue_mark(store, "acme")]
    add_items(store)
    marks.append(catalogue_mark(store, "acme"))
    store.execute(update(items).where(items.c.id == "itm_3").values(updated_at=A_MOMENT + timedelta(seconds=1)))
    marks.append(catalogue_mark(store, "acme"))
    assert remove_unused_item(store, "acme", "itm_1")
    marks.append(catalogue_mark(store, "acme"))

    assert len(set(marks)) == 4
    assert catalogue_mark(store, "acme") == marks[-1]
    assert catalogue_mark(store, "bolt") == marks[0]


def test_the_mark_is_another_one_after_a_rename_by_a_run_that_began_earlier(store: Connection):
    """It is stamped with the run's beginning, and another item was written since."""
    add_items(store)
    before = catalogue_mark(store, "acme")

    write_values(store, "acme", ("item", "itm_1"), {"name": "Robot arm, long"}, A_MOMENT - timedelta(hours=1))

    assert catalogue_mark(store, "acme") != before
    assert load_catalogue(store, "acme").item("itm_1").name == "Robot arm, long"


def test_items_are_found_by_id_and_by_exact_sku(store: Connection):
    add_items(store)

    assert find_items(store, "acme", ["itm_3", "RA-1", "ra-1", "", "x"]) == {
        "itm_3": ["itm_3"],
        "RA-1": ["itm_1", "itm_2"],
    }
    assert find_items(store, "bolt", ["itm_3", "RA-1"]) == {}
    assert existing_items(store, "acme", ["itm_1", "itm_9"]) == {"itm_1"}


def test_an_item_that_is_used_or_edited_is_not_removed(store: Connection):
    add_items(store)
    write(store, LinkMade("7", "itm_1", "sku", "same SKU"))
    store.execute(update(items).where(items.c.id == "itm_2").values(updated_at=A_MOMENT + timedelta(seconds=1)))

    removed = [remove_unused_item(store, "acme", each) for each in ("itm_1", "itm_2", "itm_3", "itm_3")]

    assert removed == [False, False, True, False]
    assert not remove_unused_item(store, "bolt", "itm_1")


def test_items_are_listed_by_name_with_the_number_of_their_links(store: Connection):
    add_items(store)
    write(store, LinkMade("7", "itm_1", "sku", "same SKU"), LinkMade("8", "itm_1", "name", "same name"))

    found, total = list_items(store, "acme")

    assert ([(each.id, each.links) for each in found], total) == ([("itm_2", 0), ("itm_3", 0), ("itm_1", 2)], 3)
    assert [each.id for each in list_items(store, "acme", search="E_PL")[0]] == ["itm_2"]
    assert [each.id for each in list_items(store, "acme", search="8")[0]] == ["itm_1"]
    assert list_items(store, "acme", search="RA-1", kind="part", limit=5)[1] == 1
    assert list_items(store, "bolt") == ([], 0)

"""What bookkeepers type, over real HTTP: nothing is guessed, nothing fails, and each item says why it waits."""

import pytest

from hardfin_pipelines.engine.deciding import Answer
from hardfin_pipelines.engine.triage import decide, show_waiting
from hardfin_pipelines.platform.tables import audit_events, links
from hardfin_pipelines.platform.triage_tables import triage_items
from hardfin_pipelines_tests.engine.test_quickbooks import linked, waiting

WIDE = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})
"""To the wide letters that East Asian keyboards give."""


def detail(organization, item):
    return show_waiting(organization.deployment, organization.org, item).waiting.item.detail


def states(organization):
    return {row["external_id"]: row["state"] for row in organization.rows(triage_items)}


@pytest.fixture
def abroad(ledgerly):
    """A company outside of the US: its names keep all characters."""
    ledgerly.company.settings.lossy_latin1 = False
    return ledgerly


@pytest.mark.parametrize("sku", ["", "  ", "N/A", "-", "none", "TBD"])
def test_an_empty_sku_is_no_key(ledgerly, sku):
    ledgerly.add_products(("itm_one", "Arm", sku), ("itm_two", "Base", sku))
    arm, winch = ledgerly.add_item("Arm", sku), ledgerly.add_item("Winch", sku)

    ledgerly.tick_items()

    assert linked(ledgerly) == {arm: ("itm_one", "name")}
    assert waiting(ledgerly) == {winch: "unmatched"}


def test_a_sku_that_two_items_have_links_neither_and_one_that_two_products_have_neither(ledgerly):
    ledgerly.add_products(("itm_arm", "Arm", "A-1"), ("itm_x", "Base, left", "B-1"), ("itm_y", "Base, right", "b-1"))
    old, new, base = ledgerly.add_item("Old", "A-1"), ledgerly.add_item("New", "a-1"), ledgerly.add_item("Base", "B 1")
    base_too = ledgerly.add_item("Base too", "b-1")

    ledgerly.tick_items()

    # As it is written, that SKU is one product's alone.
    assert linked(ledgerly) == {base_too: ("itm_y", "sku")}
    assert waiting(ledgerly) == {old: "ambiguous", new: "ambiguous", base: "unmatched"}
    assert detail(ledgerly, old) == "2 items of the accounting system have the SKU “A-1”."


def test_names_that_differ_only_in_accents_are_different_and_in_width_the_same(abroad):
    abroad.add_products(("itm_1", "Réglage", ""), ("itm_2", "Reglage", ""), ("itm_3", "Robot arm", "RA-1"))
    plain, other = abroad.add_item("reglage"), abroad.add_item("Règlage")
    accented, wide = abroad.add_item("RÉGLAGE de l'usine"), abroad.add_item("Robot arm".translate(WIDE))

    abroad.tick_items()

    assert linked(abroad) == {plain: ("itm_2", "normalized name"), wide: ("itm_3", "normalized name")}
    assert waiting(abroad) == {other: "unmatched", accented: "unmatched"}
    found = show_waiting(abroad.deployment, abroad.org, other).waiting.suggestions
    assert "itm_1" in {each.item_id for each in found}


def test_a_sku_that_is_another_products_name_is_a_conflict(ledgerly):
    ledgerly.add_products(("itm_arm", "Arm", "A-1"), ("itm_kit", "KIT-7", "K-1"))
    item = ledgerly.add_item("Arm", "KIT-7")

    ledgerly.tick_items()

    assert waiting(ledgerly) == {item: "conflict"}
    assert detail(ledgerly, item) == (
        "Its name “Arm” is that of the product “Arm”, but its SKU “KIT-7” is the name of the product “KIT-7”."
    )


def test_the_longest_names_wait_and_become_products(abroad):
    name, description = "Ö" * 100, "ü" * 4_000
    item = abroad.add_item(name, "S" * 100, Description=description)
    abroad.tick_items()
    assert waiting(abroad) == {item: "unmatched"}

    ((decided,), _) = decide(abroad.deployment, abroad.org, [Answer(item, "create")], actor="cli:ann")

    assert decided.item_name == name
    assert linked(abroad)[item][1] == "decision"


def test_an_item_that_turns_inactive_comes_back_and_changes_its_type_keeps_its_link_or_asks_once(ledgerly):
    ledgerly.add_products(("itm_arm", "Arm", "A-1"))
    arm, winch = ledgerly.add_item("Arm", "A-1"), ledgerly.add_item("Winch", "W-1")
    ledgerly.tick_items()

    for change in (
        lambda: [ledgerly.company.deactivate("Item", each) for each in (arm, winch)],
        lambda: [ledgerly.company.reactivate("Item", each) for each in (arm, winch)],
        lambda: [ledgerly.company.update("Item", each, {"Type": "Service"}) for each in (arm, winch)],
    ):
        change()
        ledgerly.tick_items()
        assert linked(ledgerly) == {arm: ("itm_arm", "sku")}
        assert states(ledgerly).keys() == {winch}
    assert states(ledgerly) == {winch: "open"}
    assert [row["action"] for row in ledgerly.rows(audit_events) if row["action"].startswith("item.")] == [
        "item.linked"
    ]


def test_of_two_merged_items_the_links_end_is_told_and_a_decision_about_the_other_holds(ledgerly):
    ledgerly.add_products(("itm_arm", "Arm", "A-1"))
    arm, double = ledgerly.add_item("Arm", "A-1"), ledgerly.add_item("Arm (second hand)")
    ledgerly.tick_items()
    decide(ledgerly.deployment, ledgerly.org, [Answer(double, "map", item="itm_arm")], actor="cli:ann")

    ledgerly.company.merge("Item", double, [arm])
    ledgerly.tick_items()

    broken = {row["external_id"]: row["broken_because"] for row in ledgerly.rows(links)}
    assert broken[arm].startswith("deleted at the vendor on")
    assert broken[double] == ""
    assert linked(ledgerly)[double] == ("itm_arm", "decision")


def test_a_decision_holds_for_the_same_id_when_the_item_comes_back_as_something_else(ledgerly):
    item = ledgerly.add_item("Winch", "W-1")
    ledgerly.add_products(("itm_arm", "Arm", "A-1"), ("itm_base", "Base", "B-1"))
    ledgerly.tick_items()
    decide(ledgerly.deployment, ledgerly.org, [Answer(item, "map", item="A-1")], actor="cli:ann")

    ledgerly.company.deactivate("Item", item)
    ledgerly.tick_items()
    ledgerly.company.reactivate("Item", item)
    ledgerly.company.update("Item", item, {"Name": "Base", "Sku": "B-1"})
    ledgerly.tick_items()

    assert linked(ledgerly) == {item: ("itm_arm", "decision")}
    assert states(ledgerly) == {item: "mapped"}

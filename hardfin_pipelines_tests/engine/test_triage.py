"""What people decide about items in triage: carried out whole or refused in a line, remembered, and taken back."""

import re
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import update

from hardfin_pipelines.engine.deciding import Answer, AnswersRefused
from hardfin_pipelines.engine.item_standing import Twin
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.triage import decide, list_waiting, show_waiting, undo, unlink_item
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_store import links_of_item, list_items
from hardfin_pipelines.platform.tables import audit_events, items, links, project_line_items, projects
from hardfin_pipelines.platform.triage_tables import item_decisions, triage_items
from hardfin_pipelines_tests.engine.accounting import CONNECTION, Accounting, filled, open_accounting
from hardfin_pipelines_tests.store_fixtures import add_connection

ANN = "cli:ann"


@pytest.fixture
def acme(database_url: str, tmp_path: Path):
    """An organization with two products; of its books' items one is linked, three wait. Once on each database."""
    accounting = filled(open_accounting(database_url, tmp_path))
    yield accounting
    accounting.deployment.engine.dispose()


@pytest.fixture
def sqlite_acme(sqlite_url: str, tmp_path: Path):
    """The same on SQLite, where the database makes no difference."""
    accounting = filled(open_accounting(sqlite_url, tmp_path))
    yield accounting
    accounting.deployment.engine.dispose()


def answer(acme: Accounting, *answers: Answer, **more):
    return decide(acme.deployment, "acme", answers, actor=ANN, **more)


def refused(acme: Accounting, *answers: Answer) -> tuple[str, ...]:
    """The problems of answers, of which nothing is carried out."""
    before = dump(acme)
    with pytest.raises(AnswersRefused) as error:
        answer(acme, *answers)
    assert dump(acme) == before
    return error.value.problems


def dump(acme: Accounting):
    return [acme.rows(table) for table in (links, triage_items, item_decisions, items, audit_events)]


def states(acme: Accounting) -> dict[str, str]:
    return acme.by_id(triage_items, "state")


# -- deciding


def test_an_item_is_mapped_by_id_and_by_sku(acme):
    decided, _ = answer(acme, Answer("3", "map", item="itm_base"), Answer("5", "map", item="RA-1"), reason="by phone")

    assert [(each.item_id, each.item_name) for each in decided] == [
        ("itm_base", "Base plate"),
        ("itm_arm", "Robot arm"),
    ]
    assert acme.by_id(links, "entity_id", "matched_by") == {
        "1": ("itm_arm", "sku"),
        "3": ("itm_base", "decision"),
        "5": ("itm_arm", "decision"),
    }
    assert states(acme) == {"3": "mapped", "4": "open", "5": "mapped"}
    audited = acme.rows(audit_events)[-1]
    assert (audited["action"], audited["actor"], audited["reason"]) == ("item.linked", ANN, "by phone")
    assert audited["changes"] == {f"{CONNECTION} Item 5": [None, "decision"]}


def test_a_product_or_part_is_made_of_an_items_facts(acme):
    (made, renamed), _ = answer(acme, Answer("3", "create"), Answer("4", "create", kind="part", name=" Steel gripper "))

    rows = {row["id"]: row for row in acme.rows(items)}
    gripper = rows[made.item_id]
    assert (gripper["kind"], gripper["name"], gripper["sku"]) == ("product", "Gripper", "G-1")
    assert (gripper["price"], gripper["currency"]) == (Decimal("12.50"), "USD")
    assert (gripper["description"], gripper["normalized_sku"]) == ("Holds things", "g-1")
    assert (rows[renamed.item_id]["kind"], rows[renamed.item_id]["name"]) == ("part", "Steel gripper")
    assert acme.by_id(links, "synced_values")["3"] == {
        "name": "Gripper",
        "sku": "G-1",
        "description": "Holds things",
        "price": "12.5",
        "currency": "USD",
    }
    assert states(acme)["3"] == "created"


def test_what_waits_for_a_product_like_the_one_that_is_made_is_linked_at_once(acme):
    acme.books.put("6", "Claw", "G-9")
    acme.sync()

    _, matched = answer(acme, Answer("3", "create", name="Claw"))

    assert matched.linked == {}, "another item of the same books is linked to it already"
    assert acme.by_id(triage_items, "state", "reason")["6"] == ("open", "ambiguous")
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(links).where(links.c.external_id == "3").values(broken_because="gone"))
    _, matched = answer(acme, Answer("4", "create"))
    assert matched.linked == {"name": 1}


def test_an_ignored_item_never_asks_again(acme):
    answer(acme, Answer("4", "ignore"))
    acme.books.put("4", "Robot arm", "BP-1")
    acme.sync()
    acme.books.delete("4")
    acme.sync()
    acme.books.put("4", "Gripper of iron", "G-2")
    acme.sync()

    assert states(acme)["4"] == "ignored"
    assert "4" not in acme.by_id(links, "entity_id")
    assert [row["entity_type"] for row in acme.rows(audit_events) if row["action"] == "triage.ignored"] == [
        "triage_item"
    ]


def test_a_decision_holds_whatever_becomes_of_the_item(acme):
    answer(acme, Answer("3", "map", item="itm_base"))
    for change in ({"Active": "false"}, {"Type": "Category"}, {}):
        acme.books.put("3", "Robot arm", "RA-1", **change)
        acme.sync()
    acme.books.delete("3")
    acme.sync()
    assert acme.by_id(links, "broken_because")["3"] != ""
    acme.books.put("3", "Something else", "S")
    acme.sync()

    assert acme.by_id(links, "entity_id", "broken_because")["3"] == ("itm_base", "")
    assert states(acme)["3"] == "mapped"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (Answer("3", "map", item="itm_none"), "acme has no product or part with the id or SKU “itm_none”"),
        (Answer("3", "map"), "item 3: map needs a product or part"),
        (Answer("99", "ignore"), "acme has no item “99” in triage; see `hardfin triage list acme`"),
        (Answer("3", "ignore", "acme:netsuite"), "acme has no item “3” of acme:netsuite in triage"),
        (Answer("1", "ignore"), "item 1 of acme:quickbooks (“Robot arm”) is linked to itm_arm by sku"),
        (Answer("1", "ignore", "acme:netsuite"), "acme has no item “1” of acme:netsuite in triage"),
        (Answer("3", "create", name="x" * 4_000), "its name has 4,000 characters, too many for Hardfin"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_in_a_line(acme, given, says):
    (problem,) = refused(acme, Answer("4", "ignore"), given)

    assert says in problem


def test_an_item_is_decided_once(acme):
    answer(acme, Answer("3", "map", item="itm_base"), Answer("4", "ignore"))

    mapped, ignored = refused(acme, Answer("3", "ignore"), Answer("4", "create"))

    assert f"item 3 (“Gripper”) is decided already: {ANN} mapped it to itm_base on" in mapped
    assert "hardfin triage undo" in mapped
    assert f"{ANN} ignored it on" in ignored


def test_an_item_that_left_triage_says_why(acme):
    acme.books.put("3", "Base plate", "BP-1")
    acme.books.delete("4")
    acme.sync()

    linked, gone = refused(acme, Answer("3", "ignore"), Answer("4", "ignore"))

    assert "item 3 (“Base plate”) is linked to itm_base by sku; `hardfin item unlink` it first" in linked
    assert "item 4 (“Gripper of steel”) is not in triage any more: Deleted at the vendor on" in gone


def test_another_organization_sees_and_decides_nothing(acme):
    assert list_waiting(acme.deployment, "other") == ([], 0)
    with pytest.raises(AnswersRefused, match="other has no item “3” in triage"):
        decide(acme.deployment, "other", [Answer("3", "ignore")], actor=ANN)
    with pytest.raises(Refusal, match="other has no product or part"):
        unlink_item(acme.deployment, "other", "1", actor=ANN)
    with writing(acme.deployment.engine) as connection:
        add_connection(connection, "other", "quickbooks")
    with pytest.raises(Refusal, match="other has no item “3” in triage"):
        show_waiting(acme.deployment, "other", "3")


def test_a_sku_that_several_products_have_is_none_to_map_to(acme):
    acme.add_products(("itm_two", "Another base", "BP-1"))

    (problem,) = refused(acme, Answer("3", "map", item="BP-1"))

    assert problem == "2 products or parts have the SKU “BP-1”: give an id (itm_base, itm_two)"


def test_a_nameless_item_is_no_product_without_a_name(acme):
    acme.books.put("7", "", "N/A")
    acme.sync()

    (problem,) = refused(acme, Answer("7", "create"))
    answer(acme, Answer("7", "create", name="Found at last"))

    assert "item 7 has no name" in problem
    (made,) = [row for row in acme.rows(items) if row["name"] == "Found at last"]
    assert made["sku"] is None, "a placeholder is no SKU"


def test_a_dry_run_says_the_same_and_writes_nothing(acme):
    before = dump(acme)

    decided, _ = answer(acme, Answer("3", "create"), Answer("4", "ignore"), dry_run=True)

    assert dump(acme) == before
    assert decided == answer(acme, Answer("3", "create"), Answer("4", "ignore"))[0]


# -- taking back


def test_undoing_a_mapping_removes_the_link_and_asks_again_and_matching_does_not_make_it(acme):
    answer(acme, Answer("5", "map", item="itm_base"))
    taken = undo(acme.deployment, "acme", "5", actor="cli:bob", reason="wrong")
    acme.books.put("5", "Base plate", "BP-1")
    acme.sync()

    assert (taken.action, taken.item_id, taken.unlinked, taken.waits) == ("map", "itm_base", True, True)
    assert "5" not in acme.by_id(links, "entity_id")
    assert acme.by_id(triage_items, "state", "reason")["5"] == ("open", "conflict")
    assert "a person took that link away" in acme.by_id(triage_items, "detail")["5"]
    (decision,) = acme.rows(item_decisions)
    assert (decision["undone_by"], decision["undone_at"] is not None) == ("cli:bob", True)
    unlinked = [row for row in acme.rows(audit_events) if row["action"] == "item.unlinked"]
    assert [(row["entity_id"], row["reason"]) for row in unlinked] == [("itm_base", "wrong")]
    answer(acme, Answer("5", "map", item="itm_base"))
    assert acme.by_id(links, "entity_id")["5"] == "itm_base", "a person may"


def test_undoing_a_creation_removes_an_item_that_nothing_uses_and_it_can_be_made_again(acme):
    ((made,), _) = answer(acme, Answer("3", "create"))

    taken = undo(acme.deployment, "acme", "3", actor=ANN)

    assert (taken.removed, taken.waits) == (True, True)
    assert made.item_id not in {row["id"] for row in acme.rows(items)}
    assert states(acme)["3"] == "open"
    assert answer(acme, Answer("3", "create"))[0][0].item_id == made.item_id


def test_undoing_a_creation_keeps_an_item_that_is_used(acme):
    ((made,), _) = answer(acme, Answer("3", "create"))
    now = acme.deployment.now()
    with writing(acme.deployment.engine) as connection:
        stamps = {"org": "acme", "created_at": now, "updated_at": now, "custom": {}, "status": "active"}
        connection.execute(projects.insert().values(id="prj_1", name="One", **stamps))
        line = {"id": "pli_1", "project_id": "prj_1", "item_id": made.item_id, "position": 0, "name": "Gripper"}
        connection.execute(project_line_items.insert().values(**stamps, **line))

    taken = undo(acme.deployment, "acme", "3", actor=ANN)

    assert not taken.removed
    assert made.item_id in {row["id"] for row in acme.rows(items)}
    assert states(acme)["3"] == "open", "matching does not link what was taken back"
    (problem,) = refused(acme, Answer("3", "create"))
    assert f"item 3 was made into {made.item_id} before, which is still there: map it to that" in problem


def test_undoing_an_ignored_item_lets_matching_look_at_it_again(acme):
    answer(acme, Answer("5", "ignore"))
    acme.books.put("5", "Base plate", "BP-1")
    acme.sync()

    taken = undo(acme.deployment, "acme", "5", actor=ANN)

    assert (taken.action, taken.unlinked) == ("ignore", False)
    assert acme.by_id(links, "entity_id", "matched_by")["5"] == ("itm_base", "sku")
    assert states(acme)["5"] == "gone"


def test_undoing_for_an_item_that_is_gone_opens_no_question(acme):
    answer(acme, Answer("3", "map", item="itm_base"))
    acme.books.delete("3")
    acme.sync()

    taken = undo(acme.deployment, "acme", "3", actor=ANN)

    assert (taken.unlinked, taken.waits, states(acme)["3"]) == (True, False, "gone")


@pytest.mark.parametrize(
    ("external_id", "says"), [("3", "waiting in triage"), ("99", "acme has no item “99” in triage")]
)
def test_there_is_nothing_to_undo(acme, external_id, says):
    with pytest.raises(Refusal, match=re.escape(says)):
        undo(acme.deployment, "acme", external_id, actor=ANN)


def test_a_link_that_a_person_removes_is_not_made_again(acme):
    taken = unlink_item(acme.deployment, "acme", "1", actor=ANN, reason="another arm")
    acme.books.put("1", "Robot arm", "RA-1", UnitPrice="9")
    acme.sync()
    acme.deployment.ahead = timedelta(days=40)
    acme.sync()

    assert (taken.action, taken.item_id, taken.waits) == ("", "itm_arm", True)
    assert acme.rows(links) == []
    assert acme.by_id(triage_items, "state", "reason")["1"] == ("open", "conflict")
    assert [row["action"] for row in acme.rows(item_decisions)] == ["unlink"]


def test_unlinking_what_a_person_decided_undoes_the_decision(acme):
    answer(acme, Answer("3", "map", item="itm_base"))

    taken = unlink_item(acme.deployment, "acme", "3", CONNECTION, actor=ANN)

    assert (taken.action, states(acme)["3"]) == ("map", "open")
    assert [row["undone_by"] for row in acme.rows(item_decisions)] == [ANN]


def test_a_link_of_a_crm_is_removed_without_a_question(acme):
    with writing(acme.deployment.engine) as connection:
        add_connection(connection, "acme", "hubspot")
        row = dict(acme.rows(links)[0], connection_id="acme:hubspot", object="products", external_id="77")
        connection.execute(links.insert().values(**row))

    taken = unlink_item(acme.deployment, "acme", "77", actor=ANN)

    assert (taken.unlinked, taken.waits) == (True, False)
    assert set(acme.by_id(links, "entity_id")) == {"1"}
    assert acme.by_id(item_decisions, "action", "item_id") == {"77": ("unlink", "itm_arm")}


# -- looking


def test_an_item_that_never_was_in_triage_says_why_not(acme):
    acme.books.put("6", "Parts", Type="Category")
    acme.books.put("7", "Old", Active="false")
    acme.books.put("8", "Short-lived", Active="false")
    acme.sync()
    acme.books.delete("8")
    acme.sync()

    told = {
        "1": "item 1 of acme:quickbooks (“Robot arm”) is linked to itm_arm by sku; `hardfin item unlink acme 1` puts",
        "6": "item 6 of acme:quickbooks (“Parts”) is a Category, which can be no product or part",
        "7": "item 7 of acme:quickbooks (“Old”) is inactive in the accounting system",
        "8": "item 8 of acme:quickbooks (“Short-lived”) was deleted at the vendor on",
    }
    for external_id, says in told.items():
        with pytest.raises(Refusal, match=re.escape(says)):
            show_waiting(acme.deployment, "acme", external_id)
        with pytest.raises(AnswersRefused, match=re.escape(says)):
            answer(acme, Answer(external_id, "ignore"))


def test_what_shares_its_sku_or_name_with_others_says_with_which(acme):
    acme.books.put("6", "Claw", "G-1", Active="false")
    acme.books.put("7", "GRIPPER")
    acme.books.put("8", "gripper", Active="false")  # names of inactive items are free
    acme.books.put("9", "Gripper", Type="Category")
    acme.sync()

    assert show_waiting(acme.deployment, "acme", "3").twins == (
        Twin("6", "Claw", "G-1", active=False, shares=("SKU",)),
        Twin("7", "GRIPPER", "", active=True, shares=("name",)),
    )


def test_items_are_shown_with_what_they_may_be_and_the_suggestions_are_kept(acme):
    detail = show_waiting(acme.deployment, "acme", "5")

    assert [each.item_id for each in detail.waiting.suggestions][:1] == ["itm_arm"]
    assert detail.waiting.suggestions[0].name == "Robot arm"
    assert detail.steps[0] == "SKU: none"
    assert [event.kind for event in detail.timeline] == ["triage"]
    kept = acme.by_id(triage_items, "suggestions", "suggested_for")
    assert kept["5"][0][0]["item_id"] == "itm_arm"
    assert kept["4"] == ([], "")
    acme.add_products(("itm_arms", "Robot arms", ""), ("itm_twin", "Robot arms", ""))
    found, total = list_waiting(acme.deployment, "acme", search="arms", suggest=True)
    assert total == 1
    assert {each.item_id for each in found[0].suggestions[:2]} == {"itm_arms", "itm_twin"}


def test_a_list_is_searched_paged_and_counted(acme):
    assert [each.item.external_id for each in list_waiting(acme.deployment, "acme")[0]] == ["3", "4", "5"]
    assert [each.item.external_id for each in list_waiting(acme.deployment, "acme", search="g-2")[0]] == ["4"]
    assert list_waiting(acme.deployment, "acme", search="%")[1] == 0
    page, total = list_waiting(acme.deployment, "acme", after=1, limit=1)
    assert ([each.item.external_id for each in page], total) == (["4"], 3)
    answer(acme, Answer("4", "ignore"))
    assert list_waiting(acme.deployment, "acme", state="ignored")[1] == 1
    assert list_waiting(acme.deployment, "acme", state=None)[1] == 3


def test_an_items_links_say_how_they_came_to_be(acme):
    answer(acme, Answer("3", "map", item="itm_arm"))

    with reading(acme.deployment.engine) as connection:
        found = links_of_item(connection, "acme", "itm_arm")
        listed, total = list_items(connection, "acme", search="3")

    assert [(each.external_id, each.matched_by, each.decided_by, each.name) for each in found] == [
        ("1", "sku", "", "Robot arm"),
        ("3", "decision", ANN, "Gripper"),
    ]
    assert ([(each.id, each.links) for each in listed], total) == ([("itm_arm", 2)], 1)

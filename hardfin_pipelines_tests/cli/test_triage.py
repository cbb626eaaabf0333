"""`hardfin triage` and `hardfin item`: what waits, decisions one by one and from a file, links and their removal."""

from datetime import timedelta
from pathlib import Path

import pytest

from hardfin_pipelines.engine.item_visits import sync_items
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.item_store import insert_items
from hardfin_pipelines.platform.tables import items, links
from hardfin_pipelines.platform.triage_tables import triage_items
from hardfin_pipelines_tests.cli.test_refusals import refused
from hardfin_pipelines_tests.engine.accounting import CONNECTION, Books, BooksConnector
from hardfin_pipelines_tests.product_fixtures import Product
from hardfin_pipelines_tests.store_fixtures import add_connection, add_organization


@pytest.fixture
def waiting(product: Product) -> Product:
    """An organization whose accounting system has an item that is linked, and two that wait."""
    books = Books()
    books.put("1", "Robot arm", "RA-1")
    books.put("3", "Gripper [bold]100%[/bold]", "G-1", UnitPrice="12.50")
    books.put("4", "Robot arms", "")
    with writing(product.deployment.engine) as connection:
        add_organization(connection, "acme")
        add_connection(connection, "acme", "quickbooks")
        values = {"name": "Robot arm", "sku": "RA-1"}
        insert_items(connection, "acme", [("itm_arm", "product", values)], product.deployment.now())
    work = sync_items(
        product.deployment,
        "acme",
        CONNECTION,
        run_id="first",
        connect=lambda _row, memory=None, *, purpose="": BooksConnector(books, memory),
    )
    product.deployment.run(work)
    return product


def states(product: Product) -> dict[str, str]:
    return {row["external_id"]: row["state"] for row in product.table_rows(triage_items)}


def linked(product: Product) -> dict[str, str]:
    return {row["external_id"]: row["entity_id"] for row in product.table_rows(links)}


def test_list_says_what_waits_and_why(waiting, hardfin):
    ended = hardfin("triage", "list", "acme")
    document = hardfin("triage", "list", "acme", "--suggest", "--json").json

    assert (ended.code, ended.err) == (0, "")
    assert "2 of 2 item(s)" in ended.out
    assert "[bold]100%[/bold]" in "".join(ended.out.split())
    assert "SKU G-1" in ended.out
    assert ended.out.count("quickbooks") == 2
    assert f"first {waiting.deployment.now():%Y-%m-%d}" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    assert document["total"] == 2
    gripper, arms = document["items"]
    assert (gripper["external_id"], gripper["reason"], gripper["price"]) == ("3", "unmatched", "12.50")
    assert arms["suggestions"][0]["item_id"] == "itm_arm"
    assert hardfin("triage", "list", "acme", "--search", "zzz").out == "acme: nothing with that in triage\n"
    assert hardfin("triage", "list", "acme", "--state", "gone").out == "acme: no such item\n"


def test_a_long_list_says_how_to_see_the_rest_and_a_reason_shortens_it(waiting, hardfin):
    first = hardfin("triage", "list", "acme", "--limit", "1").out
    second = hardfin("triage", "list", "acme", "--limit", "1", "--after", "1").out

    assert first.endswith("1 more: --after 1\n")
    assert "more" not in second
    assert hardfin("triage", "list", "acme", "--why", "unmatched", "--json").json["total"] == 2
    assert hardfin("triage", "list", "acme", "--why", "conflict").out == "acme: nothing with that in triage\n"
    suggested = hardfin("triage", "list", "acme", "--suggest").out
    assert "itm_arm" in suggested
    assert max(map(len, suggested.splitlines())) <= 80


def test_show_says_everything_of_one_item(waiting, hardfin):
    ended = hardfin("triage", "show", "acme", "4")
    document = hardfin("triage", "show", "acme", "4", "--json").json

    text = " ".join(ended.out.split())
    assert (ended.code, ended.err) == (0, "")
    assert "what matching looked at 1 SKU: none" in text
    assert "itm_arm" in text
    assert "seen first 20" in text
    assert max(map(len, ended.out.splitlines())) <= 80
    assert document["suggestions"][0]["name"] == "Robot arm"
    assert document["steps"][0] == "SKU: none"
    assert document["decisions"] == []
    assert [each["kind"] for each in document["timeline"]] == ["triage"]


def test_map_create_ignore_and_undo(waiting, hardfin):
    mapped = hardfin("triage", "map", "acme", "4", "RA-1", "--reason", "plural", "--json").json
    created = hardfin("triage", "create", "acme", "3", "--part", "--name", "Claw")

    assert mapped["decided"][0]["item"] == "itm_arm"
    assert created.code == 0, created.err
    assert "made into" in created.out
    assert linked(waiting).keys() == {"1", "3", "4"}
    assert {row["name"]: row["kind"] for row in waiting.table_rows(items)} == {"Robot arm": "product", "Claw": "part"}
    assert states(waiting) == {"3": "created", "4": "mapped"}
    shown = " ".join(hardfin("triage", "show", "acme", "4").out.split())
    assert "triage mapped: mapped to itm_arm by cli:" in shown
    assert ": plural" in shown
    assert "linked to itm_arm “Robot arm” by decision" in shown

    undone = hardfin("triage", "undo", "acme", "3")
    text = " ".join(undone.out.split())
    assert "any more and is in triage again; itm_" in text
    assert "which nothing uses, is removed" in text
    assert hardfin("triage", "ignore", "acme", "3").code == 0
    assert states(waiting) == {"3": "ignored", "4": "mapped"}
    assert hardfin("triage", "undo", "acme", "4", "--json").json["in_triage"] is True
    assert linked(waiting).keys() == {"1"}


def test_export_and_import(waiting, hardfin, tmp_path: Path):
    file = tmp_path / "triage.csv"
    assert hardfin("triage", "export", "acme", str(file)).out.startswith("acme: wrote 2 of 2 item(s) to ")
    text = file.read_text(encoding="utf-8-sig")
    assert "itm_arm" in text
    file.write_text(text.replace(f"{CONNECTION},4,,,,", f"{CONNECTION},4,map,itm_arm,,"), encoding="utf-8")

    dry = hardfin("triage", "import", "acme", str(file), "--dry-run")
    assert "would be mapped to" in " ".join(dry.out.split())
    assert dry.out.endswith("nothing was changed\n")
    assert states(waiting) == {"3": "open", "4": "open"}
    document = hardfin("triage", "import", "acme", str(file), "--json").json

    assert [(each["external_id"], each["item"]) for each in document["decided"]] == [("4", "itm_arm")]
    assert states(waiting) == {"3": "open", "4": "mapped"}
    refused(hardfin("triage", "import", "acme", str(file)), "row 3: item 4", "is decided already")


def test_an_import_names_all_that_is_wrong_and_does_nothing(waiting, hardfin, tmp_path: Path):
    file = tmp_path / "answers.csv"
    file.write_text("connection,external_id,action,item\n,3,map,itm_none\n,99,ignore,\n,4,ignore,\n", encoding="utf-8")

    ended = hardfin("triage", "import", "acme", str(file))

    assert ended.code == 2
    assert ended.err.splitlines() == [
        "error: row 2: acme has no product or part with the id or SKU “itm_none”",
        "error: row 3: acme has no item “99” in triage; see `hardfin triage list acme`",
    ]
    assert states(waiting) == {"3": "open", "4": "open"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["triage", "list", "nobody"], "unknown organization 'nobody'"),
        (
            ["triage", "show", "acme", "99"],
            "no item “99” in triage; see `hardfin triage list acme --state all`",
        ),
        (["triage", "map", "acme", "4", "nothing"], "acme has no product or part with the id or SKU “nothing”"),
        (
            ["triage", "create", "acme", "1"],
            "(“Robot arm”) is linked to itm_arm by sku; `hardfin item unlink acme 1` puts it into triage",
        ),
        (["triage", "show", "acme", "1"], "is linked to itm_arm by sku"),
        (["triage", "undo", "acme", "1"], "is linked to itm_arm by sku"),
        (["triage", "ignore", "acme", "4", "--connection", "acme:netsuite"], "no item “4” of acme:netsuite in triage"),
        (["triage", "undo", "acme", "4"], "nobody has decided about item 4 (“Robot arms”); it is waiting in triage"),
        (["triage", "import", "acme", "/nowhere.csv"], "/nowhere.csv cannot be read: No such file or directory"),
        (["item", "show", "acme", "itm_none"], "no product or part has the id or SKU 'itm_none'"),
        (["item", "unlink", "acme", "99"], "acme has no product or part that is linked to a record “99”"),
        (["item", "list", "nobody"], "unknown organization 'nobody'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_one_line(waiting, hardfin, words, says):
    before = (linked(waiting), states(waiting))

    refused(hardfin(*words), says)

    assert (linked(waiting), states(waiting)) == before


def test_items_are_listed_and_shown_with_their_links(waiting, hardfin):
    hardfin("triage", "map", "acme", "4", "itm_arm")

    document = hardfin("item", "list", "acme", "--json").json
    shown = hardfin("item", "show", "acme", "RA-1")
    details = hardfin("item", "show", "acme", "itm_arm", "--json").json

    assert [(each["item"], each["links"]) for each in document["items"]] == [("itm_arm", 2)]
    assert "1 of 1 product(s) and part(s)" in hardfin("item", "list", "acme").out
    text = " ".join(shown.out.split())
    assert "quickbooks Item 1 “Robot arm” (RA-1): linked by sku on" in text
    assert "quickbooks Item 4 “Robot arms”: linked by decision of cli:" in text
    assert [(each["external_id"], each["matched_by"]) for each in details["links"]] == [("1", "sku"), ("4", "decision")]
    assert details["links"][1]["decided_by"].startswith("cli:")
    assert hardfin("item", "list", "acme", "--search", "zzz").out == "acme: no product or part with that\n"


def test_a_link_is_removed_and_its_item_waits(waiting, hardfin):
    ended = hardfin("item", "unlink", "acme", "1", "--reason", "another arm")

    assert ended.out == "acme: item 1 is not linked to itm_arm any more and is in triage again\n"
    assert linked(waiting) == {}
    assert states(waiting)["1"] == "open"
    refused(hardfin("item", "unlink", "acme", "1"), "no product or part that is linked to a record “1”")


def test_status_says_when_items_were_last_synced_and_whether_any_wait(waiting, hardfin):
    shown = " ".join(hardfin("status", "acme").out.split())
    document = hardfin("status", "acme", "--json").json[0]["connections"][0]

    assert "quickbooks: items 1 linked, 2 in triage; last synced 20" in shown
    assert "quickbooks: month 0 of 20,000 metered calls, about " in shown
    assert "by its end; 0 of 500,000 for all connections together" in shown
    assert (document["items_linked"], document["items_in_triage"]) == (1, 2)
    assert document["month"] == {
        "metered_calls": 0,
        "limit": 20_000,
        "metered_calls_of_all_connections": 0,
        "limit_of_all_connections": 500_000,
    }


def test_status_of_an_accounting_system_that_was_never_read_says_so(product, hardfin):
    with writing(product.deployment.engine) as connection:
        add_organization(connection, "acme")
        add_connection(connection, "acme", "quickbooks")

    assert "quickbooks: items 0 linked, 0 in triage; not synced yet" in " ".join(hardfin("status").out.split())


def test_of_a_long_file_only_some_answers_are_listed_and_the_others_counted(waiting, hardfin, tmp_path: Path):
    books = Books()
    for number in range(60):
        books.put(f"{number + 100}", f"Thing {number}")
    connect = lambda _row, memory=None, *, purpose="": BooksConnector(books, memory)  # noqa: E731
    work = sync_items(waiting.deployment, "acme", CONNECTION, run_id="second", connect=connect)
    books.clock += timedelta(hours=1)
    waiting.deployment.run(work)
    file = tmp_path / "answers.csv"
    rows = [f"{CONNECTION},{number + 100},{'ignore' if number < 40 else 'create'}" for number in range(60)]
    file.write_text("\n".join(["connection,external_id,action", *rows]), encoding="utf-8")

    ended = hardfin("triage", "import", "acme", str(file))

    assert ended.code == 0, ended.err
    assert "acme: 60 item(s)" in ended.out
    assert "... and 10 more; in all 40 ignored, 20 made into" in ended.out
    assert sum(state == "ignored" for state in states(waiting).values()) == 40

"""What an accounting system holds besides items, over real HTTP: read when it moves, complete, and kept as it is."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.books_reading import KindReading
from hardfin_pipelines.engine.item_runs import sync_organization_items
from hardfin_pipelines.platform.books_tables import (
    TABLES,
    books_reads,
    inventory_levels,
    item_components,
    locations,
    sales_document_lines,
    sales_documents,
    vendor_customers,
)
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections, links
from hardfin_pipelines.sandbox.netsuite.load_business import load_business
from hardfin_pipelines.sandbox.netsuite.vendor_faults import named_fault
from hardfin_pipelines_tests.engine.kept_books import add_customers


@pytest.fixture
def business(wernham):
    """Five items, two locations, four customers, orders and invoices."""
    items = [wernham.add_item(f"A-{number}", f"Arm {number}") for number in range(5)]
    return items, load_business(wernham.account, items)


def dump(team: Any) -> dict[str, list[dict[str, Any]]]:
    """All of it, without the marks."""
    return {kind: sorted(team.rows(table), key=repr) for kind, table in TABLES.items()}


def levels(team: Any) -> dict[tuple[str, str], Decimal]:
    return {(row["item_id"], row["location_id"]): row["on_hand"] for row in team.rows(inventory_levels)}


def sync(team: Any, run_id: str = "run") -> Any:
    """What a person starts: a visit whatever is pending."""
    return team.deployment.run(sync_organization_items(team.deployment, team.org, run_id=run_id))


def test_everything_an_account_holds_is_here_after_the_first_tick(wernham, business):
    synced = wernham.tick_items()

    assert synced is not None
    assert synced.notes == []
    for kind, counts in synced.books["netsuite"].kinds.items():
        assert counts.agrees, (kind, counts)
        assert len(wernham.rows(TABLES[kind])) == counts.total


def test_a_second_visit_changes_no_row(wernham, business):
    wernham.tick_items()
    before = dump(wernham)

    sync(wernham, "again")

    assert dump(wernham) == before


def test_a_quiet_tick_is_one_call_whatever_the_account_holds(wernham, business):
    wernham.tick_items()
    before = wernham.calls()

    assert wernham.tick_items() is None

    assert wernham.calls() - before == 1


def test_only_the_kind_that_moved_is_read(wernham, business):
    items, made = business
    wernham.tick_items()
    wernham.account.set_stock(items[0], made.locations[0], on_hand=99)

    synced = wernham.tick_items()

    assert synced is not None
    assert set(synced.books["netsuite"].kinds) == {"inventory_level"}
    assert levels(wernham)[items[0], made.locations[0]] == 99


def test_quantities_on_order_follow_a_purchase_though_no_stock_moved(wernham, business):
    items, made = business
    wernham.tick_items()
    wernham.account.set_stock(items[1], made.locations[0], on_hand=7, on_order=40)
    wernham.tick_items()

    level = next(row for row in wernham.rows(inventory_levels) if row["on_order"])

    assert (level["item_id"], level["on_order"]) == (items[1], 40)


def test_what_the_account_has_no_more_is_gone_here(wernham, business):
    _items, made = business
    wernham.tick_items()
    wernham.account.delete("transaction", made.invoices[0])

    wernham.tick_items()

    gone = {row["external_id"] for row in wernham.rows(sales_documents) if row["gone_at"] is not None}
    left = {row["document_id"] for row in wernham.rows(sales_document_lines) if row["gone_at"] is None}
    assert gone == {made.invoices[0]}
    assert made.invoices[0] not in left


def test_a_role_without_locations_is_said_and_everything_else_is_read(netsuite):
    team = netsuite.add_organization("vandelay")
    load_business(team.account, [team.add_item("A-1")])
    team.account.roles["Hardfin Integration"].permissions.discard("Locations")

    synced = team.tick_items()

    assert synced is not None
    assert any(note.startswith("vandelay:netsuite: location: not seen; it needs") for note in synced.notes)
    assert team.rows(locations) == []
    assert team.rows(sales_documents) != []
    assert team.tick_items() is None


def test_a_kind_that_is_seen_again_is_read_whole(netsuite):
    team = netsuite.add_organization("vandelay")
    load_business(team.account, [team.add_item("A-1")])
    role = team.account.roles["Hardfin Integration"]
    role.permissions.discard("Locations")
    team.tick_items()
    role.permissions.add("Locations")
    team.redescribe_books()

    team.tick_items()

    assert len(team.rows(locations)) == 3


def test_a_visit_that_was_cut_off_goes_on_and_makes_the_same_rows(wernham, business, monkeypatch):
    take, taken = KindReading._take, []

    def die_at_the_third(self: KindReading, page: Any) -> None:
        taken.append(self.kind)
        if len(taken) == 3:
            raise RuntimeError("killed")
        take(self, page)

    monkeypatch.setattr(KindReading, "_take", die_at_the_third)
    with pytest.raises(RuntimeError):
        wernham.tick_items()
    assert wernham.rows(books_reads) == []
    monkeypatch.setattr(KindReading, "_take", take)
    before = wernham.calls()

    sync(wernham)

    assert wernham.calls() - before < 10
    for kind, table in TABLES.items():
        assert len(wernham.rows(table)) == wernham.state(kind).total


def test_a_failure_of_the_vendor_leaves_the_marks_where_they_were(wernham, business):
    items, made = business
    wernham.tick_items()
    before = wernham.rows(books_reads)
    wernham.account.set_stock(items[0], made.locations[0], on_hand=99)
    fault = named_fault("invalid_search", account=wernham.account.id, skip=4)
    wernham.product.sandbox.faults.add(fault)

    with pytest.raises(VendorError):
        sync(wernham)

    assert wernham.rows(books_reads) == before
    wernham.product.sandbox.faults.clear()
    with writing(wernham.deployment.engine) as connection:
        connection.execute(update(connections).values(status="active"))
    sync(wernham)
    assert levels(wernham)[items[0], made.locations[0]] == 99


def test_a_pause_during_a_visit_takes_effect_before_the_next_transaction(wernham, business):
    wernham.product.between.do("/services/rest/query/v1/suiteql", *[lambda: None] * 3, wernham.pause)

    synced = wernham.tick_items()

    assert synced is not None
    assert "paused" in synced.books["netsuite"].interrupted
    assert wernham.rows(books_reads) == []
    wernham.pause(paused=False)
    wernham.tick_items()
    assert len(wernham.rows(inventory_levels)) == 10


def test_stock_that_moves_while_it_is_read_is_news_at_the_next_tick(wernham, business):
    items, made = business
    moves = iter(range(100, 200))
    move = lambda: wernham.account.set_stock(items[0], made.locations[0], on_hand=next(moves))  # noqa: E731
    wernham.product.between.do("/services/rest/query/v1/suiteql", *[move] * 12)

    wernham.tick_items()
    wernham.product.between.do("/services/rest/query/v1/suiteql")
    wernham.tick_items()

    held = wernham.account.store.rows(
        "SELECT quantityonhand AS n FROM aggregateitemlocation WHERE item = ? AND location = ?",
        [int(items[0]), int(made.locations[0])],
    )
    assert levels(wernham)[items[0], made.locations[0]] == held[0]["n"]


def test_components_of_kits_are_kept(wernham, business):
    items, _made = business
    kit = wernham.account.create("kitItem", {"itemid": "KIT-1", "displayname": "Starter kit"})
    wernham.account.create("itemmember", {"parentitem": kit, "item": items[0], "quantity": 2, "linenumber": 1})

    wernham.tick_items()

    (row,) = wernham.rows(item_components)
    assert (row["parent_id"], row["item_id"], row["quantity"]) == (kit, items[0], 2)


def test_customers_find_those_of_the_crm_by_name(wernham, business):
    add_customers(wernham.deployment.engine, {"cus_initech": "Initech"}, wernham.org)

    wernham.tick_items()

    (link,) = [row for row in wernham.rows(links) if row["entity_type"] == "customer"]
    named = {row["external_id"]: row["name"] for row in wernham.rows(vendor_customers)}
    assert (link["entity_id"], named[link["external_id"]]) == ("cus_initech", "Initech")


def test_one_organization_never_sees_anothers_stock(netsuite):
    one = netsuite.add_organization("one", "1000001")
    two = netsuite.add_organization("two", "1000002")
    load_business(one.account, [one.add_item("A-1")])
    load_business(two.account, [two.add_item("A-1"), two.add_item("A-2")])

    for team in (one, two, one, two):
        team.tick_items()

    assert {row["connection_id"] for row in one.rows(inventory_levels)} == {"one:netsuite"}
    assert (len(one.rows(inventory_levels)), len(two.rows(inventory_levels))) == (2, 4)


def test_only_documents_since_the_start_date_are_kept(netsuite):
    team = netsuite.add_organization("vandelay")
    item = team.add_item("A-1")
    load_business(team.account, [item], orders=4, at=team.product.sandbox.clock.now() - timedelta(days=900))
    load_business(team.account, [item], orders=2, locations=0, customers=1)

    team.tick_items()

    assert all(f"{row['document_date']:%Y}" >= "2025" for row in team.rows(sales_documents))
    assert len(team.rows(sales_documents)) == 3

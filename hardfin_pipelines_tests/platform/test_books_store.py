"""The store of what accounting systems hold besides items, once on each database."""

from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Table, select

from hardfin_pipelines.platform.books_store import (
    BooksScope,
    count_present,
    exact_text,
    fact_key,
    mark_gone,
    mark_lines_gone,
    read_states,
    save_facts,
    save_item_costs,
    save_state,
)
from hardfin_pipelines.platform.books_tables import (
    TABLES,
    inventory_levels,
    item_costs,
    item_prices,
    locations,
    sales_document_lines,
)
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.sync.books import BOOKS_KINDS, FACT_TYPES, BooksFact, BooksKind, ItemCost, key_fields
from hardfin_pipelines.sync.books_reading import BooksState
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization
from hardfin_pipelines_tests.sync.books_facts import COMPONENT, LEVEL, LINE, LOCATION, ONE_OF_EACH, PRICE

SCOPE = BooksScope("acme", "acme:netsuite")
SAME_ORG = BooksScope("acme", "acme:quickbooks")
OTHER_ORG = BooksScope("bolt", "bolt:netsuite")
LATER = A_MOMENT + timedelta(hours=1)


@pytest.fixture
def store(engine: Engine):
    """An open transaction on a store with two organizations that have accounting systems."""
    with writing(engine) as connection:
        for scope in (SCOPE, OTHER_ORG):
            add_organization(connection, scope.org)
            add_connection(connection, scope.org, "netsuite")
        add_connection(connection, "acme", "quickbooks")
        yield connection


def save(store: Connection, kind: BooksKind, *facts: BooksFact, scope: BooksScope = SCOPE, at=A_MOMENT) -> int:
    return save_facts(store, scope, kind, facts, as_of=at, run_id=f"run-{at.hour}")


def rows(store: Connection, table: Table, scope: BooksScope = SCOPE) -> list[dict[str, Any]]:
    order = list(table.primary_key)
    return [dict(row) for row in store.execute(select(table).where(scope.of(table)).order_by(*order)).mappings()]


def kept(store: Connection, kind: BooksKind, scope: BooksScope = SCOPE) -> list[BooksFact]:
    """The facts of a kind that are there, made of their rows."""
    names = {each.name: "external_id" if each.name == "id" else each.name for each in fields(FACT_TYPES[kind])}
    return [
        FACT_TYPES[kind](**{name: row[column] for name, column in names.items()})
        for row in rows(store, TABLES[kind], scope)
        if row["gone_at"] is None
    ]


@pytest.mark.parametrize("kind", BOOKS_KINDS)
def test_a_fact_comes_back_as_it_was_kept(store: Connection, kind: BooksKind):
    fact = ONE_OF_EACH[kind]

    assert save(store, kind, fact) == 1

    assert kept(store, kind) == [fact]
    (row,) = rows(store, TABLES[kind])
    assert (row["as_of"], row["run_id"], row["gone_at"]) == (A_MOMENT, "run-9", None)
    assert (count_present(store, SCOPE, kind), count_present(store, OTHER_ORG, kind)) == (1, 0)


@pytest.mark.parametrize("kind", BOOKS_KINDS)
def test_what_says_the_same_again_is_left_as_it_is(store: Connection, kind: BooksKind):
    save(store, kind, ONE_OF_EACH[kind])

    assert save(store, kind, ONE_OF_EACH[kind], at=LATER) == 0

    (row,) = rows(store, TABLES[kind])
    assert (row["as_of"], row["run_id"]) == (A_MOMENT, "run-9")


@pytest.mark.parametrize("kind", BOOKS_KINDS)
def test_each_field_that_changes_is_written(store: Connection, kind: BooksKind):
    """Also where it was nothing before, or is nothing now."""
    for field in (each.name for each in fields(FACT_TYPES[kind]) if each.name not in key_fields(kind)):
        empty = replace(ONE_OF_EACH[kind], **{field: _nothing(kind, field)})
        full = replace(ONE_OF_EACH[kind], **{field: _something(kind, field)})
        save(store, kind, empty)

        assert save(store, kind, full, at=LATER) == 1, field
        assert (kept(store, kind), rows(store, TABLES[kind])[0]["as_of"]) == ([full], LATER)
        assert save(store, kind, empty, at=LATER + timedelta(hours=1)) == 1, field
        assert kept(store, kind) == [empty]


def _nothing(kind: BooksKind, field: str) -> Any:
    if TABLES[kind].c[field].nullable:
        return None
    return {bool: False, datetime: A_MOMENT}.get(get_type_hints(FACT_TYPES[kind])[field], "")


def _something(kind: BooksKind, field: str) -> Any:
    value = getattr(ONE_OF_EACH[kind], field)
    if value not in {None, "", False}:
        return value
    values = {str: "x", bool: True, Decimal | None: Decimal("0.10"), date | None: A_MOMENT.date()}
    return values[get_type_hints(FACT_TYPES[kind])[field]]


def test_of_two_facts_with_one_key_the_last_counts(store: Connection):
    assert save(store, "inventory_level", LEVEL, replace(LEVEL, on_hand=Decimal(9))) == 1

    assert kept(store, "inventory_level") == [replace(LEVEL, on_hand=Decimal(9))]
    assert save(store, "inventory_level") == 0


def test_one_quantity_is_one_key_however_it_is_written(store: Connection):
    save(store, "item_price", PRICE)
    save(store, "item_price", replace(PRICE, from_quantity=Decimal("10.00"), price=Decimal("10.75")), at=LATER)

    (row,) = rows(store, item_prices)
    assert (row["from_quantity"], row["price"]) == (Decimal(10), Decimal("10.75"))


def test_money_is_kept_digit_for_digit(store: Connection):
    exact = Decimal("12345678901234567890.123456789")
    save(store, "inventory_level", replace(LEVEL, average_cost=exact, on_hand_value=Decimal("1E+3")))

    (row,) = rows(store, inventory_levels)
    assert (row["average_cost"], row["on_hand_value"]) == (exact, Decimal(1000))


def test_text_that_no_database_takes_is_kept_without_it(store: Connection):
    save(store, "location", replace(LOCATION, name="Do\0ck \ud800é"))

    assert rows(store, locations)[0]["name"] == "Do\N{REPLACEMENT CHARACTER}ck ?é"
    assert save(store, "location", replace(LOCATION, name="Do\0ck \ud800é")) == 0


def test_several_thousand_rows_are_counted_right(store: Connection):
    levels = [replace(LEVEL, item_id=str(number)) for number in range(3_500)]
    changed = [replace(each, on_hand=Decimal(5)) for each in levels[:1_200]]

    assert save(store, "inventory_level", *levels) == 3_500
    assert save(store, "inventory_level", *changed, *levels[1_200:]) == 1_200
    assert count_present(store, SCOPE, "inventory_level") == 3_500


def test_what_a_whole_reading_did_not_find_is_gone_until_it_is_back(store: Connection):
    there, away = LEVEL, replace(LEVEL, location_id="11")
    save(store, "inventory_level", there, away)
    present = [fact_key("inventory_level", there)]

    assert mark_gone(store, SCOPE, "inventory_level", present, at=LATER, run_id="run-2") == 1
    assert mark_gone(store, SCOPE, "inventory_level", present, at=LATER + timedelta(1), run_id="run-3") == 0

    assert kept(store, "inventory_level") == [there]
    (row,) = (each for each in rows(store, inventory_levels) if each["location_id"] == "11")
    assert (row["gone_at"], row["run_id"], row["as_of"]) == (LATER, "run-2", A_MOMENT)
    assert count_present(store, SCOPE, "inventory_level") == 1
    assert save(store, "inventory_level", there, away, at=LATER) == 1
    assert kept(store, "inventory_level") == [there, away]


@pytest.mark.parametrize("kind", BOOKS_KINDS)
def test_rows_of_every_kind_can_be_found_gone(store: Connection, kind: BooksKind):
    save(store, kind, ONE_OF_EACH[kind])

    assert mark_gone(store, SCOPE, kind, {fact_key(kind, ONE_OF_EACH[kind])}, at=LATER, run_id="run-2") == 0
    assert mark_gone(store, SCOPE, kind, (), at=LATER, run_id="run-2") == 1
    assert count_present(store, SCOPE, kind) == 0


def test_lines_that_left_their_documents_are_gone_and_other_documents_keep_theirs(store: Connection):
    second, other = replace(LINE, line_id="2"), replace(LINE, document_id="1300")
    save(store, "sales_document_line", LINE, second, other)
    present = {fact_key("sales_document_line", second)}

    assert mark_lines_gone(store, SCOPE, ["1200"], present, at=LATER, run_id="run-2") == 1
    assert mark_lines_gone(store, SCOPE, [], (), at=LATER, run_id="run-2") == 0

    assert kept(store, "sales_document_line") == [second, other]
    assert [row["gone_at"] for row in rows(store, sales_document_lines)] == [LATER, None, None]


def test_lines_of_more_documents_than_a_statement_takes(store: Connection):
    lines = [replace(LINE, document_id=str(number)) for number in range(6_000)]
    save(store, "sales_document_line", *lines)
    present = {fact_key("sales_document_line", each) for each in lines[:-1]}

    assert mark_lines_gone(store, SCOPE, [each.document_id for each in lines], present, at=LATER, run_id="r") == 1


def test_connections_and_organizations_do_not_share_rows(store: Connection):
    for scope in (SCOPE, SAME_ORG, OTHER_ORG):
        save(store, "inventory_level", LEVEL, scope=scope)
        save(store, "sales_document_line", LINE, scope=scope)
    changed = replace(LEVEL, on_hand=Decimal(99))

    assert save(store, "inventory_level", changed) == 1
    assert mark_gone(store, SAME_ORG, "inventory_level", (), at=LATER, run_id="run-2") == 1
    assert mark_lines_gone(store, SAME_ORG, ["1200"], (), at=LATER, run_id="run-2") == 1

    assert kept(store, "inventory_level") == [changed]
    assert kept(store, "inventory_level", SAME_ORG) == []
    assert kept(store, "inventory_level", OTHER_ORG) == [LEVEL]
    assert [kept(store, "sales_document_line", each) for each in (SCOPE, SAME_ORG, OTHER_ORG)] == [[LINE], [], [LINE]]


def test_costs_of_items_are_kept_like_facts(store: Connection):
    cost = ItemCost("7", Decimal("9.10"), None, Decimal("9.05"), "USD")

    assert save_item_costs(store, SCOPE, [cost], as_of=A_MOMENT, run_id="run-1") == 1
    assert save_item_costs(store, SCOPE, [cost], as_of=LATER, run_id="run-2") == 0
    changed = replace(cost, average_cost=Decimal("9.07"))
    assert save_item_costs(store, SCOPE, [changed], as_of=LATER, run_id="run-2") == 1

    (row,) = rows(store, item_costs)
    assert (row["average_cost"], row["as_of"], row["run_id"]) == (Decimal("9.07"), LATER, "run-2")


def test_how_far_each_kind_was_read_comes_back(store: Connection):
    first = BooksState(A_MOMENT, "mark", 12, A_MOMENT, whole_at=A_MOMENT)
    lacks = BooksState(A_MOMENT, "", 0, A_MOMENT, lacking="the permission Lists > Locations")
    save_state(store, "acme", SCOPE.connection_id, "inventory_level", first, "run-1")
    save_state(store, "acme", SCOPE.connection_id, "location", lacks, "run-1")
    save_state(store, "acme", SCOPE.connection_id, "item", replace(first, total=3), "run-1")
    then = replace(first, since=LATER, mark="other", total=13, read_at=LATER)
    save_state(store, "acme", SCOPE.connection_id, "inventory_level", then, "run-2")

    assert read_states(store, "acme", SCOPE.connection_id) == {
        "inventory_level": then,
        "location": lacks,
        "item": replace(first, total=3),
    }
    assert read_states(store, "acme", SAME_ORG.connection_id) == {}
    assert read_states(store, "bolt", SCOPE.connection_id) == {}


def test_every_field_has_its_column():
    for kind, table in TABLES.items():
        names = ["external_id" if each.name == "id" else each.name for each in fields(FACT_TYPES[kind])]
        assert list(table.columns.keys()) == ["org", "connection_id", *names, "as_of", "run_id", "gone_at"]
    assert set(TABLES) == set(BOOKS_KINDS)


def test_a_key_is_of_text_in_the_order_of_its_fields():
    assert fact_key("item_component", COMPONENT) == ("7", "1")
    assert fact_key("item_price", replace(PRICE, from_quantity=Decimal("1.50"))) == ("7", "5", "USD", "1.5")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_quantity_has_one_text_whatever_zeros_it_ends_with(quantity: Decimal):
    text = exact_text(quantity)

    assert Decimal(text) == quantity
    assert "E" not in text
    assert exact_text(Decimal(text)) == text
    assert exact_text(Decimal(f"{quantity:f}" + ("0" if "." in f"{quantity:f}" else ".0"))) == text

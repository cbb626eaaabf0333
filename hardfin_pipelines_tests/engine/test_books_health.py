"""What asset checks find of accounting systems' stock and documents, over all organizations."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hardfin_pipelines.engine.books_health import (
    documents_of_strangers,
    kinds_not_read,
    levels_of_nothing,
    negative_stock,
)
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.platform.books_store import BooksScope, save_state
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import connections
from hardfin_pipelines.platform.vendor_item_store import ItemScope, save_gone
from hardfin_pipelines.sync.books_reading import BooksState, PulseKind
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.vendor_items import ItemGone
from hardfin_pipelines_tests.engine.accounting import open_accounting
from hardfin_pipelines_tests.engine.kept_books import BOOKS, keep, keep_items, left
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection
from hardfin_pipelines_tests.sync.books_facts import CUSTOMER, LEVEL, LINE, LOCATION, ORDER

OTHER = BooksScope("other", "other:netsuite")
ARM = ItemFacts("Robot arm", ("Robot arm",), "RA-1", "stocked", "Inventory Item")


@pytest.fixture
def deployment(database_url: str, tmp_path: Path):
    """Two organizations whose accounting systems were read, and are as they should be, once on each database."""
    acme = open_accounting(database_url, tmp_path)
    engine = acme.deployment.engine
    with writing(engine) as connection:
        for scope in (BOOKS, OTHER):
            add_connection(connection, scope.org, "netsuite", last_polled_at=acme.deployment.now())
    for scope in (BOOKS, OTHER):
        keep_items(engine, {"7": ARM}, scope)
        keep(engine, LOCATION, CUSTOMER, LEVEL, ORDER, LINE, scope=scope)
        kinds: tuple[PulseKind, ...] = ("location", "customer", "inventory_level")
        for kind in kinds:
            read(acme.deployment, kind, scope=scope)
    yield acme.deployment
    engine.dispose()


def read(
    deployment: Deployment, kind: PulseKind, *, scope: BooksScope = BOOKS, days_ago: float = 0, **state: Any
) -> None:
    """A kind was read."""
    at = deployment.now() - timedelta(days=days_ago)
    with writing(deployment.engine) as connection:
        save_state(connection, scope.org, scope.connection_id, kind, BooksState(at, "mark", 1, at, at), "run")
        if state:
            known = BooksState(at, **{"mark": "mark", "total": 1, "read_at": at, **state})
            save_state(connection, scope.org, scope.connection_id, kind, known, "run")


def of_connection(deployment: Deployment, **columns: Any) -> None:
    with writing(deployment.engine) as connection:
        one = connections.c.connection_id == BOOKS.connection_id
        connection.execute(update(connections).where(one).values(**columns))


def test_nothing_is_found_where_all_is_well(deployment: Deployment):
    assert negative_stock(deployment) == []
    assert levels_of_nothing(deployment) == []
    assert documents_of_strangers(deployment) == []
    assert kinds_not_read(deployment) == []


def test_negative_stock_is_named_with_the_first_of_it(deployment: Deployment):
    below = [replace(LEVEL, item_id=str(number), on_hand=Decimal("-0.5")) for number in range(10, 15)]
    zero = [replace(LEVEL, item_id="20", on_hand=Decimal("-0.00")), replace(LEVEL, item_id="21", on_hand=None)]
    keep(deployment.engine, *below, *zero)
    keep(deployment.engine, replace(LEVEL, location_id="", on_hand=Decimal(-12)), scope=OTHER)

    first = "item 10 at location 10 (-0.5), item 11 at location 10 (-0.5), item 12 at location 10 (-0.5)"
    assert negative_stock(deployment) == [
        f"acme:netsuite: 5 level(s) with less than nothing on hand: {first} and 2 more",
        "other:netsuite: 1 level(s) with less than nothing on hand: item 7 (-12)",
    ]
    left(deployment.engine, "inventory_level", LEVEL)
    assert [line.partition(":")[0] for line in negative_stock(deployment)] == ["other"]


def test_levels_of_items_and_locations_that_are_not_there(deployment: Deployment):
    keep(deployment.engine, replace(LEVEL, item_id="9"), replace(LEVEL, location_id="99"))
    keep(deployment.engine, replace(LEVEL, location_id=""))

    assert levels_of_nothing(deployment) == [
        "acme:netsuite: 1 level(s) of items that are not there: item 9 at location 10 (4)",
        "acme:netsuite: 1 level(s) at locations that are not there: item 7 at location 99 (4)",
    ]


def test_an_item_or_a_location_that_is_gone_is_not_there(deployment: Deployment):
    with writing(deployment.engine) as connection:
        items = ItemScope("acme", BOOKS.connection_id, "item")
        save_gone(connection, items, [ItemGone("7", A_MOMENT, "deleted")])
    left(deployment.engine, "location", scope=OTHER)

    assert levels_of_nothing(deployment) == [
        "acme:netsuite: 1 level(s) of items that are not there: item 7 at location 10 (4)",
        "other:netsuite: 1 level(s) at locations that are not there: item 7 at location 10 (4)",
    ]
    assert documents_of_strangers(deployment) == [], "they were read, and documents outlive them"


def test_locations_that_the_connection_does_not_see_are_not_missed(deployment: Deployment):
    left(deployment.engine, "location")
    assert len(levels_of_nothing(deployment)) == 1
    read(deployment, "location", lacking="the feature Multi-Location Inventory")

    assert levels_of_nothing(deployment) == []


def test_documents_of_customers_and_items_that_were_never_read(deployment: Deployment):
    strange = [replace(ORDER, id=str(number), number=f"SO-{number}", customer_id="999") for number in range(1, 3)]
    keep(deployment.engine, *strange, replace(LINE, line_id="2", item_id="99"), replace(LINE, line_id="3", item_id=""))

    assert documents_of_strangers(deployment) == [
        "acme:netsuite: 2 sales document(s) of customers that were never read: sales order SO-1, sales order SO-2",
        "acme:netsuite: 1 sales document(s) of items that were never read: sales order SO-1200",
    ]
    read(deployment, "customer", lacking="the permission Lists > Customers")
    left(deployment.engine, "sales_document_line", LINE)
    assert documents_of_strangers(deployment) == []


def test_kinds_that_a_connection_does_not_see(deployment: Deployment):
    read(deployment, "price_level", lacking="the feature Multiple Prices")

    assert kinds_not_read(deployment) == ["acme:netsuite: price level: not seen; it needs the feature Multiple Prices"]
    of_connection(deployment, status="paused")
    assert kinds_not_read(deployment) == []


def test_a_kind_that_did_not_move_is_not_missed_and_one_that_could_not_be_read_is(deployment: Deployment):
    read(deployment, "location", days_ago=9)
    assert kinds_not_read(deployment) == [], "polls say that it is as it was"

    now = deployment.now()
    of_connection(deployment, failing_since=now - timedelta(hours=3))
    assert kinds_not_read(deployment) == []
    of_connection(deployment, failing_since=now - timedelta(days=3))
    assert len(kinds_not_read(deployment)) == 1
    of_connection(deployment, failing_since=None, last_polled_at=now - timedelta(days=3))
    assert len(kinds_not_read(deployment)) == 1
    of_connection(deployment, last_polled_at=now)
    read(deployment, "location", days_ago=9, mark="")
    assert [line.rpartition(" last read ")[0] for line in kinds_not_read(deployment)] == ["acme:netsuite: location:"]
    read(deployment, "location", days_ago=1, mark="")
    assert kinds_not_read(deployment) == []

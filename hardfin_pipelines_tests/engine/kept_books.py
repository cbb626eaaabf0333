"""Putting what accounting systems hold into the store, as visits do, without an accounting system."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from hardfin_pipelines.engine.vendors import VendorRegistry
from hardfin_pipelines.platform.books_store import BooksScope, fact_key, mark_gone, save_facts, save_item_costs
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_store import insert_items
from hardfin_pipelines.platform.tables import audit_events, customers, links
from hardfin_pipelines.platform.vendor_item_store import ItemScope, save_items
from hardfin_pipelines.sync.books import FACT_TYPES, BooksFact, BooksKind, ItemCost
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.records import Role
from hardfin_pipelines.sync.vendor_items import VendorItem
from hardfin_pipelines_tests.engine.accounting import Books, BooksConnector
from hardfin_pipelines_tests.store_fixtures import A_MOMENT

BOOKS = BooksScope("acme", "acme:netsuite")
OBJECTS: Mapping[Role, str] = {"item": "item", "customer": "customer"}

_KINDS: Mapping[type, BooksKind] = {fact_type: kind for kind, fact_type in FACT_TYPES.items()}


class NamesCustomers(BooksConnector):
    """A connector that knows what its vendor calls customers, and reads nothing."""

    def objects(self) -> Mapping[Role, str]:
        return OBJECTS


@pytest.fixture
def named_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connectors of accounting systems know what their vendor calls customers; nobody has to be connected."""
    monkeypatch.setattr(VendorRegistry, "erp_connector", lambda *_args, **_more: NamesCustomers(Books()))


def keep(engine: Engine, *facts: BooksFact | ItemCost, scope: BooksScope = BOOKS, at: datetime = A_MOMENT) -> None:
    """Keep facts of any kinds."""
    with writing(engine) as connection:
        for fact in facts:
            if isinstance(fact, ItemCost):
                save_item_costs(connection, scope, [fact], as_of=at, run_id="books")
            else:
                save_facts(connection, scope, _KINDS[type(fact)], [fact], as_of=at, run_id="books")


def left(engine: Engine, kind: BooksKind, *present: BooksFact, scope: BooksScope = BOOKS) -> None:
    """As after a reading of all rows of a kind: nothing else is there any more."""
    keys = {fact_key(kind, fact) for fact in present}
    with writing(engine) as connection:
        mark_gone(connection, scope, kind, keys, at=A_MOMENT, run_id="books")


def keep_items(
    engine: Engine,
    items: Mapping[str, ItemFacts],
    scope: BooksScope = BOOKS,
    at: datetime = A_MOMENT,
    vendor_object: str = OBJECTS["item"],
) -> None:
    """Keep items of an accounting system, by the vendor's id."""
    of_items = ItemScope(scope.org, scope.connection_id, vendor_object)
    with writing(engine) as connection:
        kept = [VendorItem(external_id, facts, at, f"books/{external_id}") for external_id, facts in items.items()]
        save_items(connection, of_items, kept, now=at, run_id="books")


def link(
    engine: Engine,
    entity_type: str,
    made: Mapping[str, str],
    *,
    connection_id: str = BOOKS.connection_id,
    vendor_object: str = "item",
    matched_by: str = "name",
    **columns: Any,
) -> None:
    """Link external records to entities, from the vendor's id to Hardfin's."""
    row = {
        "org": connection_id.partition(":")[0],
        "connection_id": connection_id,
        "object": vendor_object,
        "entity_type": entity_type,
        "synced_values": {},
        "synced_at": A_MOMENT,
        "run_id": "run-1",
        "mapping_revision": 1,
        "matched_by": matched_by,
        **columns,
    }
    with writing(engine) as connection:
        rows = [{**row, "external_id": external_id, "entity_id": entity} for external_id, entity in made.items()]
        connection.execute(links.insert(), rows)


def add_customers(engine: Engine, names: Mapping[str, str], org: str = "acme") -> None:
    """Customers of Hardfin's, by id."""
    rows = [
        {"org": org, "id": each, "name": name, "custom": {}, "created_at": A_MOMENT, "updated_at": A_MOMENT}
        for each, name in names.items()
    ]
    with writing(engine) as connection:
        connection.execute(customers.insert(), rows)


def add_items(engine: Engine, items: Mapping[str, Mapping[str, Any]], org: str = "acme") -> None:
    """Products of Hardfin's, by id, with their values."""
    with writing(engine) as connection:
        insert_items(connection, org, [(each, "product", values) for each, values in items.items()], A_MOMENT)


def linked(engine: Engine, entity_type: str = "customer") -> dict[str, tuple[str, str, str]]:
    """The links to entities of a kind: from the vendor's id to Hardfin's, how it was found, and why it is broken."""
    with reading(engine) as connection:
        query = select(links).where(links.c.entity_type == entity_type)
        return {
            row.external_id: (row.entity_id, row.matched_by, row.broken_because) for row in connection.execute(query)
        }


def audited(engine: Engine, actions: Iterable[str] = ()) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Action, entity, reason and changes of what was audited, oldest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(audit_events).order_by(audit_events.c.id)).all()
    wanted = set(actions)
    return [(row.action, row.entity_id, row.reason, row.changes) for row in rows if not wanted or row.action in wanted]

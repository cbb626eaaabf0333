"""What the checks of triage say: who waits long, and which catalogue was hardly matched."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from hardfin_pipelines.engine.deciding import Answer
from hardfin_pipelines.engine.item_health import (
    ItemState,
    connections_hardly_linked,
    item_shares,
    item_states,
    triage_waiting_long,
)
from hardfin_pipelines.engine.triage import decide
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.item_store import list_items
from hardfin_pipelines.platform.triage_tables import triage_items
from hardfin_pipelines_tests.engine.accounting import CONNECTION, Accounting, filled, open_accounting

WEEK = timedelta(days=7)


@pytest.fixture
def acme(database_url: str, tmp_path: Path):
    """Of four items one is linked and three wait."""
    accounting = filled(open_accounting(database_url, tmp_path))
    yield accounting
    accounting.deployment.engine.dispose()


def states(acme: Accounting) -> dict[str, ItemState]:
    with reading(acme.deployment.engine) as connection:
        return item_states(connection, "acme")


def test_the_oldest_item_that_waits_is_told_once_it_waits_for_a_week(acme):
    acme.deployment.ahead = WEEK - timedelta(minutes=5)
    assert triage_waiting_long(acme.deployment) == []

    acme.deployment.ahead = WEEK + timedelta(minutes=5)
    (line,) = triage_waiting_long(acme.deployment)
    assert line.startswith(f"{CONNECTION}: 3 item(s) wait for a decision, the oldest since 20")

    decide(acme.deployment, "acme", [Answer(each, "ignore") for each in ("3", "4", "5")], actor="cli:ann")
    assert triage_waiting_long(acme.deployment) == []


def test_an_item_that_comes_back_waits_since_then(acme):
    """Not since it first did, before it was inactive for a year."""
    with writing(acme.deployment.engine) as connection:
        connection.execute(update(triage_items).values(first_seen_at=acme.deployment.now() - timedelta(days=365)))

    assert triage_waiting_long(acme.deployment) == []


def test_the_share_of_items_with_a_product_counts_those_that_were_decided_about(acme):
    acme.books.put("8", "Parts", Type="Category")
    acme.books.put("9", "Old arm", "OA-1", Active="false")
    acme.sync()

    (share,) = item_shares(acme.deployment)
    assert (share.settled, share.items, share.share) == (1, 4, 0.25)
    assert connections_hardly_linked(acme.deployment) == [f"{CONNECTION}: 1 of 4 items linked or decided about"]
    decide(acme.deployment, "acme", [Answer("3", "create"), Answer("4", "ignore")], actor="cli:ann")
    assert connections_hardly_linked(acme.deployment) == []
    assert states(acme) == {CONNECTION: ItemState(linked=2, waiting=1)}


def test_a_broken_link_is_none(acme):
    acme.books.delete("1")
    acme.sync()

    assert states(acme) == {CONNECTION: ItemState(linked=0, waiting=3, broken=1)}
    with reading(acme.deployment.engine) as connection:
        found, total = list_items(connection, "acme", broken=True)
    assert ([each.id for each in found], total) == (["itm_arm"], 1)
    (share,) = item_shares(acme.deployment)
    assert (share.settled, share.items) == (0, 3)

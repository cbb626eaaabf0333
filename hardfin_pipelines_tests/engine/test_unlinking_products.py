"""A CRM's product that a person took away from an item: audited, remembered, and not back with the next deal."""

import pytest

from hardfin_pipelines.engine.provenance import project_provenance
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.triage import unlink_item
from hardfin_pipelines.platform.tables import audit_events, items, links, project_line_items
from hardfin_pipelines.platform.triage_tables import item_decisions
from hardfin_pipelines.sandbox.hubspot import NewRecord
from hardfin_pipelines_tests.engine.product import Organization
from hardfin_pipelines_tests.engine.sales_team import LINE_ITEM


def sell(acme: Organization, product: str, name: str = "A deal") -> str:
    """A won deal with one line of a product."""
    deal = acme.add_deal(name, lines=())
    values = {"name": "Robot arm", "price": "100.50", "quantity": "1", "hs_product_id": product}
    (line,) = acme.portal.create_many("line_items", [NewRecord(values)])
    acme.portal.associate_many("deals", "line_items", [(deal, line, LINE_ITEM)])
    return deal


def item_of(acme: Organization, deal: str) -> str:
    (item,) = project_provenance(acme.deployment, acme.org, deal).items
    return item


@pytest.fixture
def sold(acme: Organization) -> tuple[str, str]:
    """A product that was sold once, and the item it became."""
    (product,) = acme.portal.create_many("products", [NewRecord({"name": "Robot arm"})])
    deal = sell(acme, product)
    acme.tick()
    return product, item_of(acme, deal)


def test_it_is_audited_and_the_next_deal_makes_an_item_of_its_own(acme: Organization, sold: tuple[str, str]):
    product, item = sold

    taken = unlink_item(acme.deployment, "acme", product, actor="cli:ann", reason="it is the left arm")

    assert (taken.item_id, taken.unlinked, taken.waits, taken.action) == (item, True, False, "")
    (event,) = [row for row in acme.rows(audit_events) if row["action"] == "item.unlinked"]
    assert (event["entity_id"], event["actor"], event["reason"]) == (item, "cli:ann", "it is the left arm")
    assert event["changes"] == {f"acme:hubspot products {product}": ["synced", None]}
    (decision,) = acme.rows(item_decisions)
    assert (decision["action"], decision["item_id"], decision["external_id"]) == ("unlink", item, product)
    second = sell(acme, product, "Another deal")
    acme.tick()

    other = item_of(acme, second)
    assert other != item
    assert {row["id"] for row in acme.rows(items)} == {item, other}
    linked = {(row["object"], row["external_id"]): row["entity_id"] for row in acme.rows(links)}
    assert linked["products", product] == other
    found = project_provenance(acme.deployment, "acme", second).items[other]
    assert found.record is not None
    assert found.record.external_id == product, "its values are the product's"
    third = sell(acme, product, "A third deal")
    acme.tick()
    assert item_of(acme, third) == other


def test_projects_keep_their_lines(acme: Organization, sold: tuple[str, str]):
    product, item = sold
    before = acme.rows(project_line_items)

    unlink_item(acme.deployment, "acme", product, actor="cli:ann")

    assert acme.rows(project_line_items) == before
    assert {row["item_id"] for row in before} == {item}


def test_an_item_that_a_product_found_by_its_name_is_not_found_again(acme: Organization, sold: tuple[str, str]):
    _, item = sold
    (namesake,) = acme.portal.create_many("products", [NewRecord({"name": "ROBOT ARM"})])
    deal = sell(acme, namesake)
    acme.tick()
    assert item_of(acme, deal) == item

    unlink_item(acme.deployment, "acme", namesake, "acme:hubspot", actor="cli:ann")
    second = sell(acme, namesake, "Another deal")
    acme.tick()

    assert item_of(acme, second) not in {item, ""}
    with pytest.raises(Refusal, match="other"):
        unlink_item(acme.deployment, "acme", namesake, "acme:other", actor="cli:ann")

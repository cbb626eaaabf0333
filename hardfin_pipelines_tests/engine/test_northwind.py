"""The Northwind company from its own CSV files, loaded whole and compared with what the files say."""

import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from hardfin_pipelines.platform.tables import customers, ledger, project_line_items, projects
from hardfin_pipelines.sandbox.data_sets.northwind import northwind
from hardfin_pipelines.sandbox.hubspot.load import load_data_set

CENT = Decimal("0.01")


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def line_amount(row: dict[str, str]) -> Decimal:
    exact = Decimal(row["UnitPrice"]) * Decimal(row["Quantity"]) * (1 - Decimal(row["Discount"]))
    return exact.quantize(CENT, ROUND_HALF_UP)


@pytest.mark.shared_data
def test_every_shipped_order_is_a_project_with_its_customer_and_lines_to_the_cent(product, shared_data):
    folder = shared_data / "northwind"
    shipped = {row["OrderID"]: row for row in table(folder, "orders") if row["ShippedDate"] not in {"", "NULL"}}
    lines = [row for row in table(folder, "order_details") if row["OrderID"] in shipped]
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for row in lines:
        amounts[row["OrderID"]] += line_amount(row)
    firms = {row["CustomerID"]: row["CompanyName"] for row in table(folder, "customers")}
    end = datetime.now(UTC) - timedelta(hours=1)
    acme = product.add_organization("northwind", start_date="2020-01-01")
    loaded = load_data_set(acme.portal, northwind(folder, newest_modified=end))

    synced = acme.load()

    orders = {deal: order for order, deal in loaded.deals.items()}
    held = {row["external_id"]: row["project_id"] for row in acme.rows(ledger)}
    assert {orders[deal] for deal in held} == set(shipped)
    by_id = {row["id"]: row for row in acme.rows(projects)}
    assert len(by_id) == len(shipped) > 800
    names = {row["id"]: row["name"] for row in acme.rows(customers)}
    assert sorted(names.values()) == sorted({firms[row["CustomerID"]] for row in shipped.values()})
    line_sums: dict[str, Decimal] = defaultdict(Decimal)
    held_lines = acme.rows(project_line_items)
    for line in held_lines:
        line_sums[line["project_id"]] += line["amount"]
    assert len(held_lines) == len(lines)
    for deal, project_id in held.items():
        order = orders[deal]
        project = by_id[project_id]
        assert project["value"] == amounts[order] == line_sums[project_id], order
        assert names[project["customer_id"]] == firms[shipped[order]["CustomerID"]]
        assert (project["currency"], str(project["closed_on"])) == ("USD", shipped[order]["ShippedDate"][:10])
    assert sum(line_sums.values()) == sum(amounts.values())
    assert synced.deal_counts()["set_aside"] == 0
    assert acme.tick() is None

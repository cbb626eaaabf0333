"""The companies whose sales and finance departments work in the sandboxes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.sandbox.data_sets.generated import robotics_rental
from hardfin_pipelines.sandbox.data_sets.model import DataSet, Deal, Product
from hardfin_pipelines.sandbox.data_sets.northwind import northwind
from hardfin_pipelines.sandbox.data_sets.summary import Summary, summarize

_PAST = timedelta(days=330)
"""How far back the first company's records go."""

_SHORTER_PAST = timedelta(days=150)
"""How far back those of the other generated companies go: six calendar months at most, which one run loads."""

_BUYERS = 4
"""Customers whose orders the generated bookkeepers have."""

_CART = Product("follow-me-cart", "Follow-me cart, 100 kg", "CRT-FOL-100", Decimal(4900), "Carries what a picker picks")
"""A product that the generated price lists do not have."""


@dataclass(frozen=True, slots=True)
class SalesDepartment:
    """A company and what its sales department has on record.

    Attributes:
        org: The slug of the organization it is in Hardfin.
        name: Its name.
        integration: The CRM it works in.
        records: Its records, in words of no vendor.
        loads_past: Whether Hardfin is to load deals of the time before it is connected.
    """

    org: str
    name: str
    integration: str
    records: DataSet
    loads_past: bool = True

    def summary(self) -> Summary:
        """Its records, counted."""
        return summarize(self.records)

    def since(self) -> datetime:
        """The oldest modification of a deal."""
        return min((deal.modified_at for deal in self.records.deals), default=datetime.now(UTC))

    def open_deal(self, number: int = 0) -> Deal:
        """An open deal that names a company, by its place among them.

        Raises:
            Refusal: There are not so many.
        """
        closed = {(each.key, stage.key) for each in self.records.pipelines for stage in each.stages if stage.closed}
        opened = (each for each in self.records.deals if (each.pipeline_key, each.stage_key) not in closed)
        deal = next(itertools.islice((each for each in opened if each.company_keys), number, None), None)
        if deal is None:
            raise Refusal(f"{self.org} has no open deal left to win: choose another --seed, or more --deals")
        return deal

    def won_stage(self, pipeline_key: str) -> str:
        """The key of the stage in which a pipeline's deals are won."""
        (pipeline,) = (each for each in self.records.pipelines if each.key == pipeline_key)
        return next(stage.key for stage in pipeline.stages if stage.won)


@dataclass(frozen=True, slots=True)
class FinanceDepartment:
    """A company's bookkeepers, who keep items of what its salespeople sell.

    Attributes:
        org: The slug of the organization it is in Hardfin.
        name: The company's name.
        integration: The accounting system it works in.
        products: What sales has on its price list.
        not_sold_yet: What finance has an item of already, and sales does not have on its price list yet.
        since: Since when it keeps items.
        seed: The random seed of the mess in its items.
        customers: Names of customers that sales has too.
    """

    org: str
    name: str
    integration: str
    products: Sequence[Product]
    not_sold_yet: Product
    since: datetime
    seed: int
    customers: Sequence[str] = ()


def finance_departments(sales: Sequence[SalesDepartment], seed: int) -> list[FinanceDepartment]:
    """The first company's bookkeepers: those of its rentals work in QuickBooks, those of its warehouses in NetSuite.

    Args:
        sales: The sales departments, the first company's first.
        seed: The random seed of the mess in their items.
    """
    first = sales[0]
    products, customers = first.records.products, tuple(company.name for company in first.records.companies[:_BUYERS])
    return [
        FinanceDepartment(first.org, first.name, integration, products, _CART, first.since(), seed, customers)
        for integration in ("quickbooks", "netsuite")
    ]


def sales_departments(deals: int, seed: int, northwind_folder: Path | None) -> list[SalesDepartment]:
    """Three companies: two that work in HubSpot, one that works in Salesforce.

    The first has bought a smaller one whose salespeople still work in Salesforce; of theirs only what they win from
    now on is of interest.

    Args:
        deals: Won deals of the first company; the other generated ones have a third of that.
        seed: The first company's random seed.
        northwind_folder: Northwind's CSVs; without them a generated company takes Northwind's place.

    Raises:
        DataSetError: A file of Northwind is missing, or does not hold what it should.
    """
    end = datetime.now(UTC) - timedelta(hours=1)

    def smaller(own_seed: int) -> DataSet:
        won = max(deals // 3, 1)
        return robotics_rental(seed=own_seed, won_deals=won, products=30, start=end - _SHORTER_PAST, end=end)

    rover = robotics_rental(seed=seed, won_deals=deals, products=60, start=end - _PAST, end=end)
    if northwind_folder is None:
        second = SalesDepartment("harvest-bots", "Harvest Bots", "hubspot", smaller(seed + 1))
    else:
        records = northwind(northwind_folder, newest_modified=end)
        second = SalesDepartment("northwind", "Northwind Traders", "hubspot", records)
    return [
        SalesDepartment("rover-rentals", "Rover Rentals", "hubspot", rover),
        second,
        SalesDepartment("summit-service", "Summit Service", "salesforce", smaller(seed + 3)),
        SalesDepartment("rover-rentals", "Rover Rentals", "salesforce", smaller(seed + 4), loads_past=False),
    ]

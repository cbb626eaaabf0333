"""What the sales team of an organization does in HubSpot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select

from hardfin_pipelines.sandbox.hubspot import NewRecord
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.store import RECORDS

WON = "closedwon"
OPEN = "contractsent"
PRIMARY_COMPANY = 5
LINE_ITEM = 19

Line = tuple[str, str]
"""A line item's name and unit price; its product has the same name."""


@dataclass
class SalesTeam:
    """The people who work in a portal."""

    portal: Portal

    def add_deal(
        self,
        name: str = "Ten robots",
        *,
        stage: str = WON,
        lines: Sequence[Line] = (("Robot arm", "100.50"),),
        company: str | None = "Globex",
        at: datetime | None = None,
        **properties: Any,
    ) -> str:
        """A deal with a company of its own and lines with products of their own."""
        values = {"dealname": name, "pipeline": "default", "dealstage": stage, "amount": "100.50", **properties}
        (deal,) = self.portal.create_many("deals", [NewRecord(values, created_at=at, modified_at=at)])
        if company is not None:
            (firm,) = self.portal.create_many("companies", [NewRecord({"name": company, "domain": "globex.example"})])
            self.portal.associate_many("deals", "companies", [(deal, firm, PRIMARY_COMPANY)])
        for line in lines:
            self.add_line(deal, line)
        return deal

    def add_line(self, deal: str, line: Line, *, product: bool = True, **properties: Any) -> str:
        """One more line item of a deal."""
        name, price = line
        values: dict[str, Any] = {"name": name, "price": price, "quantity": "1", **properties}
        if product:
            (values["hs_product_id"],) = self.portal.create_many("products", [NewRecord({"name": name})])
        (made,) = self.portal.create_many("line_items", [NewRecord(values)])
        self.portal.associate_many("deals", "line_items", [(deal, made, LINE_ITEM)])
        return made

    def record(self, properties: Mapping[str, Any], at: datetime | None = None) -> NewRecord:
        """A record to create, last modified at a moment."""
        return NewRecord(dict(properties), created_at=at, modified_at=at)

    def add_lines(self, deal: str, count: int) -> None:
        """Many line items of one deal, without products."""
        records = [NewRecord({"name": f"Part {n % 50}", "price": "1.10", "quantity": "1"}) for n in range(count)]
        made = self.portal.create_many("line_items", records)
        self.portal.associate_many("deals", "line_items", [(deal, line, LINE_ITEM) for line in made])

    def force(self, record: str, properties: Mapping[str, str | None], kind: str = "deals") -> None:
        """Give a record values that HubSpot's own checks would refuse: vendors' data is older than their checks."""
        portal = self.portal
        row = portal.record(kind, record)
        held = {**orjson.loads(row.properties), **properties}
        with portal.store.writing():
            portal.store.replace_properties(row, held, portal.clock.now_ms(), None)

    def won_deals(self, count: int) -> list[str]:
        """Many small won deals with a company and a line each, all products the same."""
        portal = self.portal
        (product,) = portal.create_many("products", [NewRecord({"name": "Robot arm"})])
        deals = portal.create_many(
            "deals",
            [
                NewRecord({"dealname": f"Deal {n}", "pipeline": "default", "dealstage": WON, "amount": f"{n}.10"})
                for n in range(count)
            ],
        )
        firms = portal.create_many("companies", [NewRecord({"name": f"Firm {n}"}) for n in range(count)])
        made = portal.create_many(
            "line_items",
            [NewRecord({"name": "Robot arm", "price": f"{n}.10", "hs_product_id": product}) for n in range(count)],
        )
        portal.associate_many("deals", "companies", list(zip(deals, firms, [PRIMARY_COMPANY] * count, strict=True)))
        portal.associate_many("deals", "line_items", list(zip(deals, made, [LINE_ITEM] * count, strict=True)))
        return deals

    def win(self, deal: str, at: datetime | None = None) -> None:
        self.portal.move_deal(deal, WON, at)

    def companies_of(self, deal: str) -> list[str]:
        return self._associated(deal, "companies")

    def lines_of(self, deal: str) -> list[str]:
        return self._associated(deal, "line_items")

    def _associated(self, deal: str, kind: str) -> list[str]:
        found = self.portal.associations.of("deals", [int(deal)], kind).get(int(deal), {})
        return [str(each) for each in sorted(found)]

    def portal_deals(self) -> list[dict[str, Any]]:
        """All deals of the portal, by id."""
        return [
            {"id": str(row.id)} for row in self.portal.store.rows(select(RECORDS.c.id).where(RECORDS.c.type == "deals"))
        ]

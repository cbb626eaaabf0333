"""What Salesforce fills in by itself when a record is written: stages, totals, names, fiscal periods."""

from collections.abc import Callable, Mapping, MutableMapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import sqlalchemy as sa

from hardfin_pipelines.sandbox.salesforce.errors import VendorError
from hardfin_pipelines.sandbox.salesforce.fields import NUMBERS
from hardfin_pipelines.sandbox.salesforce.schema import OrgSchema
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject
from hardfin_pipelines.sandbox.salesforce.store import Store
from hardfin_pipelines.sandbox.salesforce.values import scaled, unscaled

Row = MutableMapping[str, Any]
"""A record's kept values by column."""
_STAGE_COLUMNS = ("IsClosed", "IsWon", "ForecastCategory", "ForecastCategoryName")


class RecordRules:
    """The rules of one organization's standard objects."""

    def __init__(self, schema: OrgSchema, store: Store) -> None:
        """`schema` and `store` are the organization's."""
        self._schema = schema
        self._store = store
        self._fillers: Mapping[str, Callable[[Row, Mapping[str, Any] | None, int], None]] = {
            "Opportunity": self._opportunity,
            "OpportunityLineItem": self._line_item,
            "PricebookEntry": self._pricebook_entry,
            "Contact": _person,
            "User": _person,
            "Case": _case,
        }

    def fill(self, sobject: SObject, row: Row, old: Mapping[str, Any] | None, at: int) -> None:
        """Fills the columns of `row` that follow from others; `old` is the record before, None for a new one.

        Raises:
            VendorError: 400, the record may not be written so.
        """
        filler = self._fillers.get(sobject.name)
        if filler is not None:
            filler(row, old, at)

    def _number(self, sobject: str, field: str, kept: Any) -> Decimal | None:
        definition = self._schema.known(sobject).fields[field.lower()]
        return None if kept is None else unscaled(kept, definition.scale if definition.type in NUMBERS else 0)

    def _kept(self, sobject: str, field: str, number: Decimal | None) -> int | None:
        scale = self._schema.known(sobject).fields[field.lower()].scale
        return None if number is None else scaled(number, scale)

    def _looked_up(self, sobject: str, record_id: Any) -> Mapping[str, Any]:
        found = self._store.get(self._schema.known(sobject), record_id) if record_id else None
        return found or {}

    def _opportunity(self, row: Row, old: Mapping[str, Any] | None, at: int) -> None:
        if old is None or old["StageName"] != row["StageName"]:
            self._enter_stage(row, at)
        if row.get("CloseDate"):
            year, month = int(row["CloseDate"][:4]), int(row["CloseDate"][5:7])
            quarter = (month + 2) // 3
            row.update(FiscalYear=year, FiscalQuarter=quarter, Fiscal=f"{year} {quarter}")
        row.setdefault("HasOpportunityLineItem", 0)
        amount = self._number("Opportunity", "Amount", row.get("Amount"))
        share = self._number("Opportunity", "Probability", row.get("Probability"))
        expected = None if amount is None or share is None else amount * share / 100
        row["ExpectedRevenue"] = self._kept("Opportunity", "ExpectedRevenue", expected)

    def _enter_stage(self, row: Row, at: int) -> None:
        table = self._store.table(self._schema.known("OpportunityStage"))
        found = self._store.mappings(sa.select(table).where(table.c.ApiName == row["StageName"]))
        stage = found[0] if found else {}
        for column in _STAGE_COLUMNS:
            row[column] = stage.get(column, 0 if column.startswith("Is") else "Pipeline")
        row["Probability"] = stage.get("DefaultProbability", row.get("Probability"))
        row["LastStageChangeDate"] = at

    def _line_item(self, row: Row, _old: Mapping[str, Any] | None, _at: int) -> None:
        opportunity = self._looked_up("Opportunity", row.get("OpportunityId"))
        if not opportunity:
            raise VendorError(
                400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields=["OpportunityId"]
            )
        if not opportunity["Pricebook2Id"]:
            text = "Opportunity must have an assigned price book to add products"  # the text is ours
            raise VendorError(400, "FIELD_INTEGRITY_EXCEPTION", text, fields=["OpportunityId"])
        entry = self._looked_up("PricebookEntry", row.get("PricebookEntryId"))
        row["Product2Id"] = row.get("Product2Id") or entry.get("Product2Id")
        product = self._looked_up("Product2", row["Product2Id"])
        row.update(
            ProductCode=product.get("ProductCode"),
            ListPrice=entry.get("UnitPrice"),
            Name=f"{opportunity['Name']} {product.get('Name', '')}".strip(),
        )
        if self._schema.multi_currency:
            row["CurrencyIsoCode"] = opportunity["CurrencyIsoCode"]
        self._line_total(row)

    def _line_total(self, row: Row) -> None:
        name = "OpportunityLineItem"
        quantity = self._number(name, "Quantity", row.get("Quantity")) or Decimal(0)
        price = self._number(name, "UnitPrice", row.get("UnitPrice"))
        total = self._number(name, "TotalPrice", row.get("TotalPrice"))
        share = 1 - (self._number(name, "Discount", row.get("Discount")) or Decimal(0)) / 100
        if price is None:
            price = total / (quantity * share) if total is not None and quantity * share else Decimal(0)
            row["UnitPrice"] = self._kept(name, "UnitPrice", price)
        row["Subtotal"] = self._kept(name, "Subtotal", quantity * price)
        cents = (quantity * price * share).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
        row["TotalPrice"] = self._kept(name, "TotalPrice", cents)

    def _pricebook_entry(self, row: Row, _old: Mapping[str, Any] | None, _at: int) -> None:
        product = self._looked_up("Product2", row.get("Product2Id"))
        row.update(Name=product.get("Name"), ProductCode=product.get("ProductCode"))

    def rolled_up(self, opportunity_id: str) -> dict[str, Any]:
        """An opportunity's columns that follow from its line items; Amount only where it has any."""
        lines = self._store.table(self._schema.known("OpportunityLineItem"))
        statement = sa.select(sa.func.count(), sa.func.sum(lines.c.TotalPrice), sa.func.sum(lines.c.Quantity)).where(
            lines.c.OpportunityId == opportunity_id, sa.or_(lines.c.IsDeleted == 0, lines.c.IsDeleted.is_(None))
        )
        count, total, quantity = self._store.rows(statement)[0]
        columns: dict[str, Any] = {"HasOpportunityLineItem": int(count > 0)}
        if count:
            columns.update(Amount=total, TotalOpportunityQuantity=quantity)
        return columns


def _person(row: Row, _old: Mapping[str, Any] | None, _at: int) -> None:
    row["Name"] = " ".join(filter(None, (row.get("FirstName"), row.get("LastName"))))


def _case(row: Row, old: Mapping[str, Any] | None, at: int) -> None:
    closed = int(row.get("Status") == "Closed")
    if closed and not (old or {}).get("IsClosed"):
        row["ClosedDate"] = at
    row["IsClosed"] = closed
    row["CaseNumber"] = row.get("CaseNumber") or str(int(row["CreatedDate"]) % 100_000_000).zfill(8)

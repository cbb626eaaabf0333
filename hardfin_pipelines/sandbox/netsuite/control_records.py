"""Control operations on an account's records, stock and serial numbers."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hardfin_pipelines.sandbox.control_requests import Fields, Table, moment, only, wanted
from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.load import load_bulk
from hardfin_pipelines.sandbox.netsuite.purchases import PurchaseLine, add_purchase, receive
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine, add_sale

_STOCK = ("on_hand", "committed", "on_order", "average_cost", "last_price", "quantityintransit", "reorderpoint")


class RecordControl:
    """What people and tests do to records, over HTTP."""

    def __init__(self, account_of: Callable[[Fields], Account]) -> None:
        """`account_of` takes the account's id out of the members and finds it."""
        self._account = account_of

    def table(self) -> Table:
        """The operations."""
        records = "/accounts/{account_id}/records/{type}"
        record = f"{records}/{{id}}"
        return [
            ("POST", records, self._create),
            ("POST", f"{records}/bulk-create", self._create_many),
            ("GET", record, lambda fields: self._values(self._account(fields), fields)),
            ("PATCH", record, self._update),
            ("DELETE", record, self._delete),
            ("PUT", "/accounts/{account_id}/stock", self._set_stock),
            ("POST", "/accounts/{account_id}/locations", self._add_location),
            ("POST", "/accounts/{account_id}/serials", self._add_serial),
            ("POST", "/accounts/{account_id}/sales", self._add_sale),
            ("POST", "/accounts/{account_id}/purchases", self._add_purchase),
            ("POST", "/accounts/{account_id}/receipts", self._receive),
            ("POST", "/accounts/{account_id}/bulk-load", self._bulk_load),
        ]

    def _values(self, account: Account, fields: Fields) -> Fields:
        return {"values": account.record(fields["type"], fields["id"])}

    def _create(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "type", "values", "at")
        return {"id": account.create(fields["type"], wanted(fields, "values", dict), at=moment(fields, "at"))}

    def _create_many(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "type", "rows", "at")
        return {"ids": list(account.create_many(fields["type"], wanted(fields, "rows", list), at=moment(fields, "at")))}

    def _update(self, fields: Fields) -> Fields:
        """`stamp` false leaves lastmodifieddate as it is."""
        account = self._account(fields)
        only(fields, "type", "id", "values", "at", "stamp")
        values, stamp = wanted(fields, "values", dict), fields.get("stamp", True)
        account.update(fields["type"], fields["id"], values, at=moment(fields, "at"), stamp=stamp)
        return self._values(account, fields)

    def _delete(self, fields: Fields) -> None:
        account = self._account(fields)
        only(fields, "type", "id", "at")
        account.delete(fields["type"], fields["id"], at=moment(fields, "at"))

    def _set_stock(self, fields: Fields) -> None:
        account = self._account(fields)
        only(fields, "item", "location", "at", *_STOCK)
        wanted(fields, "on_hand", (int, float, str))
        values = {name: fields[name] for name in _STOCK if name in fields}
        account.set_stock(wanted(fields, "item"), fields.get("location"), at=moment(fields, "at"), **values)

    def _add_location(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "name", "parent")
        return {"id": account.add_location(wanted(fields, "name"), fields.get("parent"))}

    def _add_serial(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "item", "number", "expires_on", "at")
        day = None if fields.get("expires_on") is None else date.fromisoformat(wanted(fields, "expires_on"))
        item, number = wanted(fields, "item"), wanted(fields, "number")
        return {"id": account.add_serial(item, number, expires_on=day, at=moment(fields, "at"))}

    def _add_sale(self, fields: Fields) -> Fields:
        """`lines` are objects with `item`, `quantity`, `rate` and, if it has one, `location`."""
        account = self._account(fields)
        only(fields, "type", "customer", "lines", "tax", "at", "created_from")
        sale = add_sale(
            account,
            wanted(fields, "type"),
            wanted(fields, "customer"),
            [SaleLine(*line) for line in _lines(fields)],
            tax=Decimal(str(fields.get("tax", 0))),
            at=moment(fields, "at"),
            created_from=fields.get("created_from"),
        )
        return {"id": sale}

    def _add_purchase(self, fields: Fields) -> Fields:
        """`lines` as of sales."""
        account = self._account(fields)
        only(fields, "vendor", "lines", "at")
        lines = [PurchaseLine(*line) for line in _lines(fields)]
        return {"id": add_purchase(account, wanted(fields, "vendor"), lines, at=moment(fields, "at"))}

    def _receive(self, fields: Fields) -> Fields:
        """`lines` as of sales."""
        account = self._account(fields)
        only(fields, "order", "lines", "at")
        lines = [PurchaseLine(*line) for line in _lines(fields)]
        return {"id": receive(account, wanted(fields, "order"), lines, at=moment(fields, "at"))}

    def _bulk_load(self, fields: Fields) -> Fields:
        account = self._account(fields)
        only(fields, "items", "stock_rows", "start", "end")
        loaded = load_bulk(
            account,
            items=wanted(fields, "items", int),
            stock_rows=fields.get("stock_rows", 0),
            start=moment(fields, "start"),
            end=moment(fields, "end"),
        )
        return {"first_item_id": loaded.first_item_id, "last_item_id": loaded.last_item_id}


def _lines(fields: Fields) -> list[tuple[str, Decimal, Decimal, str | None]]:
    """Items, quantities, rates and locations of a document's lines."""
    lines = []
    for each in wanted(fields, "lines", list):
        only(each, "item", "quantity", "rate", "location")
        quantity, rate = (Decimal(str(wanted(each, name, (int, float, str)))) for name in ("quantity", "rate"))
        lines.append((wanted(each, "item"), quantity, rate, each.get("location")))
    return lines

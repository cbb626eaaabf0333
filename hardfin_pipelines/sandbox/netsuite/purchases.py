"""Purchase orders and what is received of them: on order first, which leaves the available quantity, then on hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from hardfin_pipelines.sandbox.netsuite.account import Account

_CENT = Decimal("0.01")
_COST_PLACES = Decimal("0.00000001")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """One line: an item's id, how many, what one costs, and where it goes; no place where stock is kept by item."""

    item: str
    quantity: Decimal
    rate: Decimal
    location: str | None = None


def add_purchase(account: Account, vendor: str, lines: Sequence[PurchaseLine], *, at: datetime | None = None) -> str:
    """Adds a purchase order and returns its id. What it orders is on order from then on, and nothing else moves.

    Args:
        account: gets it.
        vendor: the vendor's id.
        lines: at least one, of items that keep stock.
        at: when; now, when left out.

    Raises:
        ValueError: there are no lines, or a vendor or item is not there or keeps no stock.
    """
    account.record("vendor", vendor)
    moment = at or account.clock.now()
    with account.store.writing():
        order = _document(account, "PurchOrd", "purchaseorder", vendor, lines, moment)
        for line in lines:
            held = account.stock(line.item, line.location)
            on_order = (held["quantityonorder"] or _ZERO) + line.quantity
            _set(account, line, held, moment, on_order=on_order)
    return order


def receive(account: Account, order: str, lines: Sequence[PurchaseLine], *, at: datetime | None = None) -> str:
    """Adds an item receipt for a purchase order and returns its id; average costs and last prices follow.

    Raises:
        ValueError: the order or an item is not there, or there are no lines.
    """
    held_order = account.record("transaction", order)
    if held_order["type"] != "PurchOrd":
        raise ValueError(f"receipt: transaction {order} is a {held_order['type']}; expected a purchase order")
    moment = at or account.clock.now()
    with account.store.writing():
        vendor = str(held_order["entity"])
        receipt = _document(account, "ItemRcpt", "itemreceipt", vendor, lines, moment, created_from=order)
        for line in lines:
            _receive(account, line, moment)
        account.update("transaction", order, {"status": "F"}, at=moment)
    return receipt


def _receive(account: Account, line: PurchaseLine, moment: datetime) -> None:
    held = account.stock(line.item, line.location)
    before, cost = held["quantityonhand"] or _ZERO, held["averagecost"] or _ZERO
    after = before + line.quantity
    value = max(before, _ZERO) * cost + line.quantity * line.rate
    average = (value / (max(before, _ZERO) + line.quantity)).quantize(_COST_PLACES)
    on_order = max((held["quantityonorder"] or _ZERO) - line.quantity, _ZERO)
    costs = {"average_cost": average, "last_price": line.rate}
    _set(account, line, {**held, "quantityonhand": after}, moment, on_order=on_order, **costs)


def _set(account: Account, line: PurchaseLine, held: dict[str, Any], moment: datetime, **more: Any) -> None:
    on_hand, committed = held["quantityonhand"] or _ZERO, held["quantitycommitted"] or _ZERO
    account.set_stock(line.item, line.location, on_hand=on_hand, committed=committed, at=moment, **more)


def _document(
    account: Account,
    kind: str,
    record_type: str,
    vendor: str,
    lines: Sequence[PurchaseLine],
    moment: datetime,
    *,
    created_from: str | None = None,
) -> str:
    if not lines:
        raise ValueError(f"{record_type}: there are no lines; expected at least one")
    amounts = [(line.quantity * line.rate).quantize(_CENT) for line in lines]
    total = sum(amounts, _ZERO)
    values = {
        "tranid": f"{'PO' if kind == 'PurchOrd' else 'IR'}{account.count('transaction') + 1:05d}",
        "type": kind,
        "recordtype": record_type,
        "entity": vendor,
        "trandate": moment.date(),
        "status": "B" if kind == "PurchOrd" else None,
        "posting": kind == "ItemRcpt",
        "currency": account.base_currency,
        "exchangerate": 1,
        "total": total,
        "foreigntotal": total,
        "subsidiary": account.main_subsidiary,
        "voided": "F",
    }
    document = account.create("transaction", values, at=moment)
    shared = {"transaction": document, "subsidiary": account.main_subsidiary, "createdfrom": created_from}
    flags = {"taxline": "F", "iscogs": "F", "isclosed": "F"}
    rows: list[dict[str, Any]] = [{"id": 0, "mainline": "T", "foreignamount": total, "netamount": total}]
    rows += [
        {
            "id": number,
            "mainline": "F",
            "item": line.item,
            "itemtype": account.record("item", line.item)["itemtype"],
            "quantity": line.quantity,
            "rate": line.rate,
            "foreignamount": amount,
            "netamount": amount,
            "location": line.location,
        }
        for number, (line, amount) in enumerate(zip(lines, amounts, strict=True), 1)
    ]
    for row in rows:
        account.newest_id += 1
        row.update({**shared, **flags, "uniquekey": account.newest_id, "linesequencenumber": row["id"]})
    columns = {name for row in rows for name in row}
    account.create_many("transactionline", [{**dict.fromkeys(columns), **row} for row in rows], at=moment)
    return document

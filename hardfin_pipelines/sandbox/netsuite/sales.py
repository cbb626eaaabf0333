"""Sales orders and invoices with their lines and ledger postings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from hardfin_pipelines.sandbox.netsuite.account import Account

SaleType = Literal["SalesOrd", "CustInvc"]
_RECORD_TYPES: dict[str, str] = {"SalesOrd": "salesorder", "CustInvc": "invoice"}
_PREFIXES = {"SalesOrd": "SO", "CustInvc": "INV"}
_OPEN = {"SalesOrd": "B", "CustInvc": "A"}
_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line: an item's id, how many, what one costs the customer, and where it comes from."""

    item: str
    quantity: Decimal
    rate: Decimal
    location: str | None = None


def add_sale(
    account: Account,
    sale_type: SaleType,
    customer: str,
    lines: Sequence[SaleLine],
    *,
    at: datetime | None = None,
    created_from: str | None = None,
) -> str:
    """Adds a sales order or an invoice and returns its id.

    As in NetSuite, line 0 is the main line with the total, the quantities of the others are negative, and an invoice
    posts to receivables and sales.

    Args:
        account: gets it.
        sale_type: `SalesOrd` or `CustInvc`.
        customer: the customer's id.
        lines: at least one.
        at: when; now, when left out.
        created_from: the order that an invoice bills.

    Raises:
        ValueError: the type is another, there are no lines, or a customer or item is not there.
    """
    if sale_type not in _RECORD_TYPES or not lines:
        raise ValueError(
            f"sale: type is {sale_type!r} with {len(lines)} lines; expected SalesOrd or CustInvc, and a line"
        )
    account.record("customer", customer)
    with account.store.writing():
        return _added(account, sale_type, customer, lines, at or account.clock.now(), created_from)


def _added(
    account: Account,
    sale_type: SaleType,
    customer: str,
    lines: Sequence[SaleLine],
    moment: datetime,
    created_from: str | None,
) -> str:
    amounts = [(line.quantity * line.rate).quantize(_CENT) for line in lines]
    total, day, posting = sum(amounts, Decimal(0)), moment.date(), sale_type == "CustInvc"
    count = account.count("transaction") + 1
    sale = account.create(
        "transaction",
        {
            "tranid": f"{_PREFIXES[sale_type]}{count:05d}",
            "type": sale_type,
            "recordtype": _RECORD_TYPES[sale_type],
            "entity": customer,
            "trandate": day,
            "duedate": day + timedelta(days=30) if posting else None,
            "status": _OPEN[sale_type],
            "posting": posting,
            "postingperiod": _period_of(account, day) if posting else None,
            "currency": account.base_currency,
            "exchangerate": 1,
            "total": total,
            "foreigntotal": total,
            "foreignamountunpaid": total if posting else None,
            "subsidiary": account.main_subsidiary,
            "voided": "F",
        },
        at=moment,
    )
    places = {
        "transaction": sale,
        "subsidiary": account.main_subsidiary,
        "entity": customer,
        "createdfrom": created_from,
    }
    rows: list[dict[str, Any]] = [
        {**places, "id": 0, "mainline": "T", "taxline": "F", "iscogs": "F", "foreignamount": total, "netamount": total}
    ]
    rows += [_line(account, places, number, line, amount) for number, (line, amount) in _numbered(lines, amounts)]
    for row in rows:
        account.newest_id += 1
        row.update({"uniquekey": account.newest_id, "linesequencenumber": row["id"], "isclosed": "F"})
    account.create_many("transactionline", rows, at=moment)
    _post(account, sale, total, amounts, posting=posting, at=moment)
    if created_from is not None:
        _link(account, created_from, sale, len(lines), at=moment)
    return sale


def _numbered(lines: Sequence[SaleLine], amounts: Sequence[Decimal]) -> list[tuple[int, tuple[SaleLine, Decimal]]]:
    return list(enumerate(zip(lines, amounts, strict=True), 1))


def _line(account: Account, places: dict[str, Any], number: int, line: SaleLine, amount: Decimal) -> dict[str, Any]:
    item = account.record("item", line.item)
    return {
        **places,
        "id": number,
        "mainline": "F",
        "taxline": "F",
        "iscogs": "F",
        "item": line.item,
        "itemtype": item["itemtype"],
        "quantity": -line.quantity,
        "rate": line.rate,
        "foreignamount": -amount,
        "netamount": -amount,
        "location": line.location,
        "class": item["class"],
    }


def _post(
    account: Account, sale: str, total: Decimal, amounts: Sequence[Decimal], *, posting: bool, at: datetime
) -> None:
    book = {"transaction": sale, "accountingbook": 1, "posting": posting, "exchangerate": 1}
    receivable = {"transactionline": 0, "account": account.ledger["1100"], "debit": total, "amount": total}
    sales = [
        {"transactionline": number, "account": account.ledger["4000"], "credit": amount, "amount": -amount}
        for number, amount in enumerate(amounts, 1)
    ]
    rows = [{**book, **each, "netamount": each["amount"]} for each in (receivable, *sales)]
    account.create_many("transactionaccountingline", rows, at=at)


def _link(account: Account, order: str, invoice: str, lines: int, *, at: datetime) -> None:
    rows = [
        {"previousdoc": order, "previousline": each, "nextdoc": invoice, "nextline": each, "linktype": "OrdBill"}
        for each in range(1, lines + 1)
    ]
    account.create_many("nexttransactionlinelink", rows, at=at)
    account.update("transaction", order, {"status": "G"}, at=at)


def _period_of(account: Account, day: Any) -> int | None:
    found = account.store.rows("SELECT id FROM accountingperiod WHERE startdate <= ? AND enddate >= ?", [day, day])
    return int(found[0]["id"]) if found else None

"""Sales orders and invoices with their lines and ledger postings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.items import kind_of_item

SaleType = Literal["SalesOrd", "CustInvc"]
_RECORD_TYPES: dict[str, str] = {"SalesOrd": "salesorder", "CustInvc": "invoice"}
_PREFIXES = {"SalesOrd": "SO", "CustInvc": "INV"}
_OPEN = {"SalesOrd": "B", "CustInvc": "A"}
_CENT = Decimal("0.01")
_ZERO = Decimal(0)


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
    tax: Decimal = _ZERO,
    at: datetime | None = None,
    created_from: str | None = None,
) -> str:
    """Adds a sales order or an invoice and returns its id.

    As in NetSuite, line 0 is the main line with the total, the quantities of the others are negative, and an invoice
    posts to receivables and sales. Behind the lines that people see an invoice has two for the cost of each item that
    is kept in stock and has an average cost, and either has one for its tax.

    Args:
        account: gets it.
        sale_type: `SalesOrd` or `CustInvc`.
        customer: the customer's id.
        lines: at least one.
        tax: added to the total.
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
        return _added(account, sale_type, customer, lines, tax, at or account.clock.now(), created_from)


def _added(
    account: Account,
    sale_type: SaleType,
    customer: str,
    lines: Sequence[SaleLine],
    tax: Decimal,
    moment: datetime,
    created_from: str | None,
) -> str:
    amounts = [(line.quantity * line.rate).quantize(_CENT) for line in lines]
    total, day, posting = sum(amounts, tax), moment.date(), sale_type == "CustInvc"
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
    costs = _costs(account, lines) if posting else []
    rows += [{**places, **_hidden(len(rows) + number, cost, item)} for number, (item, cost) in enumerate(costs)]
    if tax:
        rows.append({**places, **_hidden(len(rows), -tax, None), "taxline": "T", "iscogs": "F"})
    columns = {name for row in rows for name in row}
    rows = [{**dict.fromkeys(columns), **row} for row in rows]
    for row in rows:
        account.newest_id += 1
        row.update({"uniquekey": account.newest_id, "linesequencenumber": row["id"], "isclosed": "F"})
    account.create_many("transactionline", rows, at=moment)
    credits_to = [("4000", amount) for amount in amounts]
    credits_to += [("5000" if cost > 0 else "1200", -cost) for _, cost in costs] + [("2000", tax)] * bool(tax)
    _post(account, sale, total, credits_to, posting=posting, at=moment)
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


def _costs(account: Account, lines: Sequence[SaleLine]) -> list[tuple[str, Decimal]]:
    """Of each line's item what it cost, once to the cost of goods sold and once out of the stock."""
    found: list[tuple[str, Decimal]] = []
    for line in lines:
        item = account.record("item", line.item)
        cost = ((item["averagecost"] or _ZERO) * line.quantity).quantize(_CENT)
        if kind_of_item(item).stocked and cost:
            found += [(line.item, cost), (line.item, -cost)]
    return found


def _hidden(number: int, amount: Decimal, item: str | None) -> dict[str, Any]:
    """A line that people do not see on the document."""
    flags = {"mainline": "F", "taxline": "F", "iscogs": "T"}
    return {"id": number, **flags, "item": item, "foreignamount": amount, "netamount": amount}


def _post(
    account: Account,
    sale: str,
    total: Decimal,
    credits_to: Sequence[tuple[str, Decimal]],
    *,
    posting: bool,
    at: datetime,
) -> None:
    """Posts the total to receivables, and each line to the ledger account whose number stands beside its amount."""
    book = {"transaction": sale, "accountingbook": 1, "posting": posting, "exchangerate": 1}
    receivable = {"transactionline": 0, "account": account.ledger["1100"], "debit": total, "amount": total}
    lines = [
        {"transactionline": number, "account": account.ledger[ledger], "credit": amount, "amount": -amount}
        for number, (ledger, amount) in enumerate(credits_to, 1)
    ]
    rows = [{**book, **each, "netamount": each["amount"]} for each in (receivable, *lines)]
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

"""What every new account has: books, periods, price levels, a subsidiary and a first location."""

import calendar
from datetime import date
from typing import Any

from hardfin_pipelines.sandbox.netsuite.account import Account

_LEDGER = (
    ("1000", "Checking", "Bank"),
    ("1100", "Accounts Receivable", "AcctRec"),
    ("1200", "Inventory Asset", "OthCurrAsset"),
    ("1500", "Rental Fleet", "FixedAsset"),
    ("1590", "Accumulated Depreciation", "FixedAsset"),
    ("2000", "Accounts Payable", "AcctPay"),
    ("4000", "Sales", "Income"),
    ("4100", "Rental Income", "Income"),
    ("5000", "Cost of Goods Sold", "COGS"),
    ("6400", "Depreciation Expense", "Expense"),
)
_CURRENCIES = {"USD": "US Dollar", "EUR": "Euro", "GBP": "British Pound", "CAD": "Canadian Dollar"}


def set_up(account: Account, currency: str) -> None:
    """Fills a new account's lists.

    Args:
        account: gets them.
        currency: of its books, three letters.
    """
    with account.store.writing():
        _fill(account, currency)


def _fill(account: Account, currency: str) -> None:
    base = {"symbol": currency, "name": _CURRENCIES.get(currency, currency), "exchangerate": 1, "isbasecurrency": "T"}
    base_currency = account.base_currency = account.create("currency", base)
    more: dict[str, Any] = {}
    if account.one_world:
        parent = {"name": account.name, "country": "US", "currency": base_currency, "iselimination": "F"}
        account.main_subsidiary = account.create("subsidiary", parent)
        more = {"subsidiary": account.main_subsidiary}
    for number, name, kind in _LEDGER:
        values = {"acctnumber": number, "accountsearchdisplayname": name, "accttype": kind, "issummary": "F"}
        flags = {"inventory": "T" if number == "1200" else "F", "currency": base_currency}
        account.ledger[number] = account.create("account", {**values, **flags, **more})
    account.price_levels = dict(
        zip(
            ("Base Price", "Alternate Price 1"),
            account.create_many("pricelevel", [{"id": 1, "name": "Base Price"}, {"name": "Alternate Price 1"}]),
            strict=True,
        )
    )
    account.create("unitstype", {"name": "Each"})
    if "locations" in account.features:
        account.add_location("Main Warehouse")
    today = account.clock.now().date()
    months = [
        (today.year + (today.month - 1 + each) // 12, (today.month - 1 + each) % 12 + 1) for each in range(-12, 3)
    ]
    account.create_many("accountingperiod", [_period(year, month, today) for year, month in months])


def _period(year: int, month: int, today: date) -> dict[str, Any]:
    ends = date(year, month, calendar.monthrange(year, month)[1])
    flags = {"isyear": "F", "isquarter": "F", "isadjust": "F", "isposting": "T"}
    closed = "T" if (today - ends).days > 60 else "F"  # books close two months later
    starts = date(year, month, 1)
    return {"periodname": f"{starts:%b %Y}", "startdate": starts, "enddate": ends, "closed": closed, **flags}

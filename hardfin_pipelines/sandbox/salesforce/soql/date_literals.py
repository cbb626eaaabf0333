"""Date literals: the days that `TODAY`, `LAST_N_DAYS:30` and the like stand for (Salesforce docs: date formats)."""

from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

_DAYS = {"YESTERDAY": (-1, 1), "TODAY": (0, 1), "TOMORROW": (1, 1), "LAST_90_DAYS": (-90, 91), "NEXT_90_DAYS": (1, 90)}
_UNITS = ("DAY", "WEEK", "MONTH", "QUARTER", "YEAR")
_STEPS = {
    "DAY": relativedelta(days=1),
    "WEEK": relativedelta(days=7),
    "MONTH": relativedelta(months=1),
    "QUARTER": relativedelta(months=3),
    "YEAR": relativedelta(years=1),
}


def _start_of(unit: str, day: date) -> date:
    if unit == "WEEK":  # weeks begin on Sunday, as in the locale en_US
        return day - timedelta(days=(day.weekday() + 1) % 7)
    if unit == "MONTH":
        return day.replace(day=1)
    if unit == "QUARTER":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if unit == "YEAR" else day


def days_of(name: str, number: int | None, today: date) -> tuple[date, date] | None:
    """The first day and the day after the last; None where there is no such literal.

    Fiscal years are calendar years.
    """
    plain = name.replace("FISCAL_", "")
    if number is None:
        return _without_number(plain, today)
    return _with_number(plain, number, today)


def _without_number(name: str, today: date) -> tuple[date, date] | None:
    if name in _DAYS:
        first, count = _DAYS[name]
        return today + timedelta(days=first), today + timedelta(days=first + count)
    which, _, unit = name.partition("_")
    if unit not in _UNITS[1:] or which not in {"LAST", "THIS", "NEXT"}:
        return None
    start = _start_of(unit, today) + {"LAST": -1, "THIS": 0, "NEXT": 1}[which] * _STEPS[unit]
    return start, start + _STEPS[unit]


def _with_number(name: str, number: int, today: date) -> tuple[date, date] | None:
    unit = name.removesuffix("S_AGO").removeprefix("N_")
    if name.endswith("S_AGO") and unit in _UNITS:
        start = _start_of(unit, today) - number * _STEPS[unit]
        return start, start + _STEPS[unit]
    which, _, units = name.partition("_N_")
    unit = units.removesuffix("S")
    if unit not in _UNITS or which not in {"LAST", "NEXT"}:
        return None
    this = _start_of(unit, today)
    if which == "LAST":  # LAST_N_DAYS has today, the longer ones end before the current unit
        return this - number * _STEPS[unit], this + timedelta(days=1) if unit == "DAY" else this
    return this + _STEPS[unit], this + (number + 1) * _STEPS[unit]

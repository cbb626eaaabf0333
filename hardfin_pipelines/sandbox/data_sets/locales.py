"""The countries of a generated data set: names in their own scripts, their currency and their addresses."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

UNITS_PER_USD: dict[str, Decimal] = {
    "AED": Decimal("3.67"),
    "BRL": Decimal("5.40"),
    "EUR": Decimal("0.92"),
    "INR": Decimal("84.00"),
    "JPY": Decimal(150),
    "MXN": Decimal("18.50"),
    "PLN": Decimal("3.95"),
    "SEK": Decimal("10.40"),
    "UAH": Decimal("41.20"),
    "USD": Decimal(1),
}
"""What a price list in US dollars is multiplied by: round figures, not a day's rate."""

_WITHOUT_MINOR_UNITS = frozenset({"JPY"})


@dataclass(frozen=True, slots=True)
class Locale:
    """One country's pool of names.

    `company_name` is a template of `stem` and `sector`; `stems` pairs each name with its spelling in a domain;
    `cities` holds city, region and postal code; `people` holds first and last names; `weight` is the country's
    share of customers relative to the others.
    """

    country: str
    currency: str
    weight: int
    dialling_code: str
    company_name: str
    stems: tuple[tuple[str, str], ...]
    sectors: tuple[str, ...]
    cities: tuple[tuple[str, str, str], ...]
    streets: tuple[str, ...]
    people: tuple[tuple[str, str], ...]
    projects: tuple[str, ...]


@cache
def locales() -> tuple[Locale, ...]:
    """Return every country, in the order of the data file."""
    text = files(__package__).joinpath("locales.json").read_bytes()
    return TypeAdapter(tuple[Locale, ...]).validate_json(text)


def minor_unit(currency: str) -> Decimal:
    """Return the smallest amount of `currency` that is paid: 1 for yen, 0.01 for the others here."""
    return Decimal(1) if currency in _WITHOUT_MINOR_UNITS else Decimal("0.01")

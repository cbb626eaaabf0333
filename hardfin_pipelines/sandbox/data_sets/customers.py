"""The generated customers and sales team."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from hardfin_pipelines.sandbox.data_sets.locales import Locale, locales
from hardfin_pipelines.sandbox.data_sets.model import Company, Owner
from hardfin_pipelines.sandbox.data_sets.timelines import DAY_MS, milliseconds, moment_at

_TEAM = (
    ("Amélie", "Bürgi", "amelie.buergi"),
    ("Tomás", "O'Connor", "tomas.oconnor"),
    ("直樹", "森", "naoki.mori"),
    ("سارة", "الخطيب", "sara.alkhatib"),
    ("Δήμητρα", "Λάμπρου", "dimitra.lamprou"),
    ("Олена", "Мельник", "olena.melnyk"),
    ("रोहन", "मेहता", "rohan.mehta"),
    ("Grace", "Okonkwo-Hale", "grace.okonkwo-hale"),
)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a company is: its country, its name and the domain of its site, both of them its own alone."""

    locale: Locale
    name: str
    domain: str


def sales_team() -> tuple[Owner, ...]:
    """Return the company's eight sellers."""
    return tuple(
        Owner(key=f"owner-{number}", email=f"{mailbox}@robots.example", first_name=first, last_name=last)
        for number, (first, last, mailbox) in enumerate(_TEAM, start=1)
    )


def identities(rng: Random, count: int) -> tuple[Identity, ...]:
    """Return exactly `count` companies' identities; one in fifty has an emoji in its name."""
    pool = locales()
    taken: set[str] = set()
    return tuple(
        _identity(rng, number, locale, taken)
        for number, locale in enumerate(rng.choices(pool, [locale.weight for locale in pool], k=count), start=1)
    )


def _identity(rng: Random, number: int, locale: Locale, taken: set[str]) -> Identity:
    stem, spelling = rng.choice(locale.stems)
    name = locale.company_name.format(stem=stem, sector=rng.choice(locale.sectors))
    if name in taken:
        name = f"{name} {rng.choice(locale.cities)[0]}"
    if name in taken:
        name = f"{name} {number}"
    taken.add(name)
    if number % 50 == 7:
        name = f"{name} {rng.choice('🤖🏭📦🚚')}"
    return Identity(locale=locale, name=name, domain=f"{spelling}-{number}.example")


def company_key(number: int) -> str:
    """Return the key of the company number `number`, counted from 0."""
    return f"company-{number + 1:06d}"


def make_company(
    rng: Random, number: int, identity: Identity, *, known_by: datetime, start: datetime, end: datetime
) -> Company:
    """Return a company that was created up to 90 days before `known_by` and last modified in [start, end).

    Args:
        rng: decides the address and the times.
        number: counts from 0; the key follows from it.
        identity: who it is.
        known_by: when its first deal was created; before `end`.
        start: the start of the window of modifications.
        end: the end of that window.
    """
    locale = identity.locale
    city, region, postal_code = rng.choice(locale.cities)
    created = milliseconds(known_by) - rng.randrange(90 * DAY_MS)
    modified = rng.randrange(max(created, milliseconds(start)), milliseconds(end))
    return Company(
        key=company_key(number),
        name=identity.name,
        domain=identity.domain,
        phone=f"{locale.dialling_code} 555 {rng.randrange(10_000_000):07d}",
        address=f"{rng.choice(locale.streets)} {rng.randrange(1, 400)}",
        city=city,
        region=region,
        postal_code=postal_code,
        country=locale.country,
        created_at=moment_at(created),
        modified_at=moment_at(modified),
    )

"""How many lines and which companies each generated deal gets: exact totals, unevenly spread."""

from random import Random

_APPETITES = (1, 1, 1, 2, 2, 3, 5, 9)


def few(count: int, percent: int) -> int:
    """Return `percent` of `count`, rounded down, but at least one of ten or more."""
    return max(count * percent // 100, 1 if count >= 10 else 0)


def spread(rng: Random, total: int, slots: int, *, empty: int) -> list[int]:
    """Return `slots` counts that add up to exactly `total`.

    `empty` of them are 0; the others are at least 1 where `total` suffices, and a few are much larger than the rest.
    `empty` must be less than `slots`, unless both are 0; then `total` must be 0 too.
    """
    counts = [0] * slots
    filled = rng.sample(range(slots), slots - empty)
    if total >= len(filled):
        for slot in filled:
            counts[slot] = 1
        total -= len(filled)
    if total:
        for slot in rng.choices(filled, [rng.choice(_APPETITES) for _ in filled], k=total):
            counts[slot] += 1
    return counts


def share_companies(rng: Random, deals: int, companies: int) -> list[list[int]]:
    """Return the numbers (0 to `companies` - 1) of each deal's companies, the primary one first.

    Every company occurs at least once and no deal names one twice. Of ten or more deals some have no company and some
    have several (where there are two companies); low numbers occur more often, as a few customers buy again and again.
    """
    if companies == 0:
        return [[] for _ in range(deals)]
    slots = _slots(rng, deals, companies)
    chosen: list[list[int]] = [[] for _ in range(deals)]
    # The first visits hand out every company once, the others go to customers who come back.
    for company, deal in enumerate(slots[:companies]):
        chosen[deal].append(company)
    for deal in slots[companies:]:
        if len(chosen[deal]) < companies:
            company = int(companies * rng.random() * rng.random())
            while company in chosen[deal]:
                company = (company + 1) % companies
            chosen[deal].append(company)
    return chosen


def _slots(rng: Random, deals: int, companies: int) -> list[int]:
    """Return, in random order, each deal as often as it is to name a company: at least `companies` in all."""
    order = rng.sample(range(deals), deals)
    several = order[: few(deals, 6)]
    named = order[: deals - few(deals, 3)]
    slots = named + [deal for deal in several for _ in range(rng.choice((1, 1, 1, 2)))]
    missing = companies - len(slots)
    if missing > 0:
        slots += rng.choices(named, k=missing)
    rng.shuffle(slots)
    return slots

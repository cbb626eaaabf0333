"""Items of an accounting system against a catalogue: what is linked, how often wrongly, what is suggested, the cost."""

from collections.abc import Callable, Iterator, Sequence

from benchmarks.catalogue_pairs import (
    Pair,
    adventureworks,
    families,
    without_sizes,
    without_skus,
    written_otherwise,
)
from benchmarks.measurement import Measurement
from benchmarks.messy_catalogue import MessyCatalogue, messy_catalogue
from benchmarks.process_costs import Meter
from hardfin_pipelines.sync.catalogue import Catalogue
from hardfin_pipelines.sync.matching import Match, match, match_all
from hardfin_pipelines.sync.suggestions import Suggester

FULL, QUICK = 50_000, 5_000
"""Items; there are twice as many products."""

_SHOWN = 5
_MOST_WRONG = 2
_MOST_CPU_SECONDS = 3
_MOST_SUGGESTION_MS = 20
_LEAST_SUGGESTED = 95
_SUGGESTED_FOR = 1_000


def measure(items: int) -> Iterator[Measurement]:
    """A real catalogue against itself, then a large and messy one."""
    pairs = adventureworks()
    if pairs:
        yield from _against_itself("AdventureWorks", pairs)
    else:
        made_up = families(504)
        yield from _against_itself(f"{len(made_up)} made-up items, AdventureWorks not being here", made_up)
    yield from _messy(messy_catalogue(2 * items, items))


def _against_itself(name: str, pairs: Sequence[Pair]) -> Iterator[Measurement]:
    catalogue = Catalogue(pair.product for pair in pairs)
    variants: tuple[tuple[str, Callable[[Sequence[Pair]], Sequence[Pair]]], ...] = (
        ("as they are", list),
        ("other case, spaces, dashes", written_otherwise),
        ("the same without SKUs", lambda every: without_skus(written_otherwise(every))),
    )
    for variant, change in variants:
        changed = change(pairs)
        matches = [match(pair.facts, catalogue) for pair in changed]
        right = sum(found.item_id == pair.product.id for found, pair in zip(matches, changed, strict=True))
        triage = sum(found.is_for_triage for found in matches)
        yield Measurement(f"{name}, {variant}: right links", right, "items", len(pairs), len(pairs), better="more")
        yield Measurement(f"{name}, {variant}: in triage", triage, "items", 0, 0)
    yield from _cut_off(name, without_sizes(pairs), catalogue)


def _cut_off(name: str, cut: Sequence[Pair], catalogue: Catalogue) -> Iterator[Measurement]:
    """Without sizes and SKUs nothing is certain; of six that differ in size alone, five can be shown."""
    suggester = Suggester(catalogue)
    name = f"{name}, {len(cut)} without sizes and SKUs"
    linked = sum(match(pair.facts, catalogue).item_id is not None for pair in cut)
    yield Measurement(f"{name}: links", linked, "items", 0, 0)
    shown = [{each.item_id for each in suggester.suggest(pair.facts, _SHOWN)} for pair in cut]
    suggested = sum(pair.product.id in ids for pair, ids in zip(cut, shown, strict=True))
    unit = f"% have the right one among {_SHOWN}"
    best = _percent(_suggestible(cut), len(cut))
    yield Measurement(
        f"{name}: suggestions", _percent(suggested, len(cut)), unit, best, _LEAST_SUGGESTED, better="more"
    )


def _suggestible(cut: Sequence[Pair]) -> int:
    """For how many the right one could be shown by somebody who knows all but the size."""
    alike: dict[tuple[object, ...], int] = {}
    for pair in cut:
        key = (pair.facts.name, pair.facts.price, pair.product.kind)
        alike[key] = alike.get(key, 0) + 1
    return sum(min(number, _SHOWN) for number in alike.values())


def _messy(messy: MessyCatalogue) -> Iterator[Measurement]:
    products, items = len(messy.products), len(messy.items)
    name = f"{items:,} messy items against {products:,} products"
    meter = Meter()
    catalogue = Catalogue(messy.products)
    matches = dict(match_all(messy.items, catalogue))
    cpu_seconds = meter.read().cpu_seconds
    floor = _MOST_CPU_SECONDS if products == 2 * FULL else None
    yield Measurement(f"{name}: matching, indexes included", round(cpu_seconds, 2), "CPU s", None, floor)
    yield _wrong(f"{name}: wrong links", matches, messy, _MOST_WRONG)
    alone = {external_id: match(facts, catalogue) for external_id, facts in messy.items.items()}
    yield _wrong(f"{name}: wrong links, each matched alone", alone, messy, None)
    there = [each for each, facts in messy.items.items() if facts.active and messy.truth[each] is not None]
    right = sum(matches[each].item_id == messy.truth[each] for each in there)
    yield Measurement(f"{name}: linked", _percent(right, len(there)), "% of what is a product", 100, better="more")
    yield from _suggestions(name, messy, catalogue, matches)


def _wrong(name: str, matches: dict[str, Match], messy: MessyCatalogue, floor: int | None) -> Measurement:
    linked = {external_id: found.item_id for external_id, found in matches.items() if found.item_id is not None}
    wrong = sum(item_id != messy.truth[external_id] for external_id, item_id in linked.items())
    return Measurement(name, _percent(wrong, len(linked)), "of 100 links", 0, floor)


def _suggestions(
    name: str, messy: MessyCatalogue, catalogue: Catalogue, matches: dict[str, Match]
) -> Iterator[Measurement]:
    asked = [external_id for external_id, found in matches.items() if found.is_for_triage][:_SUGGESTED_FOR]
    suggester = Suggester(catalogue)
    meter = Meter()
    suggester.suggest(messy.items[asked[0]])
    yield Measurement(f"{name}: index for suggestions", round(meter.read().cpu_seconds, 2), "CPU s")
    meter = Meter()
    shown = {each: {found.item_id for found in suggester.suggest(messy.items[each], _SHOWN)} for each in asked}
    milliseconds = 1000 * meter.read().cpu_seconds / len(asked)
    yield Measurement(f"{name}: suggestions", round(milliseconds, 1), "CPU ms an item", None, _MOST_SUGGESTION_MS)
    known = [external_id for external_id in asked if messy.truth[external_id] is not None]
    suggested = sum(messy.truth[external_id] in shown[external_id] for external_id in known)
    unit = f"% have the right one among {_SHOWN}"
    yield Measurement(f"{name}: suggested", _percent(suggested, len(known)), unit, 100, better="more")


def _percent(number: int, of: int) -> float:
    return round(100 * number / of, 2) if of else 0.0

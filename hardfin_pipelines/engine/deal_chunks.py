"""Chunks of deals on their way through a visit: searched for, sorted, complete."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from hardfin_pipelines.engine.extraction import DealsRead
from hardfin_pipelines.sync.first_sync import DealBundle
from hardfin_pipelines.sync.plans import Protected, Skipped
from hardfin_pipelines.sync.records import Record


class SearchedDeals(NamedTuple):
    """Some deals; once they are applied, the scan has none left that were modified before `settled_before`."""

    deals: Sequence[Record]
    settled_before: datetime | None = None


class SortedDeals(NamedTuple):
    """Deals that need nothing more, and the others with what was read of what they point to."""

    settled: Sequence[Protected | Skipped]
    wanted: DealsRead
    settled_before: datetime | None


class CompleteDeals(NamedTuple):
    """Deals that can be applied."""

    settled: Sequence[Protected | Skipped]
    bundles: Sequence[DealBundle]
    settled_before: datetime | None


def cut(
    deals: Collection[Record], most: int, behind: datetime | None, settled_before: datetime | None
) -> Iterator[SearchedDeals]:
    """The deals of whole pages in chunks of at most so many; the position leaves `behind` with the last of them."""
    for start in range(0, len(deals), most):
        chunk = list(islice(deals, start, start + most))
        yield SearchedDeals(chunk, settled_before if start + most >= len(deals) else behind)

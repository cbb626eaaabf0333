"""The least time that HubSpot's limits and a latency allow for some calls, whatever sends them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimits:
    """HubSpot's rolling windows for a marketplace app at a professional account (HubSpot docs: usage guidelines)."""

    general_per_ten_seconds: int = 110
    search_per_second: int = 5
    associations_per_ten_seconds: int = 150


def least_seconds(calls: Mapping[str, int], latency: float, limits: RateLimits = RateLimits()) -> float:
    """The least seconds from the first call to the last answer of an initial load.

    Every bucket fills by itself, so the load takes as long as the slowest of three chains:

    - *Batch reads.* The first one needs the answers to a search and to an association call: two latencies. A rolling
      window lets a whole window's calls out at once, and then as many again each ten seconds, so call number n leaves
      ``10 s * ((n - 1) // 110)`` after the first; its answer takes a latency.
    - *Associations.* The same behind one search, with 150; a batch read follows the last of them.
    - *Search.* Page n is asked for by what page n - 1 held, so pages follow each other a latency apart and five of them
      at most go out in a second. The last page's deals need an association call and a batch read.

    Args:
        calls: The least number of calls, by bucket.
        latency: Seconds that every answer takes.
        limits: The windows.
    """
    reads = 2 * latency + _last_leaves(calls["general"], limits.general_per_ten_seconds) + latency
    associations = latency + _last_leaves(calls["associations"], limits.associations_per_ten_seconds) + 2 * latency
    search = _last_page_leaves(calls["search"], latency, limits.search_per_second) + 3 * latency
    return max(reads, associations, search)


def _last_leaves(calls: int, limit: int, window: float = 10.0) -> float:
    """When the last of some calls leaves, after the first, where a window lets them out in bursts."""
    return window * ((calls - 1) // limit) if calls else 0.0


def _last_page_leaves(pages: int, latency: float, limit: int, window: float = 1.0) -> float:
    """When the last of some pages is asked for, after the first, where each needs the one before."""
    leaves: list[float] = []
    for number in range(pages):
        answered = leaves[-1] + latency if leaves else 0.0
        leaves.append(max(answered, leaves[number - limit] + window if number >= limit else 0.0))
    return leaves[-1] if leaves else 0.0

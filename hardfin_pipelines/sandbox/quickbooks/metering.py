"""The month's CorePlus calls of the app: reads, queries, company information and CDC (Intuit's partner program).

Writes and OAuth are never counted, nor are sandbox companies or refused calls.
"""

from collections import Counter
from datetime import datetime

from hardfin_pipelines.sandbox.quickbooks.moments import PACIFIC

Month = tuple[int, int]


def month_of(moment: datetime) -> Month:
    """Year and month in Pacific time; that months end there is a guess."""
    local = moment.astimezone(PACIFIC)
    return local.year, local.month


class Meter:
    """Counts by month and company."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._counts: dict[Month, Counter[str]] = {}

    def add(self, now: datetime, realm_id: str, calls: int) -> None:
        """Counts calls of a company."""
        if calls:
            self._counts.setdefault(month_of(now), Counter())[realm_id] += calls

    def used(self, now: datetime) -> int:
        """The month's calls of all companies."""
        return self._counts.get(month_of(now), Counter()).total()

    def by_company(self, now: datetime) -> dict[str, int]:
        """The month's calls of each company."""
        return dict(self._counts.get(month_of(now), Counter()))

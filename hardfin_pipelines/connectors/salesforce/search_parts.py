"""How much of a search is asked for at once: all of it, unless that is too heavy for Salesforce."""

from collections.abc import Callable
from datetime import datetime, timedelta

SMALLEST_PAGE = 200
"""Salesforce gives no fewer rows a page on request (Salesforce docs: Query Options header)."""

_SHORTEST = timedelta(seconds=1)
"""Salesforce's stamps are whole seconds."""


class Part:
    """The part of a search's stamps that is asked for now, and the rows of a page.

    Where a query is too heavy they are halved; where one succeeds they grow back.

    Attributes:
        start: The part's first moment.
        until: The moment behind its last; None where it is open.
        page_size: Rows wanted in an answer.
    """

    def __init__(
        self, start: datetime, end: datetime | None, page_size: int, clock_now: Callable[[], datetime]
    ) -> None:
        """A part that is the whole.

        Args:
            start: The search's first moment.
            end: The moment behind its last; None where it is open.
            page_size: Rows of an answer at most.
            clock_now: Our clock: where an open search is divided does not matter, so it may be wrong.
        """
        self.start = start
        self.until = end
        self.page_size = page_size
        self._end = end
        self._largest = page_size
        self._now = clock_now
        self._refused = 0

    @property
    def is_last(self) -> bool:
        """Whether nothing of the search lies behind it."""
        return self.until == self._end

    def shrink(self, reached: datetime | None) -> bool:
        """Ask for less at once; whether that is possible any more. First for fewer rows, then for less time as well.

        A refusal costs minutes, and a mass change has all its stamps in a few seconds of years: each refusal in a row
        divides by twice as much as the one before.

        Args:
            reached: The stamp that the part was read to, if any.
        """
        self._refused += 1
        smaller = self.shrink_page()
        begin = self.start if reached is None else max(self.start, reached)
        end = self._now() if self.until is None else self.until
        if end - begin > _SHORTEST and not (smaller and self._refused == 1):
            divisor = 1 << max(self._refused - 1, 1)
            self.until = begin + max(timedelta(seconds=(end - begin) / divisor // timedelta(seconds=1)), _SHORTEST)
            smaller = True
        return smaller

    def shrink_page(self) -> bool:
        """Ask for fewer rows at once; whether that is possible any more."""
        if self.page_size <= SMALLEST_PAGE:
            return False
        self.page_size = max(self.page_size // 2, SMALLEST_PAGE)
        return True

    def grow(self) -> None:
        """Salesforce has answered: ask for more rows again."""
        self._refused = 0
        self.page_size = min(self.page_size * 2, self._largest)

    def move_on(self) -> None:
        """Go on to the next part, twice as long as this one."""
        assert self.until is not None  # noqa: S101  # only a last part is open
        span = self.until - self.start
        self.start, after = self.until, self.until + 2 * span
        limit = self._now() if self._end is None else self._end
        self.until = self._end if after >= limit else after

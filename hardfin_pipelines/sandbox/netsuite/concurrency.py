"""Which requests of an account are under way (Oracle docs: web services and RESTlet concurrency governance)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Slots:
    """The requests that one account is answering.

    A request counts from its arrival to the end of its reply. One that finds no slot free is refused and takes none.

    Attributes:
        under_way: requests now, refused ones that still wait for their reply among them.
        working: those of them that have a slot.
        most_under_way: the most there ever were.
        refused: how many found no slot.
    """

    under_way: int = 0
    working: int = 0
    most_under_way: int = 0
    refused: int = 0

    @contextmanager
    def request(self, limit: int | None) -> Iterator[bool]:
        """Counts a request while it is answered, and says whether it got one of `limit` slots (None: no end)."""
        admitted = limit is None or self.working < limit
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        self.working += admitted
        self.refused += not admitted
        try:
            yield admitted
        finally:
            self.under_way -= 1
            self.working -= admitted

    def reset(self) -> None:
        """Forgets the most and the refused; what is under way stays."""
        self.most_under_way, self.refused = self.under_way, 0

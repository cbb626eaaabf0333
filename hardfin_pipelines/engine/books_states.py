"""How what accounting systems hold besides items stands, for the command line."""

from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from hardfin_pipelines.platform.books_tables import books_reads
from hardfin_pipelines.sync.books import BOOKS_KINDS


@dataclass(slots=True)
class BooksSummary:
    """One connection's books.

    Attributes:
        rows: How many rows there are of each kind that was read, by the vendor's count.
        lacking: What the connection needs to see the other kinds, by kind.
    """

    rows: dict[str, int] = field(default_factory=dict)
    lacking: dict[str, str] = field(default_factory=dict)

    def in_words(self) -> str:
        """The same in one line."""
        counted = [f"{number:,} {_plural(kind, number)}" for kind, number in self.rows.items() if number]
        unseen = [f"{_plural(kind, 2)} not seen (needs {needs})" for kind, needs in self.lacking.items()]
        return ", ".join([*counted, *unseen]) or "nothing yet"


def books_summaries(connection: Connection, org: str | None) -> dict[str, BooksSummary]:
    """The books of each connection of which any were read, of an organization or of ALL, by id."""
    query = select(books_reads).where(books_reads.c.kind.in_(BOOKS_KINDS))
    if org is not None:
        query = query.where(books_reads.c.org == org)
    rows = sorted(connection.execute(query), key=lambda row: BOOKS_KINDS.index(row.kind))
    found: dict[str, BooksSummary] = {}
    for row in rows:
        summary = found.setdefault(row.connection_id, BooksSummary())
        if row.lacking:
            summary.lacking[row.kind] = row.lacking
        else:
            summary.rows[row.kind] = row.total
    return found


def _plural(kind: str, number: int) -> str:
    words = kind.replace("_", " ")
    if number == 1:
        return words
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"

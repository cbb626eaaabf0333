"""What a visit to an accounting system's stock, prices, accounts and sales documents came to."""

from dataclasses import dataclass, field

from hardfin_pipelines.sync.books import BOOKS_KINDS, BooksKind


@dataclass(slots=True)
class KindCounts:
    """What became of one kind.

    Attributes:
        read: Rows that the vendor gave.
        written: Rows that are new or not as they were.
        gone: Rows that the vendor has no more.
        total: How many the vendor has.
        held: How many are here; with those that are set aside they should be as many.
        set_aside: Rows that could not be read.
    """

    read: int = 0
    written: int = 0
    gone: int = 0
    total: int = 0
    held: int = 0
    set_aside: int = 0

    @property
    def agrees(self) -> bool:
        """Whether every row the vendor has is accounted for."""
        return self.total == self.held + self.set_aside

    def numbers(self) -> dict[str, int]:
        """All of it, for people and for the record of a run."""
        return {
            "read": self.read,
            "written": self.written,
            "gone": self.gone,
            "vendor_total": self.total,
            "row_count": self.held,
            "set_aside": self.set_aside,
        }


@dataclass(slots=True)
class BooksReport:
    """What one visit did.

    Attributes:
        kinds: Those that had moved.
        lacking: Those that the connection does not see, with what it needs.
        reasons: Why rows were set aside, a line each.
        customers_linked: Customers that found Hardfin's.
        calls: Calls sent to the vendor, without those for items.
        throttled: Those that it refused for now, and that were waited for.
        interrupted: Why the visit stopped early on a person's wish, or "". What is committed stands.
    """

    kinds: dict[BooksKind, KindCounts] = field(default_factory=dict)
    lacking: dict[BooksKind, str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    customers_linked: int = 0
    calls: int = 0
    throttled: int = 0
    interrupted: str = ""

    def of(self, kind: BooksKind) -> KindCounts:
        """The counts of a kind, to be filled."""
        return self.kinds.setdefault(kind, KindCounts())

    def remarks(self) -> list[str]:
        """What a person may want to know of how the visit went."""
        told = [self.interrupted, *self.reasons]
        told += [f"{kind.replace('_', ' ')}: not seen; it needs {needs}" for kind, needs in self.lacking.items()]
        for kind in BOOKS_KINDS:
            counts = self.kinds.get(kind)
            if counts is not None and not counts.agrees and not self.interrupted:
                told.append(
                    f"{kind.replace('_', ' ')}: the vendor counts {counts.total}, {counts.held} are here and "
                    f"{counts.set_aside} set aside: the next tick looks again"
                )
        if self.throttled:
            told.append(f"the vendor refused {self.throttled} call(s) for now; they were waited for")
        return [remark for remark in told if remark]

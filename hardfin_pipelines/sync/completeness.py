"""Rule 8: a window closes only when what the vendor counts and what has an answer here agree."""

from collections.abc import Collection
from dataclasses import dataclass

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """What the vendor counts in a window beside what has an answer here.

    Attributes:
        at_vendor: The vendor's own count; None where it gives none.
        accounted: Deals of the window that have an answer: synced, in the ledger, not triggering, set aside.
        unaccounted: Deals the vendor shows that have none, by id.
        found_late: Deals that only the proof itself brought to light.
    """

    at_vendor: int | None
    accounted: int
    unaccounted: tuple[str, ...] = ()
    found_late: int = 0

    @property
    def holds(self) -> bool:
        """Whether the window may close. More answers than the vendor counts are deals that have moved on since."""
        return not self.unaccounted and (self.at_vendor is None or self.accounted >= self.at_vendor)

    def sentence(self) -> str:
        """What is missing, in one line; "" where nothing is."""
        if self.holds:
            return ""
        shown = ", ".join(self.unaccounted[:_SHOWN])
        which = f"; without an answer: {shown}" if shown else ""
        more = f" and {len(self.unaccounted) - _SHOWN} more" if len(self.unaccounted) > _SHOWN else ""
        counts = f"the CRM counts {self.at_vendor} deals, {self.accounted} have an answer"
        return f"{counts}{which}{more}; the window stays open"


def agrees(at_vendor: int | None, seen: Collection[str], *, exactly: bool) -> bool:
    """Whether a scan needs no second look.

    Args:
        at_vendor: The vendor's count; None where it gives none: then a second look is needed.
        seen: The ids that have an answer.
        exactly: The count was made after the scan, so that any difference wants an explanation; otherwise it was made
            before, and deals that came meanwhile are no reason to look again.
    """
    if at_vendor is None:
        return False
    return len(seen) == at_vendor if exactly else len(seen) >= at_vendor

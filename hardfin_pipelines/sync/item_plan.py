"""What is to be written of items of an accounting system, as plain values; each with its reason in words."""

from dataclasses import dataclass

from hardfin_pipelines.sync.vendor_items import TriageState


@dataclass(frozen=True, slots=True)
class LinkMade:
    """From now on this external id is that item. `matched_by` says how it was found."""

    id: str
    item_id: str
    matched_by: str
    because: str


@dataclass(frozen=True, slots=True)
class LinkBroken:
    """The link stays, but its external record cannot be followed any more."""

    id: str
    item_id: str
    because: str


@dataclass(frozen=True, slots=True)
class LinkMended:
    """The external record of a broken link is back."""

    id: str
    item_id: str
    because: str


@dataclass(frozen=True, slots=True)
class TriageWaits:
    """A person is to decide: for the first time, again, or (`refreshed`) for another reason than before."""

    id: str
    reason: str
    because: str
    refreshed: bool = False


@dataclass(frozen=True, slots=True)
class TriageClosed:
    """Nobody needs to decide any more."""

    id: str
    state: TriageState
    because: str


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Nothing is to be done. `why` is linked, broken, inactive, helper, ignored, waiting, gone."""

    id: str
    why: str
    because: str


ItemChange = LinkMade | LinkBroken | LinkMended | TriageWaits | TriageClosed | LeftAlone


@dataclass(frozen=True, slots=True)
class ItemStep:
    """Changes that belong together: all of them are written, or none.

    Attributes:
        ids: The external ids that they depend on.
        changes: The changes.
    """

    ids: tuple[str, ...]
    changes: tuple[ItemChange, ...]

"""What is asked of a replay, and what it reports."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hardfin_pipelines.engine.applying import ApplyCounts
from hardfin_pipelines.engine.replay_comparison import Differences
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.records import Role

MOST_LINES = 1_000
"""Lines a report has at most; what more there is, is counted."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What is to be replayed, and how.

    Attributes:
        org: The organization.
        connection_id: Its connection.
        since: Only units that landed at or after it; aware. What Hardfin had before is known to a comparison, and not
            to a rebuilt store.
        until: Only units that landed before it; aware.
        document: Another document of the organization, whose rules and mapping count for everything; None for its
            own: in a comparison as it is now, in a rebuilt store as it was when each unit landed.
        examples: Differences to keep of each field.
        actor: Who asks, for the audit of a rebuilt store.
    """

    org: str
    connection_id: str
    since: datetime | None = None
    until: datetime | None = None
    document: OrganizationDocument | None = None
    examples: int = 3
    actor: str = "sync"

    @property
    def whole(self) -> bool:
        """Whether everything that landed is replayed."""
        return self.since is None and self.until is None


@dataclass(slots=True)
class ReplayReport:
    """What a replay read, made, and found different.

    Attributes:
        org: The organization.
        connection_id: The connection.
        rebuilt: Whether it was made in a store that stays; else it was only compared.
        units: Landed units replayed.
        resyncs: Landed units of re-syncs and their previews, which are left out.
        read: Records read, by role.
        applied: What became of the deals.
        entities: Entities that the replay made, by kind.
        differences: Between them and what Hardfin holds.
        lines: What was missing, damaged or set aside, a line each; `more_lines` others are not kept.
        calls: Vendor calls: a replay opens no connector, so there are none.
    """

    org: str
    connection_id: str
    rebuilt: bool
    units: int = 0
    resyncs: int = 0
    read: Counter[Role] = field(default_factory=Counter)
    applied: ApplyCounts = field(default_factory=ApplyCounts)
    entities: dict[EntityType, int] = field(default_factory=dict)
    differences: Differences = field(default_factory=Differences)
    lines: list[str] = field(default_factory=list)
    more_lines: int = 0
    calls: int = 0

    def tell(self, lines: Iterable[str]) -> None:
        """Add lines, as long as there is room."""
        for line in lines:
            if len(self.lines) < MOST_LINES:
                self.lines.append(line)
            else:
                self.more_lines += 1

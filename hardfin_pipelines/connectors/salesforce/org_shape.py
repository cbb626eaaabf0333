"""What differs between orgs in the fields that deciding needs, as far as it is known."""

import logging
from dataclasses import dataclass, field

from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.connectors.salesforce.decode import ENTERED_STAGE, HISTORY, MODIFIED, RECORD_TYPE
from hardfin_pipelines.connectors.salesforce.objects import OrgObjects

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class OrgShape:
    """One org.

    Attributes:
        record_types: Whether deals have record types, and so the field; None where that is not known.
        history: Whether the history of their stages can be read.
        objects: Its objects.
    """

    record_types: bool | None = None
    history: bool = True
    objects: OrgObjects = field(default_factory=OrgObjects)

    def __post_init__(self) -> None:
        self.history = self.history and self.objects.deals_are_opportunities

    def deciding_fields(self) -> tuple[str, ...]:
        """What deciding about a deal needs, but for its history."""
        objects = self.objects
        types = (RECORD_TYPE,) if self.record_types is not False else ()
        flags = ("IsWon", "IsClosed", ENTERED_STAGE) if objects.deals_are_opportunities else ()
        return ("Id", objects.company_of_deal, objects.stage, *types, *flags, MODIFIED)

    def learn(self, error: UnknownField) -> bool:
        """Whether a refusal taught something, so that the question can be put again without it."""
        name = error.context.get("properties", "")
        if name == RECORD_TYPE and self.record_types is None:
            self.record_types = False
            return True
        if name == HISTORY and self.history:
            self.history = False
            _log.warning("Salesforce hides the stage history of opportunities: %s", error)
            return True
        return False

"""What differs between orgs in the fields that deciding needs, as far as it is known."""

import logging
from dataclasses import dataclass

from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.connectors.salesforce.decode import ENTERED_STAGE, HISTORY, MODIFIED, RECORD_TYPE, STAGE

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class OrgShape:
    """One org.

    Attributes:
        record_types: Whether opportunities have record types, and so the field; None where that is not known.
        history: Whether the history of their stages can be read.
    """

    record_types: bool | None = None
    history: bool = True

    def deciding_fields(self) -> tuple[str, ...]:
        """What deciding about an opportunity needs, but for its history."""
        types = (RECORD_TYPE,) if self.record_types is not False else ()
        return ("Id", "AccountId", STAGE, *types, "IsWon", "IsClosed", ENTERED_STAGE, MODIFIED)

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

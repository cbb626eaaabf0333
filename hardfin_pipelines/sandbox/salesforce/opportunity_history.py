"""The stage history of opportunities, which Salesforce writes by itself (Salesforce docs: OpportunityHistory)."""

from collections.abc import Mapping
from typing import Any

OPPORTUNITY = "Opportunity"
HISTORY = "OpportunityHistory"

_TRACKED = ("StageName", "Amount", "Probability", "CloseDate", "ForecastCategory")
_KEPT = (*_TRACKED, "ExpectedRevenue", "CurrencyIsoCode")


def history_row(
    row: Mapping[str, Any], old: Mapping[str, Any] | None, at: int, *, record_id: str, by: str
) -> dict[str, Any] | None:
    """The columns of the history's new row after an opportunity was written; None where nothing of it is tracked.

    Args:
        row: the opportunity's columns now.
        old: those before; None for a new one.
        at: when, in seconds since 1970.
        record_id: the row's id.
        by: who wrote.
    """
    if old is not None and all(old.get(name) == row.get(name) for name in _TRACKED):
        return None
    # A new opportunity may be given the time since when it is in its stage.
    stamp = row["LastStageChangeDate"] if old is None else at
    kept = {name: row[name] for name in _KEPT if name in row}
    audit = {"CreatedDate": stamp, "CreatedById": by, "SystemModstamp": stamp, "IsDeleted": 0}
    return {"Id": record_id, "OpportunityId": row["Id"], **kept, **audit}

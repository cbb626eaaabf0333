"""Statements of QuickBooks' query language (Intuit docs: data queries). It has no parameters, so texts are quoted here.

Without a condition on Active, inactive records are left out: those that ask for items ask for both.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.quickbooks.requests import written

_ALL = "Active IN (true, false)"
_STAMP = "MetaData.LastUpdatedTime"


def quoted(text: str) -> str:
    """A text as a literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def select(entity: str, conditions: Sequence[str] = (), *clauses: str) -> str:
    """A statement for whole records."""
    where = ["WHERE", " AND ".join(conditions)] if conditions else []
    return " ".join(["SELECT * FROM", entity, *where, *clauses])


def from_moment(entity: str, since: datetime | None, most: int) -> str:
    """The records of an entity that were changed at or after a moment, or all of them, in the order of their stamps."""
    bounds = [] if since is None else [f"{_STAMP} >= {quoted(written(since))}"]
    return select(entity, [_ALL, *bounds], f"ORDERBY {_STAMP}", f"MAXRESULTS {most}")


def within_second(entity: str, second: datetime, start: int, most: int) -> str:
    """Those that were changed within one second, in the order of their ids, from a place (1 is the first) on."""
    end = second + timedelta(seconds=1)
    bounds = [f"{_STAMP} >= {quoted(written(second))}", f"{_STAMP} < {quoted(written(end))}"]
    return select(entity, [_ALL, *bounds], "ORDERBY Id", f"STARTPOSITION {start}", f"MAXRESULTS {most}")


def by_ids(entity: str, ids: Sequence[str], most: int) -> str:
    """Those with some ids."""
    listed = ", ".join(map(quoted, ids))
    return select(entity, [_ALL, f"Id IN ({listed})"], f"MAXRESULTS {most}")

"""What can be set for one organization."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Edition = Literal["Developer Edition", "Enterprise Edition", "Unlimited Edition"]
_DAILY = {"Developer Edition": 15_000, "Enterprise Edition": 100_000, "Unlimited Edition": 100_000}
_PER_LICENCE = {"Developer Edition": 0, "Enterprise Edition": 1_000, "Unlimited Edition": 5_000}
_LONG_CALLS = {"Developer Edition": 5}
_MOST_LONG_CALLS = 25


@dataclass(slots=True)
class OrgSettings:
    """Switches of one organization; they may be changed while it is served.

    Limits default to those of the edition (Salesforce docs: API request limits and allocations).

    Attributes:
        limits_enabled: false lets every call through; they are counted all the same.
        daily_calls: calls in any 24 hours; None is the edition's.
        licences: user licences, which add to the day's calls.
        calls_of_others: calls of other integrations that count towards the day's.
        long_calls_of_others: long-running calls that others have under way.
        session_minutes: an unused session ends after so long.
        largest_page: pages hold at most so many rows, whatever was asked: Salesforce does not promise their size.
        per_app_usage: `Sforce-Limit-Info` names the app's own calls too.
        most_formulas: a query that reads more formulas is too complicated.
        bulk_queue_seconds: how long a Bulk job waits.
        bulk_run_seconds: how long it runs then.
        bulk_page_rows: the most rows of a page of its results; None follows the request.
        bulk_daily_jobs: query jobs in any 24 hours.
        bulk_failure: the text with which every new Bulk job fails; None lets them run.
        etags: single rows have an ETag.
        xml_enabled: XML is sent where `Accept` asks for it.
    """

    limits_enabled: bool = True
    daily_calls: int | None = None
    licences: int = 10
    calls_of_others: int = 0
    long_calls_of_others: int = 0
    session_minutes: int = 120
    largest_page: int | None = None
    per_app_usage: bool = False
    most_formulas: int = 100
    bulk_queue_seconds: float = 0.0
    bulk_run_seconds: float = 0.0
    bulk_page_rows: int | None = None
    bulk_daily_jobs: int = 10_000
    bulk_failure: str | None = None
    etags: bool = True
    xml_enabled: bool = True

    def daily_limit(self, edition: Edition) -> int:
        """Calls of the organization in any 24 hours."""
        if self.daily_calls is not None:
            return self.daily_calls
        return _DAILY[edition] + _PER_LICENCE[edition] * self.licences

    def change(self, changes: Mapping[str, Any]) -> None:
        """Sets what is named.

        Raises:
            ValueError: there is no such setting, or the value is of another type; nothing is changed then.
        """
        types = {each.name: str(each.type) for each in dataclasses.fields(self)}
        for name, value in changes.items():
            if name not in types:
                raise ValueError(f"settings: unknown {name!r}; expected some of {', '.join(sorted(types))}")
            if not _fits(types[name], value):
                raise ValueError(f"settings: {name} is {value!r}; expected {types[name]}, 0 or more")
        for name, value in changes.items():
            setattr(self, name, value)


def _fits(type_name: str, value: Any) -> bool:
    if value is None:
        return "None" in type_name
    if "bool" in type_name:
        return isinstance(value, bool)
    if "str" in type_name:
        return isinstance(value, str)
    wanted = int | float if "float" in type_name else int
    return isinstance(value, wanted) and not isinstance(value, bool) and value >= 0


def most_long_calls(edition: Edition) -> int:
    """Calls of 20 seconds and more that may be under way at once."""
    return _LONG_CALLS.get(edition, _MOST_LONG_CALLS)

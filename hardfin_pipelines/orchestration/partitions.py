"""The partitions: one definition for every asset that syncs, one for initial loads.

Keys are organization slugs, which never change. Every asset that ever runs together shares the same definition, as
Dagster asks; an organization without a connection at a vendor shows as missing there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dateutil.relativedelta import relativedelta

EARLIEST_LOAD = "2010-01-01"
"""The first month an initial load can begin with; configuration refuses earlier start dates."""

org_partitions = dg.DynamicPartitionsDefinition(name="org")

onboarding_partitions = dg.DynamicPartitionsDefinition(name="onboarding_org")
"""Organizations with an initial load under way; keys leave when it is done, so their number stays small."""

# The month that is not over yet has a window too.
month_partitions = dg.MonthlyPartitionsDefinition(start_date=EARLIEST_LOAD, timezone="UTC", end_offset=1)

load_partitions = dg.MultiPartitionsDefinition({"org": onboarding_partitions, "month": month_partitions})


@dataclass(frozen=True, slots=True)
class LoadWindow:
    """A run of whole months of one organization's initial load: [start, end), in UTC."""

    org: str
    start: datetime
    end: datetime


def month_keys(since: datetime, until: datetime) -> list[str]:
    """The keys of all months that have a moment in [since, until]."""
    month = datetime(since.year, since.month, 1, tzinfo=UTC)
    keys = []
    while month <= until:
        keys.append(month.strftime("%Y-%m-%d"))
        month += relativedelta(months=1)
    return keys


def month_spans(until: datetime) -> list[tuple[datetime, datetime]]:
    """All months that a load may cover, as [start, end), up to the one a moment lies in."""
    since = datetime.strptime(EARLIEST_LOAD, "%Y-%m-%d").replace(tzinfo=UTC)
    starts = [datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=UTC) for key in month_keys(since, until)]
    return [(start, start + relativedelta(months=1)) for start in starts]


def load_windows(keys: Iterable[str]) -> list[LoadWindow]:
    """The windows that some partition keys ask for; months of one organization that follow each other become one.

    Args:
        keys: Keys of `load_partitions`, in any order.
    """
    by_org: dict[str, list[datetime]] = {}
    for key in keys:
        dimensions = load_partitions.get_partition_key_from_str(key).keys_by_dimension
        month = datetime.strptime(dimensions["month"], "%Y-%m-%d").replace(tzinfo=UTC)
        by_org.setdefault(dimensions["org"], []).append(month)
    windows: list[LoadWindow] = []
    for org, months in sorted(by_org.items()):
        for month in sorted(months):
            end = month + relativedelta(months=1)
            if windows and windows[-1].org == org and windows[-1].end == month:
                windows[-1] = LoadWindow(org, windows[-1].start, end)
            else:
                windows.append(LoadWindow(org, month, end))
    return windows

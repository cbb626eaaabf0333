"""What was asked of a sandbox: every vendor request, and counts of them."""

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One vendor request. `query` is left out where it may hold a secret.

    `status` is 0 where the connection was dropped before a reply.
    """

    at: datetime
    method: str
    path: str
    query: str
    account: str | None
    bucket: str | None
    status: int


class CallLog:
    """The vendor requests since the start or the last reset, the newest 200,000 of them one by one."""

    def __init__(self) -> None:
        """An empty log."""
        self.entries: deque[LoggedCall] = deque(maxlen=_KEPT)
        self._totals: Counter[tuple[str | None, str | None, int]] = Counter()

    def add(self, call: LoggedCall) -> None:
        """Writes one request down."""
        self.entries.append(call)
        self._totals[call.account, call.bucket, call.status] += 1

    def reset(self) -> None:
        """Forgets everything."""
        self.entries.clear()
        self._totals.clear()

    @property
    def total(self) -> int:
        """How many requests there were."""
        return self._totals.total()

    def count(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        account: str | None = None,
        bucket: str | None = None,
        status: int | None = None,
    ) -> int:
        """How many of the kept requests fit everything that is given; `path` is a shell pattern."""
        return sum(
            (method is None or call.method == method)
            and (path is None or fnmatchcase(call.path, path))
            and (account is None or call.account == account)
            and (bucket is None or call.bucket == bucket)
            and (status is None or call.status == status)
            for call in tuple(self.entries)
        )

    def summary(self, account: str | None = None) -> dict[str, Any]:
        """Counts in all and by bucket and status, of one account or of every one, ready for JSON."""
        buckets: Counter[str] = Counter()
        statuses: Counter[str] = Counter()
        for (of_account, bucket, status), count in list(self._totals.items()):
            if account in {None, of_account}:
                buckets[bucket or "none"] += count
                statuses[str(status)] += count
        return {"total": buckets.total(), "by_bucket": dict(buckets), "by_status": dict(statuses)}

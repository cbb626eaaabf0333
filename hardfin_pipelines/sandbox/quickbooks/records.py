"""One entity's records in one company: what they are now, and what queries see of them already."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_KEPT_ORDERS = 4
Ordering = tuple[tuple[str, bool], ...]
"""Paths with whether they descend."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A record at one moment. `values` has what is set, never None; times are in whole seconds.

    `rendered` is filled by whoever writes it as JSON.
    """

    id: int
    sync_token: int
    created_at: datetime
    updated_at: datetime
    values: Mapping[str, Any]
    rendered: list[bytes] = field(default_factory=list, compare=False, repr=False)

    def value(self, path: str) -> Any:
        """The value at a path; None where it is not set."""
        if path == "Id":
            return self.id
        if path == "MetaData.LastUpdatedTime":
            return self.updated_at
        if path == "MetaData.CreateTime":
            return self.created_at
        return self.values.get(path)


@dataclass(frozen=True, slots=True)
class Stub:
    """What is left of a record that is gone."""

    id: int
    deleted_at: datetime


class RecordTable:
    """The records of one entity."""

    def __init__(self) -> None:
        """An empty table."""
        self.current: dict[int, Snapshot] = {}
        self._visible: dict[int, Snapshot] = {}
        self.stubs: dict[int, Stub] = {}
        self._pending: list[tuple[datetime, Snapshot | Stub]] = []
        self._pending_until: dict[int, datetime] = {}
        self._newest_id = 0
        self._orders: dict[tuple[Ordering, bool], list[Snapshot]] = {}

    def new_id(self) -> int:
        """The next id."""
        self._newest_id += 1
        return self._newest_id

    def reserve(self, record_id: int) -> None:
        """Lets new ids begin above one that is given."""
        self._newest_id = max(self._newest_id, record_id)

    def put(self, snapshot: Snapshot, visible_at: datetime | None) -> None:
        """A record's new state; queries see it at once, or from `visible_at` on."""
        self.current[snapshot.id] = snapshot
        self._show(snapshot, visible_at)

    def remove(self, record_id: int, deleted_at: datetime, visible_at: datetime | None) -> None:
        """Takes a record away; a stub is left."""
        del self.current[record_id]
        self._show(Stub(record_id, deleted_at), visible_at)

    def _show(self, state: Snapshot | Stub, visible_at: datetime | None) -> None:
        earlier = self._pending_until.get(state.id)
        if visible_at is None and earlier is None:
            self._reveal(state)
            return
        # A later write never shows before an earlier one of the same record.
        at = max(moment for moment in (visible_at, earlier) if moment is not None)
        self._pending_until[state.id] = at
        self._pending.append((at, state))

    def _reveal(self, state: Snapshot | Stub) -> None:
        self._orders.clear()
        if isinstance(state, Stub):
            self._visible.pop(state.id, None)
            self.stubs[state.id] = state
        else:
            self._visible[state.id] = state

    def settle(self, now: datetime) -> None:
        """Shows what is due."""
        if not self._pending:
            return
        due = [state for at, state in self._pending if at <= now]
        self._pending = [each for each in self._pending if each[0] > now]
        for state in due:
            self._reveal(state)
        self._pending_until = {record_id: at for record_id, at in self._pending_until.items() if at > now}

    def visible(self) -> Iterator[Snapshot]:
        """What queries see, by id."""
        return iter(sorted(self._visible.values(), key=lambda each: each.id))

    def ordered(self, ordering: Ordering, key: Callable[[Snapshot, str], Any], *, text_ids: bool) -> list[Snapshot]:
        """What queries see, in an order; equal ones by id."""
        wanted = (ordering, text_ids)
        if wanted not in self._orders:
            found = list(self.visible())
            for path, descending in reversed(ordering):
                found.sort(key=lambda each, path=path: key(each, path), reverse=descending)  # type: ignore[misc]
            if len(self._orders) >= _KEPT_ORDERS:
                self._orders.clear()
            self._orders[wanted] = found
        return self._orders[wanted]

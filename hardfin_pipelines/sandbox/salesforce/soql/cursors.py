"""Pages of a query's records, and the locators that lead on to the next.

A cursor keeps the ids that the query found when it was asked; the values are read when a page is.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hardfin_pipelines.sandbox.salesforce.errors import VendorError
from hardfin_pipelines.sandbox.salesforce.ids import IdSource
from hardfin_pipelines.sandbox.salesforce.soql.plans import AggregatePlan, ChildPlan, Plan, is_count
from hardfin_pipelines.sandbox.salesforce.values import to_json

LOCATOR_SECONDS = 2 * 86_400
_MOST_OPEN_BEFORE_56 = 10
_LARGEST_AGGREGATE = 2_000


@dataclass(slots=True)
class Cursor:
    """The records that a query found for one user. `starts` are the places where its pages may begin."""

    plan: Plan
    ids: list[str]
    batch: int
    user_id: str
    used_at: int
    locator: str = ""
    starts: set[int] = field(default_factory=set)


class CursorBook:
    """The open cursors of one organization."""

    def __init__(self) -> None:
        """An empty book."""
        self._cursors: dict[str, Cursor] = {}
        self._ids = IdSource(first=secrets.randbelow(1_000_000) + 1)

    def keep(self, cursor: Cursor) -> None:
        """Gives a cursor its locator. API versions before 56 close a user's oldest cursor beyond ten."""
        if cursor.locator:
            return
        cursor.locator = self._ids.next("01g")
        self._cursors[cursor.locator] = cursor
        if cursor.plan.reader.version < 56:  # the version is the rule (Salesforce docs: SOQL limits)
            own = [each for each in self._cursors.values() if each.user_id == cursor.user_id]
            for oldest in own[:-_MOST_OPEN_BEFORE_56]:
                self._cursors.pop(oldest.locator, None)

    def find(self, text: str, user_id: str, now: int) -> tuple[Cursor, int]:
        """The cursor of a locator with its place, such as `01g...-2000`.

        Raises:
            VendorError: 400 INVALID_QUERY_LOCATOR: unknown, another user's, older than two days, or a place where no
                page begins.
        """
        locator, _, place = text.partition("-")
        cursor = self._cursors.get(locator)
        fits = cursor is not None and cursor.user_id == user_id and now - cursor.used_at < LOCATOR_SECONDS
        if cursor is None or not fits or not place.isdigit() or int(place) not in cursor.starts:
            raise VendorError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        return cursor, int(place)

    def close_all(self) -> None:
        """Kills every cursor: their locators are invalid from now on."""
        self._cursors.clear()


def open_cursor(plan: Plan, batch: int, now: int) -> Cursor:
    """Runs a query."""
    largest = plan.largest_page
    return Cursor(plan, plan.ids(), min(batch, largest) if largest else batch, plan.reader.user_id, now)


def page(book: CursorBook, cursor: Cursor, start: int) -> dict[str, Any]:
    """One page as REST answers it. The rows of sub-queries count towards its size (Salesforce docs: query)."""
    ids: Sequence[str] = cursor.ids[start : start + cursor.batch]
    below = [(child, cursor.plan.children_of(child, ids)) for child in cursor.plan.children] if ids else []
    ids = _that_fit(ids, below, cursor.batch)
    records = []
    room = cursor.batch
    for row in cursor.plan.rows(ids):
        record = cursor.plan.outputs.record(row)
        room -= 1
        for child, found in below:
            record[child.key], taken = _child_page(book, cursor, child, found.get(row[0], []), max(room, 0))
            room -= taken
        records.append(record)
    end = start + len(ids)
    answer: dict[str, Any] = {"totalSize": len(cursor.ids), "done": end >= len(cursor.ids)}
    if end < len(cursor.ids):
        answer["nextRecordsUrl"] = _next_url(book, cursor, end)
    answer["records"] = records
    return answer


def _next_url(book: CursorBook, cursor: Cursor, place: int) -> str:
    book.keep(cursor)
    cursor.starts.add(place)
    return f"/services/data/v{cursor.plan.reader.version:.1f}/query/{cursor.locator}-{place}"


def _that_fit(
    ids: Sequence[str], below: Sequence[tuple[ChildPlan, Mapping[str, list[str]]]], room: int
) -> Sequence[str]:
    """As many of the ids as fit with all their children; at least the first."""
    used = 0
    for place, each in enumerate(ids):
        used += 1 + sum(len(found.get(each, ())) for _, found in below)
        if used > room:
            return ids[: max(place, 1)]
    return ids


def _child_page(
    book: CursorBook, parent: Cursor, child: ChildPlan, ids: list[str], room: int
) -> tuple[dict[str, Any] | None, int]:
    """The rows of one record's sub-query, and how many there are; those that do not fit have a locator."""
    if not ids:
        return None, 0
    cursor = Cursor(child.plan, ids, max(room, 1), parent.user_id, parent.used_at)
    answer = page(book, cursor, 0)
    cursor.batch = parent.batch
    return answer, len(answer["records"])


def answer_query(book: CursorBook, plan: Plan | AggregatePlan, batch: int, now: int) -> dict[str, Any]:
    """The first page of a query, as REST answers it.

    Raises:
        VendorError: 400, an aggregate has more rows than one page.
    """
    if isinstance(plan, AggregatePlan):
        return _aggregate_answer(plan)
    if is_count(plan.query):
        return {"totalSize": plan.count(), "done": True, "records": []}
    return page(book, open_cursor(plan, batch, now), 0)


def _aggregate_answer(plan: AggregatePlan) -> dict[str, Any]:
    rows = plan.reader.store.rows(plan.statement)
    if len(rows) > _LARGEST_AGGREGATE:
        text = "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
        raise VendorError(400, "EXCEEDED_ID_LIMIT", text)
    records = [
        {
            "attributes": {"type": "AggregateResult"},
            **{key: to_json(bound.field, held) for (key, bound), held in zip(plan.outputs, row, strict=True)},
        }
        for row in rows
    ]
    return {"totalSize": len(records), "done": True, "records": records}

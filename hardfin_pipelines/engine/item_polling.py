"""Asking an accounting system whether anything changed: one call, whatever the number of its objects."""

from contextlib import aclosing
from datetime import datetime

from hardfin_pipelines.connectors.books import books_of
from hardfin_pipelines.connectors.erp import ErpConnector, ItemPage
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.engine.books_visits import has_news
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.item_sync import waits_for_new_match
from hardfin_pipelines.engine.item_visits import unit_name, visit_kind
from hardfin_pipelines.engine.month_budget import require_month
from hardfin_pipelines.engine.poll_answers import AnswerBuffer, PollAnswer, keep_answers
from hardfin_pipelines.platform.connection_store import DueConnection
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.vendor_item_store import ItemScope, read_items
from hardfin_pipelines.sync.cursors import look_from
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.vendor_items import KnownItem, storable_facts


async def ask_items(deployment: Deployment, due: DueConnection, answer: PollAnswer) -> None:
    """Ask one connection what changed since its cursor. A first load, also after a gap, is left to a run.

    Args:
        deployment: The deployment.
        due: The connection and its cursors.
        answer: Takes what is found; its calls are right even if this fails.

    Raises:
        VendorError: The vendor refused or failed.
        Refusal: The connection cannot be asked as it stands.
    """
    row = due.row
    require_month(deployment, row, "poll")
    buffer = AnswerBuffer()
    connector = deployment.erp_connector(row, memory=buffer, purpose="poll")
    answer.calls = connector.calls
    try:
        answer.object = connector.objects()["item"]
        cursor = due.cursors.get(answer.object)
        kind = visit_kind(cursor, connector.look_back, deployment.now())
        if cursor is None or kind != "tick":
            answer.worth_a_run = True
            return
        scope = ItemScope(row.org, row.connection_id, answer.object)
        books = books_of(connector)
        if books is not None:
            # The cursor stays: marks are compared over the same time until a run has read what they tell of.
            answer.by_pulse = True
            answer.worth_a_run = await has_news(deployment, row, books) or _waits(deployment, scope)
            return
        page = await _first_page(connector, look_from(cursor))
        answer.covered_until = page.vendor_time
        answer.worth_a_run = not page.last or _any_new(deployment, scope, connector, page)
        if answer.worth_a_run:
            answer.unit = unit_name(kind, cursor)
            await keep_answers(deployment, row, answer.unit, buffer.kept)
    finally:
        await connector.aclose()


async def _first_page(connector: ErpConnector, since: datetime) -> ItemPage:
    async with aclosing(connector.changed_pages(since)) as pages:  # type: ignore[type-var]  # it is a generator
        async for page in pages:
            return page
    raise AssertionError  # there is always a last page


def _waits(deployment: Deployment, scope: ItemScope) -> bool:
    with reading(deployment.engine) as connection:
        return waits_for_new_match(connection, scope)


def _any_new(deployment: Deployment, scope: ItemScope, connector: ErpConnector, page: ItemPage) -> bool:
    """Whether the answer holds something that is not known yet, or an open item is to be matched again."""
    if _waits(deployment, scope):
        return True
    ids = [*(record.id for record in page.records), *(each.id for each in page.gone)]
    with reading(deployment.engine) as connection:
        known = read_items(connection, scope, ids)
    lost = any(each.id in known and known[each.id].gone is None for each in page.gone)
    return lost or any(_is_new(connector, record, known.get(record.id)) for record in page.records)


def _is_new(connector: ErpConnector, record: Record, known: KnownItem | None) -> bool:
    """Whether a record is another one than when it was last read; two changes within one stamp differ in facts only."""
    if known is None or known.item is None or known.gone is not None or known.item.modified_at != record.modified_at:
        return True
    try:
        return storable_facts(connector.item_facts(record)) != known.item.facts
    except SkipRecord:
        return True

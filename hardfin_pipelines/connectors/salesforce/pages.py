"""Pages of queries, whichever way they were asked for, with the child rows that did not fit into them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import Row
from hardfin_pipelines.connectors.salesforce.decode import HISTORY
from hardfin_pipelines.connectors.salesforce.errors import LocatorGone, unknown_shape
from hardfin_pipelines.connectors.salesforce.json_rows import QueryPage, composite_pages, query_page
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import Request, query_more, run_query
from hardfin_pipelines.connectors.salesforce.search_conditions import history_of
from hardfin_pipelines.connectors.salesforce.soql import quoted


def pages_of(request: Request, answer: Answer) -> list[QueryPage]:
    """The page of each query that was asked for; the body is parsed once, however often they are wanted.

    Raises:
        ValueError: The answer is no page, or a part of it is none.
    """
    return answer.parsed(composite_pages) if request.is_composite else [answer.parsed(query_page)]


def page_of(request: Request, answer: Answer) -> QueryPage:
    """The page that answers a query.

    Raises:
        VendorContractError: The answer is none.
    """
    try:
        return pages_of(request, answer)[0]
    except (ValueError, IndexError):
        pass
    raise unknown_shape(request.call, 'list "records"')


async def complete_histories(ask: Ask, rows: Sequence[Row], since: datetime | None) -> None:
    """Read the rows of history that did not fit into their opportunity's page, a call for each such page.

    A child's rows count towards the page (Salesforce docs: query), and what is over has a cursor of its own; where that
    is gone, the history is asked for by itself. The rows' bytes stay as received.

    Args:
        ask: Sends a request.
        rows: Opportunities.
        since: How far back their history was asked for; None for all of it.

    Raises:
        VendorError: Salesforce refused or failed; `LocatorGone`: the cursors keep dying.
    """
    for row in rows:
        history = row.document.get(HISTORY) if isinstance(row.document, dict) else None
        if not isinstance(history, dict) or history.get("done") is not False or not history.get("nextRecordsUrl"):
            continue
        request = query_more(str(history["nextRecordsUrl"]).rpartition("/")[2])
        try:
            history["records"] = [*history.get("records", ()), *await _rest(ask, request)]
        except LocatorGone:
            own = f"OpportunityId = {quoted(str(row.document.get('Id')))}"
            history["records"] = await _rest(ask, run_query(history_of("OpportunityHistory", [own], since)))
        history["done"] = True


async def _rest(ask: Ask, request: Request) -> list[Any]:
    found: list[Any] = []
    while True:
        page = page_of(request, await ask(request))
        found += [each.document for each in page.rows]
        if not page.locator:
            return found
        request = query_more(page.locator)

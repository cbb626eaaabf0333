"""Pages of queries, whichever way they were asked for, with the child rows that did not fit into them."""

from collections.abc import Sequence

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.salesforce.decode import HISTORY
from hardfin_pipelines.connectors.salesforce.errors import unknown_shape
from hardfin_pipelines.connectors.salesforce.json_rows import QueryPage, Row, composite_pages, query_page
from hardfin_pipelines.connectors.salesforce.remembering import Ask
from hardfin_pipelines.connectors.salesforce.requests import Request, query_more


def page_of(request: Request, answer: Answer) -> QueryPage:
    """The page that answers a query.

    Raises:
        VendorContractError: The answer is none.
    """
    try:
        return composite_pages(answer.body)[0] if request.is_composite else query_page(answer.body)
    except (ValueError, IndexError):
        pass
    raise unknown_shape(request.call, 'list "records"')


async def complete_histories(ask: Ask, rows: Sequence[Row]) -> None:
    """Read the rows of history that did not fit into their opportunity's page, a call for each such page.

    A child's rows count towards the page (Salesforce docs: query), and what is over has a cursor of its own. The
    rows' bytes stay as received.

    Raises:
        VendorError: Salesforce refused or failed; `LocatorGone`: the cursor is no more.
    """
    for row in rows:
        history = row.document.get(HISTORY) if isinstance(row.document, dict) else None
        while isinstance(history, dict) and history.get("done") is False and history.get("nextRecordsUrl"):
            request = query_more(str(history.pop("nextRecordsUrl")).rpartition("/")[2])
            page = page_of(request, await ask(request))
            history["records"] = [*history.get("records", ()), *(each.document for each in page.rows)]
            history |= {"nextRecordsUrl": page.locator} if page.locator else {"done": True}

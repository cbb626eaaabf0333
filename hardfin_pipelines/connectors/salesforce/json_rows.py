"""The rows of an answer, each as JSON and byte for byte as received, in one pass over the body.

Numbers stay the texts they came as, so that money keeps its digits; a float would lose those of large amounts.
"""

from dataclasses import dataclass, field
from typing import Any

from hardfin_pipelines.connectors.json_reader import JsonReader, Row


@dataclass(slots=True)
class QueryPage:
    """The answer to a query, or one page of it.

    Attributes:
        rows: The rows.
        total: How many rows the whole query has; None where the answer does not say.
        locator: Where it goes on; "" at the end.
    """

    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    locator: str = ""


def query_page(body: bytes) -> QueryPage:
    """The page that a query's answer is.

    Raises:
        ValueError: The body is no such answer.
    """
    text = JsonReader(body)
    page, text.place = _page(text, text.start())
    text.end()
    return page


def composite_pages(body: bytes) -> list[QueryPage]:
    """The page of each part of a composite answer, in order.

    Raises:
        ValueError: The body is no such answer, or a part's body is no page.
    """
    text = JsonReader(body)
    pages: list[QueryPage] = []
    for name, place in text.members(text.start()):
        if name != "compositeResponse":
            text.skip(place)
            continue
        pages.extend(_part(text, part) for part in text.elements(place))
    text.end()
    return pages


def _part(text: JsonReader, place: int) -> QueryPage:
    found = None
    for name, value in text.members(place):
        if name == "body":
            found, text.place = _page(text, value)
        else:
            text.skip(value)
    if found is None:
        raise ValueError("a part of the composite answer has no body")
    return found


def _page(text: JsonReader, place: int) -> tuple[QueryPage, int]:
    page = QueryPage()
    done: Any = None
    has_rows = False
    for name, value in text.members(place):
        if name == "records":
            page.rows = list(text.rows(value))
            has_rows = True
        elif name == "totalSize":
            total = text.value(value)
            page.total = int(total) if isinstance(total, str) and total.isdigit() else None
        elif name == "nextRecordsUrl":
            page.locator = str(text.value(value) or "").rpartition("/")[2]
        elif name == "done":
            done = text.value(value)
        else:
            text.skip(value)
    if not has_rows:
        raise ValueError("the answer has no records")
    if done is True:
        page.locator = ""
    elif not page.locator:
        raise ValueError("the answer is not done and does not say where it goes on")
    return page, text.place

"""Each error that NetSuite answers, each table and column that may be missing, and data that moves under a reader."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import orjson
import pytest

from hardfin_pipelines.connectors.books import Pulse
from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    RetryLater,
    UnknownField,
    VendorContractError,
    VendorError,
)
from hardfin_pipelines.connectors.netsuite import NetSuiteLimits
from hardfin_pipelines.connectors.netsuite.books_tables import books_fields, sources_of
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sync.books import BOOKS_KINDS, BooksKind
from hardfin_pipelines_tests.connectors.books_harness import books_ids, collect_books
from hardfin_pipelines_tests.connectors.erp_harness import START
from hardfin_pipelines_tests.connectors.netsuite.books import NetSuiteBooks

LOGIN = "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI."
SEARCH = "Invalid search query. Detailed unprocessed description follows. Search error occurred: "
SECTION = "https://www.rfc-editor.org/rfc/rfc9110.html#section-15.5.1"


@pytest.fixture
def books() -> Iterator[NetSuiteBooks]:
    with NetSuiteBooks().serving() as served:
        yield served


@dataclass(frozen=True)
class Refusal:
    """An answer of NetSuite's, as its REST services write it."""

    status: int
    code: str
    detail: str
    title: str = "Bad Request"
    where: str = "o:errorQueryParam"

    def body(self) -> str:
        detail = {"detail": self.detail, self.where: "q", "o:errorCode": self.code}
        return orjson.dumps(
            {"type": SECTION, "title": self.title, "status": self.status, "o:errorDetails": [detail]}
        ).decode()


async def everything(books: NetSuiteBooks, memory: AnswerBuffer | None = None, **changes: Any) -> dict[str, list[str]]:
    """Ids of all customers and all stock, and what a pulse counts."""
    async with books.connector(memory, **changes) as connector:
        found = {}
        for kind in ("customer", "inventory_level"):
            found[kind] = books_ids(await collect_books(connector.books_pages(kind, None)))
        pulse = await connector.pulse(dict.fromkeys(("item", *BOOKS_KINDS), START))
        return {**found, "totals": [f"{kind} {total}" for kind, total in sorted(pulse.totals.items())]}


def pulse_of(books: NetSuiteBooks) -> Pulse:
    async def run() -> Pulse:
        async with books.connector() as connector:
            return await connector.pulse(dict.fromkeys(("item", *BOOKS_KINDS), START))

    return asyncio.run(run())


def read(books: NetSuiteBooks, kind: BooksKind, since: datetime | None = None) -> list[str]:
    async def run() -> list[str]:
        async with books.connector() as connector:
            return books_ids(await collect_books(connector.books_pages(kind, since)))

    return asyncio.run(run())


# Errors of section 10, in the middle of a walk

PASSING = [
    Refusal(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded. Request blocked."),
    Refusal(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded.", "Too Many Requests"),
    Refusal(429, "USER_ERROR", "Request limit exceeded. Request blocked.", "Too Many Requests"),
    Refusal(401, "INVALID_LOGIN", LOGIN, "Unauthorized", "o:errorHeader"),
    Refusal(500, "UNEXPECTED_ERROR", "An unexpected error occurred. Error ID: abc", "Internal Server Error"),
    Refusal(503, "", "maintenance", "Service Unavailable"),
]


@pytest.mark.parametrize("refusal", PASSING, ids=lambda each: f"{each.status} {each.code} {each.title}")
def test_what_passes_is_waited_for_and_nothing_is_lost_or_doubled(books: NetSuiteBooks, refusal: Refusal) -> None:
    for kind in ("customer", "inventory_level"):
        books.make_rows(kind, 12)
    expected = asyncio.run(everything(books))
    books.sandbox.call_log.reset()
    fault = books.fault("invalid_search", status=refusal.status, body=refusal.body(), times=2, skip=2)
    assert asyncio.run(everything(books)) == expected
    assert fault.hits == 2
    assert books.calls(status=200) == 3 + 3 + 1


STAYING = [
    (Refusal(400, "INVALID_PARAMETER", f"{SEARCH}Invalid search type: nope."), UnknownField, "record type nope"),
    (Refusal(400, "INVALID_PARAMETER", f"{SEARCH}Record 'nope' was not found."), UnknownField, "record type nope"),
    (
        Refusal(
            400,
            "INVALID_PARAMETER",
            f"{SEARCH}Unknown identifier 'subsidiary'. Available identifiers are: {{transaction=transaction}}.",
        ),
        UnknownField,
        "column subsidiary",
    ),
    (
        Refusal(
            400,
            "INVALID_PARAMETER",
            f"{SEARCH}Field 'x' for record 'y' was not found. Reason: REMOVED - Field is removed",
        ),
        UnknownField,
        "column x",
    ),
    (Refusal(400, "NONEXISTENT_FIELD", "The field does not exist."), UnknownField, "what we ask for"),
    (Refusal(400, "INVALID_PARAMETER", f"{SEARCH}Invalid or unsupported search."), VendorContractError, "unsupported"),
    (
        Refusal(403, "INSUFFICIENT_PERMISSION", "Permission Violation: You need X.", "Forbidden", "o:urlPath"),
        NeedsAttention,
        "lacks a permission",
    ),
    (Refusal(401, "INVALID_LOGIN", LOGIN, "Unauthorized"), NeedsAttention, "refused our login"),
    (Refusal(429, "CONCURRENCY_LIMIT_EXCEEDED", "Request blocked."), RetryLater, "limits our requests at once"),
    (Refusal(429, "USER_ERROR", "Request blocked."), RetryLater, "limits our requests in a time"),
    (Refusal(500, "UNEXPECTED_ERROR", "An unexpected error occurred."), RetryLater, "500 UNEXPECTED_ERROR"),
    (Refusal(404, "INVALID_PATH", "Invalid URL path", "Not Found", "o:urlPath"), VendorContractError, "answered 404"),
]


@pytest.mark.parametrize(("refusal", "kind", "says"), STAYING, ids=lambda each: getattr(each, "detail", None))
def test_what_stays_is_one_clear_line_and_the_work_goes_on_where_it_was(
    books: NetSuiteBooks, refusal: Refusal, kind: type[VendorError], says: str
) -> None:
    books.make_rows("customer", 12)
    books.make_rows("inventory_level", 7)
    expected = asyncio.run(everything(books))
    memory = AnswerBuffer()
    books.fault("invalid_search", status=refusal.status, body=refusal.body(), times=None, skip=2)
    with pytest.raises(kind, match=says) as caught:
        asyncio.run(everything(books, memory, limits=NetSuiteLimits(page=5, attempts=2)))
    assert "\n" not in str(caught.value)
    books.sandbox.faults.clear()
    books.sandbox.call_log.reset()
    assert asyncio.run(everything(books, memory)) == expected
    assert books.calls() == 1 + 2 + 1  # two pages of customers are remembered


# A role without a table


def test_each_table_that_a_role_does_not_see_is_named_and_takes_no_other_kind_with_it(books: NetSuiteBooks) -> None:
    for kind in BOOKS_KINDS:
        books.make_rows(kind, 1)
    expected = pulse_of(books)
    for kind in BOOKS_KINDS:
        source = sources_of(kind)[0]
        books.role.hidden = {source.table}
        lost = {kind, *(["sales_document_line"] if kind == "sales_document" else [])}
        pulse = pulse_of(books)
        assert dict(pulse.lacking) == dict.fromkeys(lost, source.needs), kind
        assert set(expected.totals) - set(pulse.totals) == lost, kind
        assert all(pulse.totals[other] == expected.totals[other] for other in pulse.totals), kind
        with pytest.raises(UnknownField, match=r"not (show|have)") as caught:
            read(books, kind)
        assert "\n" not in str(caught.value)
    books.role.hidden = set()
    assert pulse_of(books).totals == expected.totals


@pytest.mark.parametrize("named", [True, False])
def test_what_is_hidden_is_found_out_once_by_describing(books: NetSuiteBooks, named: bool) -> None:
    """Some accounts answer a column that is not there with 500 UNEXPECTED_ERROR, which names nothing."""
    for kind in BOOKS_KINDS:
        books.make_rows(kind, 2)
    hidden = {
        "customer.email",
        "aggregateitemlocation.onhandvaluemli",
        "transaction.memo",
        "inventorynumber.lastmodifieddate",
    }
    books.role.hidden |= hidden
    books.account.settings.change({"unexpected_for_unknown_column": not named})
    description = books.describe()
    found = {
        f"{source.table}.{name}"
        for kind in BOOKS_KINDS
        for source in sources_of(kind)[:1]
        for name, about in description.properties[kind].items()
        if about.hidden and kind != "serial_number"
    }
    assert found == hidden - {"inventorynumber.lastmodifieddate"}
    assert all(about.hidden and about.needs for about in description.properties["serial_number"].values())
    books.sandbox.call_log.reset()
    assert set(pulse_of(books).lacking) == {"serial_number"}
    for kind in BOOKS_KINDS:
        if kind != "serial_number":
            assert len(read(books, kind)) >= 2
    assert books.calls(status=400) == books.calls(status=500) == 0


# Columns renamed


def test_a_column_that_has_another_name_now_is_left_out_or_named(books: NetSuiteBooks) -> None:
    made = {kind: set(books.make_rows(kind, 2)) for kind in BOOKS_KINDS}
    for kind in BOOKS_KINDS:
        source = sources_of(kind)[0]
        for field in books_fields()[source.name]:
            books.role.hidden = {".".join(field.column)}
            if field.needed:
                with pytest.raises(UnknownField, match=f"the column {field.column.column}, or our role") as caught:
                    read(books, kind)
                assert "\n" not in str(caught.value)
            elif field.name in source.key:  # the currency of a price: it is told apart without
                assert len(read(books, kind)) == 2
            else:
                assert made[kind] <= set(read(books, kind)), field
    books.role.hidden = set()


# A page that shifts while it is read


@pytest.mark.parametrize("kind", ["inventory_level", "item_price", "sales_document_line", "customer"])
def test_a_page_that_shifts_while_it_is_read_hides_nothing(books: NetSuiteBooks, kind: BooksKind) -> None:
    """By offset, rows that go from pages already read would move others over the border unseen."""
    made = books.make_rows(kind, 20)

    def shift(page: int) -> None:
        for row in made[5 * (page - 1) : 5 * page - 1]:
            if page < 4:
                books.remove_row(kind, row)

    async def run() -> list[str]:
        async with books.connector() as connector:
            return books_ids(await collect_books(connector.books_pages(kind, None), shift))

    assert asyncio.run(run()) == made


# An item that is deleted and made again


def test_an_item_made_again_with_its_name_has_books_of_its_own(books: NetSuiteBooks) -> None:
    def make() -> str:
        item = books.account.create("serializedInventoryItem", {"itemid": "AMR-100"})
        books.stock(item, 5, average_cost=2)
        books.account.add_serial(item, "SN-1")
        level = books.account.price_levels["Alternate Price 1"]
        price = {"item": item, "pricelevel": level, "unitprice": Decimal(8), "quantity": 0}
        books.account.create("pricing", price | {"currency": books.account.base_currency})
        return item

    old = make()
    kinds: tuple[BooksKind, ...] = ("inventory_level", "serial_number", "item_price")
    before, ids = pulse_of(books), {kind: read(books, kind) for kind in kinds}
    since = books.now()
    books.wait(2)
    books.delete(old)
    gone = pulse_of(books)
    new = make()
    after = pulse_of(books)
    for kind in ("item", *kinds):
        assert gone.totals[kind] == before.totals[kind] - 1, kind  # type: ignore[index]  # kinds
        assert after.totals[kind] == before.totals[kind], kind  # type: ignore[index]
        assert after.marks[kind] != before.marks[kind], kind  # type: ignore[index]
    for kind in kinds:
        assert len(read(books, kind)) == 1
        assert not set(read(books, kind)) & set(ids[kind])
    assert read(books, "inventory_level", since) == [f"{new}:{books.location()}"]

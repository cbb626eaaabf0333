"""What an account is like: its features, its clock and currency, and what our role sees of items and books."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hardfin_pipelines.connectors.errors import VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.netsuite import statements
from hardfin_pipelines.connectors.netsuite.answers import (
    iso_moment_of,
    moment_of,
    offset_between,
    rows_in,
    value_of,
)
from hardfin_pipelines.connectors.netsuite.books_describe import NEEDS_A_LOOK, books_described, look_at_books
from hardfin_pipelines.connectors.netsuite.books_statements import BooksScope
from hardfin_pipelines.connectors.netsuite.errors import NotPermitted, NotVisible
from hardfin_pipelines.connectors.netsuite.facts import TYPES
from hardfin_pipelines.connectors.netsuite.fields import (
    PRICE,
    PRICE_CURRENCY,
    Field,
    ItemColumns,
    Pricing,
    checked_name,
    item_fields,
)
from hardfin_pipelines.connectors.netsuite.probing import Ask, visible_columns
from hardfin_pipelines.connectors.netsuite.pulse import lacking
from hardfin_pipelines.connectors.netsuite.requests import Request, suiteql, system
from hardfin_pipelines.connectors.netsuite.versions import GOVERNANCE_PATH, SERVER_TIME_PATH
from hardfin_pipelines.connectors.netsuite.visibility import Name, Visibility
from hardfin_pipelines.sync.books import BOOKS_KINDS, BooksKind
from hardfin_pipelines.sync.records import AccountDescription, PropertyDescription

_SUBTYPES = {"Sale": "For sale", "Purchase": "For purchase", "Resale": "For resale"}
_CURRENCIES: tuple[tuple[Callable[..., str], tuple[Name, ...]], ...] = (
    (
        statements.main_currency,
        (
            Name("subsidiary", "id"),
            Name("subsidiary", "currency"),
            Name("subsidiary", "parent"),
            Name("currency", "id"),
            Name("currency", "symbol"),
        ),
    ),
    (
        statements.base_currency,
        (Name("currency", "id"), Name("currency", "symbol"), Name("currency", "isbasecurrency")),
    ),
)
"""Where the account's currency is told, with the columns that the statements name."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account, as our role sees it.

    Attributes:
        one_world: Whether it has subsidiaries.
        locations: Whether it has locations.
        multi_location: Whether stock is kept by location.
        deletions: Whether it tells of what was deleted.
        currency: Its own, ISO 4217; of OneWorld accounts that of the topmost subsidiary; "" where it is not known.
        utc_offset: How far the zone of the user we act as is ahead of UTC now; None where NetSuite does not tell.
            Nothing depends on it: all times are asked for in UTC.
        concurrency: Requests that it allows at once, all integrations together; None where our role may not know.
        lacking: What besides items our role does not see, with what it needs to.
    """

    one_world: bool
    locations: bool
    multi_location: bool
    deletions: bool
    currency: str
    utc_offset: timedelta | None
    concurrency: int | None
    lacking: Mapping[BooksKind, str]


async def describe_account(
    ask: Ask, account_id: str, columns: ItemColumns, named: Collection[str]
) -> tuple[AccountDescription, AccountFacts]:
    """The account as it is now. Five calls, and one for each table or field that is not there.

    Args:
        ask: Sends requests.
        account_id: In capitals.
        columns: What is wanted besides the usual, and the price level.
        named: Further columns of items.

    Raises:
        NotVisible: Our role does not see items.
        VendorError: NetSuite failed, or does not let us ask.
    """
    known = item_fields()
    more = sorted({*map(checked_name, named), *columns.wanted} - set(known))
    usual = [name for name in known if name not in {PRICE, PRICE_CURRENCY}]
    shown = await visible_columns(ask, [*usual, *more])
    seen = Visibility()
    currency, utc_offset = await _currency(ask, seen)
    scope = BooksScope(columns.price_level, currency)
    await look_at_books(ask, seen, scope)
    books = books_described(seen, scope)
    pricing = _pricing(books["item_price"], currency or columns.currency)
    shown |= {PRICE} if pricing != "none" else set()
    shown |= {PRICE_CURRENCY} if pricing == "by currency" else set()
    at = await _server_time(ask)
    hidden = lacking(BOOKS_KINDS, seen, scope)
    facts = AccountFacts(
        one_world="subsidiary" not in hidden,
        locations="location" not in hidden,
        multi_location="aggregateitemlocation" not in books["item"],
        deletions="deletedrecord" not in books["item"],
        currency=currency,
        utc_offset=utc_offset,
        concurrency=await _concurrency(ask),
        lacking=hidden,
    )
    properties = {name: _property(field, hidden=name not in shown) for name, field in known.items()}
    for name in more:
        properties[name] = _property(Field(name, name, "text", calculated=False, needs=""), hidden=name not in shown)
    return AccountDescription(account_id, (), {**books, "item": {**properties, **books["item"]}}, at, currency), facts


def _property(field: Field, *, hidden: bool) -> PropertyDescription:
    options: Mapping[str, str] = {}
    if field.name == "itemtype":
        options = {code: each.label for code, each in TYPES.items()}
    elif field.name == "subtype":
        options = _SUBTYPES
    return PropertyDescription(
        field.name,
        field.label,
        field.type,
        options,
        currency_property=PRICE_CURRENCY if field.name == PRICE else "",
        hidden=hidden,
        needs=(field.needs or NEEDS_A_LOOK) if hidden else "",
        calculated=field.calculated,
    )


def _pricing(described: Mapping[str, PropertyDescription], currency: str) -> Pricing:
    """How base prices can be read: they are in the same table as all others."""
    if all(each.hidden for each in described.values()):
        return "none"
    named = not any(described[name].hidden for name in ("currency", "currency_symbol"))
    return "by currency" if currency and named else "one currency"


async def _currency(ask: Ask, seen: Visibility) -> tuple[str, timedelta | None]:
    """The account's currency, "" where it is not told; and how far the user's zone is ahead of UTC."""
    for told, names in _CURRENCIES:
        for timed in (True, False):
            if not seen.shows_all(names):
                break
            request = suiteql(told(timed=timed), "the account's currency", limit=1)
            answer = await _told(ask, request, seen, names)
            rows = [] if answer is None else rows_in(answer, request.call).rows
            symbol = value_of(rows[0], "symbol") if rows else ""
            if answer is not None and len(symbol) == 3 and symbol.isascii() and symbol.isupper():
                here = moment_of(value_of(rows[0], "here"))
                return symbol, None if here is None else offset_between(answer.vendor_time, here)
            if answer is not None:
                break
    return "", None


async def _server_time(ask: Ask) -> datetime:
    """NetSuite's clock: its own word, else the Date of an answer."""
    answer = await _told(ask, system(SERVER_TIME_PATH, "the time"))
    if answer is None:
        answer = await ask(suiteql(statements.nothing_of("item"), "the time", limit=1))
        return answer.vendor_time
    return iso_moment_of(answer.members.get("serverTime")) or answer.vendor_time


async def _concurrency(ask: Ask) -> int | None:
    """Told to administrators only (Oracle docs: governanceLimits)."""
    answer = await _told(ask, system(GOVERNANCE_PATH, "the account's limits"))
    told = None if answer is None else answer.members.get("accountConcurrencyLimit")
    return told if isinstance(told, int) and told > 0 else None


async def _told(
    ask: Ask, request: Request, seen: Visibility | None = None, names: Iterable[Name] = ()
) -> Answer | None:
    """The answer to a request; None where NetSuite does not tell us. `seen` learns from what is refused by name."""
    try:
        return await ask(request)
    except NotVisible as refused:
        if seen is not None:
            seen.learn(refused, names)
        return None
    except (NotPermitted, VendorContractError):
        return None

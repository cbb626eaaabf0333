"""The demo's steps at an accounting system: its items find their products, or wait in triage for a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice

from sqlalchemy import Connection, Table, func, select

from hardfin_pipelines.cli.dagster_api import wait_until
from hardfin_pipelines.cli.sandbox_contract import ErpAccount
from hardfin_pipelines.engine.deciding import Answer, Decided
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.triage import Waiting, decide, list_waiting
from hardfin_pipelines.platform.connection_store import get_connection
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.organization_store import connection_id
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_store import count_triage
from hardfin_pipelines.platform.triage_tables import vendor_items

COLUMNS = ("id", "item", "sku", "why", "may be", "alike")
_SHOWN_OF_A_REASON = 2
_SYNC_SECONDS = 90


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How many items of an accounting system were read, are linked to a product, and wait for a person."""

    read: int
    linked: int
    waiting: int

    @property
    def left_out(self) -> int:
        """Those that are no products."""
        return self.read - self.linked - self.waiting


def counted(number: int, what: str) -> str:
    """A number of things, for people."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def await_items(deployment: Deployment, account: ErpAccount) -> ItemCounts:
    """Wait until a run has read the items of an account that was connected.

    Raises:
        Refusal: None has within a minute and a half.
    """

    def were_read() -> bool:
        with reading(deployment.engine) as connection:
            return get_connection(connection, account.org, _connection_of(account)).last_synced_at is not None

    wait_until(were_read, f"items of {account.vendor}", _SYNC_SECONDS)
    return item_counts(deployment, account)


def item_counts(deployment: Deployment, account: ErpAccount) -> ItemCounts:
    """How the items of an account stand."""
    own = _connection_of(account)

    def number(connection: Connection, table: Table) -> int:
        query = select(func.count()).select_from(table)
        query = query.where(table.c.org == account.org, table.c.connection_id == own)
        if table is links:
            query = query.where(links.c.entity_type == "item")
        return connection.execute(query).scalar_one()

    with reading(deployment.engine) as connection:
        waiting = count_triage(connection, account.org, own)["open"]
        return ItemCounts(number(connection, vendor_items), number(connection, links), waiting)


def waiting_items(deployment: Deployment, account: ErpAccount) -> list[Waiting]:
    """The items of an account that wait, each with what it may be."""
    return list_waiting(deployment, account.org, connection_id=_connection_of(account), suggest=True)[0]


def reasons(waiting: Sequence[Waiting]) -> str:
    """Why items wait, counted."""
    counted = Counter(each.item.reason for each in waiting)
    return ", ".join(f"{number} {reason}" for reason, number in counted.most_common())


def rows(waiting: Sequence[Waiting]) -> Iterator[tuple[str, ...]]:
    """A handful of items for people: for each reason those with the surest suggestions."""
    ordered = sorted(waiting, key=lambda each: (each.item.reason, -_score(each), each.item.external_id))
    for reason, group in groupby(ordered, key=lambda each: each.item.reason):
        for each in islice(group, _SHOWN_OF_A_REASON):
            best = each.suggestions[0] if each.suggestions else None
            may_be = ("", "") if best is None else (best.name, f"{best.score} %")
            yield each.item.external_id, each.item.facts.name, each.item.facts.sku, reason, *may_be


def map_best(deployment: Deployment, waiting: Sequence[Waiting], *, actor: str) -> Decided:
    """A person maps the item of which the best suggestion is the surest, and that matched nothing by itself.

    Raises:
        Refusal: There is no such item.
    """
    unmatched = [each for each in waiting if each.item.reason == "unmatched" and each.suggestions]
    if not unmatched:
        raise Refusal("no item in triage has a suggestion: choose another --seed")
    best = max(unmatched, key=_score)
    item = best.item
    answer = Answer(item.external_id, "map", item.scope.connection_id, item=best.suggestions[0].item_id)
    (decided,), _ = decide(deployment, item.scope.org, [answer], actor=actor, reason="shown by the demo")
    return decided


def item_like(waiting: Sequence[Waiting], sku: str) -> str:
    """The id of the waiting item with an SKU.

    Raises:
        Refusal: None has it.
    """
    found = next((each.item.external_id for each in waiting if each.item.facts.sku == sku), None)
    if found is None:
        raise Refusal(f"no item with the SKU {sku} waits in triage")
    return found


def product_of(deployment: Deployment, account: ErpAccount, item_id: str) -> tuple[str, str] | None:
    """The product that an item of an account is linked to, and by what; None where it is not linked."""
    query = select(links.c.entity_id, links.c.matched_by).where(
        links.c.org == account.org,
        links.c.connection_id == _connection_of(account),
        links.c.external_id == item_id,
        links.c.broken_because == "",
    )
    with reading(deployment.engine) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else (row.entity_id, row.matched_by)


def await_link(deployment: Deployment, account: ErpAccount, item_id: str) -> tuple[str, str]:
    """Wait until an item of an account is linked; to which product, and by what.

    Raises:
        Refusal: It is not within a minute and a half.
    """
    found: list[tuple[str, str]] = []

    def is_linked() -> bool:
        link = product_of(deployment, account, item_id)
        found.extend([] if link is None else [link])
        return bool(found)

    wait_until(is_linked, f"link of {account.vendor} item {item_id}", _SYNC_SECONDS)
    return found[0]


def _connection_of(account: ErpAccount) -> str:
    return connection_id(account.org, account.integration)


def _score(waiting: Waiting) -> int:
    return waiting.suggestions[0].score if waiting.suggestions else 0

"""The demo's steps at an accounting system: its items find their products, or wait in triage for a person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import func, select

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

COLUMNS = ("id", "item", "sku", "why it waits", "may be")
_SHOWN_OF_A_REASON = 2
_SYNC_SECONDS = 90


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """How many items of an accounting system were read, are linked to a product, and wait for a person."""

    read: int
    linked: int
    waiting: int


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
    with reading(deployment.engine) as connection:
        numbers = [
            connection.execute(
                select(func.count()).select_from(table).where(table.c.org == account.org, table.c.connection_id == own)
            ).scalar_one()
            for table in (vendor_items, links)
        ]
        return ItemCounts(*numbers, count_triage(connection, account.org, own)["open"])


def waiting_items(deployment: Deployment, account: ErpAccount) -> list[Waiting]:
    """The items of an account that wait, each with what it may be."""
    return list_waiting(deployment, account.org, connection_id=_connection_of(account), suggest=True)[0]


def reasons(waiting: Sequence[Waiting]) -> str:
    """Why items wait, counted."""
    counted = Counter(each.item.reason for each in waiting)
    return ", ".join(f"{number} {reason}" for reason, number in counted.most_common())


def shown_of(waiting: Sequence[Waiting]) -> list[Waiting]:
    """A handful to show: of each reason those with the best suggestions."""
    ordered = sorted(waiting, key=lambda each: (each.item.reason, -_score(each), each.item.external_id))
    groups = [list(group) for _, group in groupby(ordered, key=lambda each: each.item.reason)]
    return [each for group in groups for each in group[:_SHOWN_OF_A_REASON]]


def rows(shown: Sequence[Waiting]) -> Iterator[tuple[str, ...]]:
    """A row for each item, for people."""
    for each in shown:
        item, best = each.item, each.suggestions[0] if each.suggestions else None
        may_be = "nothing alike" if best is None else f"{best.name}, {best.score} %"
        yield item.external_id, item.full_name, item.facts.sku, f"{item.reason}: {item.detail}", may_be


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


def _connection_of(account: ErpAccount) -> str:
    return connection_id(account.org, account.integration)


def _score(waiting: Waiting) -> int:
    return waiting.suggestions[0].score if waiting.suggestions else 0

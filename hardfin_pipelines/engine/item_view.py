"""One item with everything that its linked systems say of it, and the items of which they say different things."""

from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.item_books import ItemBooks, books_of_item
from hardfin_pipelines.platform.item_opinion_store import SystemSaid, hardfin_says, systems_say
from hardfin_pipelines.platform.item_store import (
    ItemLink,
    ListedItem,
    find_items,
    item_rows,
    links_of_item,
    list_items,
)
from hardfin_pipelines.sync.item_opinions import FieldOpinions, compare_opinions, conflicts


@dataclass(frozen=True, slots=True)
class LinkedRecord:
    """A record of a vendor's that an item is linked to.

    Attributes:
        link: The link, and how it came to be.
        said: What the record says of the item; None where it cannot be followed any more.
        books: What else an accounting system says of it; nothing for a CRM.
    """

    link: ItemLink
    said: SystemSaid | None
    books: ItemBooks


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item, its links in all systems, and what they say of it beside what Hardfin says.

    Attributes:
        id: Its id.
        row: The item as stored.
        records: What it is linked to, the oldest link first.
        opinions: What is said of each field, and where that differs.
    """

    id: str
    row: RowMapping
    records: tuple[LinkedRecord, ...]
    opinions: tuple[FieldOpinions, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """An item of which its systems, or one of them and Hardfin, say different things."""

    item: ListedItem
    conflicts: tuple[FieldOpinions, ...]


def show_item(deployment: Deployment, org: str, item: str) -> ItemView:
    """One item with all that is linked to it.

    Args:
        deployment: The deployment.
        org: The organization.
        item: Its id or exact SKU.

    Raises:
        Refusal: There is none, or several have the SKU.
    """
    with reading(deployment.engine) as connection:
        item_id = one_item(connection, org, item)
        row = item_rows(connection, org, [item_id])[item_id]
        said = systems_say(connection, org, [item_id]).get(item_id, [])
        of_record = {(each.scope.connection_id, each.scope.object, each.external_id): each for each in said}
        records = [
            LinkedRecord(
                link,
                of_record.get((link.connection_id, link.object, link.external_id)),
                books_of_item(connection, BooksScope(org, link.connection_id), link.external_id)
                if link.matched_by
                else ItemBooks(),
            )
            for link in links_of_item(connection, org, item_id)
        ]
    ours = hardfin_says(row["name"], row["sku"], row["price"], row["currency"])
    opinions = compare_opinions(ours, [each.said for each in said])
    return ItemView(item_id, row, tuple(records), opinions)


def one_item(connection: Connection, org: str, item: str) -> str:
    """The id of the item that a person means.

    Raises:
        Refusal: There is none, or several have the SKU.
    """
    ids = find_items(connection, org, [item]).get(item, [])
    if len(ids) != 1:
        found = f"{len(ids)} products or parts have" if ids else "no product or part has"
        which = f" ({', '.join(ids)})" if ids else ""
        raise Refusal(f"{org}: {found} the id or SKU {item!r}{which}; see `hardfin item list {org}`")
    return ids[0]


def list_disagreements(
    deployment: Deployment, org: str, *, search: str = "", kind: str = "", limit: int | None = None
) -> tuple[list[Disagreement], int]:
    """Items of which different things are said, by name, and how many there are in all. Arguments as for a list.

    Every link of the organization is looked at, so this takes longer than a list.
    """
    with reading(deployment.engine) as connection:
        listed, _ = list_items(connection, org, search=search, kind=kind)
        said = systems_say(connection, org)
    found = []
    for item in listed:
        differ = conflicts(
            compare_opinions(
                hardfin_says(item.name, item.sku, item.price, item.currency),
                [each.said for each in said.get(item.id, ())],
            )
        )
        if differ:
            found.append(Disagreement(item, differ))
    return found[:limit], len(found)

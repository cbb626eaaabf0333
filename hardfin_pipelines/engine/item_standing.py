"""For people who look for why: how items stand that are not in triage, and which others have the keys of one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from hardfin_pipelines.platform.vendor_item_store import ItemScope, read_known, scopes_of
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines.sync.item_keys import name_key, sku_key
from hardfin_pipelines.sync.match_wording import quoted
from hardfin_pipelines.sync.vendor_items import KnownItem

MOST_TWINS = 5


@dataclass(frozen=True, slots=True)
class Twin:
    """Another item of the same connection that has the SKU or the name of one, but for how it is written.

    Attributes:
        external_id: The vendor's id.
        name: Its name.
        sku: Its SKU.
        active: Whether the vendor still offers it.
        shares: What it has in common: the SKU, the name, or both.
    """

    external_id: str
    name: str
    sku: str
    active: bool
    shares: tuple[str, ...]


def twins_of(external_id: str, facts: ItemFacts, present: Mapping[str, ItemFacts]) -> tuple[Twin, ...]:
    """The items that share a key with one; five at most.

    Args:
        external_id: The item.
        facts: What it is.
        present: All items of its connection that are not gone. Inactive ones share SKUs, but no names.
    """
    own = {"SKU": sku_key(facts.sku), "name": name_key(facts.name)}
    found = []
    for other_id, other in present.items():
        if other_id == external_id or other.kind == "helper":
            continue
        theirs = {"SKU": sku_key(other.sku), "name": name_key(other.name) if other.active else ""}
        shares = tuple(what for what, key in own.items() if key and key == theirs[what])
        if shares:
            found.append(Twin(other_id, other.name, other.sku, other.active, shares))
        if len(found) == MOST_TWINS:
            break
    return tuple(found)


def outside_triage(connection: Connection, org: str, external_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Why items that never were in triage are not: external id to connection to a sentence. Unknown ones are absent."""
    told: dict[str, dict[str, str]] = {}
    for scope, ids in scopes_of(connection, org, external_ids).items():
        for external_id, held in read_known(connection, scope, ids).items():
            if held.triage is None:
                told.setdefault(external_id, {})[scope.connection_id] = _why(scope, external_id, held)
    return told


def why_not(told: Mapping[str, Mapping[str, str]], external_id: str, connection_id: str) -> str:
    """What `outside_triage` told of an item; "" for nothing. Without a connection, what it told of any."""
    of_item = told.get(external_id, {})
    return of_item.get(connection_id, "") if connection_id else next(iter(of_item.values()), "")


def _why(scope: ItemScope, external_id: str, held: KnownItem) -> str:
    name = f" ({quoted(held.item.facts.name)})" if held.item is not None else ""
    what = f"item {external_id} of {scope.connection_id}{name}"
    if held.link is not None:
        linked = f"{what} is linked to {held.link.item_id} by {held.link.matched_by or 'sync'}"
        return f"{linked}; `hardfin item unlink {scope.org} {external_id}` puts it into triage"
    if held.gone is not None:
        return f"{what} was {held.gone.in_words()}"
    if held.item is not None and held.item.facts.kind == "helper":
        return f"{what} is a {held.item.facts.vendor_type or 'helper'}, which can be no product or part"
    if held.item is not None and not held.item.facts.active:
        return f"{what} is inactive in the accounting system"
    return f"{what} is not in triage yet"

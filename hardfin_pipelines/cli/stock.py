"""`hardfin stock`: what there is of the items of an organization's accounting systems, as last read."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import amount, exact, print_json, print_table, say
from hardfin_pipelines.cli.work import AsJson, Organization
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.sync.match_wording import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hardfin_pipelines.platform.stock_queries import Stock, StockLevel, StockLocation

_MOST = 1_000
_MOST_NAMED = 5


def stock(
    org: Organization,
    *,
    location: Annotated[
        str, typer.Option("--location", metavar="LOCATION", help="Only there: its id, its name, or a part of that.")
    ] = "",
    negative: Annotated[bool, typer.Option("--negative", help="Only where less than nothing is on hand.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Show stock of the items that are linked to accounting systems, by item and location."""
    from hardfin_pipelines.platform import stock_queries
    from hardfin_pipelines.platform.database import reading

    deployment = open_product()
    require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        at = None
        if location.strip():
            at = _meant(org, location.strip(), stock_queries.stock_locations(connection, org))
        found = stock_queries.stock(connection, org, at=at, negative=negative, limit=limit)
    if as_json:
        levels = [_level_json(each) for each in found.levels]
        print_json({"organization": org, "total": found.total, "unlinked": found.unlinked, "levels": levels})
        return
    _show(org, found, "below zero" if negative else "")


def _meant(org: str, location: str, known: "Sequence[StockLocation]") -> "list[StockLocation]":
    """The locations that a person means: of that id or name, else those with the text in their full name.

    Raises:
        Refusal: There is none.
    """
    wanted = location.casefold()
    found = [
        each for each in known if location == each.id or wanted in {each.name.casefold(), each.full_name.casefold()}
    ]
    found = found or [each for each in known if wanted in each.full_name.casefold()]
    if not found:
        names = [quoted(each.full_name) for each in known]
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        there = f"it has {', '.join(names[:_MOST_NAMED])}{more}" if names else "no location was read of any connection"
        raise Refusal(f"{org} has no location {quoted(location)}: {there}")
    return found


def _show(org: str, found: "Stock", which: str) -> None:
    of_unlinked = f"{found.unlinked} level(s) of items that are linked to no product or part"
    see = f"; see `hardfin triage list {org}`" if found.unlinked else ""
    if not found.levels:
        say(f"{org}: no stock{f' {which}' if which else ''} of linked items; {of_unlinked}{see}")
        return
    rows = [_row(each) for each in found.levels]
    title = f"{org}: {len(rows)} of {found.total} level(s){f' {which}' if which else ''}"
    columns = ["item", "location", "on hand", "available", "on order", "as of (UTC)"]
    print_table(title, columns, rows)
    if found.unlinked:
        say(f"besides, {of_unlinked}{see}")


def _row(level: "StockLevel") -> tuple[object, ...]:
    name = f"{level.name} ({level.sku})" if level.sku else level.name
    quantities = (amount(level.on_hand), amount(level.available), amount(level.on_order))
    return (name, level.location or "all together", *quantities, f"{level.as_of:%Y-%m-%d %H:%M}")


def _level_json(level: "StockLevel") -> dict[str, Any]:
    return {
        "connection": level.connection_id,
        "item": level.item_id,
        "name": level.name,
        "sku": level.sku or None,
        "external_id": level.external_id,
        "location_id": level.location_id or None,
        "location": level.location or None,
        "on_hand": exact(level.on_hand),
        "available": exact(level.available),
        "committed": exact(level.committed),
        "on_order": exact(level.on_order),
        "as_of": level.as_of,
    }

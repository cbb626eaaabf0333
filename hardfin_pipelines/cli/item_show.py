"""`hardfin item show`: an item, its links in every system, what they say of it, and what their books hold of it."""

from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hardfin_pipelines.cli.output import amount, exact, print_json, print_pairs, print_table, say
from hardfin_pipelines.sync.item_opinions import HARDFIN
from hardfin_pipelines.sync.match_wording import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from hardfin_pipelines.engine.item_view import ItemView, LinkedRecord
    from hardfin_pipelines.platform.item_books import ComponentOfItem, ItemBooks, ItemLevel, PriceOfItem
    from hardfin_pipelines.platform.item_store import ItemLink
    from hardfin_pipelines.sync.item_opinions import FieldOpinions

_MOST_SERIALS = 10


def show_item(org: str, found: "ItemView", *, as_json: bool) -> None:
    """Print an item."""
    values = _values(found)
    if as_json:
        print_json(
            {
                "organization": org,
                "item": found.id,
                **values,
                "links": [_record_json(each) for each in found.records],
                "opinions": [opinions_json(each) for each in found.opinions],
                "conflicts": [each.field for each in found.opinions if each.conflict],
            }
        )
        return
    print_pairs(found.id, {name: value for name, value in values.items() if value is not None})
    if not found.records:
        say("linked to no external record")
    for each in found.records:
        say(_sentence(each.link))
    _show_opinions(found)
    for each in found.records:
        if each.books:
            _show_books(each.link, each.books)


def opinions_json(opinions: "FieldOpinions") -> dict[str, Any]:
    """What is said of one field, for programs."""
    return {
        "field": opinions.field,
        "conflict": opinions.conflict,
        "said": [{"system": each.system, "value": each.text} for each in opinions.said],
    }


def _values(found: "ItemView") -> dict[str, Any]:
    row = found.row
    return {
        "kind": row["kind"],
        "name": row["name"],
        "sku": row["sku"],
        "description": row["description"],
        "price": exact(row["price"]),
        "currency": row["currency"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _sentence(link: "ItemLink") -> str:
    """How a link came to be."""
    what = without_organization(f"{link.connection_id} {link.object} {link.external_id}")
    called = f" {quoted(link.name)}{f' ({link.sku})' if link.sku else ''}" if link.name else ""
    how = {"": "by its sync", "decision": "by decision"}.get(link.matched_by, f"by {link.matched_by}")
    who = f" of {link.decided_by}" if link.decided_by and link.matched_by == "decision" else ""
    run = f", run {link.run_id}" if link.run_id else ""
    broken = f"; broken: {link.broken_because}" if link.broken_because else ""
    return f"{what}{called}: linked {how}{who} on {link.linked_at:%Y-%m-%d %H:%M} UTC{run}{broken}"


def without_organization(system: str) -> str:
    """A record of a system, in a view of one organization: what all have in common says nothing."""
    return system.partition(":")[2] or system


def _show_opinions(found: "ItemView") -> None:
    said = [each.said for each in found.records if each.said is not None]
    if not said:
        return
    texts = {(each.field, one.system): one.text for each in found.opinions for one in each.said}
    as_of = {HARDFIN: "now", **{each.said.system: _time(each.as_of) for each in said}}
    fields = [each.field for each in found.opinions]
    rows = [
        (without_organization(system), *(texts.get((field, system), "") for field in fields), when)
        for system, when in as_of.items()
    ]
    names = [f"{each.field} (conflict)" if each.conflict else each.field for each in found.opinions]
    print_table("what each system says", ["system", *names, "as of"], rows)
    for each in found.opinions:
        if each.conflict:
            say(f"conflict, {each.sentence(without_organization)}")


def _show_books(link: "ItemLink", books: "ItemBooks") -> None:
    say("", without_organization(f"{link.connection_id} {link.object} {link.external_id}"))
    if books.levels:
        columns = ["location", "on hand", "available", "on order", "as of"]
        print_table("stock", columns, [_level_row(each) for each in books.levels])
    if books.cost is not None:
        told = {
            "purchase price": amount(books.cost.purchase_price, books.cost.currency),
            "average cost": amount(books.cost.average_cost, books.cost.currency),
            "last purchase price": amount(books.cost.last_purchase_price, books.cost.currency),
        }
        said = {name: value for name, value in told.items() if value}
        print_pairs("costs", {**said, "as of": _time(books.cost.as_of)})
    if books.prices:
        columns = ["price level", "from quantity", "price", "as of"]
        print_table("prices", columns, [_price_row(each) for each in books.prices])
    if books.components:
        columns = ["quantity", "item there", "item in Hardfin", "as of"]
        print_table("components", columns, [_component_row(each) for each in books.components])
    if books.serial_numbers:
        _show_serials(books)


def _level_row(level: "ItemLevel") -> tuple[object, ...]:
    quantities = (amount(level.on_hand), amount(level.available), amount(level.on_order))
    return (level.location or "all together", *quantities, _time(level.as_of))


def _price_row(price: "PriceOfItem") -> tuple[object, ...]:
    told = amount(price.price, price.currency)
    return (price.price_level, amount(price.from_quantity), told, _time(price.as_of))


def _component_row(component: "ComponentOfItem") -> tuple[object, ...]:
    there = f"{component.external_id} {component.name}".strip()
    here = "" if component.item is None else f"{component.item.id} {component.item.name}"
    return (amount(component.quantity), there, here, _time(component.as_of))


def _show_serials(books: "ItemBooks") -> None:
    shown = books.serial_numbers[:_MOST_SERIALS]
    rows = [(each.number, each.expires_on, _time(each.as_of)) for each in shown]
    title = f"serial and lot numbers: {len(shown)} of {len(books.serial_numbers)}"
    print_table(title, ["number", "expires", "as of"], rows, unbroken=["number"])


def _record_json(record: "LinkedRecord") -> dict[str, Any]:
    link = record.link
    return {
        "connection": link.connection_id,
        "object": link.object,
        "external_id": link.external_id,
        "name": link.name or None,
        "sku": link.sku or None,
        "matched_by": link.matched_by or None,
        "linked_at": link.linked_at,
        "run_id": link.run_id or None,
        "decided_by": link.decided_by or None,
        "decided_at": link.decided_at,
        "broken_because": link.broken_because or None,
        "url": link.url or None,
        "as_of": None if record.said is None else record.said.as_of,
        **_books_json(record.books),
    }


def _books_json(books: "ItemBooks") -> dict[str, Any]:
    if not books:
        return {}
    return {
        "stock": _rows(books.levels),
        "cost": None if books.cost is None else _row(books.cost),
        "prices": _rows(books.prices),
        "components": _rows(books.components),
        "serial_numbers": _rows(books.serial_numbers),
    }


def _rows(each: "Iterable[Any]") -> list[dict[str, Any]]:
    return [_row(one) for one in each]


def _row(one: Any) -> dict[str, Any]:
    """A row of the books; numbers digit for digit, nothing where the vendor says nothing."""
    told = {each.name: getattr(one, each.name) for each in fields(one)}
    return {name: exact(value) if isinstance(value, Decimal) else value for name, value in told.items()}


def _time(moment: "datetime") -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"

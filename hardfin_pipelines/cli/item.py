"""`hardfin item`: products and parts, and the external records that are linked to them."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import print_blocks, print_json, print_table
from hardfin_pipelines.cli.triage_views import say, show_taken_back
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine.refusals import Refusal

if TYPE_CHECKING:
    from hardfin_pipelines.platform.item_store import ItemLink

app = typer.Typer(help="Products and parts: list them, see and remove their links.", no_args_is_help=True)

Kind = Literal["product", "part", "all"]

_MOST = 1_000


@app.command("list")
def list_items(
    org: Organization,
    *,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only with this in the name or SKU, or as its or a linked record's id.")
    ] = "",
    kind: Annotated[Kind, typer.Option(help="Only products, or only parts.")] = "all",
    broken: Annotated[
        bool, typer.Option("--broken", help="Only with a link whose record was deleted or merged away.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List products and parts by name."""
    from hardfin_pipelines.platform import item_store
    from hardfin_pipelines.platform.database import reading

    deployment = open_product()
    require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        found, total = item_store.list_items(
            connection, org, search=search.strip(), kind="" if kind == "all" else kind, broken=broken, limit=limit
        )
    if as_json:
        items = [
            {
                "item": each.id,
                "kind": each.kind,
                "name": each.name,
                "sku": each.sku or None,
                "price": None if each.price is None else format(each.price, "f"),
                "currency": each.currency or None,
                "links": each.links,
                "updated_at": each.updated_at,
            }
            for each in found
        ]
        print_json({"organization": org, "total": total, "items": items})
        return
    if not found:
        say(f"{org}: no product or part{' with that' if search or broken else ' yet'}")
        return
    rows = [
        (
            each.id,
            f"{each.name}\nSKU {each.sku}" if each.sku else each.name,
            each.kind,
            _money(each.price, each.currency),
            each.links,
        )
        for each in found
    ]
    columns = ["item", "name", "kind", "price", "links"]
    print_table(f"{org}: {len(found)} of {total} product(s) and part(s)", columns, rows, unbroken=["item", "kind"])
    if total > len(found):
        say(f"{total - len(found)} more: --limit, or --search")


@app.command("show")
def show(
    org: Organization,
    item: Annotated[str, typer.Argument(metavar="ITEM", help="The product or part: its id (itm_…) or exact SKU.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Show a product or part, and how each of its links came to be."""
    from hardfin_pipelines.platform import item_store
    from hardfin_pipelines.platform.database import reading

    deployment = open_product()
    require_organization(deployment, org)
    with reading(deployment.engine) as connection:
        ids = item_store.find_items(connection, org, [item]).get(item, [])
        if len(ids) != 1:
            found = f"{len(ids)} products or parts have" if ids else "no product or part has"
            raise Refusal(f"{org}: {found} the id or SKU {item!r}; see `hardfin item list {org}`")
        row = item_store.item_rows(connection, org, ids)[ids[0]]
        links = item_store.links_of_item(connection, org, ids[0])
    fields = {
        "kind": row["kind"],
        "name": row["name"],
        "sku": row["sku"],
        "description": row["description"],
        "price": None if row["price"] is None else format(row["price"], "f"),
        "currency": row["currency"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    if as_json:
        print_json({"organization": org, "item": ids[0], **fields, "links": [_link_json(each) for each in links]})
        return
    told = {
        "kind": row["kind"],
        "name": row["name"],
        "SKU": row["sku"],
        "description": row["description"],
        "price": _money(row["price"], row["currency"] or "") or None,
        "created": f"{row['created_at']:%Y-%m-%d %H:%M} UTC",
        "changed": f"{row['updated_at']:%Y-%m-%d %H:%M} UTC",
    }
    linked = {f"{number}": _sentence(each) for number, each in enumerate(links, 1)}
    print_blocks(
        [
            (ids[0], {name: value for name, value in told.items() if value is not None}),
            ("linked external records", linked or {"none": ""}),
        ]
    )


@app.command("unlink")
def unlink(
    org: Organization,
    external_id: Annotated[str, typer.Argument(metavar="ID", help="The linked record's id at the vendor.")],
    *,
    connection: Annotated[str, typer.Option(help="Its connection, where two of them know the id.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Remove the link of an external record to its product or part. An accounting system's item goes to triage."""
    from hardfin_pipelines.engine.triage import unlink_item

    deployment = open_product()
    require_organization(deployment, org)
    taken = unlink_item(deployment, org, external_id, connection, actor=actor(), reason=reason)
    show_taken_back(org, taken, as_json=as_json)


def _sentence(link: "ItemLink") -> str:
    """How a link came to be."""
    what = f"{link.connection_id} {link.object} {link.external_id}"
    called = f" “{link.name}”{f' ({link.sku})' if link.sku else ''}" if link.name else ""
    how = {"": "by its sync", "decision": "by decision"}.get(link.matched_by, f"by {link.matched_by}")
    who = f" of {link.decided_by}" if link.decided_by and link.matched_by == "decision" else ""
    run = f", run {link.run_id}" if link.run_id else ""
    broken = f"; broken: {link.broken_because}" if link.broken_because else ""
    return f"{what}{called}: linked {how}{who} on {link.linked_at:%Y-%m-%d %H:%M} UTC{run}{broken}"


def _link_json(link: "ItemLink") -> dict[str, Any]:
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
    }


def _money(value: object, currency: str) -> str:
    return "" if value is None else f"{value:f} {currency}".strip()

"""`hardfin item`: products and parts, and the external records that are linked to them."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import amount, exact, print_json, print_table, say
from hardfin_pipelines.cli.triage_views import show_taken_back
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.engine.refusals import Refusal

if TYPE_CHECKING:
    from hardfin_pipelines.engine.deployment import Deployment

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
    conflicts: Annotated[
        bool,
        typer.Option("--conflicts", help="Only those of which two systems, or one and Hardfin, say different things."),
    ] = False,
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
    if conflicts and broken:
        raise Refusal("give one of --conflicts and --broken")
    if conflicts:
        _list_conflicts(deployment, org, search.strip(), "" if kind == "all" else kind, limit, as_json=as_json)
        return
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
                "price": exact(each.price),
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
            amount(each.price, each.currency),
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
    """Show a product or part: its links in every system, what they say of it and where that differs, its stock."""
    from hardfin_pipelines.cli.item_show import show_item
    from hardfin_pipelines.engine import item_view

    deployment = open_product()
    require_organization(deployment, org)
    show_item(org, item_view.show_item(deployment, org, item), as_json=as_json)


@app.command("unlink")
def unlink(
    org: Organization,
    external_id: Annotated[str, typer.Argument(metavar="ID", help="The linked record's id at the vendor.")],
    *,
    connection: Annotated[str, typer.Option(help="Its connection, where two of them know the id.")] = "",
    reason: Annotated[str, typer.Option(help="Why, for the audit log.")] = "",
    as_json: AsJson = False,
) -> None:
    """Remove a link. An accounting system's item goes to triage; a CRM's product becomes an item of its own."""
    from hardfin_pipelines.engine.triage import unlink_item

    deployment = open_product()
    require_organization(deployment, org)
    taken = unlink_item(deployment, org, external_id, connection, actor=actor(), reason=reason)
    show_taken_back(org, taken, as_json=as_json)


def _list_conflicts(deployment: "Deployment", org: str, search: str, kind: str, limit: int, *, as_json: bool) -> None:
    from hardfin_pipelines.cli.item_show import opinions_json, without_organization
    from hardfin_pipelines.engine.item_view import list_disagreements

    found, total = list_disagreements(deployment, org, search=search, kind=kind, limit=limit)
    if as_json:
        items = [
            {
                "item": each.item.id,
                "kind": each.item.kind,
                "name": each.item.name,
                "sku": each.item.sku or None,
                "conflicts": [opinions_json(one) for one in each.conflicts],
            }
            for each in found
        ]
        print_json({"organization": org, "total": total, "items": items})
        return
    if not found:
        say(f"{org}: the systems and Hardfin agree about every product and part{' with that' if search else ''}")
        return
    rows = [
        (each.item.id, each.item.name, "\n".join(one.sentence(without_organization) for one in each.conflicts))
        for each in found
    ]
    title = f"{org}: {len(found)} of {total} product(s) and part(s) of which different things are said"
    print_table(title, ["item", "name", "who says what"], rows, unbroken=["item"])

"""`hardfin customer`: customers, the external records they are linked to, and their documents in accounting systems."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hardfin_pipelines.cli.opening import open_product, require_organization
from hardfin_pipelines.cli.output import amount, exact, print_json, print_pairs, print_table, say
from hardfin_pipelines.cli.work import AsJson, Organization, actor
from hardfin_pipelines.sync.match_wording import quoted

if TYPE_CHECKING:
    from hardfin_pipelines.engine.customer_decisions import CustomerDecided
    from hardfin_pipelines.engine.deployment import Deployment
    from hardfin_pipelines.platform.customer_queries import CustomerDocument, CustomerLink

app = typer.Typer(
    help="Customers: list them, see their links and documents, link them to an accounting system's customers.",
    no_args_is_help=True,
)

Customer = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer: its id (cus_…) or exact name.")]
ExternalId = Annotated[str, typer.Argument(metavar="ID", help="The accounting system's id of its customer.")]
Connection = Annotated[str, typer.Option(help="Its connection, where two of them know the id.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit log.")]

_MOST = 1_000


@app.command("list")
def list_customers(
    org: Organization,
    *,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="Only with this in the name, or as its or a linked record's id.")
    ] = "",
    unlinked: Annotated[
        bool, typer.Option("--unlinked", help="The accounting systems' customers that are none of Hardfin's.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List customers by name."""
    from hardfin_pipelines.platform import customer_queries
    from hardfin_pipelines.platform.database import reading

    deployment = _opened(org)
    if unlinked:
        _list_unlinked(deployment, org, search.strip(), limit, as_json=as_json)
        return
    with reading(deployment.engine) as connection:
        found, total = customer_queries.list_customers(connection, org, search=search.strip(), limit=limit)
    if as_json:
        customers = [
            {"customer": each.id, "name": each.name, "links": each.links, "updated_at": each.updated_at}
            for each in found
        ]
        print_json({"organization": org, "total": total, "customers": customers})
        return
    if not found:
        say(f"{org}: no customer{' with that' if search else ' yet'}")
        return
    rows = [(each.id, each.name, each.links) for each in found]
    title = f"{org}: {len(found)} of {total} customer(s)"
    print_table(title, ["customer", "name", "links"], rows, unbroken=["customer"])


@app.command("show")
def show(
    org: Organization,
    customer: Customer,
    *,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many documents, the newest.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Show a customer, how each of its links came to be, and its sales orders and invoices."""
    from hardfin_pipelines.engine.customer_decisions import one_customer
    from hardfin_pipelines.platform.customer_queries import documents_of, links_of_customer
    from hardfin_pipelines.platform.database import reading

    deployment = _opened(org)
    with reading(deployment.engine) as connection:
        customer_id, name = one_customer(connection, org, customer)
        links = links_of_customer(connection, org, customer_id)
        documents, total = documents_of(connection, links, limit=limit)
    if as_json:
        print_json(
            {
                "organization": org,
                "customer": customer_id,
                "name": name,
                "links": [_link_json(each) for each in links],
                "documents_in_all": total,
                "documents": [_document_json(each) for each in documents],
            }
        )
        return
    print_pairs(customer_id, {"name": name})
    for link in links:
        say(_sentence(link))
    if not links:
        say("linked to no external record")
    if not any(each.matched_by for each in links):
        say(f"no customer of an accounting system is linked to it: see `hardfin customer list {org} --unlinked`")
    elif not documents:
        say("no sales order or invoice")
    else:
        say("", f"{len(documents)} of {total} sales order(s) and invoice(s), the newest first")
    for document in documents:
        _show_document(document)


@app.command("link")
def link(
    org: Organization,
    customer: Customer,
    external_id: ExternalId,
    *,
    connection: Connection = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Link an accounting system's customer to one of Hardfin's; it is remembered for ever."""
    from hardfin_pipelines.engine.customer_decisions import link_customer

    deployment = _opened(org)
    done = link_customer(deployment, org, customer, external_id, connection, actor=actor(), reason=reason)
    _show_decided(org, done, linked=True, as_json=as_json)


@app.command("unlink")
def unlink(
    org: Organization,
    customer: Customer,
    external_id: ExternalId,
    *,
    connection: Connection = "",
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Remove the link of an accounting system's customer. Nobody but a person links it again."""
    from hardfin_pipelines.engine.customer_decisions import unlink_customer

    deployment = _opened(org)
    done = unlink_customer(deployment, org, customer, external_id, connection, actor=actor(), reason=reason)
    _show_decided(org, done, linked=False, as_json=as_json)


def _opened(org: str) -> "Deployment":
    deployment = open_product()
    require_organization(deployment, org)
    return deployment


def _list_unlinked(deployment: "Deployment", org: str, search: str, limit: int, *, as_json: bool) -> None:
    from hardfin_pipelines.engine.customer_links import customers_without_link

    wanted = search.casefold()
    every = customers_without_link(deployment, org)
    found = [each for each in every if wanted in each.name.casefold() or search == each.external_id]
    if as_json:
        customers = [
            {"connection": each.connection_id, "external_id": each.external_id, "name": each.name, "why": each.because}
            for each in found[:limit]
        ]
        print_json({"organization": org, "total": len(found), "customers": customers})
        return
    if not found:
        say(f"{org}: every active customer of an accounting system{' with that' if search else ''} is linked")
        return
    rows = [(each.external_id, each.connection_id, each.name, each.because) for each in found[:limit]]
    title = f"{org}: {len(rows)} of {len(found)} customer(s) of accounting systems that are none of Hardfin's"
    print_table(title, ["id", "connection", "name", "why"], rows, unbroken=["id"])


def _show_decided(org: str, done: "CustomerDecided", *, linked: bool, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "organization": org,
                "customer": done.customer_id,
                "name": done.name,
                "connection": done.connection_id,
                "external_id": done.external_id,
                "linked": linked,
            }
        )
        return
    what = f"customer {done.external_id} of {done.connection_id}" + (
        f" “{done.vendor_name}”" if done.vendor_name else ""
    )
    became = "is linked to" if linked else "is not linked any more to"
    say(f"{org}: {what} {became} {done.customer_id} “{done.name}”")


def _sentence(link: "CustomerLink") -> str:
    """How a link came to be."""
    what = f"{link.scope.connection_id} {link.object} {link.external_id}"
    called = f" {quoted(link.name)}{f' ({link.number})' if link.number else ''}" if link.name else ""
    how = {"": "by its sync", "decision": "by decision"}.get(link.matched_by, f"by {link.matched_by}")
    who = f" of {link.decided_by}" if link.decided_by else ""
    why = f" ({link.reason})" if link.reason else ""
    run = f", run {link.run_id}" if link.run_id else ""
    broken = f"; broken: {link.broken_because}" if link.broken_because else ""
    return f"{what}{called}: linked {how}{who} on {link.linked_at:%Y-%m-%d %H:%M} UTC{run}{why}{broken}"


def _show_document(document: "CustomerDocument") -> None:
    dated = f" of {document.document_date}" if document.document_date else ""
    total = f", {amount(document.total, document.currency)}" if document.total is not None else ""
    unpaid = f", {amount(document.unpaid, document.currency)} unpaid" if document.unpaid else ""
    due = f", due {document.due_date}" if document.due_date and document.unpaid else ""
    status = f", {document.status}" if document.status else ""
    head = f"{document.type} {document.number or document.external_id}{dated}{total}{unpaid}{due}{status}"
    say("", f"{head} ({document.connection_id}, as of {document.as_of:%Y-%m-%d %H:%M} UTC)")
    rows = [
        (each.item.id, each.item.name, amount(each.quantity), amount(each.rate), amount(each.amount), each.location)
        for each in document.lines
    ]
    if rows:
        print_table("", ["item", "name", "quantity", "rate", "amount", "location"], rows, unbroken=["item"])
    if document.other_lines:
        more = "more " if rows else ""
        say(f"{document.other_lines} {more}line(s) of items that are linked to no product or part")


def _link_json(link: "CustomerLink") -> dict[str, Any]:
    return {
        "connection": link.scope.connection_id,
        "object": link.object,
        "external_id": link.external_id,
        "name": link.name or None,
        "number": link.number or None,
        "matched_by": link.matched_by or None,
        "linked_at": link.linked_at,
        "run_id": link.run_id or None,
        "decided_by": link.decided_by or None,
        "reason": link.reason or None,
        "broken_because": link.broken_because or None,
        "url": link.url or None,
    }


def _document_json(document: "CustomerDocument") -> dict[str, Any]:
    return {
        "connection": document.connection_id,
        "external_id": document.external_id,
        "type": document.type,
        "number": document.number or None,
        "document_date": document.document_date,
        "due_date": document.due_date,
        "status": document.status or None,
        "currency": document.currency or None,
        "total": exact(document.total),
        "unpaid": exact(document.unpaid),
        "as_of": document.as_of,
        "lines": [
            {
                "line": each.line_id,
                "external_id": each.external_id,
                "item": each.item.id,
                "name": each.item.name,
                "sku": each.item.sku or None,
                "quantity": exact(each.quantity),
                "rate": exact(each.rate),
                "amount": exact(each.amount),
                "location": each.location or None,
                "memo": each.memo or None,
            }
            for each in document.lines
        ],
        "other_lines": document.other_lines,
    }

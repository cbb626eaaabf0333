"""The page a person sees who opens the sandbox in a browser."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd}"
    "td.n,th.n{text-align:right}code{background:#f3f3f3;padding:0 .2rem}"
)
_SHOWN = ("Account", "Opportunity", "OpportunityLineItem", "Product2")


def home_page(sandbox: "SalesforceSandbox") -> str:
    """The page: organizations, what they hold, and how often they were asked."""
    rows = []
    for org in sandbox.orgs.values():
        numbers = [*map(org.count, _SHOWN), sandbox.call_log.summary(org.id)["total"]]
        cells = "".join(f'<td class="n">{number:,}</td>' for number in numbers)
        rows.append(f"<tr><td>{escape(org.name)}</td><td>{escape(org.id)}</td>{cells}</tr>")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Salesforce sandbox</title>"
        f"<style>{_STYLE}</style><h1>Salesforce sandbox</h1>"
        "<p>A local stand-in for Salesforce's API, for demos and tests. It holds no real customer's records.</p>"
        "<table><thead><tr><th>Organization<th>Id<th class=n>Accounts<th class=n>Opportunities<th class=n>Line items"
        "<th class=n>Products<th class=n>Calls</tr></thead><tbody>"
        f"{''.join(rows) or '<tr><td colspan=7>No organizations yet.</td></tr>'}</tbody></table>"
        f"<p>Calls in all: {sandbox.call_log.total:,}. Fault rules in force: {len(sandbox.faults.faults)}. "
        f"Added latency: {sandbox.faults.latency_ms:g} ms. Sandbox time: {escape(sandbox.clock.now().isoformat())}.</p>"
        "<p>The same as JSON, and switches: <a href=/_sandbox/orgs><code>/_sandbox/orgs</code></a>, "
        "<a href=/_sandbox/calls><code>/_sandbox/calls</code></a>, "
        "<a href=/_sandbox/clock><code>/_sandbox/clock</code></a>, "
        "<a href=/_sandbox/faults><code>/_sandbox/faults</code></a>.</p></html>"
    )

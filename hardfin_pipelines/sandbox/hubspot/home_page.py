"""The page a person sees who opens the sandbox in a browser."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd}"
    "td.n,th.n{text-align:right}code{background:#f3f3f3;padding:0 .2rem}"
)


def home_page(sandbox: "HubSpotSandbox") -> str:
    """The page: portals, what they hold, and how often they were asked."""
    rows = []
    for portal in sandbox.portals.values():
        counts = portal.record_counts()
        calls = sandbox.call_log.summary(str(portal.hub_id))["total"]
        numbers = [counts["companies"], counts["deals"], counts["line_items"], counts["products"], calls]
        cells = "".join(f'<td class="n">{number:,}</td>' for number in numbers)
        rows.append(f"<tr><td>{escape(portal.name)}</td><td>{portal.hub_id}</td>{cells}</tr>")
    faults = len(sandbox.faults.faults)
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>HubSpot sandbox</title>"
        f"<style>{_STYLE}</style><h1>HubSpot sandbox</h1>"
        "<p>A local stand-in for HubSpot's API, for demos and tests. It holds no real customer's records.</p>"
        "<table><thead><tr><th>Portal<th>Id<th class=n>Companies<th class=n>Deals<th class=n>Line items"
        "<th class=n>Products<th class=n>Calls</tr></thead><tbody>"
        f"{''.join(rows) or '<tr><td colspan=7>No portals yet.</td></tr>'}</tbody></table>"
        f"<p>Calls in all: {sandbox.call_log.total:,}. Fault rules in force: {faults}. "
        f"Added latency: {sandbox.faults.latency_ms:g} ms. Sandbox time: {escape(sandbox.clock.now().isoformat())}.</p>"
        "<p>The same as JSON, and switches: <a href=/_sandbox/portals><code>/_sandbox/portals</code></a>, "
        "<a href=/_sandbox/calls><code>/_sandbox/calls</code></a>, "
        "<a href=/_sandbox/clock><code>/_sandbox/clock</code></a>, "
        "<a href=/_sandbox/faults><code>/_sandbox/faults</code></a>.</p></html>"
    )

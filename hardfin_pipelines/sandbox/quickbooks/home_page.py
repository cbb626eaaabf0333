"""The page a person sees who opens the sandbox in a browser."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.quickbooks.sandbox import QuickBooksSandbox

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd}"
    "td.n,th.n{text-align:right}code{background:#f3f3f3;padding:0 .2rem}"
)
_SHOWN = ("Item", "Account", "Customer", "Vendor")


def home_page(sandbox: "QuickBooksSandbox") -> str:
    """The page: companies, what they hold, and how often they were asked."""
    rows = []
    metered = sandbox.meter.by_company(sandbox.clock.now())
    for company in sandbox.companies.values():
        asked = sandbox.call_log.summary(company.realm_id)["total"]
        numbers = [*map(company.count, _SHOWN), asked, metered.get(company.realm_id, 0)]
        cells = "".join(f'<td class="n">{number:,}</td>' for number in numbers)
        rows.append(f"<tr><td>{escape(company.name)}</td><td>{escape(company.realm_id)}</td>{cells}</tr>")
    used, most = sandbox.meter.used(sandbox.clock.now()), sandbox.settings.monthly_calls
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>QuickBooks sandbox</title>"
        f"<style>{_STYLE}</style><h1>QuickBooks sandbox</h1>"
        "<p>A local stand-in for QuickBooks Online's API, for demos and tests. It holds no real company's records.</p>"
        "<table><thead><tr><th>Company<th>Realm<th class=n>Items<th class=n>Accounts<th class=n>Customers"
        "<th class=n>Vendors<th class=n>Calls<th class=n>Metered</tr></thead><tbody>"
        f"{''.join(rows) or '<tr><td colspan=8>No companies yet.</td></tr>'}</tbody></table>"
        f"<p>Metered calls this month: {used:,} of {most:,}. Calls in all: {sandbox.call_log.total:,}. "
        f"Fault rules in force: {len(sandbox.faults.faults)}. Added latency: {sandbox.faults.latency_ms:g} ms. "
        f"Sandbox time: {escape(sandbox.clock.now().isoformat())}.</p>"
        "<p>The same as JSON, and switches: <a href=/_sandbox/companies><code>/_sandbox/companies</code></a>, "
        "<a href=/_sandbox/app><code>/_sandbox/app</code></a>, "
        "<a href=/_sandbox/calls><code>/_sandbox/calls</code></a>, "
        "<a href=/_sandbox/clock><code>/_sandbox/clock</code></a>, "
        "<a href=/_sandbox/faults><code>/_sandbox/faults</code></a>.</p></html>"
    )

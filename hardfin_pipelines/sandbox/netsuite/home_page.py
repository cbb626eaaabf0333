"""The page a person sees who opens the sandbox in a browser."""

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid #ddd}"
    "td.n,th.n{text-align:right}code{background:#f3f3f3;padding:0 .2rem}"
)
_SHOWN = ("item", "aggregateitemlocation", "transaction", "deletedrecord")


def home_page(sandbox: "NetSuiteSandbox") -> str:
    """The page: accounts, what they hold, and how often they were asked."""
    rows = []
    for account in sandbox.accounts.values():
        calls = sandbox.call_log.summary(account.id)["total"]
        numbers = [*map(account.count, _SHOWN), calls, account.slots.most_under_way]
        cells = "".join(f'<td class="n">{number:,}</td>' for number in numbers)
        rows.append(f"<tr><td>{escape(account.name)}</td><td>{escape(account.id)}</td>{cells}</tr>")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>NetSuite sandbox</title>"
        f"<style>{_STYLE}</style><h1>NetSuite sandbox</h1>"
        "<p>A local stand-in for NetSuite's REST services, for demos and tests. It rests on documentation, not on "
        "recordings, and holds no real customer's records.</p>"
        "<table><thead><tr><th>Account<th>Id<th class=n>Items<th class=n>Stock rows<th class=n>Transactions"
        "<th class=n>Deleted<th class=n>Calls<th class=n>Most at once</tr></thead><tbody>"
        f"{''.join(rows) or '<tr><td colspan=8>No accounts yet.</td></tr>'}</tbody></table>"
        f"<p>Calls in all: {sandbox.call_log.total:,}. Fault rules in force: {len(sandbox.faults.faults)}. "
        f"Added latency: {sandbox.faults.latency_ms:g} ms. Sandbox time: {escape(sandbox.clock.now().isoformat())}.</p>"
        "<p>The same as JSON, and switches: <a href=/_sandbox/accounts><code>/_sandbox/accounts</code></a>, "
        "<a href=/_sandbox/calls><code>/_sandbox/calls</code></a>, "
        "<a href=/_sandbox/clock><code>/_sandbox/clock</code></a>, "
        "<a href=/_sandbox/faults><code>/_sandbox/faults</code></a>.</p></html>"
    )

"""The pages of the browser's part of the connection."""

from collections.abc import Iterable, Mapping
from html import escape

from hardfin_pipelines.sandbox.quickbooks.company import Company

_PASSED_ON = ("client_id", "redirect_uri", "response_type", "scope", "state")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}label{display:block;margin:.3rem 0}"
)


def consent_page(app_name: str, companies: Iterable[Company], query: Mapping[str, str], action: str) -> str:
    """Which company, and whether the app may in. The first company is chosen already."""
    choices = "".join(
        f'<label><input type=radio name=realm value="{escape(company.realm_id)}"{"" if place else " checked"}> '
        f"{escape(company.name)} ({escape(company.realm_id)})</label>"
        for place, company in enumerate(companies)
    )
    hidden = "".join(
        f'<input type=hidden name="{name}" value="{escape(query[name])}">' for name in _PASSED_ON if name in query
    )
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in query.get("scope", "").split())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Connect to QuickBooks</title>"
        f"<style>{_STYLE}</style><h1>Securely connect {escape(app_name)} to Intuit</h1>"
        f"<p>It asks for:</p><ul>{scopes}</ul>"
        f'<form method=post action="{escape(action)}">{hidden}{choices}<p>'
        "<button name=decision value=cancel>No thanks</button> "
        "<button name=decision value=connect>Connect</button></form></html>"
    )


def refusal_page(text: str) -> str:
    """What a person sees where the app cannot be asked back."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Error</title><style>{_STYLE}</style>"
        f"<h1>Sorry, but the app didn't connect.</h1><p>{escape(text)}</p></html>"
    )

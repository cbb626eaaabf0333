"""The pages of the browser's part of the connection."""

from collections.abc import Mapping, Sequence
from html import escape

from hardfin_pipelines.sandbox.salesforce.org import Org

_PASSED_ON = ("client_id", "redirect_uri", "response_type", "scope", "state", "code_challenge", "code_challenge_method")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}"
    "button{font:inherit;padding:.4rem 1.2rem;margin-right:.5rem}label{display:block;margin:.3rem 0}"
)


def consent_page(app_name: str, orgs: Sequence[Org], query: Mapping[str, str]) -> str:
    """As whom to log in, and whether the app may in. The first user is chosen already."""
    users = [
        (f"{org.id} {user_id}", org.record("User", user_id)["Username"], org.name)
        for org in orgs
        for user_id in org.permissions
    ]
    choices = "".join(
        f'<label><input type=radio name=user value="{escape(value)}"{"" if place else " checked"}> '
        f"{escape(username)} ({escape(org_name)})</label>"
        for place, (value, username, org_name) in enumerate(users)
    )
    hidden = "".join(
        f'<input type=hidden name="{name}" value="{escape(query[name])}">' for name in _PASSED_ON if name in query
    )
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in query.get("scope", "api refresh_token").split())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Allow Access?</title>"
        f"<style>{_STYLE}</style><h1>Allow Access?</h1><p>{escape(app_name)} is asking to:</p><ul>{scopes}</ul>"
        f'<form method=post action="/services/oauth2/authorize">{hidden}{choices}<p>'
        "<button name=decision value=deny>Deny</button> <button name=decision value=allow>Allow</button></form></html>"
    )


def refusal_page(error: str, description: str) -> str:
    """What a person sees where the app cannot be asked back."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Error</title><style>{_STYLE}</style>"
        "<h1>We can't authorize you</h1>"
        f"<p>error={escape(error)}&amp;error_description={escape(description)}</p></html>"
    )

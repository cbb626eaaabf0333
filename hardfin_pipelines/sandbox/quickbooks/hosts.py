"""Intuit's host names. One server here answers for all of them."""

API_HOSTS = {"quickbooks.api.intuit.com": "production", "sandbox-quickbooks.api.intuit.com": "sandbox"}
"""Hosts of the accounting API with the kind of company that each one serves."""

_PLACES = {
    "authorization_endpoint": ("appcenter.intuit.com", "/connect/oauth2"),
    "token_endpoint": ("oauth.platform.intuit.com", "/oauth2/v1/tokens/bearer"),
    "userinfo_endpoint": ("accounts.intuit.com", "/v1/openid_connect/userinfo"),
    "revocation_endpoint": ("developer.api.intuit.com", "/v2/oauth2/tokens/revoke"),
    "jwks_uri": ("oauth.platform.intuit.com", "/op/v1/jwks"),
    "issuer": ("oauth.platform.intuit.com", "/op/v1"),
}
DISCOVERY_HOST = "developer.intuit.com"
ALL_HOSTS = (*API_HOSTS, DISCOVERY_HOST, *sorted({host for host, _ in _PLACES.values()}))


def is_intuit(host: str | None) -> bool:
    """Whether a request was meant for Intuit, and came here through a proxy."""
    return host is not None and (host == "intuit.com" or host.endswith(".intuit.com"))


def path_of(place: str) -> str:
    """The path of one of the discovery document's endpoints."""
    return _PLACES[place][1]


def address_of(place: str, base_url: str, host: str | None) -> str:
    """The address of an endpoint: Intuit's own where the request was meant for Intuit, else on this server."""
    own_host, path = _PLACES[place]
    return f"https://{own_host}{path}" if is_intuit(host) else f"{base_url.rstrip('/')}{path}"


def discovery_document(base_url: str, host: str | None) -> dict[str, object]:
    """OpenID Connect's discovery document (Intuit's, with addresses of this server)."""
    return {
        **{place: address_of(place, base_url, host) for place in _PLACES},
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": [
            "aud",
            "exp",
            "iat",
            "iss",
            "realmid",
            "sub",
        ],
    }

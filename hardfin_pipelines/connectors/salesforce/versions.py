"""The one version of Salesforce's API that we speak, never "the latest" (Salesforce docs: REST API versions)."""

API_VERSION = "62.0"

DATA = f"/services/data/v{API_VERSION}/"
TOKEN = "/services/oauth2/token"  # noqa: S105  # a path
AUTHORIZE = "/services/oauth2/authorize"
REVOKE = "/services/oauth2/revoke"
LOGIN_URL = "https://login.salesforce.com"

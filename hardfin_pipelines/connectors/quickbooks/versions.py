"""Where QuickBooks Online and Intuit's OAuth are, and the one version of the API that we speak.

Since August 2025 there is minor version 75 and nothing below it; what is added raises it no more (Intuit blog: changes
to our accounting API). The OAuth addresses are those of Intuit's discovery document.
"""

API_URL = "https://quickbooks.api.intuit.com"
VERSION = "/v3"
MINOR_VERSION = 75

DISCOVERY_URL = "https://developer.intuit.com/.well-known/openid_configuration/"
AUTHORIZE_URL = "https://appcenter.intuit.com/connect/oauth2"
TOKEN_URL = "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer"  # noqa: S105  # an address
REVOKE_URL = "https://developer.api.intuit.com/v2/oauth2/tokens/revoke"

"""QuickBooks Online: sign-in, calls through python-quickbooks, change data capture, queries, description."""

from hardfin_pipelines.connectors.quickbooks.connector import QuickBooksConnector
from hardfin_pipelines.connectors.quickbooks.decode import QuickBooksDecoder
from hardfin_pipelines.connectors.quickbooks.limits import QuickBooksLimits
from hardfin_pipelines.connectors.quickbooks.oauth import Grant, OAuthApp, TokenEndpoint, authorize_url, discovered
from hardfin_pipelines.connectors.quickbooks.transport import OAuthEndpoints, QuickBooksTransport

__all__ = [
    "Grant",
    "OAuthApp",
    "OAuthEndpoints",
    "QuickBooksConnector",
    "QuickBooksDecoder",
    "QuickBooksLimits",
    "QuickBooksTransport",
    "TokenEndpoint",
    "authorize_url",
    "discovered",
]

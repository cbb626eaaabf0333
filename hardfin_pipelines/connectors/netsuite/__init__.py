"""NetSuite: sign-in by key or by signature, SuiteQL, changes and deletions, books, description."""

from hardfin_pipelines.connectors.netsuite.connector import NetSuiteConnector
from hardfin_pipelines.connectors.netsuite.decode import NetSuiteDecoder
from hardfin_pipelines.connectors.netsuite.limits import READ_SECONDS, NetSuiteLimits
from hardfin_pipelines.connectors.netsuite.oauth import OAuthApp, TokenEndpoint
from hardfin_pipelines.connectors.netsuite.signing import TokenKeys
from hardfin_pipelines.connectors.netsuite.slots import Slots

__all__ = [
    "READ_SECONDS",
    "NetSuiteConnector",
    "NetSuiteDecoder",
    "NetSuiteLimits",
    "OAuthApp",
    "Slots",
    "TokenEndpoint",
    "TokenKeys",
]

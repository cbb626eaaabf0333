"""Salesforce: sign-in, calls through simple-salesforce, SOQL, composite reads, description."""

from hardfin_pipelines.connectors.salesforce.connector import SalesforceConnector
from hardfin_pipelines.connectors.salesforce.limits import SalesforceLimits
from hardfin_pipelines.connectors.salesforce.oauth import Grant, OAuthApp, TokenEndpoint, authorize_url
from hardfin_pipelines.connectors.salesforce.transport import SalesforceTransport

__all__ = [
    "Grant",
    "OAuthApp",
    "SalesforceConnector",
    "SalesforceLimits",
    "SalesforceTransport",
    "TokenEndpoint",
    "authorize_url",
]

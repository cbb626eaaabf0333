"""HubSpot: auth, client, requests, search, associations, batch reads, description."""

from hardfin_pipelines.connectors.hubspot.auth import OAuthApp
from hardfin_pipelines.connectors.hubspot.connector import HubSpotConnector
from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.connectors.hubspot.oauth import Grant, authorize_url, exchange_code

__all__ = ["Grant", "HubSpotConnector", "HubSpotLimits", "OAuthApp", "authorize_url", "exchange_code"]

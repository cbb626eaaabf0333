"""A HubSpot of our own: portals with a queryable store behind HubSpot's public HTTP API."""

from hardfin_pipelines.sandbox.hubspot.account_schema import NewStage
from hardfin_pipelines.sandbox.hubspot.oauth import ALL_SCOPES
from hardfin_pipelines.sandbox.hubspot.portal import Portal
from hardfin_pipelines.sandbox.hubspot.portal_records import RefusedWriteError
from hardfin_pipelines.sandbox.hubspot.record_values import NewRecord
from hardfin_pipelines.sandbox.hubspot.sandbox import HubSpotSandbox
from hardfin_pipelines.sandbox.hubspot.settings import PortalSettings

__all__ = [
    "ALL_SCOPES",
    "HubSpotSandbox",
    "NewRecord",
    "NewStage",
    "Portal",
    "PortalSettings",
    "RefusedWriteError",
]

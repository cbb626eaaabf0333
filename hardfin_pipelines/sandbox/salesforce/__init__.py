"""A Salesforce of our own: organizations with a queryable store behind Salesforce's public HTTP API."""

from hardfin_pipelines.sandbox.salesforce.fields import Field, PicklistValue
from hardfin_pipelines.sandbox.salesforce.oauth import AppPolicy, ConnectedApp
from hardfin_pipelines.sandbox.salesforce.org import NewStage, Org, SalesProcess
from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.settings import OrgSettings

__all__ = [
    "AppPolicy",
    "ConnectedApp",
    "Field",
    "NewStage",
    "Org",
    "OrgSettings",
    "PicklistValue",
    "SalesProcess",
    "SalesforceSandbox",
]

"""A QuickBooks Online of our own: companies with their items behind Intuit's public HTTP API."""

from hardfin_pipelines.sandbox.quickbooks.company import ChangeEvent, Company
from hardfin_pipelines.sandbox.quickbooks.oauth import ACCOUNTING, ConnectedApp, IssuedTokens
from hardfin_pipelines.sandbox.quickbooks.sandbox import QuickBooksSandbox
from hardfin_pipelines.sandbox.quickbooks.settings import AppSettings, CompanySettings

__all__ = [
    "ACCOUNTING",
    "AppSettings",
    "ChangeEvent",
    "Company",
    "CompanySettings",
    "ConnectedApp",
    "IssuedTokens",
    "QuickBooksSandbox",
]

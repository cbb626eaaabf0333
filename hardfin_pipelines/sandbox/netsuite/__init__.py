"""A NetSuite of our own: accounts with a queryable store behind NetSuite's public REST services."""

from hardfin_pipelines.sandbox.netsuite.account import Account
from hardfin_pipelines.sandbox.netsuite.roles import Role, User
from hardfin_pipelines.sandbox.netsuite.sandbox import NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.settings import AccountSettings

__all__ = ["Account", "AccountSettings", "NetSuiteSandbox", "Role", "User"]

"""Salesforce's host names: the login hosts, and My Domain for each organization."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hardfin_pipelines.sandbox.salesforce.org import Org
    from hardfin_pipelines.sandbox.salesforce.sandbox import SalesforceSandbox

LOGIN_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_MY_DOMAIN = ".my.salesforce.com"


def is_login_host(host: str | None) -> bool:
    """Whether it is a host that belongs to no organization."""
    return host in LOGIN_HOSTS


def my_domain_host(org: "Org") -> str:
    """An organization's own host."""
    return f"{org.my_domain}{_MY_DOMAIN}"


def org_of_host(sandbox: "SalesforceSandbox", host: str | None) -> "Org | None":
    """The organization whose My Domain a host is; None for login hosts and this machine's own names."""
    if host is None or not host.endswith(_MY_DOMAIN):
        return None
    return next((org for org in sandbox.orgs.values() if my_domain_host(org) == host), None)

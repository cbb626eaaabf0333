"""HTTPS, and each connection at its own hosts: login hosts, My Domain, the org's instance."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hardfin_pipelines.connectors.base import TriggerQuery
from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorContractError
from hardfin_pipelines.connectors.salesforce import (
    OAuthApp,
    SalesforceConnector,
    SalesforceLimits,
    SalesforceTransport,
    TokenEndpoint,
    authorize_url,
)
from hardfin_pipelines.connectors.tokens import MemoryTokenStore, Tokens
from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.connect_proxy import ConnectProxy
from hardfin_pipelines.sandbox.salesforce.tls import Certificates, make_certificates
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines_tests.connectors.conformance import START
from hardfin_pipelines_tests.connectors.salesforce.account import WON, SalesforceAccount

PRODUCTION, TEST = "https://login.salesforce.com", "https://test.salesforce.com"
MY_DOMAIN, SANDBOX_DOMAIN = "https://acme.my.salesforce.com", "https://acme--dev.sandbox.my.salesforce.com"


@dataclass
class Hosts:
    """Salesforce's own hosts, all of which are the sandbox."""

    sandbox: SalesforceSandbox
    acme: Org
    developers: Org
    transport: SalesforceTransport
    proxy: ConnectProxy
    app: OAuthApp

    def connector(self, org: Org, login_url: str, app: OAuthApp | None = None) -> SalesforceConnector:
        chosen = app or self.app
        refresh = self.sandbox.tokens.issue_refresh(org, org.integration_user_id)
        return SalesforceConnector(
            transport=self.transport,
            account=org.id,
            app=chosen,
            tokens=MemoryTokenStore(Tokens("", refresh if chosen.flow == "authorization_code" else "")),
            limits=SalesforceLimits(),
            login_url=login_url,
        )

    def asked(self) -> set[str]:
        return {f"https://{host}" for host in self.proxy.hosts}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def serving(sandbox: SalesforceSandbox, certificates: Certificates) -> Iterator[SandboxServer]:
    with SandboxServer(sandbox.app, certificate=certificates.server) as server:
        yield server
    sandbox.close()


@pytest.fixture
def hosts(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    sandbox = SalesforceSandbox()
    acme, developers = sandbox.add_org("acme"), sandbox.add_org("acme--dev.sandbox", is_sandbox=True)
    for org in (acme, developers):
        org.create("Opportunity", {"Name": org.my_domain, "StageName": WON, "CloseDate": "2026-01-31"}, at=START)
    app = OAuthApp(sandbox.tokens.app.client_id, sandbox.tokens.app.client_secret)
    with serving(sandbox, certificates) as server, ConnectProxy(server.url) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        transport = SalesforceTransport(verify=str(certificates.authority))
        yield Hosts(sandbox, acme, developers, transport, proxy, app)
        transport.close()


def first_deal(connector: SalesforceConnector) -> Any:
    page = asyncio.run(connector.first_page(TriggerQuery({"default": (WON,)}, START), ("Name",)))
    (record,) = page.records
    return record


@pytest.mark.parametrize(
    ("login_url", "name", "instance"),
    [
        (PRODUCTION, "acme", MY_DOMAIN),
        (MY_DOMAIN, "acme", MY_DOMAIN),
        (TEST, "acme--dev.sandbox", SANDBOX_DOMAIN),
        (SANDBOX_DOMAIN, "acme--dev.sandbox", SANDBOX_DOMAIN),
    ],
)
def test_a_connection_signs_in_at_its_login_url_and_asks_its_orgs_own_host(
    hosts: Hosts, login_url: str, name: str, instance: str
) -> None:
    org = next(each for each in hosts.sandbox.orgs.values() if each.my_domain == name)
    record = first_deal(hosts.connector(org, login_url))
    assert record.properties["Name"] == name
    assert record.url == f"{instance}/{record.id}"
    assert hosts.asked() == {login_url, instance}


def test_orgs_of_both_kinds_are_read_side_by_side(hosts: Hosts) -> None:
    names = [
        first_deal(hosts.connector(org, login_url)).properties["Name"]
        for org, login_url in ((hosts.acme, PRODUCTION), (hosts.developers, TEST), (hosts.acme, MY_DOMAIN))
    ]
    assert names == ["acme", "acme--dev.sandbox", "acme"]


def test_client_credentials_work_at_my_domain_and_elsewhere_it_is_said_what_to_set(hosts: Hosts) -> None:
    app = replace(hosts.app, flow="client_credentials")
    assert first_deal(hosts.connector(hosts.acme, MY_DOMAIN, app)).properties["Name"] == "acme"
    assert first_deal(hosts.connector(hosts.developers, SANDBOX_DOMAIN, app)).url.startswith(SANDBOX_DOMAIN)
    with pytest.raises(NeedsAttention, match=r"My Domain address for this sign-in .* set it as the login URL"):
        first_deal(hosts.connector(hosts.acme, PRODUCTION, app))


@pytest.mark.parametrize("login_url", [PRODUCTION, TEST, SANDBOX_DOMAIN])
def test_consent_is_asked_for_at_the_login_url(hosts: Hosts, login_url: str) -> None:
    url = authorize_url(hosts.app, redirect_uri="https://hardfin.example/cb", state="s", login_url=f"{login_url}/")
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{login_url}/services/oauth2/authorize"


def test_without_the_file_of_certificates_nothing_is_sent(certificates: Certificates, tmp_path: Path) -> None:
    sandbox = SalesforceSandbox()
    org = sandbox.add_org("acme")
    session = sandbox.session(org)
    with serving(sandbox, certificates) as server:
        for verify in (True, str(make_certificates(tmp_path).authority)):
            transport = SalesforceTransport(verify=verify)
            connector = SalesforceConnector(
                transport=transport,
                account="acme",
                app=None,
                tokens=MemoryTokenStore(Tokens(session, instance_url=server.url)),
                limits=SalesforceLimits(attempts=1),
            )
            with pytest.raises(RetryLater, match=r"could not be reached \(SSLError\)") as caught:
                first_deal(connector)
            assert session not in str(caught.value)
            transport.close()
    assert list(sandbox.call_log.entries) == []


def test_the_file_of_certificates_goes_before_one_that_the_environment_names(
    certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(make_certificates(tmp_path).authority))
    sandbox = SalesforceSandbox()
    org = sandbox.add_org("acme")
    org.create("Opportunity", {"Name": "Deal", "StageName": WON, "CloseDate": "2026-01-31"}, at=START)
    app = OAuthApp(sandbox.tokens.app.client_id, sandbox.tokens.app.client_secret)
    with serving(sandbox, certificates) as server:
        transport = SalesforceTransport(verify=str(certificates.authority))
        refresh = sandbox.tokens.issue_refresh(org, org.integration_user_id)
        connector = SalesforceConnector(
            transport=transport,
            account="acme",
            app=app,
            tokens=MemoryTokenStore(Tokens("", refresh)),
            limits=SalesforceLimits(),
            login_url=server.url,
        )
        assert first_deal(connector).properties["Name"] == "Deal"
        transport.close()


def endpoint(account: SalesforceAccount) -> TokenEndpoint:
    return TokenEndpoint(transport=account.transport, app=account.app, login_url=account.url, clock=account.clock)


def test_disconnecting_ends_the_grant_and_its_sessions(account: SalesforceAccount) -> None:
    connector = account.new_connector()
    asyncio.run(connector.first_page(account.query(), ()))
    tokens = account.store.load()
    asyncio.run(endpoint(account).revoke(tokens.refresh))
    with pytest.raises(NeedsAttention, match="connect Salesforce again"):
        asyncio.run(account.new_connector().first_page(account.query(), ()))
    asyncio.run(endpoint(account).revoke(tokens.refresh))  # dead already


def test_disconnecting_while_salesforce_is_down_says_when_to_try_again(account: SalesforceAccount) -> None:
    token = account.store.load().refresh
    account.fault("server_unavailable", path="/services/oauth2/revoke", times=None)
    with pytest.raises(RetryLater, match="SERVER_UNAVAILABLE to POST /services/oauth2/revoke") as caught:
        asyncio.run(endpoint(account).revoke(token))
    assert token not in str(caught.value)


def test_a_refusal_to_revoke_names_no_token(account: SalesforceAccount) -> None:
    token = account.store.load().refresh
    body = f'{{"error":"unsupported_grant_type","error_description":"no {token}"}}'
    account.sandbox.faults.add(Fault(path="/services/oauth2/revoke", status=400, body=body))
    with pytest.raises(VendorContractError, match="unsupported_grant_type") as caught:
        asyncio.run(endpoint(account).revoke(token))
    assert token not in str(caught.value)

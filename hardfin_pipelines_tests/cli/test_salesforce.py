"""Salesforce by the commands, over TLS and at its own hosts: every way to sign in, and everything that one can ask."""

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urljoin, urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from hardfin_pipelines.cli.sandbox_consent import Page
from hardfin_pipelines.orchestration.resources import open_deployment
from hardfin_pipelines.sandbox.salesforce import Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.connect_proxy import ConnectProxy
from hardfin_pipelines.sandbox.salesforce.tls import Certificates, make_certificates
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines_tests.cli.conftest import Hardfin

REDIRECT = "https://hardfin.example/oauth/salesforce"
LONG_AGO = datetime.now(UTC) - timedelta(days=20)
DOCUMENT = """\
organization: initech
plan: advanced
add_ons: [salesforce]
connections:
  - integration: salesforce
    start_date: {start:%Y-%m-%d}
    login: {login}
    pipelines: [{{pipeline: default}}]
"""
LOGINS = {
    "consent": "{url: 'https://initech.my.salesforce.com'}",
    "client_credentials": "{url: 'https://initech.my.salesforce.com', flow: client_credentials}",
    "jwt_bearer": "{flow: jwt_bearer, user: hardfin.integration@initech.example}",
}


@dataclass
class AtSalesforce:
    """An org at Salesforce's own hosts, all of which are the sandbox."""

    sandbox: SalesforceSandbox
    org: Org
    proxy: ConnectProxy
    certificates: Certificates
    folder: Path
    hardfin: Hardfin

    def apply(self, flow: str) -> None:
        """Apply the organization's document."""
        path = self.folder / "initech.yaml"
        path.write_text(DOCUMENT.format(start=LONG_AGO - timedelta(days=30), login=LOGINS[flow]), encoding="utf-8")
        assert self.hardfin("org", "apply", str(path)).code == 0

    def sell(self, name: str = "Ten robots", **more: object) -> str:
        """A won opportunity with a line, last changed long ago."""
        org, book = self.org, self.org.standard_pricebook_id
        given = {"Name": name, "StageName": "Closed Won", "CloseDate": "2026-01-31", "Pricebook2Id": book, **more}
        account = org.create("Account", {"Name": f"{name} Inc."})
        opportunity = org.create("Opportunity", {"AccountId": account, **given}, at=LONG_AGO)
        product = org.create("Product2", {"Name": f"{name} product", "IsActive": True})
        entry = org.create("PricebookEntry", {"Pricebook2Id": book, "Product2Id": product, "UnitPrice": "9.50"})
        line = {"OpportunityId": opportunity, "PricebookEntryId": entry, "Quantity": 1, "UnitPrice": "9.50"}
        org.create("OpportunityLineItem", line, at=LONG_AGO)
        return opportunity

    def calls(self) -> int:
        """Calls of the org's API so far."""
        return self.sandbox.call_log.count(path="/services/data/*", account=self.org.id)

    def allow(self, url: str) -> dict[str, str]:
        """Let Hardfin in as a person does in the browser; what the redirect brings back."""
        trusted = ssl.create_default_context(cafile=str(self.certificates.authority))
        with httpx.Client(verify=trusted, proxy=self.proxy.url) as browser:
            page = Page(browser.get(url).text)
            user = f"{self.org.id} {self.org.integration_user_id}"
            answer = browser.post(urljoin(url, page.action), data={**page.fields, "user": user, "decision": "allow"})
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def salesforce(
    hardfin: Hardfin, certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[AtSalesforce]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = tmp_path / "key.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    sandbox = SalesforceSandbox(certificate=public.decode(), redirect_uris=[REDIRECT])
    org = sandbox.add_org("initech")
    sandbox.add_org("another")
    with (
        SandboxServer(sandbox.app, certificate=certificates.server) as server,
        ConnectProxy(server.url) as proxy,
    ):
        variables = {
            "HTTPS_PROXY": proxy.url,
            "https_proxy": proxy.url,
            "HARDFIN_SALESFORCE_CLIENT_ID": sandbox.tokens.app.client_id,
            "HARDFIN_SALESFORCE_CLIENT_SECRET": sandbox.tokens.app.client_secret,
            "HARDFIN_SALESFORCE_CA_FILE": str(certificates.authority),
            "HARDFIN_SALESFORCE_PRIVATE_KEY_FILE": str(pem),
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        open_deployment.cache_clear()  # Dagster's resource is to see these variables too
        yield AtSalesforce(sandbox, org, proxy, certificates, tmp_path, hardfin)
    sandbox.close()


def test_a_persons_consent_connects_an_org_at_its_my_domain(salesforce: AtSalesforce) -> None:
    salesforce.apply("consent")
    asked = salesforce.hardfin("org", "connect", "initech", "salesforce", "--redirect-uri", REDIRECT)
    url = asked.out.strip()
    assert url.startswith("https://initech.my.salesforce.com/services/oauth2/authorize?")
    assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]

    back = salesforce.allow(url)
    words = ("--code", back["code"], "--state", back["state"], "--redirect-uri", REDIRECT)
    connected = salesforce.hardfin("org", "connect", "initech", "salesforce", *words)

    assert connected.out.strip() == f"initech:salesforce: account {salesforce.org.id} is active"
    assert salesforce.calls() == 1
    again = salesforce.hardfin("org", "connect", "initech", "salesforce", *words)
    assert (again.code, "invalid authorization code" in again.error) == (1, True)


@pytest.mark.parametrize("flow", ["client_credentials", "jwt_bearer"])
def test_an_org_whose_admin_allowed_the_app_is_connected_without_a_person(salesforce: AtSalesforce, flow: str) -> None:
    salesforce.apply(flow)
    policy = salesforce.sandbox.tokens.policy(salesforce.org)
    policy.run_as, allowed = None, policy.run_as
    connect = ("org", "connect", "initech", "salesforce", "--by-app")

    refused = salesforce.hardfin(*connect)
    assert refused.code == 1
    assert re.search("no client credentials user enabled|user hasn't approved this consumer", refused.error)
    policy.run_as = allowed
    policy.approved_users.add(salesforce.org.integration_user_id)
    assert salesforce.hardfin(*connect).out.strip() == f"initech:salesforce: account {salesforce.org.id} is active"

    # The session is not kept alive by a refresh token: a new one is got where it has ended.
    opportunity = salesforce.sell()
    salesforce.sandbox.tokens.expire_sessions()
    previewed = salesforce.hardfin("preview", "initech", "--json")
    assert previewed.code == 0
    assert opportunity in previewed.out
    consent = salesforce.hardfin("org", "connect", "initech", "salesforce")
    assert consent.error == f"initech:salesforce signs in by {flow}: no consent is needed, connect it with --by-app"
    code = salesforce.hardfin("org", "connect", "initech", "salesforce", "--code", "aPrx")
    assert code.error == "initech:salesforce is configured to sign in by itself: connect it with --by-app"
    assert ("login.salesforce.com" in salesforce.proxy.hosts) is (flow == "jwt_bearer")


@pytest.mark.parametrize(
    ("variable", "value", "code", "said"),
    [
        ("HARDFIN_SALESFORCE_PRIVATE_KEY_FILE", "", 2, "set HARDFIN_SALESFORCE_PRIVATE_KEY_FILE to the PEM"),
        ("HARDFIN_SALESFORCE_PRIVATE_KEY_FILE", "/no/such/file", 2, "/no/such/file cannot be read"),
        (
            "HARDFIN_SALESFORCE_PRIVATE_KEY_FILE",
            str(Path(__file__).parent / "__init__.py"),
            1,
            "the private key of our Salesforce app cannot be read",
        ),
        ("HARDFIN_SALESFORCE_CLIENT_ID", "3MVG9other", 1, "does not know our app|client identifier invalid"),
        ("HARDFIN_SALESFORCE_CLIENT_ID", "", 2, "HARDFIN_SALESFORCE_CLIENT_ID"),
    ],
)
def test_what_the_deployment_lacks_for_signing_in_is_said_in_one_line(
    salesforce: AtSalesforce, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, code: int, said: str
) -> None:
    salesforce.apply("jwt_bearer")
    salesforce.sandbox.tokens.policy(salesforce.org).approved_users.add(salesforce.org.integration_user_id)
    monkeypatch.setenv(variable, value)

    refused = salesforce.hardfin("org", "connect", "initech", "salesforce", "--by-app")

    assert refused.code == code
    assert re.search(said, refused.error)
    assert "PRIVATE KEY-----" not in refused.err
    assert salesforce.calls() == 0


def test_everything_that_can_be_asked_of_a_project_can_be_asked_of_salesforces(salesforce: AtSalesforce) -> None:
    hardfin, org = salesforce.hardfin, salesforce.org
    salesforce.apply("client_credentials")
    hardfin("org", "connect", "initech", "salesforce", "--by-app")
    opportunity = salesforce.sell()
    page = f"https://initech.lightning.force.com/lightning/r/Opportunity/{opportunity}/view"
    plan = str(salesforce.folder / "plan.json")

    assert hardfin("preview", "initech", "--out", plan).code == 0
    assert "1 deal(s) synced" in hardfin("approve", "initech", plan).out
    for form in (opportunity, opportunity[:15], opportunity.upper(), page):
        assert hardfin("explain", "initech", "salesforce", "opportunity", form).out.startswith("Deal 006")
        assert "is project prj_" in hardfin("explain", "initech", "salesforce", "deal", form).out
        assert "Ten robots" in hardfin("project", "show", "initech", form).out
        assert hardfin("replay", "initech", "--record", f"deal:{form}", "--json").code == 0
    org.update("Opportunity", opportunity, {"Name": "Eleven robots"})
    before = salesforce.calls()
    shown = hardfin("resync", "initech", opportunity[:15], "--preview", "--json")
    assert (shown.json["calls"], salesforce.calls() - before) == (1, 1)
    assert [(each["as_synced"], each["crm"], each["hardfin"]) for each in shown.json["changes"]] == [
        ("Ten robots", "Eleven robots", "Ten robots")
    ]
    assert hardfin("resync", "initech", page, "--plan", shown.json["plan"], "--reason", "renamed").code == 0
    assert "Eleven robots" in hardfin("project", "show", "initech", opportunity).out
    assert hardfin("resync", "initech", opportunity[:15], "--undo").code == 0
    assert re.search(r"name +│ Ten robots", hardfin("project", "show", "initech", opportunity).out)
    replayed = hardfin("replay", "initech")
    assert (replayed.code, "vendor calls                0" in replayed.out) == (0, True)
    assert "nothing is missing" in hardfin("census", "initech").out
    assert hardfin("set-aside", "initech", "--json").json == []
    assert hardfin("status").code == 0


@pytest.mark.parametrize("what", ["deleted", "hidden", "unknown"])
def test_a_re_sync_of_what_is_gone_says_so_in_one_line_and_changes_nothing(salesforce: AtSalesforce, what: str) -> None:
    hardfin, org = salesforce.hardfin, salesforce.org
    salesforce.apply("client_credentials")
    hardfin("org", "connect", "initech", "salesforce", "--by-app")
    opportunity, plan = salesforce.sell(), str(salesforce.folder / "plan.json")
    hardfin("preview", "initech", "--out", plan)
    hardfin("approve", "initech", plan)
    before = hardfin("project", "show", "initech", opportunity, "--json").json
    if what == "deleted":
        org.delete("Opportunity", opportunity)
    elif what == "hidden":
        org.hide_record(org.integration_user_id, opportunity)
    asked = "0065e00000ZZZZZ" if what == "unknown" else opportunity[:15]

    refused = hardfin("resync", "initech", asked, "--preview")

    said = {
        "deleted": "it is in Salesforce's recycle bin",
        "hidden": "Salesforce has no such record, or hides it from Hardfin's user",
        "unknown": "give a project id (prj_…) or the id of a synced deal",
    }
    assert said[what] in refused.error
    assert hardfin("project", "show", "initech", opportunity, "--json").json == before

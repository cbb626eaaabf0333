"""Hardfin and a NetSuite sandbox behind real HTTP: an organization whose finance department works there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import SecretStr

from hardfin_pipelines.connectors.netsuite import NetSuiteLimits
from hardfin_pipelines.connectors.netsuite.pulse import SETTLES_IN
from hardfin_pipelines.engine.connecting import connect_account
from hardfin_pipelines.engine.item_visits import describe_books
from hardfin_pipelines.engine.polling import PollReport
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.platform.books_store import read_states
from hardfin_pipelines.platform.connection_store import ConnectionRow
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.server import SandboxServer
from hardfin_pipelines.settings import Settings
from hardfin_pipelines.sync.books_reading import BooksState, PulseKind
from hardfin_pipelines_tests.engine.finance_team import FinanceDeployed, FinanceTeam
from hardfin_pipelines_tests.engine.hardfin_team import MovableDeployment
from hardfin_pipelines_tests.engine.product import BetweenAnswers

API = "/services/rest/query/*"
BEHIND = timedelta(seconds=45)
"""NetSuite's clock is so far behind ours at first: less than makes our assertions ones of the future."""
BETWEEN_TICKS = SETTLES_IN + timedelta(seconds=1)
"""NetSuite's clock goes on by this before each tick: what changed just now is looked at once more."""
FAST = NetSuiteLimits(calls_per_minute=1_000_000)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def private_key() -> str:
    """The deployment's key, PEM."""
    form = serialization.PrivateFormat.PKCS8
    return _key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def certificate() -> str:
    """What the accounts' administrators map of it, PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hardfin")])
    starts = datetime.now(UTC) - timedelta(days=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(_key().public_key())
    builder = builder.serial_number(1).not_valid_before(starts).not_valid_after(starts + timedelta(days=365))
    return builder.sign(_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@dataclass
class NetSuiteProduct(FinanceDeployed):
    """A sandbox that is up and a deployment that is pointed at it by its settings."""

    sandbox: NetSuiteSandbox
    url: str
    deployment: MovableDeployment
    between: BetweenAnswers
    organizations: dict[str, "NetSuiteOrganization"] = field(default_factory=dict)

    def add_organization(
        self, org: str = "acme", account_id: str = "1234567_SB1", *, by_tokens: bool = False, **options: Any
    ) -> "NetSuiteOrganization":
        """An organization with a NetSuite account, connected."""
        account = self.sandbox.add_account(account_id, name=org.title(), **options)
        organization = NetSuiteOrganization(account, self, org, "2025-01-01", by_tokens=by_tokens)
        self.organizations[org] = organization
        organization.apply()
        organization.connect()
        return organization


@dataclass
class NetSuiteOrganization(FinanceTeam):
    """One organization, its account, and what its people do."""

    account: Account
    product: NetSuiteProduct
    org: str
    start_date: str
    by_tokens: bool = False
    kid: str = ""

    integration = "netsuite"
    deal_object = "item"
    add_ons: Sequence[str] = ("netsuite",)

    def apply(self, pipelines: Any = (), document: str = "") -> None:
        """Apply its YAML: an accounting system has no pipelines."""
        if not self.by_tokens and not self.kid:
            self.kid = self.product.sandbox.keys.add_certificate(self.account, certificate()).kid
        signs_in = "sign_in: tokens" if self.by_tokens else f"certificate: {self.kid}"
        self.apply_text(
            f"organization: {self.org}\nplan: advanced\nadd_ons: [netsuite]\nconnections:\n"
            f"  - integration: netsuite\n    start_date: {self.start_date}\n"
            f"    netsuite: {{account: {self.account.id}, {signs_in}}}\n{document}"
        )

    def secret(self, **tokens: Any) -> Secret:
        """By our key nothing is given; else the keys of an older integration."""
        if not self.by_tokens:
            return Secret()
        keys = self.product.sandbox.keys.add_tba_token(self.account)
        given = {
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "token": keys.token,
            "token_secret": keys.token_secret,
        }
        return Secret(access_token=orjson.dumps({**given, **tokens}).decode())

    def connect_with(self, keys: str) -> ConnectionRow:
        """Connect the account by what a person gave as its keys."""
        work = connect_account(self.deployment, self.org, self.integration, Secret(access_token=keys), actor="cli:ann")
        return self.deployment.run(work)

    def revoke_certificate(self) -> None:
        """What the account's administrator does when a key is lost."""
        keys = self.product.sandbox.keys
        mapping = keys.certificate(self.account, self.kid)
        assert mapping is not None
        mapping.revoked = True
        keys.end_tokens(self.account)

    def add_item(self, number: str, name: str = "", *, at: datetime | None = None, **values: Any) -> str:
        """An inventory item of the account."""
        given = {"itemid": number, "displayname": name or number, **values}
        return self.account.create("inventoryItem", given, at=at)

    def poll(self) -> PollReport:
        self.product.sandbox.clock.advance(BETWEEN_TICKS.total_seconds())
        return super().poll()

    def state(self, kind: PulseKind) -> BooksState:
        """How far a kind was read."""
        with reading(self.deployment.engine) as connection:
            return read_states(connection, self.org, self.connection_id)[kind]

    def redescribe_books(self) -> None:
        """Let the account be described again at once."""

        async def again() -> None:
            row = self.row()
            connector = self.deployment.erp_connector(row)
            await describe_books(self.deployment, row, connector)
            await connector.aclose()

        self.deployment.run(again())

    def calls(self) -> int:
        """Queries of the account so far."""
        return self.product.sandbox.call_log.count(path=API, account=self.account.id)


def netsuite_settings(database_url: str, folder: Path, sandbox: NetSuiteSandbox, url: str) -> Settings:
    """Settings that point a deployment at a sandbox."""
    key_file = folder / "netsuite.pem"
    key_file.write_text(private_key(), encoding="ascii")
    return Settings(
        home=folder / "home",
        database_url=database_url,
        landing_root=str(folder / "landing"),
        secret_key=SecretStr(Fernet.generate_key().decode()),
        netsuite_url=url,
        netsuite_client_id=sandbox.client_id,
        netsuite_private_key_file=key_file,
    )


@contextmanager
def running_netsuite_product(database_url: str, folder: Path) -> Iterator[NetSuiteProduct]:
    """A product for the length of a block."""
    sandbox = NetSuiteSandbox()
    sandbox.clock.advance(-BEHIND.total_seconds())
    between = BetweenAnswers(sandbox.app)
    with SandboxServer(between) as server:
        deployment = MovableDeployment.open(netsuite_settings(database_url, folder, sandbox, server.url))
        deployment.vendors.netsuite.limits = FAST
        try:
            yield NetSuiteProduct(sandbox, server.url, deployment, between)
        finally:
            deployment.engine.dispose()
    sandbox.close()

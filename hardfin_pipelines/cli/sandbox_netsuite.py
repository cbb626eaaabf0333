"""The NetSuite sandbox as the commands fill it."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.types import ASGIApp

from hardfin_pipelines.cli.sandbox_companies import FinanceDepartment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.vendors import Secret
from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines.sandbox.netsuite.load import load_catalogue
from hardfin_pipelines.sandbox.netsuite.sales import SaleLine, add_sale
from hardfin_pipelines.sandbox.quickbooks.load import CatalogueRow

_API = "/services/rest/query/*"
_PLACES = ("Reno warehouse", "Tampa warehouse")
_FIRST_ACCOUNT = 5_400_001
_RENAMED = 7
"""Every seventh item has a name of its own in finance: its SKU leads to the product all the same."""
_ORDERS = 8


class NetSuiteAccount:
    """A NetSuite account with the items, stock and sales of a finance department."""

    integration = "netsuite"
    vendor = "NetSuite"
    items_word = "items"
    add_ons: Sequence[str] = ("netsuite",)
    connect_options: Sequence[str] = ("--by-app",)
    needs_consent = False

    def __init__(self, sandbox: NetSuiteSandbox, department: FinanceDepartment, number: int, certificate: str) -> None:
        self.org = department.org
        self.name = department.name
        self.not_sold_yet = department.not_sold_yet
        self.account = sandbox.add_account(str(_FIRST_ACCOUNT + number), name=department.name, tier="premium")
        self.account_id = self.account.id
        self._certificate_id = sandbox.keys.add_certificate(self.account, certificate).kid
        self._sandbox = sandbox
        self._contents = _fill(self.account, department)

    def connection(self) -> Mapping[str, Any]:
        """The connection in the organization's document: which account, and what it calls our certificate."""
        return {
            "integration": self.integration,
            "netsuite": {"account": self.account_id, "certificate": self._certificate_id},
        }

    def contents(self) -> Mapping[str, int]:
        """What it held at first, counted."""
        return self._contents

    def consent(self, url: str) -> Secret:
        """Nothing that a person does in a browser.

        Raises:
            Refusal: Always.
        """
        raise Refusal(f"{self.vendor} has no consent page to open at {url}")

    def issue_refresh_token(self) -> str:
        """Nothing: our key gets tokens by itself."""
        return ""

    def calls(self) -> int:
        """Queries of the account so far."""
        return self._sandbox.call_log.count(account=self.account_id, path=_API)

    def move_stock(self, sku: str, on_hand: int) -> None:
        """Count what there is of an item at its first location, and write that down, now."""
        (item,) = self.account.store.rows("SELECT id FROM item WHERE itemid = ?", [sku])
        (place,) = self.account.store.rows("SELECT min(id) AS id FROM location")
        self.account.set_stock(str(item["id"]), str(place["id"]), on_hand=on_hand)


def _fill(account: Account, department: FinanceDepartment) -> dict[str, int]:
    rng = Random(department.seed)  # noqa: S311  # reproducible data, guards nothing
    rows = [
        CatalogueRow(
            product.key,
            f"{product.name} (stock)" if number % _RENAMED == _RENAMED - 1 else product.name,
            product.sku,
            type="Inventory",
            price=product.price,
            cost=(product.price * Decimal("0.6")).quantize(Decimal("0.01")),
        )
        for number, product in enumerate(department.products)
        if product.sku
    ]
    ids = list(load_catalogue(account, rows, at=department.since).values())
    places = [account.add_location(name, at=department.since) for name in _PLACES]
    moment = datetime.now(UTC) - timedelta(hours=2)
    for item in ids:
        for place in places:
            cost = account.record("item", item)["cost"]
            account.set_stock(item, place, on_hand=rng.randint(1, 40), average_cost=cost, last_price=cost, at=moment)
    _sell(account, department, ids, places, rng, moment)
    return {"items": len(ids), "stock rows": len(ids) * len(places), "sales orders": _ORDERS}


def _sell(
    account: Account,
    department: FinanceDepartment,
    items: Sequence[str],
    places: Sequence[str],
    rng: Random,
    moment: datetime,
) -> None:
    """Orders of the customers that sales has too, every second one of them billed."""
    people = [
        account.create(
            "customer",
            {"entityid": name, "companyname": name, "isperson": "F", "currency": account.base_currency},
            at=department.since,
        )
        for name in department.customers
    ]
    for number in range(_ORDERS if people else 0):
        at = moment - timedelta(days=_ORDERS - number)
        chosen = rng.sample(list(items), k=min(2, len(items)))
        lines = [
            SaleLine(item, Decimal(rng.randint(1, 4)), Decimal(rng.randint(50, 900)), places[0]) for item in chosen
        ]
        order = add_sale(account, "SalesOrd", people[number % len(people)], lines, at=at)
        if number % 2 == 0:
            add_sale(account, "CustInvc", people[number % len(people)], lines, at=at, created_from=order)


class NetSuiteServer:
    """The NetSuite sandbox with an account for each finance department that works in it."""

    integration = "netsuite"
    vendor = "NetSuite"

    def __init__(self, departments: Sequence[FinanceDepartment], *, latency_ms: float = 0) -> None:
        self._sandbox = NetSuiteSandbox(latency_ms=latency_ms)
        self._folder = Path(tempfile.mkdtemp(prefix="hardfin-netsuite-"))
        self._key_file = self._folder / "key.pem"
        certificate = certificate_of(write_key(self._key_file))
        self.accounts = [
            NetSuiteAccount(self._sandbox, department, number, certificate)
            for number, department in enumerate(departments)
        ]

    @property
    def app(self) -> ASGIApp:
        """What serves it."""
        return self._sandbox.app

    def environment(self, url: str) -> dict[str, str]:
        """The variables that point Hardfin at it."""
        return {
            "HARDFIN_NETSUITE_URL": url,
            "HARDFIN_NETSUITE_CLIENT_ID": self._sandbox.client_id,
            "HARDFIN_NETSUITE_PRIVATE_KEY_FILE": str(self._key_file),
        }

    def close(self) -> None:
        """Give its memory back, and remove the key."""
        self._sandbox.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def write_key(file: Path) -> ec.EllipticCurvePrivateKey:
    """A new private key, in a file that its owner alone can read."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.touch(mode=0o600)
    file.write_bytes(pem)
    return key


def certificate_of(key: ec.EllipticCurvePrivateKey) -> str:
    """What an administrator maps of a key: a certificate of a year, PEM."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hardfin")])
    starts = datetime.now(UTC) - timedelta(hours=1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(starts)
    builder = builder.not_valid_after(starts + timedelta(days=365))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

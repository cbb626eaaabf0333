"""A product for every test that asks for one: on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hardfin_pipelines_tests.engine.drifting import with_two_rules
from hardfin_pipelines_tests.engine.netsuite_product import (
    NetSuiteOrganization,
    NetSuiteProduct,
    running_netsuite_product,
)
from hardfin_pipelines_tests.engine.product import Organization, Product, running_product
from hardfin_pipelines_tests.engine.quickbooks_product import (
    QuickBooksOrganization,
    QuickBooksProduct,
    running_quickbooks_product,
)
from hardfin_pipelines_tests.engine.salesforce_product import (
    SalesforceOrganization,
    SalesforceProduct,
    running_salesforce_product,
)


@pytest.fixture
def product(database_url: str, tmp_path: Path) -> Iterator[Product]:
    """A product without organizations, once on each database."""
    with running_product(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def acme(product: Product) -> Organization:
    """A connected organization, once on each database."""
    return product.add_organization()


@pytest.fixture
def sqlite_product(sqlite_url: str, tmp_path: Path) -> Iterator[Product]:
    """A product on SQLite, where the database makes no difference."""
    with running_product(sqlite_url, tmp_path) as running:
        yield running


@pytest.fixture
def sqlite_acme(sqlite_product: Product) -> Organization:
    """A connected organization on SQLite."""
    return sqlite_product.add_organization()


@pytest.fixture
def held_up(sqlite_product: Product) -> Organization:
    """Two rules, of which one reads the custom field po_number; no start date, so that no load helps."""
    return with_two_rules(sqlite_product.add_organization("held", connect=False))


@pytest.fixture
def salesforce(database_url: str, tmp_path: Path) -> Iterator[SalesforceProduct]:
    """A product that is pointed at Salesforce, without organizations, once on each database."""
    with running_salesforce_product(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def initech(salesforce: SalesforceProduct) -> SalesforceOrganization:
    """An organization whose sales department works in Salesforce, connected, once on each database."""
    return salesforce.add_organization("initech")


@pytest.fixture
def quickbooks(database_url: str, tmp_path: Path) -> Iterator[QuickBooksProduct]:
    """A product that is pointed at QuickBooks, without organizations, once on each database."""
    with running_quickbooks_product(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def ledgerly(quickbooks: QuickBooksProduct) -> QuickBooksOrganization:
    """An organization whose finance department works in QuickBooks, connected, once on each database."""
    return quickbooks.add_organization("ledgerly")


@pytest.fixture
def netsuite(database_url: str, tmp_path: Path) -> Iterator[NetSuiteProduct]:
    """A product that is pointed at NetSuite, without organizations, once on each database."""
    with running_netsuite_product(database_url, tmp_path) as running:
        yield running


@pytest.fixture
def wernham(netsuite: NetSuiteProduct) -> NetSuiteOrganization:
    """An organization whose finance department works in NetSuite, connected, once on each database."""
    return netsuite.add_organization("wernham")

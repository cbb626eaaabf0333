from collections.abc import Iterator

import pytest

from hardfin_pipelines_tests.connectors.books_conformance import BooksConformance
from hardfin_pipelines_tests.connectors.erp_conformance import ErpConformance
from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount
from hardfin_pipelines_tests.connectors.netsuite.books import NetSuiteBooks


class TestNetSuite(ErpConformance):
    @pytest.fixture
    def harness(self, account: NetSuiteAccount) -> NetSuiteAccount:
        return account


class TestNetSuiteBooks(BooksConformance):
    @pytest.fixture
    def harness(self) -> Iterator[NetSuiteBooks]:
        with NetSuiteBooks().serving() as served:
            yield served

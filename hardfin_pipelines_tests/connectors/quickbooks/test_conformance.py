import pytest

from hardfin_pipelines_tests.connectors.erp_conformance import ErpConformance
from hardfin_pipelines_tests.connectors.quickbooks.account import QuickBooksAccount


class TestQuickBooks(ErpConformance):
    @pytest.fixture
    def harness(self, account: QuickBooksAccount) -> QuickBooksAccount:
        return account

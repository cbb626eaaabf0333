import pytest

from hardfin_pipelines_tests.connectors.erp_conformance import ErpConformance
from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount


class TestNetSuite(ErpConformance):
    @pytest.fixture
    def harness(self, account: NetSuiteAccount) -> NetSuiteAccount:
        return account

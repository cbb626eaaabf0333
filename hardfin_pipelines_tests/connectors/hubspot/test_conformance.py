from itertools import count

import pytest

from hardfin_pipelines_tests.connectors.conformance import CrmConformance
from hardfin_pipelines_tests.connectors.hubspot.account import HubSpotAccount


class TestHubSpot(CrmConformance):
    @pytest.fixture
    def harness(self, account: HubSpotAccount) -> HubSpotAccount:
        account.portal.settings.association_page_size = 100
        return account


class TestHubSpotOrderingIdsAsText(TestHubSpot):
    @pytest.fixture
    def harness(self, account: HubSpotAccount) -> HubSpotAccount:
        account.portal.settings.search_ids_as_text = True
        account.deal_ids = count(97)  # as text, 100 comes before 97
        return account

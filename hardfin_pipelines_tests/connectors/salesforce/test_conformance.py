import asyncio
from datetime import timedelta

import pytest

from hardfin_pipelines_tests.connectors.conformance import START, CrmConformance, CrmHarness, ids_of, minutes
from hardfin_pipelines_tests.connectors.salesforce.account import SalesforceAccount


class TestSalesforce(CrmConformance):
    @pytest.fixture
    def harness(self, account: SalesforceAccount) -> SalesforceAccount:
        return account

    def test_a_tie_at_the_end_of_a_window_ends_the_scan(self, harness: CrmHarness) -> None:
        # Salesforce's stamps are whole seconds.
        stamp = START + timedelta(hours=1)
        deals = harness.create_deals([stamp] * (2 * harness.page_size + 1) + [stamp + timedelta(seconds=1)])
        found = ids_of(self.scan(harness, before=stamp + timedelta(seconds=1)))
        assert sorted(found) == sorted(deals[:-1])

    def test_every_id_asked_for_is_accounted_for(self, harness: CrmHarness) -> None:
        # Opportunities cannot be merged; test_reading.py merges accounts.
        kept, archived, other = harness.create_deals(minutes(3))
        harness.archive(archived)

        async def run() -> None:
            async with harness.connector() as connector:
                result = await connector.read("deal", [kept, archived, other, kept[:15]], ())
                assert {record.id for record in result.records} == {kept, other}
                assert [(each.id, each.kind) for each in result.missing] == [(archived, "gone")]
                assert result.missing[0].reason
                assert len(result.raw) == len(result.records)
                assert connector.calls.total <= 2

        asyncio.run(run())

"""What every ERP connector must do, whatever the vendor: subclass `ErpConformance` and give it an `ErpHarness`."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import orjson
import pytest

from hardfin_pipelines.connectors.base import PageMemory, ReadResult
from hardfin_pipelines.connectors.erp import ItemPage
from hardfin_pipelines.connectors.errors import NeedsAttention
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sync.item_facts import ItemFacts
from hardfin_pipelines_tests.connectors.erp_harness import START, ErpHarness, collect, gone_in, ids_of, minutes


class ErpConformance:
    """The suite. A subclass provides the fixture `harness`."""

    @pytest.fixture
    def harness(self) -> ErpHarness:
        pytest.fail("a subclass of the suite gives its own harness")

    def load(
        self, harness: ErpHarness, between: Callable[[int], None] | None = None, memory: PageMemory | None = None
    ) -> list[ItemPage]:
        async def run() -> list[ItemPage]:
            async with harness.connector(memory) as connector:
                return await collect(connector.item_pages(), between)

        return asyncio.run(run())

    def changes(
        self, harness: ErpHarness, since: datetime, memory: PageMemory | None = None
    ) -> tuple[list[ItemPage], int]:
        """The pages, and how many calls they took."""

        async def run() -> tuple[list[ItemPage], int]:
            async with harness.connector(memory) as connector:
                return await collect(connector.changed_pages(since)), connector.calls.total

        return asyncio.run(run())

    def read(self, harness: ErpHarness, ids: Sequence[str]) -> ReadResult:
        async def run() -> ReadResult:
            async with harness.connector() as connector:
                return await connector.read_items(ids)

        return asyncio.run(run())

    def facts(self, harness: ErpHarness, item_id: str) -> ItemFacts:
        async def run() -> ItemFacts:
            async with harness.connector() as connector:
                await connector.describe()
                (record,) = (await connector.read_items([item_id])).records
                return connector.item_facts(record)

        return asyncio.run(run())

    # A first load

    @pytest.mark.parametrize("over", [-1, 0, 1])
    def test_every_item_comes_exactly_once_for_the_planned_calls(self, harness: ErpHarness, over: int) -> None:
        items = harness.create_items(minutes(4 * harness.page_size + over))

        async def run() -> tuple[list[ItemPage], int, int]:
            async with harness.connector() as connector:
                pages = await collect(connector.item_pages())
                return pages, connector.calls.total, connector.plan_calls(len(items)).total

        pages, calls, planned = asyncio.run(run())
        assert sorted(ids_of(pages)) == sorted(items)
        assert gone_in(pages) == {}
        assert calls == planned

    def test_no_item_at_all_is_one_last_page(self, harness: ErpHarness) -> None:
        (page,) = self.load(harness)
        assert (page.records, page.gone, page.last) == ((), (), True)

    @pytest.mark.parametrize("place", ["all", "behind others", "before others"])
    def test_more_items_than_pages_share_one_stamp(self, harness: ErpHarness, place: str) -> None:
        tie = [START + timedelta(hours=1)] * (3 * harness.page_size + 1)
        others = {"all": [], "behind others": minutes(7), "before others": minutes(7, START + timedelta(days=1))}[place]
        items = harness.create_items([*tie, *others])
        assert sorted(ids_of(self.load(harness))) == sorted(items)

    def test_inactive_items_come_and_are_told_from_active_ones(self, harness: ErpHarness) -> None:
        kept, dropped = harness.create_items(minutes(2))
        harness.deactivate(dropped)

        async def run() -> dict[str, ItemFacts]:
            async with harness.connector() as connector:
                pages = await collect(connector.item_pages())
                return {record.id: connector.item_facts(record) for page in pages for record in page.records}

        found = asyncio.run(run())
        assert {item_id: facts.active for item_id, facts in found.items()} == {kept: True, dropped: False}
        assert "deleted" not in found[dropped].name

    def test_items_changed_between_pages_hide_no_other(self, harness: ErpHarness) -> None:
        items = harness.create_items(minutes(5 * harness.page_size))

        def change(page: int) -> None:
            harness.modify(items[0])
            harness.modify(items[page])
            harness.deactivate(items[2 * harness.page_size + page])

        pages = self.load(harness, change)
        assert sorted(ids_of(pages)) == sorted(items)

    def test_a_shared_stamp_that_items_leave_meanwhile_hides_no_other(self, harness: ErpHarness) -> None:
        items = harness.create_items([START] * (5 * harness.page_size))

        def change(_page: int) -> None:
            for item_id in items[: 2 * harness.page_size]:
                harness.modify(item_id)
            harness.delete(items.pop())

        pages = self.load(harness, change)
        assert set(items) <= set(ids_of(pages))
        assert len(ids_of(pages)) == len(set(ids_of(pages)))

    def test_what_is_made_or_goes_during_a_load_is_told_by_it_or_by_the_changes_since(
        self, harness: ErpHarness
    ) -> None:
        items = harness.create_items(minutes(4 * harness.page_size))
        made: list[str] = []

        def change(page: int) -> None:
            if page == 2:
                made.extend(harness.create_items([harness.now()] * 2))
                harness.merge(items[0], items[1])
                harness.merge(items[2], items[-1])
                harness.delete(items[-2])

        pages = self.load(harness, change)
        later, _ = self.changes(harness, pages[0].vendor_time - timedelta(minutes=15))
        told = gone_in(later)
        assert set(items) - {items[1], items[-1], items[-2]} <= set(ids_of(pages))
        assert set(made) <= {*ids_of(pages), *ids_of(later)}
        assert {items[1], items[-1], items[-2]} <= set(told)
        assert len(ids_of(pages)) == len(set(ids_of(pages)))

    # Changes

    def test_a_quiet_tick_costs_the_least_calls(self, harness: ErpHarness) -> None:
        harness.create_items(minutes(harness.page_size))
        (page,), calls = self.changes(harness, START + timedelta(days=1))
        assert (page.records, page.gone, page.last) == ((), (), True)
        assert calls == harness.quiet_calls
        assert abs(page.vendor_time - harness.now()) < timedelta(minutes=1)

    def test_a_change_at_the_very_moment_is_told_and_an_earlier_one_is_not(self, harness: ErpHarness) -> None:
        _, at, after = harness.create_items(minutes(3))
        pages, _ = self.changes(harness, START + timedelta(minutes=1))
        assert sorted(ids_of(pages)) == sorted([at, after])

    def test_changes_come_with_the_last_state(self, harness: ErpHarness) -> None:
        kept, changed, dropped = harness.create_items(minutes(3))
        since = harness.now()
        harness.wait(2)
        harness.modify(changed)
        harness.deactivate(dropped)
        pages, _ = self.changes(harness, since)
        assert {*ids_of(pages)} == {changed, dropped}
        assert kept not in gone_in(pages)
        assert all(record.modified_at >= since for page in pages for record in page.records)

    def test_what_is_deleted_or_merged_away_is_gone(self, harness: ErpHarness) -> None:
        kept, deleted, lost = harness.create_items(minutes(3))
        since = harness.now()
        harness.wait(2)
        harness.delete(deleted)
        harness.merge(kept, lost)
        pages, _ = self.changes(harness, since)
        gone = gone_in(pages)
        assert gone.keys() == {deleted, lost}
        assert gone[deleted].how == "deleted"
        assert all(each.role == "item" and since <= each.at <= harness.now() for each in gone.values())
        told = ("merged", kept) if harness.survivors_told else ("deleted", "")
        assert (gone[lost].how, gone[lost].survivor_id) == told
        assert pages[-1].deletions_from is None

    def test_more_changes_than_pages_all_come(self, harness: ErpHarness) -> None:
        items = harness.create_items(minutes(3 * harness.page_size + 2))
        pages, _ = self.changes(harness, START)
        assert set(ids_of(pages)) == set(items)

    def test_a_gap_longer_than_the_vendor_looks_back_is_refused(self, harness: ErpHarness) -> None:
        async def run() -> None:
            async with harness.connector() as connector:
                if connector.look_back is None:
                    pytest.skip("this vendor looks back without end")
                await collect(connector.changed_pages(harness.now() - connector.look_back + timedelta(minutes=1)))
                calls = connector.calls.total
                with pytest.raises(ValueError, match="looks back to"):
                    await collect(connector.changed_pages(harness.now() - connector.look_back - timedelta(minutes=1)))
                assert connector.calls.total == calls

        asyncio.run(run())

    # By id

    def test_every_id_asked_for_is_accounted_for(self, harness: ErpHarness) -> None:
        kept, inactive, deleted, lost = harness.create_items(minutes(4))
        harness.deactivate(inactive)
        harness.delete(deleted)
        harness.merge(kept, lost)
        result = self.read(harness, [kept, inactive, deleted, lost, kept])
        assert len(result.records) == len(result.raw)
        assert {kept, inactive} <= {record.id for record in result.records}
        merged = {each for record in result.records for each in record.merged_ids}
        missing = {each.id: each for each in result.missing}
        assert missing.keys() | merged == {deleted, lost}
        assert all(each.kind == "gone" and each.reason for each in missing.values())

    def test_hundreds_of_ids_are_read(self, harness: ErpHarness) -> None:
        items = harness.create_items([START] * 640)
        result = self.read(harness, items)
        assert sorted(record.id for record in result.records) == sorted(items)
        assert result.missing == ()

    def test_no_ids_cost_no_call(self, harness: ErpHarness) -> None:
        async def run() -> int:
            async with harness.connector() as connector:
                assert await connector.read_items([]) == ReadResult((), ())
                return connector.calls.total

        assert asyncio.run(run()) == 0

    def test_what_is_no_id_is_missing_and_stops_nothing(self, harness: ErpHarness) -> None:
        (item,) = harness.create_items(minutes(1))
        result = self.read(harness, [item, "x' OR 'a' = 'a", "99999999"])
        assert [record.id for record in result.records] == [item]
        assert {each.id for each in result.missing} == {"x' OR 'a' = 'a", "99999999"}

    # Facts

    def test_facts_are_the_vendors_digit_for_digit(self, harness: ErpHarness) -> None:
        price, cost = Decimal("12345678.125"), Decimal("0.07")
        item = harness.create_item(name="Gripper, 2 fingers", sku="  007-A ", price=price, cost=cost)
        facts = self.facts(harness, item)
        assert (facts.name, facts.sku.strip(), facts.kind) == ("Gripper, 2 fingers", "007-A", "stocked")
        assert (facts.price, facts.cost, facts.currency) == (price, cost, harness.currency)
        assert facts.path == (facts.name,)
        assert facts.vendor_type
        assert facts.active

    def test_what_is_no_item_is_a_helper(self, harness: ErpHarness) -> None:
        assert self.facts(harness, harness.create_helper()).kind == "helper"

    def test_what_landing_keeps_is_decoded_to_the_same_record(self, harness: ErpHarness) -> None:
        harness.create_items(minutes(harness.page_size + 1))
        harness.create_item(name="Ünïcode ☃", sku="", price=Decimal("1.10"), cost=Decimal(0))
        for page in self.load(harness):
            for record, raw in zip(page.records, page.raw, strict=True):
                assert harness.decoded(raw) == record
                assert isinstance(orjson.loads(raw), dict)
                assert all(value is None or isinstance(value, str) for value in record.properties.values())

    def test_a_poison_item_stops_nothing(self, harness: ErpHarness) -> None:
        items = harness.create_items(minutes(3 * harness.page_size))
        for poisoned in (items[1], items[harness.page_size - 1], items[-1]):
            harness.poison(poisoned)
        assert sorted(ids_of(self.load(harness))) == sorted(items)
        pages, _ = self.changes(harness, START)
        assert set(ids_of(pages)) == set(items)
        result = self.read(harness, items)
        assert len(result.records) + len(result.missing) == len(items)
        assert all(each.kind == "unreadable" for each in result.missing)

    def test_the_description_names_the_company_its_currency_and_fields(self, harness: ErpHarness) -> None:
        async def run() -> None:
            async with harness.connector() as connector:
                description = await connector.describe()
                assert description.account_id
                assert description.currency == harness.currency
                assert description.pipelines == ()
                assert description.described_at.utcoffset() == timedelta(0)
                assert all(description.properties[role] for role in connector.objects())

        asyncio.run(run())

    def test_the_described_fields_are_those_of_records(self, harness: ErpHarness) -> None:
        harness.create_item(name="Gripper", sku="G-1", price=Decimal(2), cost=Decimal(1))

        async def run() -> set[str]:
            async with harness.connector() as connector:
                described = (await connector.describe()).properties["item"]
                (page,) = await collect(connector.item_pages())
                return set(page.records[0].properties) - set(described)

        undescribed = asyncio.run(run())
        assert not {name for name in undescribed if name not in {"domain", "sparse", "links"}}

    # Calls

    def test_eight_refusals_in_a_row_are_survived(self, harness: ErpHarness) -> None:
        items = harness.create_items(minutes(2 * harness.page_size))
        harness.throttle(8)

        async def run() -> tuple[list[ItemPage], int]:
            async with harness.connector() as connector:
                return await collect(connector.item_pages()), connector.calls.throttled

        pages, throttled = asyncio.run(run())
        assert sorted(ids_of(pages)) == sorted(items)
        assert throttled == 8

    def test_a_token_that_ages_during_the_load_is_renewed(self, harness: ErpHarness) -> None:
        items = harness.create_items(minutes(3 * harness.page_size))

        async def run() -> tuple[list[ItemPage], int]:
            async with harness.connector() as connector:

                def age(page: int) -> None:
                    if page == 1:
                        harness.age_access_token()

                return await collect(connector.item_pages(), age), connector.calls.token_refreshes

        pages, renewals = asyncio.run(run())
        assert sorted(ids_of(pages)) == sorted(items)
        assert 1 <= renewals <= 2

    def test_revoked_access_needs_attention(self, harness: ErpHarness) -> None:
        async def run() -> None:
            async with harness.connector() as connector:
                await collect(connector.changed_pages(START))
                harness.revoke()
                await collect(connector.changed_pages(START))

        with pytest.raises(NeedsAttention, match=r"connect .* again") as caught:
            asyncio.run(run())
        assert "\n" not in str(caught.value)

    def test_tokens_are_kept_alive_without_a_visit(self, harness: ErpHarness) -> None:
        async def run() -> tuple[int, int]:
            async with harness.connector() as connector:
                await connector.keep_alive()
                await connector.keep_alive()
                return connector.calls.total, connector.calls.token_refreshes

        assert asyncio.run(run()) == (0, 2)

    def test_what_is_remembered_is_not_asked_again(self, harness: ErpHarness) -> None:
        harness.create_items([*minutes(2 * harness.page_size), *[START] * (2 * harness.page_size)])
        memory = AnswerBuffer()

        async def work() -> tuple[list[bytes], int]:
            async with harness.connector(memory) as connector:
                pages = [
                    *await collect(connector.item_pages()),
                    *await collect(connector.changed_pages(START + timedelta(minutes=1))),
                ]
                return [raw for page in pages for raw in page.raw], connector.calls.total

        first, calls = asyncio.run(work())
        assert calls > 0
        assert asyncio.run(work()) == (first, 0)

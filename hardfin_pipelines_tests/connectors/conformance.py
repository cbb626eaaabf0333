"""What every CRM connector must do, whatever the vendor: subclass `CrmConformance` and give it a `CrmHarness`.

A harness is one account at a server that speaks the vendor's HTTP API. Its pages are small, so that a few deals make
many pages, and its waits cost no real time.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from hardfin_pipelines.connectors.base import CrmConnector, Page, PageMemory, TriggerQuery
from hardfin_pipelines.connectors.errors import NeedsAttention, UnknownField
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sync.records import Record, Role

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Deals are modified at this time or later."""


class CrmHarness(Protocol):
    """One account of the vendor, and what may happen to it."""

    page_size: int
    """Deals a search answers with at most."""

    def connector(self, memory: PageMemory | None = None) -> AbstractAsyncContextManager[CrmConnector]:
        """A new connector for the account."""
        ...

    def query(self, *, before: datetime | None = None) -> TriggerQuery:
        """Deals in the won stage modified since `START`."""
        ...

    def create_deals(self, stamps: Sequence[datetime]) -> list[str]:
        """Deals in the won stage, one for each modification stamp."""
        ...

    def create_product_lines(self, deal_id: str, count: int) -> list[str]:
        """Line items of a deal, each of its own product."""
        ...

    def create_companies(self, deal_id: str, count: int) -> list[str]:
        """Companies of a deal, the first of them its primary one."""
        ...

    def modify(self, deal_id: str) -> None:
        """Change a deal now; it stays in its stage."""
        ...

    def leave_stage(self, deal_id: str) -> None:
        """Move a deal to a stage that is no trigger."""
        ...

    def archive(self, deal_id: str) -> None:
        """Put a deal into the recycle bin."""
        ...

    def merge(self, deal_id: str, other_id: str) -> str:
        """Merge two deals; the id of the one that remains."""
        ...

    def poison(self, deal_id: str) -> None:
        """From now on the vendor sends this deal with a modification stamp nobody can read."""
        ...

    def send_ragged_pages(self) -> None:
        """From now on pages are shorter than asked for, and the last one has a cursor too."""
        ...

    def send_an_empty_page(self, *, at: int) -> None:
        """The search so many pages from now answers nothing, but has a cursor."""
        ...

    def throttle(self, times: int) -> None:
        """Refuse the next calls with 429."""
        ...

    def age_access_token(self) -> None:
        """The vendor takes the access token no more; it can be refreshed."""
        ...

    def revoke(self) -> None:
        """The customer removes our app."""
        ...


def minutes(count: int, start: datetime = START) -> list[datetime]:
    """So many stamps, a minute apart."""
    return [start + timedelta(minutes=each) for each in range(count)]


async def collect(pages: AsyncIterator[Page]) -> list[Page]:
    """All pages, whose shape is checked on the way."""
    found = [page async for page in pages]
    assert [page.last for page in found] == [False] * (len(found) - 1) + [True]
    assert all(len(page.records) == len(page.raw) for page in found)
    assert all(page.vendor_time.tzinfo is not None for page in found)
    return found


def ids_of(pages: Sequence[Page]) -> list[str]:
    return [record.id for page in pages for record in page.records]


class CrmConformance:
    """The suite. A subclass provides the fixture `harness`."""

    @pytest.fixture
    def harness(self) -> CrmHarness:
        pytest.fail("a subclass of the suite gives its own harness")

    def scan(self, harness: CrmHarness, *, before: datetime | None = None) -> list[Page]:
        async def run() -> list[Page]:
            async with harness.connector() as connector:
                return await collect(connector.deal_pages(harness.query(before=before), ()))

        return asyncio.run(run())

    def test_every_deal_comes_exactly_once(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(4 * harness.page_size + 1))
        pages = self.scan(harness)
        assert sorted(ids_of(pages)) == sorted(deals)
        assert pages[0].total == len(deals)
        assert all(page.total is None for page in pages[1:])

    def test_no_deal_at_all_is_one_last_page(self, harness: CrmHarness) -> None:
        (page,) = self.scan(harness)
        assert (page.records, page.total, page.last) == ((), 0, True)

    def test_the_first_page_costs_one_call_and_is_not_asked_for_again(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(harness.page_size + 1))

        async def run() -> tuple[int, int, list[Page]]:
            async with harness.connector() as connector:
                first = await connector.first_page(harness.query(), ())
                after_first = connector.calls.total
                pages = await collect(connector.deal_pages(harness.query(), (), first=first))
                return after_first, connector.calls.total, pages

        after_first, after_all, pages = asyncio.run(run())
        assert (after_first, after_all) == (1, 2)
        assert sorted(ids_of(pages)) == sorted(deals)

    def test_a_window_takes_its_lower_bound_and_leaves_its_upper_bound(self, harness: CrmHarness) -> None:
        stamps = [START - timedelta(milliseconds=1), START, START + timedelta(days=1), START + timedelta(days=2)]
        deals = harness.create_deals(stamps)
        assert sorted(ids_of(self.scan(harness, before=stamps[-1]))) == sorted(deals[1:3])

    @pytest.mark.parametrize("place", ["all", "behind others", "before others"])
    def test_more_deals_than_a_page_share_one_stamp(self, harness: CrmHarness, place: str) -> None:
        tie = [START + timedelta(hours=1)] * (3 * harness.page_size + 1)
        others = {"all": [], "behind others": minutes(5), "before others": minutes(5, START + timedelta(days=1))}[place]
        deals = harness.create_deals([*tie, *others])
        assert sorted(ids_of(self.scan(harness))) == sorted(deals)

    def test_a_tie_at_the_end_of_a_window_ends_the_scan(self, harness: CrmHarness) -> None:
        stamp = START + timedelta(hours=1)
        deals = harness.create_deals([stamp] * (2 * harness.page_size + 1) + [stamp + timedelta(milliseconds=1)])
        found = ids_of(self.scan(harness, before=stamp + timedelta(milliseconds=1)))
        assert sorted(found) == sorted(deals[:-1])

    def test_short_pages_are_not_the_end(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(3 * harness.page_size))
        harness.send_ragged_pages()
        assert sorted(ids_of(self.scan(harness))) == sorted(deals)

    @pytest.mark.parametrize("at", [0, 1, 2])
    def test_an_empty_page_with_a_cursor_is_not_the_end(self, harness: CrmHarness, at: int) -> None:
        deals = harness.create_deals(minutes(3 * harness.page_size))
        harness.send_an_empty_page(at=at)
        assert sorted(ids_of(self.scan(harness))) == sorted(deals)

    def test_twenty_refusals_in_a_row_are_survived(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(2 * harness.page_size))
        harness.throttle(20)

        async def run() -> tuple[list[Page], int]:
            async with harness.connector() as connector:
                return await collect(connector.deal_pages(harness.query(), ())), connector.calls.throttled

        pages, throttled = asyncio.run(run())
        assert sorted(ids_of(pages)) == sorted(deals)
        assert throttled >= 20

    def test_a_token_that_ages_during_the_scan_is_refreshed(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(3 * harness.page_size))

        async def run() -> tuple[list[str], int]:
            found: list[str] = []
            async with harness.connector() as connector:
                async for page in connector.deal_pages(harness.query(), ()):
                    found.extend(record.id for record in page.records)
                    if len(found) == len(page.records):
                        harness.age_access_token()
                return found, connector.calls.token_refreshes

        found, refreshes = asyncio.run(run())
        assert sorted(found) == sorted(deals)
        assert refreshes >= 1

    def test_revoked_access_needs_attention(self, harness: CrmHarness) -> None:
        harness.create_deals(minutes(1))

        async def run() -> None:
            async with harness.connector() as connector:
                await connector.first_page(harness.query(), ())
                harness.revoke()
                await connector.first_page(harness.query(), ())

        with pytest.raises(NeedsAttention, match=r"connect .* again") as caught:
            asyncio.run(run())
        assert "\n" not in str(caught.value)

    def test_a_poison_deal_stops_nothing(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(3 * harness.page_size))
        harness.poison(deals[1])
        assert sorted(ids_of(self.scan(harness))) == sorted(deals)

    def test_a_poison_deal_that_is_read_is_missing_with_a_reason_or_read(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(3))
        harness.poison(deals[1])

        async def run() -> tuple[list[str], list[str]]:
            async with harness.connector() as connector:
                result = await connector.read("deal", deals, ())
                assert all(each.reason and each.kind == "unreadable" for each in result.missing)
                return [record.id for record in result.records], [each.id for each in result.missing]

        read, missing = asyncio.run(run())
        assert sorted(read + missing) == sorted(deals)
        assert {deals[0], deals[2]} <= set(read)

    def test_a_deal_changed_between_pages_hides_no_other(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(4 * harness.page_size))

        async def run() -> list[Record]:
            found: list[Record] = []
            async with harness.connector() as connector:
                async for page in connector.deal_pages(harness.query(), ()):
                    found.extend(page.records)
                    if len(found) == len(page.records):
                        harness.modify(deals[0])
                        harness.leave_stage(deals[1])
            return found

        found = asyncio.run(run())
        assert {record.id for record in found} == set(deals)
        assert len({(record.id, record.modified_at) for record in found}) == len(found)

    @pytest.mark.parametrize("role", ["deal", "company", "line_item", "product"])
    def test_an_unknown_field_is_named(self, harness: CrmHarness, role: Role) -> None:
        (deal,) = harness.create_deals(minutes(1))
        harness.create_companies(deal, 1)
        harness.create_product_lines(deal, 1)

        async def run() -> None:
            async with harness.connector() as connector:
                if role == "deal":
                    await connector.first_page(harness.query(), ["no_such_field"])
                ids = await _ids_by_role(connector, deal)
                await connector.read(role, ids[role], ["no_such_field"])

        with pytest.raises(UnknownField, match="no_such_field"):
            asyncio.run(run())

    def test_hundreds_of_line_items_are_all_referenced(self, harness: CrmHarness) -> None:
        many, none = harness.create_deals(minutes(2))
        lines = harness.create_product_lines(many, 230)
        companies = harness.create_companies(many, 3)

        async def run() -> None:
            async with harness.connector() as connector:
                found = await connector.references([many, none], ("company", "line_item"))
                assert sorted(each.id for each in found[many]["line_item"]) == sorted(lines)
                assert sorted(each.id for each in found[many]["company"]) == sorted(companies)
                assert [each.id for each in found[many]["company"] if each.primary] == companies[:1]
                assert found[none] == {"company": (), "line_item": ()}

        asyncio.run(run())

    def test_line_items_refer_to_their_products(self, harness: CrmHarness) -> None:
        (deal,) = harness.create_deals(minutes(1))
        harness.create_product_lines(deal, 3)

        async def run() -> int:
            async with harness.connector() as connector:
                ids = await _ids_by_role(connector, deal)
                return len((await connector.read("product", ids["product"], ())).records)

        assert asyncio.run(run()) == 3

    def test_every_id_asked_for_is_accounted_for(self, harness: CrmHarness) -> None:
        kept, archived, one, other = harness.create_deals(minutes(4))
        harness.archive(archived)
        survivor = harness.merge(one, other)

        async def run() -> None:
            async with harness.connector() as connector:
                result = await connector.read("deal", [kept, archived, one, other, kept], ())
                assert {record.id for record in result.records} == {kept, survivor}
                (merged,) = (record for record in result.records if record.id == survivor)
                assert {one, other} - {survivor} <= set(merged.merged_ids)
                assert [each.id for each in result.missing] == [archived]
                assert result.missing[0].reason
                assert result.missing[0].kind == "gone"
                assert len(result.raw) == len(result.records)

        asyncio.run(run())

    def test_what_is_remembered_is_not_asked_again(self, harness: CrmHarness) -> None:
        deals = harness.create_deals(minutes(2 * harness.page_size))
        harness.create_product_lines(deals[0], 3)
        memory = AnswerBuffer()

        async def work() -> tuple[list[bytes], int]:
            async with harness.connector(memory) as connector:
                pages = await collect(connector.deal_pages(harness.query(), ()))
                ids = await _ids_by_role(connector, deals[0])
                result = await connector.read("product", ids["product"], ())
                return [raw for page in pages for raw in page.raw] + list(result.raw), connector.calls.total

        first, calls = asyncio.run(work())
        assert calls > 0
        again, no_calls = asyncio.run(work())
        assert (again, no_calls) == (first, 0)

    def test_raw_records_are_json_texts_of_their_own(self, harness: CrmHarness) -> None:
        import orjson

        harness.create_deals(minutes(2))
        for page in self.scan(harness):
            for record, raw in zip(page.records, page.raw, strict=True):
                assert record.id in str(orjson.loads(raw))

    def test_the_trigger_sees_pipeline_and_stage(self, harness: CrmHarness) -> None:
        harness.create_deals(minutes(1))
        query = harness.query()

        async def run() -> None:
            async with harness.connector() as connector:
                (record,) = (await connector.first_page(query, ())).records
                state = connector.deal_state(record)
                assert state.stage_id in query.stages[state.pipeline_id]

        asyncio.run(run())

    def test_the_description_names_won_stages_and_fields(self, harness: CrmHarness) -> None:
        query = harness.query()

        async def run() -> None:
            async with harness.connector() as connector:
                description = await connector.describe()
                assert description.account_id
                for pipeline_id, stages in query.stages.items():
                    pipeline = description.pipeline(pipeline_id)
                    assert pipeline is not None
                    assert {stage.id for stage in pipeline.stages if stage.won} == set(stages)
                assert all(description.properties[role] for role in connector.objects())

        asyncio.run(run())


async def _ids_by_role(connector: CrmConnector, deal: str) -> dict[Role, list[str]]:
    found = (await connector.references([deal], ("company", "line_item")))[deal]
    lines = [each.id for each in found["line_item"]]
    read = await connector.read("line_item", lines, ())
    products = [each.id for record in read.records for each in record.references["product"]]
    return {"deal": [deal], "company": [each.id for each in found["company"]], "line_item": lines, "product": products}

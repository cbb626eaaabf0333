"""What every connector that reads books must do: subclass `BooksConformance` and give it a `BooksHarness`."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import orjson
import pytest

from hardfin_pipelines.connectors.base import PageMemory
from hardfin_pipelines.connectors.books import BooksConnector, BooksPage, Pulse
from hardfin_pipelines.connectors.errors import NeedsAttention, SkipRecord
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines.sync.books import BOOKS_KINDS, FACT_TYPES, BooksKind, key_fields
from hardfin_pipelines.sync.books_reading import PulseKind
from hardfin_pipelines_tests.connectors.books_harness import BooksHarness, books_ids, collect_books

ALL: tuple[PulseKind, ...] = ("item", *BOOKS_KINDS)


class BooksConformance:
    """The suite. A subclass provides the fixture `harness`."""

    @pytest.fixture
    def harness(self) -> BooksHarness:
        pytest.fail("a subclass of the suite gives its own harness")

    def kinds(self, harness: BooksHarness) -> list[BooksKind]:
        async def run() -> list[BooksKind]:
            async with harness.connector() as connector:
                return list(connector.readings)

        return asyncio.run(run())

    def stamped(self, harness: BooksHarness) -> list[BooksKind]:
        async def run() -> list[BooksKind]:
            async with harness.connector() as connector:
                return [kind for kind, reading in connector.readings.items() if reading == "by stamp"]

        return asyncio.run(run())

    def read(
        self,
        harness: BooksHarness,
        kind: BooksKind,
        since: datetime | None = None,
        between: Callable[[int], None] | None = None,
    ) -> list[BooksPage]:
        async def run() -> list[BooksPage]:
            async with harness.connector() as connector:
                return await collect_books(connector.books_pages(kind, since), between)

        return asyncio.run(run())

    def pulse(
        self, harness: BooksHarness, since: datetime, kinds: Iterable[PulseKind] = ALL, memory: PageMemory | None = None
    ) -> tuple[Pulse, int]:
        """The pulse, and how many calls it took."""

        async def run() -> tuple[Pulse, int]:
            async with harness.connector(memory) as connector:
                return await connector.pulse(dict.fromkeys(kinds, since)), connector.calls.total

        return asyncio.run(run())

    def test_it_is_a_books_connector(self, harness: BooksHarness) -> None:
        async def run() -> None:
            async with harness.connector() as connector:
                assert isinstance(connector, BooksConnector)
                assert list(connector.readings) == [kind for kind in BOOKS_KINDS if kind in connector.readings]
                assert set(connector.objects()) >= {"item", *connector.readings}
                folders = list(connector.objects().values())
                assert len(set(folders)) == len(folders)
                assert all(name.replace("-", "").replace("_", "").isalnum() and name.isascii() for name in folders)

        asyncio.run(run())

    # Reading

    def test_every_row_of_every_kind_comes_once_and_says_what_it_is(self, harness: BooksHarness) -> None:
        for kind in self.kinds(harness):
            made = harness.make_rows(kind, 2 * harness.page_size + 1)
            pages = self.read(harness, kind)
            found = books_ids(pages)
            assert set(made) <= set(found), kind
            assert len(set(found)) == len(found), kind
            assert {record.role for page in pages for record in page.records} == {kind}

            async def run(kind: BooksKind = kind, pages: list[BooksPage] = pages) -> None:
                async with harness.connector() as connector:
                    facts = [connector.books_fact(record) for page in pages for record in page.records]
                    assert {type(fact) for fact in facts} == {FACT_TYPES[kind]}
                    keys = [tuple(getattr(fact, name) for name in key_fields(kind)) for fact in facts]
                    assert len(set(keys)) == len(keys), kind

            asyncio.run(run())

    def test_what_landing_keeps_is_decoded_to_the_same_record(self, harness: BooksHarness) -> None:
        for kind in self.kinds(harness):
            harness.make_rows(kind, 2)
            for page in self.read(harness, kind):
                for record, raw in zip(page.records, page.raw, strict=True):
                    again = harness.decoded_books(kind, raw)
                    assert (again.id, again.properties) == (record.id, record.properties), kind
                    assert isinstance(orjson.loads(raw), dict)
                    assert all(value is None or isinstance(value, str) for value in record.properties.values())

    def test_a_kind_without_rows_is_one_last_page(self, harness: BooksHarness) -> None:
        (page,) = self.read(harness, "serial_number")
        assert (page.records, page.raw, page.last) == ((), (), True)

    def test_a_change_at_the_very_moment_is_told_and_an_earlier_one_is_not(self, harness: BooksHarness) -> None:
        for kind in self.stamped(harness):
            at = harness.now().replace(microsecond=0) + timedelta(seconds=10)
            harness.wait(30)
            before = harness.make_rows(kind, 1, at - timedelta(seconds=1))
            made = harness.make_rows(kind, 2, at)
            found = books_ids(self.read(harness, kind, at))
            assert set(made) <= set(found), kind
            assert not set(before) & set(found), kind

    def test_what_changes_is_told_with_its_last_state(self, harness: BooksHarness) -> None:
        for kind in self.stamped(harness):
            kept, changed = harness.make_rows(kind, 2)
            harness.wait(2)
            since = harness.now()
            harness.wait(2)
            harness.change_row(kind, changed)
            found = books_ids(self.read(harness, kind, since))
            assert changed in found, kind
            assert kept not in found, kind

    def test_what_can_only_be_read_whole_is_not_asked_for_changes(self, harness: BooksHarness) -> None:
        async def run() -> None:
            async with harness.connector() as connector:
                for kind, reading in connector.readings.items():
                    if reading == "whole":
                        calls = connector.calls.total
                        with pytest.raises(ValueError, match=kind):
                            await collect_books(connector.books_pages(kind, harness.now()))
                        assert connector.calls.total == calls

        asyncio.run(run())

    def test_rows_that_come_change_and_go_between_pages_hide_no_other(self, harness: BooksHarness) -> None:
        for kind in self.kinds(harness):
            made = harness.make_rows(kind, 4 * harness.page_size)
            gone: list[str] = []

            def happen(page: int, kind: BooksKind = kind, made: list[str] = made, gone: list[str] = gone) -> None:
                if page <= 3:
                    gone.append(made[page])
                    harness.remove_row(kind, made[page])
                    harness.change_row(kind, made[-page])
                    harness.make_rows(kind, 1)

            pages = self.read(harness, kind, between=happen)
            found = books_ids(pages)
            assert set(made) - set(gone) <= set(found), kind
            assert len(set(found)) == len(found), kind

    def test_a_value_that_is_not_of_its_kind_stops_nothing_else(self, harness: BooksHarness) -> None:
        for kind in self.kinds(harness):
            made = harness.make_rows(kind, 3)
            harness.spoil_row(kind, made[1])
            pages = self.read(harness, kind)
            assert set(made) <= set(books_ids(pages)), kind

            async def run(kind: BooksKind = kind, pages: list[BooksPage] = pages, bad: str = made[1]) -> None:
                async with harness.connector() as connector:
                    refused = {}
                    for page in pages:
                        for record in page.records:
                            try:
                                connector.books_fact(record)
                            except SkipRecord as error:
                                refused[error.record_id] = str(error)
                    assert list(refused) == [bad], kind
                    assert "\n" not in refused[bad]
                    assert bad in refused[bad]

            asyncio.run(run())

    def test_refusals_are_waited_for(self, harness: BooksHarness) -> None:
        harness.make_rows("customer", 2 * harness.page_size)
        expected = books_ids(self.read(harness, "customer"))
        harness.throttle(3)
        assert books_ids(self.read(harness, "customer")) == expected

    # Pulses

    def test_a_pulse_is_one_call_and_counts_every_row(self, harness: BooksHarness) -> None:
        kinds = self.kinds(harness)
        for kind in kinds:
            harness.make_rows(kind, 3)
        pulse, calls = self.pulse(harness, harness.now() - timedelta(hours=1))
        assert calls == 1
        assert set(pulse.marks) == set(pulse.totals) == {"item", *kinds}
        assert pulse.lacking == {}
        assert abs(pulse.vendor_time - harness.now()) < timedelta(minutes=1)
        for kind in kinds:
            assert pulse.totals[kind] == len(books_ids(self.read(harness, kind))), kind

    def test_marks_stay_where_nothing_changes_and_only_what_is_asked_for_is_told(self, harness: BooksHarness) -> None:
        for kind in self.kinds(harness):
            harness.make_rows(kind, 2)
        since = harness.now() - timedelta(hours=1)
        harness.wait(600)
        first, _ = self.pulse(harness, since)
        harness.wait(600)
        second, _ = self.pulse(harness, since)
        assert (first.marks, first.totals) == (second.marks, second.totals)
        few, calls = self.pulse(harness, since, ["customer", "item_price"])
        assert few.marks == {kind: first.marks[kind] for kind in ("customer", "item_price")}
        assert calls == 1

    def test_a_row_that_changes_again_within_its_second_is_not_missed(self, harness: BooksHarness) -> None:
        """Stamps may be whole seconds: after the second change all of them are as they were after the first."""
        for kind in self.kinds(harness):
            (made,) = harness.make_rows(kind, 1)
            since = harness.now() - timedelta(hours=1)
            harness.change_row(kind, made)
            first, _ = self.pulse(harness, since, [kind])
            harness.change_row(kind, made)
            harness.wait(300)
            second, _ = self.pulse(harness, since, [kind])
            assert first.marks != second.marks, kind

    def test_whatever_comes_changes_or_goes_gives_its_kind_another_mark(self, harness: BooksHarness) -> None:
        for kind in self.kinds(harness):
            since = harness.now()
            harness.wait(2)
            seen = [self.pulse(harness, since, [kind])[0]]
            made = harness.make_rows(kind, 3)
            seen.append(self.pulse(harness, since, [kind])[0])
            harness.wait(2)
            harness.change_row(kind, made[0])
            seen.append(self.pulse(harness, since, [kind])[0])
            harness.wait(2)
            harness.remove_row(kind, made[1])
            seen.append(self.pulse(harness, since, [kind])[0])
            assert len({pulse.marks[kind] for pulse in seen}) == 4, kind
            totals = [pulse.totals[kind] for pulse in seen]
            assert totals[1] >= totals[0] + 3, kind
            assert totals[2] == totals[1], kind
            assert totals[3] < totals[2], kind

    def test_a_kind_that_is_not_seen_is_lacking_and_takes_no_other_with_it(self, harness: BooksHarness) -> None:
        since = harness.now() - timedelta(hours=1)
        harness.hide_kind("item_price")

        async def run() -> None:
            async with harness.connector() as connector:
                pulse = await connector.pulse(dict.fromkeys(ALL, since))
                assert set(pulse.lacking) == {"item_price"}
                assert pulse.lacking["item_price"]
                assert set(pulse.marks) == {"item", *connector.readings} - {"item_price"}
                calls = connector.calls.total
                assert (await connector.pulse(dict.fromkeys(ALL, since))).lacking == pulse.lacking
                assert connector.calls.total == calls + 1  # what was refused once is not asked for again
                with pytest.raises(NeedsAttention, match="item price") as caught:
                    await collect_books(connector.books_pages("item_price", None))
                assert "\n" not in str(caught.value)
                await collect_books(connector.books_pages("price_level", None))

        asyncio.run(run())

    def test_what_is_remembered_is_not_asked_again(self, harness: BooksHarness) -> None:
        kinds = self.kinds(harness)
        for kind in kinds:
            harness.make_rows(kind, harness.page_size + 1)
        since = harness.now() - timedelta(hours=1)
        memory = AnswerBuffer()

        async def work() -> tuple[Pulse, list[bytes], int]:
            async with harness.connector(memory) as connector:
                pulse = await connector.pulse(dict.fromkeys(ALL, since))
                pages = [page for kind in kinds for page in await collect_books(connector.books_pages(kind, None))]
                return pulse, [raw for page in pages for raw in page.raw], connector.calls.total

        pulse, raw, calls = asyncio.run(work())
        assert calls > 0
        harness.make_rows("customer", 1)
        assert asyncio.run(work()) == (pulse, raw, 0)

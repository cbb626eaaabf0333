"""Nothing is lost between a tick and local midnight, in any zone, at any change of clocks."""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.connectors.netsuite import statements
from hardfin_pipelines.connectors.netsuite.answers import moment_of, offset_between
from hardfin_pipelines_tests.connectors.netsuite.account import NetSuiteAccount

ZONES = [
    ("America/New_York", "M/D/YYYY", datetime(2026, 3, 8, 7, tzinfo=UTC)),  # clocks go forward
    ("America/New_York", "DD.MM.YYYY", datetime(2026, 11, 1, 6, tzinfo=UTC)),  # and back: an hour comes twice
    ("Europe/Berlin", "D.M.YYYY", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", "DD/MM/YYYY", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # by half an hour
    ("Asia/Kathmandu", "YYYY-MM-DD", datetime(2026, 6, 30, 18, 15, tzinfo=UTC)),  # midnight there
    ("Pacific/Kiritimati", "D-Mon-YYYY", datetime(2026, 1, 5, 10, tzinfo=UTC)),  # UTC+14
    ("Pacific/Pago_Pago", "YYYY/MM/DD", datetime(2026, 1, 5, 11, tzinfo=UTC)),  # UTC-11
]


@pytest.mark.parametrize(("zone", "date_format", "turn"), ZONES)
def test_every_change_since_a_moment_is_told_and_no_earlier_one(zone: str, date_format: str, turn: datetime) -> None:
    stamps = [
        turn + timedelta(minutes=each) for each in (-1500, -61, -60, -31, -30, -1, 0, 1, 29, 30, 59, 60, 90, 1500)
    ]
    account = NetSuiteAccount(page_size=1000, time_zone=zone, date_format=date_format)
    made = dict(zip(account.create_items(stamps), stamps, strict=True))
    gone = dict(zip(account.create_items([turn - timedelta(days=9)] * len(stamps)), stamps, strict=True))
    for item_id, at in gone.items():
        account.account.delete("item", item_id, at=at)

    async def run() -> None:
        async with account.connector() as connector:
            for since in [*stamps, turn - timedelta(seconds=1), turn + timedelta(seconds=1)]:
                pages = [page async for page in connector.changed_pages(since.astimezone(ZoneInfo(zone)))]
                changed = {record.id: record.modified_at for page in pages for record in page.records}
                deleted = {each.id: each.at for page in pages for each in page.gone}
                assert changed == {item_id: at for item_id, at in made.items() if at >= since}
                assert deleted == {item_id: at for item_id, at in gone.items() if at >= since}

    with account.serving():
        asyncio.run(run())


NAIVE = datetime.fromisoformat  # hypothesis adds the zone


@given(st.datetimes(NAIVE("2000-01-01"), NAIVE("2100-01-01"), timezones=st.timezones()))
def test_a_moment_is_written_in_utc_and_read_back_whatever_its_zone(at: datetime) -> None:
    literal = statements.moment(at)
    found = moment_of(literal.split("'")[1])
    assert found is not None
    assert timedelta(0) <= at - found < timedelta(seconds=1)  # down, so that nothing of that second is missed


@given(
    st.datetimes(NAIVE("2020-01-01"), NAIVE("2030-01-01"), timezones=st.just(UTC)),
    st.timezones(),
    st.integers(-60, 60),
)
def test_an_offset_is_told_though_the_two_clocks_were_read_apart(now: datetime, zone: ZoneInfo, apart: int) -> None:
    local = now.astimezone(zone)
    offset = local.utcoffset()
    assert offset is not None
    here = local.replace(tzinfo=UTC) + timedelta(seconds=apart)
    assert offset_between(now, here) == offset


def test_times_of_records_are_utc_to_the_second(account: NetSuiteAccount) -> None:
    at = datetime(2026, 1, 10, 23, 59, 59, 999_000, tzinfo=UTC)
    (item,) = account.create_items([at])

    async def run() -> None:
        async with account.connector() as connector:
            (record,) = (await connector.read_items([item])).records
            assert record.modified_at == at.replace(microsecond=0)
            assert record.properties["createddate"] == "2026-01-01 00:00:00"
            pages = [page async for page in connector.changed_pages(at)]
            assert [record.id for page in pages for record in page.records] == [item]

    asyncio.run(run())

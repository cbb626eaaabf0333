import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson
import pytest

from hardfin_pipelines.connectors.base import Page, TriggerQuery
from hardfin_pipelines.connectors.errors import UnknownField, VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.hubspot.requests import Request
from hardfin_pipelines.connectors.hubspot.search import DealSearch
from hardfin_pipelines.sandbox.hubspot import NewStage
from hardfin_pipelines_tests.connectors.conformance import START, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.hubspot.account import SEARCH, WON, HubSpotAccount

LATER = START + timedelta(days=1)


def body_of(query: TriggerQuery, properties: Sequence[str] = ()) -> dict[str, Any]:
    """The first request of a scan."""
    sent: list[Request] = []

    async def ask(request: Request) -> Answer:
        sent.append(request)
        return Answer(200, b'{"total":0,"results":[]}', {}, LATER)

    asyncio.run(DealSearch(ask, query, properties, 200).first())
    body: dict[str, Any] = orjson.loads(sent[0].body)
    return body


def filters_of(body: dict[str, Any]) -> list[dict[str, tuple[str, Any]]]:
    return [
        {each["propertyName"]: (each["operator"], each.get("values", each.get("value"))) for each in group["filters"]}
        for group in body["filterGroups"]
    ]


def scan(account: HubSpotAccount, query: TriggerQuery | None = None) -> list[Page]:
    async def run() -> list[Page]:
        async with account.connector() as connector:
            return await collect(connector.deal_pages(query or account.query(), ()))

    return asyncio.run(run())


def test_one_search_covers_all_pipelines_and_the_stages_deals_passed_through() -> None:
    query = TriggerQuery({"default": (WON,), "77": ("301", "302")}, START, entered_since=LATER)
    body = body_of(query, ["dealname", "pipeline"])
    since = ("GTE", str(int(START.timestamp() * 1000)))
    entered = ("GTE", str(int(LATER.timestamp() * 1000)))
    assert filters_of(body) == [
        {"pipeline": ("IN", ["default", "77"]), "dealstage": ("IN", [WON, "301", "302"]), "hs_lastmodifieddate": since},
        {"hs_v2_date_entered_closedwon": entered, "hs_lastmodifieddate": since},
        {"hs_v2_date_entered_301": entered, "hs_lastmodifieddate": since},
        {"hs_v2_date_entered_302": entered, "hs_lastmodifieddate": since},
    ]
    assert body["sorts"] == [{"propertyName": "hs_lastmodifieddate", "direction": "ASCENDING"}]
    assert body["limit"] == 200
    assert "after" not in body


def test_what_the_rules_need_is_always_asked_for_and_once() -> None:
    body = body_of(TriggerQuery({"default": (WON,)}, START), ["dealname", "pipeline"])
    assert body["properties"] == [
        "pipeline",
        "dealstage",
        "hs_lastmodifieddate",
        "hs_merged_object_ids",
        "hs_is_closed_won",
        "hs_v2_date_entered_closedwon",
        "dealname",
    ]


def test_stages_that_do_not_fit_are_left_to_the_rules_with_what_has_left_the_pipelines() -> None:
    four, five = (tuple(map(str, range(stages))) for stages in (4, 5))
    assert len(filters_of(body_of(TriggerQuery({"default": four}, START, entered_since=LATER)))) == 5

    since = ("GTE", str(int(START.timestamp() * 1000)))
    assert filters_of(body_of(TriggerQuery({"default": five}, START, entered_since=LATER))) == [
        {"pipeline": ("IN", ["default"]), "hs_lastmodifieddate": since},
        {
            "pipeline": ("NOT_IN", ["default"]),
            "hs_v2_date_entered_current_stage": ("GTE", str(int(LATER.timestamp() * 1000))),
            "hs_lastmodifieddate": since,
        },
    ]


@pytest.mark.parametrize(("stages", "searches"), [(1, 1), (3, 1), (4, 2), (7, 2), (8, 3)])
def test_a_census_searches_for_every_stage_that_deals_passed_through_and_for_nothing_else(
    account: HubSpotAccount, stages: int, searches: int
) -> None:
    names = (WON, *(str(each) for each in range(1, stages)))
    for name in names[1:]:
        account.portal.add_stage("default", NewStage(name, Decimal("0.5"), closed=False, id=name))
    won, through, other = account.create_deals(minutes(3))
    for deal in (through, other):
        account.portal.move_deal(deal, "appointmentscheduled", START + timedelta(minutes=10))
    account.portal.move_deal(through, names[-1], LATER + timedelta(minutes=1))
    account.portal.move_deal(through, "appointmentscheduled", LATER + timedelta(minutes=2))
    query = TriggerQuery({"default": names}, START, LATER + timedelta(days=1), LATER)
    before = account.searches()

    async def run() -> list[Page]:
        async with account.connector() as connector:
            return await collect(connector.census_pages(query))

    pages = asyncio.run(run())

    assert sorted(ids_of(pages)) == sorted([won, through])
    assert account.searches() - before == searches
    assert [page.last for page in pages] == [*[False] * (searches - 1), True]
    assert {page.total for page in pages} == ({2} if searches == 1 else {None})


def test_every_request_of_a_scan_stays_within_the_filter_limits() -> None:
    for stages in range(1, 12):
        for before in (None, LATER):
            names = tuple(map(str, range(stages)))
            query = TriggerQuery({"default": names}, START, before, START)
            groups = [len(group) + 1 for group in filters_of(body_of(query))]  # one more to go on by record id
            assert len(groups) <= 5
            assert max(groups) <= 6
            assert sum(groups) <= 18


def test_bounds_are_rounded_to_where_no_stamp_is_lost() -> None:
    odd = START + timedelta(microseconds=1_500)
    query = TriggerQuery({"default": (WON,)}, odd, odd + timedelta(days=1))
    body = body_of(query)
    values = [each["value"] for each in body["filterGroups"][0]["filters"][2:]]
    base = int(START.timestamp() * 1000)
    assert values == [str(base + 1), str(base + 86_400_000 + 2)]


def test_the_epoch_itself_is_never_asked_for() -> None:
    query = TriggerQuery({"default": (WON,)}, datetime(1970, 1, 1, tzinfo=UTC))
    assert filters_of(body_of(query))[0]["hs_lastmodifieddate"] == ("GTE", "1000")


def test_a_query_without_stages_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pipeline with a trigger stage"):
        body_of(TriggerQuery({"default": ()}, START))


def test_a_deal_that_moved_on_after_entering_the_stage_is_found(account: HubSpotAccount) -> None:
    moved, before, never = account.create_deals(minutes(3))
    portal = account.portal
    portal.move_deal(before, "appointmentscheduled", START + timedelta(minutes=10))
    portal.move_deal(never, "appointmentscheduled", START + timedelta(minutes=10))
    portal.move_deal(moved, "appointmentscheduled", START + timedelta(minutes=10))
    portal.move_deal(moved, WON, LATER + timedelta(minutes=1))
    portal.move_deal(moved, "appointmentscheduled", LATER + timedelta(minutes=2))
    query = account.query(entered_since=LATER)
    (page,) = scan(account, query)
    assert ids_of([page]) == [moved]

    async def state() -> dict[str, datetime]:
        async with account.connector() as connector:
            return dict(connector.deal_state(page.records[0]).entered)

    assert asyncio.run(state())[WON] == LATER + timedelta(minutes=1)


def test_stages_of_two_pipelines_are_found_in_one_search(account: HubSpotAccount) -> None:
    pipeline = account.portal.add_pipeline("Renewals", [("Signed", Decimal(1), True), ("Lost", Decimal(0), True)])
    signed = account.portal.schema.pipelines[pipeline]["stages"][0]["id"]
    (deal,) = account.create_deals(minutes(1))
    other = account.portal.create("deals", {"dealname": "R", "pipeline": pipeline, "dealstage": signed})
    found = scan(account, TriggerQuery({"default": (WON,), pipeline: (signed,)}, START, entered_since=START))
    assert set(ids_of(found)) == {deal, other}
    assert account.searches() == 1


def test_a_fresh_stamp_at_the_place_of_an_old_one_hides_nothing(account: HubSpotAccount) -> None:
    """The search index still has the old stamp of the page's last deal; the record shows the new one."""
    deals = account.create_deals(minutes(4 * account.page_size))
    account.portal.settings.search_lag_seconds = 3_600.0
    account.modify(deals[account.page_size - 1])
    assert set(ids_of(scan(account))) == set(deals)


def test_a_fresh_stamp_beyond_the_window_does_not_end_it(account: HubSpotAccount) -> None:
    deals = account.create_deals(minutes(4 * account.page_size))
    account.portal.settings.search_lag_seconds = 3_600.0
    for deal in deals[: account.page_size]:
        account.modify(deal)
    assert set(ids_of(scan(account, account.query(before=LATER)))) == set(deals)


def test_a_fresh_crowd_is_read_by_record_id(account: HubSpotAccount) -> None:
    now = account.sandbox.clock.now()
    deals = account.create_deals([now - timedelta(seconds=each) for each in range(3 * account.page_size)])
    assert sorted(ids_of(scan(account))) == sorted(deals)
    assert account.searches() == 1 + 3


def test_a_scan_of_old_deals_takes_a_page_of_overlap_at_most(account: HubSpotAccount) -> None:
    account.create_deals(minutes(4 * account.page_size))
    scan(account)
    assert account.searches() == 5


def test_more_than_ten_thousand_results_are_paged_without_offsets(account: HubSpotAccount) -> None:
    account.page_size = 200
    account.portal.settings.limits_enabled = False
    tie = [START + timedelta(hours=1)] * 10_050
    deals = account.create_deals([*minutes(100), *tie])
    assert sorted(ids_of(scan(account))) == sorted(deals)


def test_pages_that_stay_empty_are_refused(account: HubSpotAccount) -> None:
    body = '{"total":1,"results":[],"paging":{"next":{"after":"200"}}}'
    account.fault(path=SEARCH, times=None, status=200, body=body)
    with pytest.raises(VendorContractError, match="empty pages"):
        scan(account)


def test_a_deleted_trigger_stage_is_named(account: HubSpotAccount) -> None:
    query = TriggerQuery({"default": ("gone",)}, START, entered_since=START)
    with pytest.raises(UnknownField, match="hs_v2_date_entered_gone"):
        scan(account, query)


def test_an_answer_without_results_is_a_contract_error(account: HubSpotAccount) -> None:
    account.fault(path=SEARCH, status=200, body='{"total":3}')
    with pytest.raises(VendorContractError, match='no list "results"'):
        scan(account)

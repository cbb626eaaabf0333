"""The search index as HubSpot's behaves near now: late, out of order, with places of records that are gone."""

from datetime import timedelta

import pytest

from hardfin_pipelines.sandbox.hubspot import NewRecord
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON


@pytest.fixture
def search(api, portal):
    portal.settings.limits_enabled = False

    def run(**body):
        reply = api.post("/crm/v3/objects/deals/search", json={"limit": 200, **body})
        assert reply.status_code == 200, reply.text
        return reply.json()

    return run


def ids(found):
    return [each["id"] for each in found["results"]]


def test_with_jitter_later_changes_are_found_before_earlier_ones_and_all_in_the_end(search, portal, sandbox):
    portal.settings.change({"search_lag_seconds": 5.0, "search_lag_jitter_seconds": 60.0})
    deals = []
    for _ in range(30):
        deals.append(portal.create("deals", {"dealname": "x"}))
        sandbox.clock.advance(1)
    gaps = 0
    for _ in range(70):
        seen = {deals.index(each) for each in ids(search())}
        gaps += bool(seen) and len(seen) < max(seen) + 1
        sandbox.clock.advance(1)
    assert gaps > 10, "at many moments a newer deal was found while an older one was not"
    assert sorted(ids(search())) == deals


def test_the_same_change_always_takes_the_same_time(portal):
    portal.settings.change({"search_lag_seconds": 5.0, "search_lag_jitter_seconds": 60.0})
    waits = [portal.settings.visible_after_ms(record_id, 77) for record_id in range(200)]
    assert waits == [portal.settings.visible_after_ms(record_id, 77) for record_id in range(200)]
    assert 5_000 <= min(waits) < 10_000
    assert 60_000 < max(waits) <= 65_000
    portal.settings.change({"search_lag_seconds": 0.0, "search_lag_jitter_seconds": 0.0})
    assert portal.visible_at_ms(1, 77) is None


def test_archived_records_keep_their_place_for_a_while_and_pages_come_short_or_empty(search, portal, sandbox):
    portal.settings.search_archived_linger_seconds = 60
    deals = portal.create_many("deals", (NewRecord({"dealname": "x"}, created_at=NOON) for _ in range(9)))
    for deal in [deals[0], *deals[3:6]]:
        portal.archive("deals", deal)
    pages, after = [], "0"
    while after:
        page = search(limit=3, after=after)
        assert page["total"] == 9
        pages.append(ids(page))
        after = page.get("paging", {}).get("next", {}).get("after")
    assert pages == [deals[1:3], [], deals[6:]]
    sandbox.clock.advance(61)
    assert search()["total"] == 5
    portal.restore("deals", deals[0])
    assert sorted(ids(search())) == [deals[0], deals[1], deals[2], *deals[6:]]


def test_a_record_restored_while_it_lingers_is_found_again_with_what_it_holds_now(search, portal, sandbox):
    portal.settings.search_archived_linger_seconds = 60
    deal = portal.create("deals", {"dealname": "A"}, created_at=NOON - timedelta(days=1))
    portal.archive("deals", deal)
    portal.update("deals", deal, {"dealname": "B"})
    portal.restore("deals", deal)
    sandbox.clock.advance(120)
    assert search(filters=[{"propertyName": "dealname", "operator": "EQ", "value": "b"}])["total"] == 1


def test_a_merge_reaches_search_after_the_lag_while_the_old_ones_are_gone_at_once(search, portal, sandbox):
    first, second = (portal.create("deals", {"dealname": name}) for name in "ab")
    portal.settings.search_lag_seconds = 30
    merged = portal.merge_deals(first, second)
    assert search()["total"] == 0
    sandbox.clock.advance(31)
    assert ids(search()) == [merged]


def test_a_touch_over_a_waiting_change_keeps_the_newest(search, portal, sandbox):
    deal = portal.create("deals", {"dealname": "old"})
    portal.settings.search_lag_seconds = 30
    portal.update("deals", deal, {"dealname": "new"})
    sandbox.clock.advance(10)
    portal.touch("deals", [deal])
    sandbox.clock.advance(21)
    named_new = [{"propertyName": "dealname", "operator": "EQ", "value": "new"}]
    assert search(filters=named_new)["total"] == 1
    sandbox.clock.advance(10)
    modified = [{"propertyName": "hs_lastmodifieddate", "operator": "EQ", "value": "2026-03-02T12:00:10Z"}]
    assert search(filters=[*named_new, *modified])["total"] == 1

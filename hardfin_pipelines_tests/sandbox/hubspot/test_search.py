"""Search: operators, limits, paging, the 10,000 cap, index lag."""

from datetime import timedelta

import pytest

from hardfin_pipelines.sandbox.hubspot import NewRecord
from hardfin_pipelines.sandbox.hubspot.values import instant_ms
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

PATH = "/crm/v3/objects/deals/search"


@pytest.fixture
def unlimited(portal):
    portal.settings.limits_enabled = False


@pytest.fixture
def search(api, unlimited):
    def run(*filters, object_type="deals", **body):
        if filters:
            body["filterGroups"] = [{"filters": list(filters)}]
        reply = api.post(f"/crm/v3/objects/{object_type}/search", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    return run


def where(name, operator, value=None, **more):
    given = {"propertyName": name, "operator": operator, **more}
    return given if value is None else {**given, "value": value}


def names(found):
    return [each["properties"]["dealname"] for each in found["results"]]


@pytest.fixture
def four(portal):
    """Deals a to d: amounts 1, 2, 10 and none; a is won, the others open; d is named two words."""
    rows = [
        ("a", "1", "closedwon"),
        ("b", "2", "contractsent"),
        ("c", "10", "contractsent"),
        ("Delta Wing", None, "contractsent"),
    ]
    for number, (name, amount, stage) in enumerate(rows):
        at = NOON - timedelta(hours=10 - number)
        portal.create("deals", {"dealname": name, "amount": amount, "dealstage": stage}, created_at=at)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (where("amount", "EQ", "2.0"), ["b"]),
        (where("amount", "NEQ", "2"), ["a", "c"]),
        (where("amount", "LT", "2"), ["a"]),
        (where("amount", "LTE", "2"), ["a", "b"]),
        (where("amount", "GT", "2"), ["c"]),
        (where("amount", "GTE", "2"), ["b", "c"]),
        (where("amount", "BETWEEN", "2", highValue="10"), ["b", "c"]),
        (where("amount", "IN", values=["1", "10"]), ["a", "c"]),
        (where("amount", "NOT_IN", values=["1", "10"]), ["b"]),
        (where("amount", "HAS_PROPERTY"), ["a", "b", "c"]),
        (where("amount", "NOT_HAS_PROPERTY"), ["Delta Wing"]),
        (where("dealname", "EQ", "DELTA WING"), ["Delta Wing"]),
        (where("dealname", "IN", values=["delta wing"]), ["Delta Wing"]),
        (where("dealname", "IN", values=["Delta Wing"]), []),
        (where("dealname", "CONTAINS_TOKEN", "wing"), ["Delta Wing"]),
        (where("dealname", "CONTAINS_TOKEN", "del*"), ["Delta Wing"]),
        (where("dealname", "CONTAINS_TOKEN", "del"), []),
        (where("dealname", "NOT_CONTAINS_TOKEN", "wing"), ["a", "b", "c"]),
        (where("dealstage", "EQ", "closedwon"), ["a"]),
        (where("dealstage", "EQ", "ClosedWon"), []),
        (where("hs_is_closed_won", "EQ", "true"), ["a"]),
        (where("createdate", "GTE", str(instant_ms(NOON - timedelta(hours=8)))), ["c", "Delta Wing"]),
        (where("hs_lastmodifieddate", "LT", "2026-03-02T03:00:00Z"), ["a"]),
    ],
    ids=lambda value: f"{value['propertyName']}-{value['operator']}" if isinstance(value, dict) else None,
)
def test_operators(search, four, given, expected):
    found = search(given)
    assert names(found) == expected
    assert found["total"] == len(expected)


def test_groups_are_alternatives_and_filters_must_all_hold(search, four):
    groups = [
        {"filters": [where("dealstage", "EQ", "contractsent"), where("amount", "LT", "5")]},
        {"filters": [where("dealname", "EQ", "a")]},
    ]
    assert names(search(filterGroups=groups)) == ["a", "b"]
    assert names(search(filters=[where("dealname", "EQ", "a")])) == ["a"]


def test_no_match_has_no_paging_and_no_link(search, four):
    assert search(where("dealname", "EQ", "zzz")) == {"total": 0, "results": []}


def test_query_looks_into_the_default_text_properties(search, four):
    assert names(search(query="delt win")) == ["Delta Wing"]
    assert names(search(query="nothing")) == []


def test_sorts_by_one_property_either_way(search, four):
    newest_first = [{"propertyName": "createdate", "direction": "DESCENDING"}]
    assert names(search(sorts=newest_first)) == ["Delta Wing", "c", "b", "a"]
    assert names(search(sorts=["-amount"])) == ["c", "b", "a", "Delta Wing"]
    assert names(search(sorts=["amount"])) == ["a", "b", "c", "Delta Wing"]


def test_association_pseudo_property(search, portal, four):
    deal = search(where("dealname", "EQ", "b"))["results"][0]["id"]
    company = portal.create("companies", {"name": "Mill"})
    portal.associate("deals", deal, "companies", company)
    assert names(search(where("associations.company", "EQ", company))) == ["b"]


def test_results_have_default_properties_and_no_associations(search, four):
    record = search(where("dealname", "EQ", "a"))["results"][0]
    assert set(record["properties"]) == {
        "amount", "closedate", "createdate", "dealname", "dealstage", "hs_lastmodifieddate", "hs_object_id", "pipeline",
    }  # fmt: skip
    assert "associations" not in record


def test_archived_records_are_never_found(search, portal, four):
    portal.archive("deals", search(where("dealname", "EQ", "a"))["results"][0]["id"])
    assert names(search()) == ["b", "c", "Delta Wing"]


def test_pages_by_offset_ten_at_a_time(search, portal):
    portal.create_many("deals", (NewRecord({"dealname": str(n)}, created_at=NOON) for n in range(25)))
    first = search()
    assert (len(first["results"]), first["total"], first["paging"]) == (10, 25, {"next": {"after": "10"}})
    last = search(after="20")
    assert names(last) == ["20", "21", "22", "23", "24"]
    assert "paging" not in last


def test_ragged_pages_lose_nothing_and_end_with_an_empty_page(search, portal):
    portal.settings.ragged_search_pages = True
    portal.create_many("deals", (NewRecord({"dealname": str(n)}, created_at=NOON) for n in range(7)))
    seen, sizes = [], []
    page = {"paging": {"next": {"after": "0"}}}
    while "paging" in page:
        page = search(limit=4, after=page["paging"]["next"]["after"])
        seen += names(page)
        sizes.append(len(page["results"]))
    assert seen == [str(n) for n in range(7)]
    assert sizes == [3, 3, 1, 0]


def test_past_ten_thousand_results_is_refused(search, api, portal):
    portal.create_many("deals", (NewRecord({"dealname": "x"}, created_at=NOON) for _ in range(10_001)))
    last = search(limit=200, after="9800")
    assert (last["total"], len(last["results"]), last["paging"]["next"]["after"]) == (10_001, 200, "10000")
    for after in ("10000", "9801"):
        reply = api.post(PATH, json={"limit": 200, "after": after})
        assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


GROUP = {"filters": [where("amount", "GT", "1")]}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 0},
        {"after": "x"},
        {"sorts": ["amount", "dealname"]},
        {"sorts": ["nope"]},
        {"filterGroups": [GROUP] * 6},
        {"filterGroups": [{"filters": GROUP["filters"] * 7}]},
        {"filterGroups": [{"filters": GROUP["filters"] * 5}] * 4},
        {"filterGroups": [{"filters": [where("nope", "EQ", "1")]}]},
        {"filterGroups": [{"filters": [where("amount", "LIKE", "1")]}]},
        {"filterGroups": [{"filters": [where("amount", "EQ", "ten")]}]},
        {"filterGroups": [{"filters": [where("amount", "EQ")]}]},
        {"filterGroups": [{"filters": [where("amount", "IN", "1")]}]},
        {"filterGroups": [{"filters": [{"operator": "EQ"}]}]},
        {"filterGroups": ["x"]},
        {"filterGroups": [{"filters": [where("associations.widget", "EQ", "1")]}]},
        {"offset": 5},
    ],
    ids=str,
)
def test_wrong_searches_are_refused(api, unlimited, body):
    reply = api.post(PATH, json=body)
    assert (reply.status_code, reply.json()["category"]) == (400, "VALIDATION_ERROR")


def test_the_most_filters_that_are_allowed(search, four):
    assert names(search(filterGroups=[{"filters": GROUP["filters"] * 6}] * 3)) == ["b", "c"]
    assert names(search(filterGroups=[{"filters": GROUP["filters"] * 3}] * 5)) == ["b", "c"]


def test_hostile_values_are_data(search, four):
    assert search(where("dealname", "EQ", "a' OR 1=1 --"))["total"] == 0
    assert search(where("dealname", "CONTAINS_TOKEN", "(.["))["total"] == 0
    assert search(query='"\\')["total"] in {0, 4}


def test_the_body_limit_is_off_until_switched_on(api, portal, unlimited):
    body = {"properties": ["dealname"] * 500}
    assert api.post(PATH, json=body).status_code == 200
    portal.settings.search_body_limit = 3_000
    assert api.post(PATH, json=body).status_code == 400


def test_new_records_are_found_after_the_index_lag_only(search, portal, sandbox, api):
    portal.settings.search_lag_seconds = 30
    deal = portal.create("deals", {"dealname": "late"})
    assert search()["total"] == 0
    assert api.get(f"/crm/v3/objects/deals/{deal}").status_code == 200
    sandbox.clock.advance(29)
    assert search()["total"] == 0
    sandbox.clock.advance(2)
    assert names(search()) == ["late"]


def test_changes_match_on_the_old_value_and_show_the_new_one_until_indexed(search, portal, sandbox):
    deal = portal.create("deals", {"dealname": "old", "dealstage": "contractsent"})
    portal.settings.search_lag_seconds = 30
    sandbox.clock.advance(1)
    portal.update("deals", deal, {"dealname": "new", "dealstage": "closedwon"})
    assert search(where("dealstage", "EQ", "closedwon"))["total"] == 0
    assert search(where("hs_lastmodifieddate", "GT", str(instant_ms(NOON))))["total"] == 0
    stale = search(where("dealname", "EQ", "old"))["results"][0]
    assert stale["properties"]["dealname"] == "new"
    assert stale["properties"]["dealstage"] == "closedwon"
    sandbox.clock.advance(10)
    portal.update("deals", deal, {"dealname": "newest"})
    sandbox.clock.advance(21)
    assert search(where("dealname", "EQ", "new"))["total"] == 1
    sandbox.clock.advance(10)
    assert search(where("dealname", "EQ", "newest"))["total"] == 1
    assert search(where("dealstage", "EQ", "closedwon"))["total"] == 1
    portal.settings.search_lag_seconds = 0
    portal.update("deals", deal, {"dealname": "at once"})
    assert search(where("dealname", "EQ", "at once"))["total"] == 1


def test_a_change_that_is_indexed_sooner_replaces_what_was_still_to_come(search, portal, sandbox):
    portal.settings.search_lag_seconds = 30
    deal = portal.create("deals", {"dealname": "first", "dealstage": "contractsent"})
    portal.settings.search_lag_seconds = 0
    portal.update("deals", deal, {"dealstage": "closedwon"})
    for _ in range(2):
        assert search(where("dealstage", "EQ", "closedwon"))["total"] == 1
        sandbox.clock.advance(31)


def test_a_restored_record_is_found_with_what_it_holds_now(search, portal, sandbox):
    deal = portal.create("deals", {"dealname": "A", "dealstage": "contractsent"})
    portal.archive("deals", deal)
    portal.update("deals", deal, {"dealstage": "closedwon"})
    assert search()["total"] == 0
    portal.restore("deals", deal)
    assert search(where("dealstage", "EQ", "closedwon"))["total"] == 1


def test_ids_compare_by_size_or_as_text(search, portal):
    ids = ["7198", "7199", "719869649082"]
    portal.create_many("deals", (NewRecord({"dealname": each}, id=each, created_at=NOON) for each in ids))
    assert names(search(sorts=["hs_object_id"])) == ids
    assert names(search(where("hs_object_id", "GT", "7198"))) == ids[1:]
    portal.settings.search_ids_as_text = True
    assert names(search(sorts=["hs_object_id"])) == ["7198", "719869649082", "7199"]
    assert names(search(where("hs_object_id", "GT", "719869649082"))) == ["7199"]

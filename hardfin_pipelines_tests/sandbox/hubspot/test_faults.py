"""Planned failures by name and by chance, replies that are of no use, and the `Date` the vendor's clock shows."""

import gzip
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import orjson
import pytest

from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.hubspot.vendor_faults import FAULT_NAMES, named_fault
from hardfin_pipelines_tests.sandbox.hubspot.conftest import NOON

DEALS = "/crm/v3/objects/deals"


@pytest.mark.parametrize("name", FAULT_NAMES)
def test_every_named_failure_can_be_planned_over_http(api, control, name):
    planned = control.post("/faults", json={"name": name, "path": "/crm/*", "skip": 1, "times": 1})
    assert planned.status_code == 200, planned.text
    assert api.get(DEALS).status_code == 200
    failed = api.get(DEALS)
    assert failed.status_code == planned.json()["status"]
    assert api.get(DEALS).status_code == 200
    assert control.get("/faults").json()[0]["hits"] == 1
    if name.startswith("gateway"):
        assert failed.headers["content-type"].startswith("text/html")
        assert failed.text.startswith("<html>")
    else:
        assert failed.json()["status"] == "error"


def test_the_daily_limit_comes_in_both_forms(api, sandbox):
    for name, members in (
        ("daily_limit", {"errorType": "RATE_LIMIT", "policyName": "DAILY"}),
        ("daily_limit_without_policy", {"category": "RATE_LIMITS"}),
    ):
        sandbox.faults.add(named_fault(name))
        body = api.get(DEALS).json()
        assert body["message"] == "You have reached your daily limit."
        assert {key: body.get(key) for key in ("errorType", "policyName", "category") if key in body} == members


@pytest.mark.parametrize(
    ("as_date", "expected"), [(False, "86400"), (True, "Tue, 03 Mar 2026 12:00:00 GMT")], ids=["seconds", "date"]
)
def test_retry_after_in_both_forms(api, sandbox, as_date, expected):
    sandbox.faults.add(named_fault("migration", retry_after_as_date=as_date))
    failed = api.get(DEALS)
    assert (failed.status_code, failed.headers["Retry-After"]) == (477, expected)
    sandbox.faults.add(named_fault("locked"))
    assert "Retry-After" not in api.get(DEALS).headers


def test_chance_hits_the_same_requests_for_the_same_seed():
    def hits(seed):
        fault = Fault(status=500, times=None, probability=0.3, seed=seed)
        return [fault.hit_by("GET", "/", None) for _ in range(200)]

    assert hits(1) == hits(1) != hits(2)
    assert 30 < sum(hits(1)) < 90
    assert not any(Fault(probability=0.0).hit_by("GET", "/", None) for _ in range(50))


def test_truncated_gzip_has_the_right_length_and_cannot_be_unpacked(api, portal, sandbox):
    portal.create("deals", {"dealname": "A"})
    sandbox.faults.add(Fault(mangle="truncated_gzip"))
    with api.stream("GET", DEALS) as reply:
        packed = b"".join(reply.iter_raw())
        assert (reply.status_code, reply.headers["content-encoding"]) == (200, "gzip")
        assert len(packed) == int(reply.headers["content-length"])
    with pytest.raises(EOFError):
        gzip.decompress(packed)
    sandbox.faults.add(Fault(mangle="truncated_gzip"))
    try:
        text = api.get(DEALS).text  # httpx may or may not notice by itself
    except httpx.DecodingError:
        text = ""
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(text)


@pytest.mark.parametrize("mangle", ["truncated_json", "html", "empty"])
def test_replies_of_no_use_keep_their_status(api, portal, sandbox, mangle):
    portal.create("deals", {"dealname": "A"})
    sandbox.faults.add(Fault(mangle=mangle))
    reply = api.get(DEALS)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html" if mangle == "html" else "application/json")
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(reply.content)
    assert api.get(DEALS).json()["results"]


def test_a_mangled_write_is_carried_out(api, portal, sandbox):
    sandbox.faults.add(Fault(mangle="empty", method="POST"))
    assert api.post(DEALS, json={"properties": {"dealname": "A"}}).content == b""
    assert portal.count("deals") == 1


@pytest.mark.parametrize(
    "fields", [{"mangle": "shred"}, {"probability": 1.5}, {"probability": -0.1}, {"name": "meteor"}, {"_random": 1}]
)
def test_wrong_plans_are_refused(control, fields):
    reply = control.post("/faults", json=fields)
    assert (reply.status_code, "fault" in reply.json()["error"]) == (400, True)
    assert control.get("/faults").json() == []


def date_of(reply):
    assert len(reply.headers.get_list("date")) == 1
    return parsedate_to_datetime(reply.headers["date"])


def test_the_date_header_is_the_sandboxs_time(api, control, sandbox):
    assert date_of(api.get(DEALS)) == NOON
    control.post("/clock", json={"advance_seconds": 90.7})
    for reply in (api.get(DEALS), api.get("/crm/v3/nowhere"), control.get("/clock")):
        assert date_of(reply) == NOON + timedelta(seconds=90)
    sandbox.faults.add(named_fault("gateway_502"))
    assert date_of(api.get(DEALS)) == NOON + timedelta(seconds=90)
    sandbox.faults.add(named_fault("gateway_502", headers={"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}))
    assert date_of(api.get(DEALS)).year == 1970


def test_a_running_and_a_skewed_clock_show_in_the_date_too(api, control):
    control.post("/clock", json={"set": "2031-05-01T00:00:00Z", "frozen": False})
    assert date_of(api.get(DEALS)) - datetime(2031, 5, 1, tzinfo=UTC) < timedelta(seconds=30)
    control.post("/clock", json={"offset_seconds": -7200})
    behind = datetime.now(UTC) - date_of(api.get(DEALS))
    assert timedelta(minutes=119) < behind < timedelta(minutes=121)
    control.post("/clock", json={"offset_seconds": 0})
    assert abs(datetime.now(UTC) - date_of(api.get(DEALS))) < timedelta(seconds=5)

"""What happens around the API: long URLs, faults, latency, dropped connections, the page for people."""

import time

import httpx
import pytest

from hardfin_pipelines.sandbox.faults import Fault
from hardfin_pipelines.sandbox.hubspot import HubSpotSandbox
from hardfin_pipelines.sandbox.server import SandboxServer

DEALS = "/crm/v3/objects/deals"


def test_a_long_url_gets_414_with_html(api, sandbox):
    reply = api.get(DEALS, params={"properties": "a" * 8_000})
    assert (reply.status_code, reply.headers["content-type"].split(";")[0]) == (414, "text/html")
    assert api.get(DEALS, params={"properties": "a" * 7_000}).status_code == 200
    sandbox.longest_url_bytes = 100
    assert api.get(DEALS, params={"properties": "a" * 100}).status_code == 414


def test_a_wrong_method_is_405(api):
    assert api.put(DEALS).status_code == 405


def test_a_fault_hits_the_requests_it_is_told_to(api, sandbox):
    body = '{"status":"error","message":"locked"}'
    fault = sandbox.faults.add(Fault(path="*/objects/deals", method="GET", skip=1, times=2, status=423, body=body))
    assert [api.get(DEALS).status_code for _ in range(4)] == [200, 423, 423, 200]
    assert api.post(f"{DEALS}/search", json={}).status_code == 200
    assert fault.hits == 2
    assert sandbox.call_log.count(status=423, path=DEALS) == 2


def test_faults_hit_every_nth_request_and_one_account_only(api, server, sandbox):
    other = sandbox.add_portal(7)
    sandbox.faults.add(Fault(account="4242", every=2, times=None, status=429, headers={"Retry-After": "3"}))
    replies = [api.get(DEALS) for _ in range(4)]
    assert [each.status_code for each in replies] == [429, 200, 429, 200]
    assert replies[0].headers["Retry-After"] == "3"
    with httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {other.issue_access_token()}"}) as client:
        assert client.get(DEALS).status_code == 200


@pytest.mark.parametrize("status", [502, 503, 504, 524])
def test_gateway_failures_are_html(api, sandbox, status):
    sandbox.faults.add(Fault.gateway_page(status, path="/crm/*"))
    reply = api.get(DEALS)
    assert (reply.status_code, reply.headers["content-type"].split(";")[0]) == (status, "text/html")
    assert reply.text.startswith("<html>")


@pytest.mark.parametrize("drop", ["before_reply", "inside_reply"])
def test_dropped_connections(api, portal, sandbox, drop):
    portal.create("deals", {"dealname": "A"})
    sandbox.faults.add(Fault(drop=drop))
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        api.get(DEALS)
    assert portal.calls[-1].status == (0 if drop == "before_reply" else 200)
    assert api.get(DEALS).status_code == 200


def test_latency_and_slow_faults(api, sandbox):
    sandbox.faults.latency_ms = 60
    start = time.monotonic()
    api.get(DEALS)
    assert time.monotonic() - start >= 0.06
    sandbox.faults.add(Fault(delay_seconds=0.2))
    start = time.monotonic()
    assert api.get(DEALS).status_code == 200
    assert time.monotonic() - start >= 0.26


@pytest.mark.parametrize(
    "fields", [{"drop": "later"}, {"every": 0}, {"skip": -1}, {"times": 0}, {"status": 99}, {"nope": 1}]
)
def test_wrong_faults_are_refused(fields):
    with pytest.raises(ValueError, match="fault"):
        Fault.from_json(fields)


def test_the_page_for_people_is_escaped_and_counts(server, sandbox, api):
    portal = sandbox.add_portal(7, name="<script>alert(1)</script>")
    portal.create("deals", {"dealname": "A"})
    api.get(DEALS)
    page = httpx.get(server.url)
    assert page.headers["content-type"].startswith("text/html")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "Acme Robotics" in page.text
    assert "Calls in all: 1." in page.text


def test_a_server_of_its_own_starts_on_a_free_port_and_stops():
    sandbox = HubSpotSandbox()
    with SandboxServer(sandbox.app) as server:
        assert httpx.get(f"{server.url}/_sandbox/portals").json() == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
    port = int(server.url.rpartition(":")[2])
    with SandboxServer(sandbox.app, port=port) as first, pytest.raises(OSError, match="in use"):
        SandboxServer(sandbox.app, port=int(first.url.rpartition(":")[2])).start()

"""The control API."""

import httpx
import pytest

PORTAL = "/portals/4242"


def test_a_sales_team_acts_through_it(control, api, portal):
    deal = control.post(
        f"{PORTAL}/objects/deals", json={"properties": {"dealname": "A", "dealstage": "contractsent"}}
    ).json()["id"]
    moved = control.post(
        f"{PORTAL}/deals/{deal}/move", json={"stage": "closedwon", "at": "2026-03-02T11:00:00Z"}
    ).json()
    assert moved["properties"]["hs_v2_date_entered_closedwon"] == "2026-03-02T11:00:00Z"
    assert moved["properties"]["hs_is_closed_won"] == "true"
    changed = control.patch(f"{PORTAL}/objects/deals/{deal}", json={"properties": {"amount": "5"}}).json()
    assert changed["properties"]["amount"] == "5"
    line = control.post(f"{PORTAL}/objects/line_items", json={"properties": {"name": "L"}}).json()["id"]
    ends = {"from_type": "deals", "from_id": deal, "to_type": "line_items", "to_id": line}
    assert control.post(f"{PORTAL}/associations", json=ends).status_code == 200
    read = control.get(f"{PORTAL}/objects/deals/{deal}").json()["properties"]
    assert read["hs_num_of_associated_line_items"] == "1"
    other = portal.create("deals", {"dealname": "B"})
    merged = control.post(f"{PORTAL}/deals/merge", json={"primary": deal, "other": other}).json()["id"]
    assert api.get(f"/crm/v3/objects/deals/{deal}").json()["id"] == merged
    assert control.delete(f"{PORTAL}/objects/deals/{merged}").status_code == 200
    assert portal.count("deals") == 0
    assert control.post(f"{PORTAL}/objects/deals/{merged}/restore").status_code == 200
    assert portal.count("deals") == 1


def test_counts_and_forgets_vendor_calls_but_not_its_own(control, api):
    api.get("/crm/v3/objects/deals")
    api.post("/crm/v3/objects/deals/search", json={})
    calls = control.get("/calls").json()
    assert calls["total"] == 2
    assert calls["by_portal"]["4242"]["by_bucket"] == {"general": 1, "search": 1}
    entry = control.get("/calls/entries").json()[0]
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/crm/v3/objects/deals", 200)
    control.delete("/calls")
    assert control.get("/calls").json()["total"] == 0


def test_sets_the_clock(control, sandbox):
    assert control.post("/clock", json={"advance_seconds": 60}).json() == {
        "now": "2026-03-02T12:01:00+00:00",
        "frozen": True,
    }
    assert control.post("/clock", json={"set": "2026-05-01T00:00:00Z"}).json()["now"] == "2026-05-01T00:00:00+00:00"
    assert control.post("/clock", json={"frozen": False}).json()["frozen"] is False
    assert control.post("/clock", json={"offset_seconds": 5}).status_code == 200
    assert not sandbox.clock.frozen
    assert control.post("/clock", json={"frozen": True}).json()["frozen"] is True
    assert control.get("/clock").json()["frozen"] is True


def test_sets_latency_faults_and_settings(control, api, portal, sandbox):
    assert control.put("/latency", json={"ms": 1.5}).json() == {"ms": 1.5}
    assert sandbox.faults.latency_ms == 1.5
    control.post("/faults", json={"path": "/crm/*", "status": 503, "body": "<html>", "content_type": "text/html"})
    assert api.get("/crm/v3/objects/deals").status_code == 503
    assert control.get("/faults").json()[0]["hits"] == 1
    control.delete("/faults")
    assert control.get("/faults").json() == []
    changed = control.patch(f"{PORTAL}/settings", json={"search_lag_seconds": 2, "retry_after": True}).json()
    assert (changed["search_lag_seconds"], portal.settings.retry_after) == (2, True)
    listed = control.get("/portals").json()
    assert [(each["hub_id"], each["name"]) for each in listed] == [(4242, "Acme Robotics")]
    assert control.get(PORTAL).json()["records"] == {"companies": 0, "deals": 0, "line_items": 0, "products": 0}


@pytest.mark.parametrize("kind", ["access", "static"])
def test_issues_tokens(control, server, kind):
    token = control.post(f"{PORTAL}/tokens", json={"kind": kind, "scopes": ["crm.objects.deals.read"]}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{server.url}/crm/v3/objects/deals", headers=headers).status_code == 200
    assert httpx.get(f"{server.url}/crm/v3/objects/companies", headers=headers).status_code == 403
    refresh = control.post(f"{PORTAL}/tokens", json={"kind": "refresh"}).json()["token"]
    code = control.post(f"{PORTAL}/authorization-codes", json={"redirect_uri": "http://localhost/"}).json()["code"]
    for fields in (
        {"grant_type": "refresh_token", "refresh_token": refresh},
        {"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost/"},
    ):
        body = {**fields, "client_id": "an-app", "client_secret": "its-secret"}
        assert httpx.post(f"{server.url}/oauth/v3/token", data=body).status_code == 200
    assert control.post(f"{PORTAL}/uninstall").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "named"),
    [
        ("POST", "/portals/9/objects/deals", {"properties": {}}, "no portal 9"),
        ("POST", f"{PORTAL}/objects/deals", {}, "properties"),
        ("POST", f"{PORTAL}/objects/deals", {"properties": {"nope": 1}}, "nope"),
        ("POST", f"{PORTAL}/deals/5/move", {"stage": "closedwon"}, "resource not found"),
        ("POST", f"{PORTAL}/tokens", {"kind": "other"}, "refresh, access or static"),
        ("PATCH", f"{PORTAL}/settings", {"nope": 1}, "nope"),
        ("PATCH", f"{PORTAL}/settings", {"retry_after": 3}, "retry_after"),
        ("PATCH", f"{PORTAL}/settings", {"search_per_second": None}, "search_per_second"),
        ("POST", "/clock", {"set": "2026-01-01T00:00:00"}, "time zone"),
        ("POST", "/clock", {}, "advance_seconds"),
        ("PUT", "/latency", {"ms": -1}, "0 or more"),
        ("POST", "/faults", {"nope": 1}, "nope"),
    ],
)
def test_wrong_requests_say_what_is_wrong(control, method, path, body, named):
    reply = control.request(method, path, json=body)
    assert reply.status_code == 400
    assert named in reply.json()["error"]


def test_forms_of_other_sites_are_refused(control):
    reply = control.post(f"{PORTAL}/tokens", data={"kind": "access"})
    assert reply.status_code == 400

"""The control API, the front page, and webhooks' payloads."""

import httpx
import pytest

from hardfin_pipelines_tests.sandbox.quickbooks.conftest import asked, names


@pytest.fixture
def base(company):
    return f"/companies/{company.realm_id}"


def done(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()


def wrong(answer):
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert "\n" not in error
    return error


def test_companies_are_opened_and_described(control, sandbox):
    made = done(
        control.post("/companies", json={"name": "Beta", "country": "DE", "currency": "EUR", "kind": "sandbox"})
    )
    assert (made["name"], made["country"], made["kind"], made["records"]["Account"]) == ("Beta", "DE", "sandbox", 11)
    assert made["settings"]["lossy_latin1"] is False
    assert sandbox.companies[made["realm_id"]].currency == "EUR"
    assert done(control.get("/companies")) == [made]
    assert done(control.get(f"/companies/{made['realm_id']}")) == made


def test_records_over_control(control, base, api):
    parent = done(control.post(f"{base}/records/Item", json={"values": {"Name": "Robots", "Type": "Category"}}))["id"]
    values = {"Name": "Part {n}", "UnitPrice": "1.10", "ParentRef": {"value": parent}}
    ids = done(control.post(f"{base}/records/item/bulk-create", json={"values": values, "count": 3}))["ids"]
    assert names(api, "WHERE Type = 'Service' ORDERBY Id") == ["Part 1", "Part 2", "Part 3"]
    item = f"{base}/records/Item/{ids[0]}"
    at = {"at": "2026-03-02T13:00:00Z"}
    changed = done(control.patch(item, json={"values": {"Sku": "P-1"}, **at}))
    assert (changed["Sku"], changed["MetaData"]["LastUpdatedTime"]) == ("P-1", "2026-03-02T05:00:00-08:00")
    assert done(control.post(f"{item}/deactivate", json={}))["Name"] == "Part 1 (deleted)"
    assert done(control.post(f"{item}/reactivate", json={}))["Name"] == "Part 1"
    assert done(control.post(f"{item}/touch", json={"values": {"QtyOnHand": 4}}))["QtyOnHand"] == 4
    assert done(control.get(item))["SyncToken"] == "3"
    done(control.post(f"{base}/records/Item/merge", json={"winner": ids[0], "losers": [ids[1]]}))
    done(control.delete(f"{base}/records/Item/{ids[2]}"))
    assert asked(api, "SELECT COUNT(*) FROM Item WHERE Type = 'Service'") == {"totalCount": 1}
    rows = [{"Name": "One"}, {"Name": "Two"}]
    assert len(done(control.post(f"{base}/records/Item/bulk-create", json={"rows": rows}))["ids"]) == 2


def test_settings_tokens_and_connections_over_control(control, base, company, sandbox, url):
    assert done(control.patch(f"{base}/settings", json={"calls_per_second": 3}))["calls_per_second"] == 3
    assert done(control.patch("/app/settings", json={"monthly_calls": 7}))["monthly_calls"] == 7
    tokens = done(control.post(f"{base}/tokens", json={}))
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "Accept": "application/json"}
    path = f"{url}/v3/company/{company.realm_id}/preferences"
    assert httpx.get(path, headers=headers).status_code == 200
    assert done(control.post("/app/metered", json={"calls": 5}))["metered_calls"] == 6
    assert done(control.delete(f"{base}/access-tokens"))["ended"] == 1
    assert httpx.get(path, headers=headers).status_code == 401
    assert done(control.post(f"{base}/rotate-elsewhere", json={}))["replaced"] == 1
    assert done(control.post(f"{base}/disconnect", json={}))["ended"] == 1
    assert httpx.get(path, headers=headers).status_code == 403
    done(control.post(f"{base}/tokens", json={"scopes": ["openid"]}))
    assert done(control.delete(f"{base}/tokens"))["ended"] == 1


def test_clock_latency_faults_and_calls_over_control(control, api, sandbox, company):
    assert done(control.post("/clock", json={"set": "2026-03-02T12:30:00Z", "advance": 60}))["frozen"] is True
    assert sandbox.clock.now().isoformat() == "2026-03-02T12:31:00+00:00"
    assert done(control.post("/clock", json={"frozen": False}))["frozen"] is False
    done(control.put("/latency", json={"milliseconds": 5}))
    assert sandbox.faults.latency_ms == 5
    done(control.post("/faults", json={"name": "gateway_502", "path": "*/cdc"}))
    assert [rule["status"] for rule in done(control.get("/faults"))] == [502]
    done(control.delete("/faults"))
    done(control.post("/faults", json={"status": 500, "times": 2}))
    assert [api.get("/preferences").status_code for _ in range(3)] == [500, 500, 200]
    calls = done(control.get("/calls"))
    assert (calls["total"], calls["by_account"][company.realm_id]["by_bucket"]) == (3, {"none": 2, "read": 1})
    entry = done(control.get("/calls/entries"))[-1]
    assert (entry["account"], entry["bucket"], entry["status"]) == (company.realm_id, "read", 200)
    done(control.delete("/calls"))
    assert done(control.get("/calls"))["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("GET", "/companies/42", None, "there is no company '42'; companies here: 913"),
        ("POST", "/companies", {"country": "US"}, "send name"),
        ("POST", "/companies", {"name": "x", "kind": "trial"}, "kind is 'trial'"),
        ("POST", "/companies", {"name": "x", "colour": "red"}, "unknown 'colour'"),
        ("POST", "/companies", {"name": "x", "realm_id": "abc"}, "expected digits"),
        ("PATCH", "{base}/settings", {"speed": 1}, "settings: unknown 'speed'"),
        ("PATCH", "{base}/settings", {"throttled_as": "yaml"}, "expected one of xml, capital, lower"),
        ("PATCH", "{base}/settings", {"limits_enabled": 1}, "expected true or false"),
        ("PATCH", "{base}/settings", {"cdc_cap": -1}, "a whole number of 0 or more"),
        ("PATCH", "{base}/settings", {"visible_after_seconds": "x"}, "a number of 0 or more"),
        ("PATCH", "/app/settings", {"blocked_status": 500}, "expected one of 429, 403"),
        ("POST", "/app/metered", {"calls": "many"}, "calls is 'many'"),
        ("POST", "{base}/records/Widget", {"values": {}}, "there is no entity 'Widget'"),
        ("POST", "{base}/records/Item", {"values": {}}, "Required parameter Name is missing"),
        (
            "POST",
            "{base}/records/Item",
            {"values": {"Name": "x"}, "at": "noon"},
            "at: send a moment with its time zone",
        ),
        ("POST", "{base}/records/Item", {"Name": "x"}, "unknown 'Name'"),
        ("PATCH", "{base}/records/Item/9", {"values": {}}, "Object Not Found"),
        ("POST", "{base}/records/Item/merge", {"winner": "9"}, "losers is missing"),
        ("GET", "{base}/webhook-payload/xml", None, "ask for one of cloud-events, notifications"),
        ("POST", "/faults", {"name": "rain"}, "there is no failure 'rain'"),
        ("POST", "/clock", {"set": "2026-03-02T12:30:00"}, "time zone"),
    ],
)
def test_wrong_requests_get_one_line(control, base, method, path, body, words):
    assert words in wrong(control.request(method, path.format(base=base), json=body))


def test_only_json_is_read(control, base):
    assert "application/json" in wrong(control.post(f"{base}/records/Item", data={"values": "x"}))


def test_webhook_payloads_in_both_forms(control, base, company):
    keep, lose = company.create_many("Item", [{"Name": "One"}, {"Name": "Two"}])
    company.merge("Item", keep, [lose])
    events = done(control.get(f"{base}/webhook-payload/cloud-events"))
    assert [event["type"].split(".")[2] for event in events] == ["created", "created", "merged", "updated"]
    assert events[0] | {"id": "", "source": ""} == {
        "specversion": "1.0",
        "id": "",
        "source": "",
        "type": "qbo.item.created.v1",
        "datacontenttype": "application/json",
        "time": "2026-03-02T12:00:00.000000000Z",
        "intuitentityid": keep,
        "intuitaccountid": company.realm_id,
        "data": {},
    }
    assert len({event["id"] for event in events}) == 4
    [old] = done(control.get(f"{base}/webhook-payload/notifications"))["eventNotifications"]
    assert old["dataChangeEvent"]["entities"][2] == {
        "name": "Item",
        "id": keep,
        "operation": "Merge",
        "lastUpdated": "2026-03-02T04:00:00-08:00",
        "deletedId": lose,
    }


def test_the_front_page_shows_what_it_holds(url, sandbox, company, api):
    sandbox.add_company(name="<Beta & Co>")
    company.create_many("Item", [{"Name": f"Part {n}"} for n in range(1_234)])
    api.get("/preferences")
    page = httpx.get(url).text
    assert "Acme Robotics</td>" in page
    assert '<td class="n">1,234</td>' in page
    assert "&lt;Beta &amp; Co&gt;" in page
    assert "Metered calls this month: 1 of 500,000." in page


def test_paths_that_are_nowhere(url):
    answer = httpx.get(f"{url}/v4/company")
    assert answer.status_code == 404
    assert "SystemFault" in answer.text

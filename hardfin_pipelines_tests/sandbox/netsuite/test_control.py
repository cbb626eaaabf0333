"""The control API: what demos and other processes do to the sandbox."""

from typing import Any

import httpx

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines_tests.sandbox.netsuite.conftest import (
    QUERY,
    asked,
    assertion,
    certificate_of,
    new_key,
    refused,
    rows,
    token_request,
)

_A = "/accounts/1234567_SB1"


def _done(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_items_are_made_changed_stocked_and_deleted(control: httpx.Client, api: httpx.Client):
    item = _done(control.post(f"{_A}/records/inventoryItem", json={"values": {"itemid": "A", "cost": "1.5"}}))["id"]
    place = _done(control.post(f"{_A}/locations", json={"name": "North"}))["id"]
    _done(control.put(f"{_A}/stock", json={"item": item, "location": place, "on_hand": "3", "average_cost": 2}))
    assert rows(api, "SELECT item, quantityonhand FROM aggregateitemlocation") == [
        {"item": item, "quantityonhand": "3"}
    ]
    changed = {"values": {"displayname": "Robot"}, "at": "2026-03-02T13:00:00Z"}
    assert _done(control.patch(f"{_A}/records/item/{item}", json=changed))["values"]["displayname"] == "Robot"
    assert _done(control.get(f"{_A}/records/item/{item}"))["values"]["lastmodifieddate"].startswith("2026-03-02")
    serial = _done(control.post(f"{_A}/records/serializedInventoryItem", json={"values": {"itemid": "S"}}))["id"]
    _done(control.post(f"{_A}/serials", json={"item": serial, "number": "SN-1"}))
    customer = _done(control.post(f"{_A}/records/customer", json={"values": {"entityid": "Initech"}}))["id"]
    line = {"item": item, "quantity": 2, "rate": "9.99"}
    _done(control.post(f"{_A}/sales", json={"type": "SalesOrd", "customer": customer, "lines": [line]}))
    assert rows(api, "SELECT foreigntotal AS t FROM transaction") == [{"t": "19.98"}]
    _done(control.delete(f"{_A}/records/item/{item}"))
    assert rows(api, "SELECT recordid FROM deletedrecord") == [{"recordid": item}]
    many = _done(control.post(f"{_A}/records/location/bulk-create", json={"rows": [{"name": "x"}, {"name": "y"}]}))[
        "ids"
    ]
    assert len(set(many)) == 2
    loaded = _done(control.post(f"{_A}/bulk-load", json={"items": 10, "stock_rows": 15}))
    assert loaded["last_item_id"] - loaded["first_item_id"] == 9


def test_roles_features_and_preferences_are_changed(control: httpx.Client, api: httpx.Client, account: Account):
    _done(control.put(f"{_A}/roles/Hardfin Integration", json={"hidden": ["item.cost"]}))
    assert "Unknown identifier 'cost'" in refused(asked(api, "SELECT cost FROM item"))[2]
    assert "subsidiaries" not in _done(control.patch(f"{_A}/features", json={"subsidiaries": False}))
    assert "was not found" in refused(asked(api, "SELECT id FROM subsidiary"))[2]
    user = _done(control.get(_A))["integration_user_id"]
    _done(control.patch(f"{_A}/users/{user}", json={"date_format": "DD.MM.YYYY", "time_zone": "Europe/Berlin"}))
    assert rows(api, "SELECT CURRENT_DATE AS d FROM dual") == [{"d": "02.03.2026"}]
    made = _done(control.post(f"{_A}/users", json={"name": "Bo", "role": "Administrator", "date_format": "YYYY-MM-DD"}))
    assert made["id"] in account.users
    _done(control.patch(f"{_A}/settings", json={"concurrent_requests": 0}))
    assert asked(api, "SELECT id FROM item").status_code == 429


def test_keys_are_made_over_the_control_api(control: httpx.Client, api: httpx.Client, url: str):
    key = new_key()
    made = _done(control.post(f"{_A}/certificates", json={"pem": certificate_of(key)}))
    assert made["client_id"] == "an-integration"
    assert token_request(url, assertion(key, made["kid"])).status_code == 200
    _done(control.delete(f"{_A}/certificates/{made['kid']}"))
    assert token_request(url, assertion(key, made["kid"])).status_code == 400
    assert set(_done(control.post(f"{_A}/tba-tokens"))) == {"consumer_key", "consumer_secret", "token", "token_secret"}
    assert _done(control.delete(f"{_A}/tokens"))["ended"] == 2
    assert asked(api, "SELECT id FROM item").status_code == 401
    token = _done(control.post(f"{_A}/tokens"))["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Prefer": "transient"}
    assert httpx.post(f"{url}{QUERY}", headers=headers, json={"q": "SELECT id FROM item"}).status_code == 200


def test_clock_latency_faults_calls_and_what_was_at_once(control: httpx.Client, api: httpx.Client, account: Account):
    assert _done(control.post("/clock", json={"advance": 60}))["now"] == "2026-03-02T12:01:00+00:00"
    _done(control.put("/latency", json={"milliseconds": 1}))
    _done(control.post("/faults", json={"name": "concurrency_limit", "path": "*/suiteql", "times": 1}))
    assert [asked(api, "SELECT id FROM item").status_code for _ in range(2)] == [429, 200]
    calls = _done(control.get("/calls"))
    assert calls["by_account"]["1234567_SB1"]["by_status"] == {"429": 1, "200": 1}
    shown = _done(control.get(_A))
    assert (shown["in_flight"], shown["most_in_flight"]) == (0, 1)
    _done(control.delete(f"{_A}/in-flight"))
    assert account.most_in_flight == 0


def test_accounts_are_added_and_listed(control: httpx.Client, sandbox: NetSuiteSandbox, url: str):
    made = _done(control.post("/accounts", json={"account_id": "77", "name": "<Other>", "one_world": False}))
    assert made["host"] == "77.suitetalk.api.netsuite.com"
    assert [each["id"] for each in _done(control.get("/accounts"))] == list(sandbox.accounts)
    assert "&lt;Other&gt;" in httpx.get(url).text


def test_wrong_requests_are_named(control: httpx.Client, account: Account):
    wrong = [
        control.get("/accounts/nowhere"),
        control.post(f"{_A}/records/nope", json={"values": {}}),
        control.post(f"{_A}/records/item", json={"valeus": {}}),
        control.patch(f"{_A}/settings", json={"query_seconds": "long"}),
        control.patch(f"{_A}/features", json={"gravity": True}),
        control.post(f"{_A}/certificates", json={"pem": "x"}),
        control.delete(f"{_A}/certificates/x"),
        control.post(f"{_A}/tokens", json={"user_id": "x"}),
        control.post(f"{_A}/sales", json={"type": "SalesOrd", "customer": "1", "lines": [{"item": "1"}]}),
        control.post("/faults", json={"name": "nope"}),
        control.post("/accounts", json={"account_id": "1234567_SB1"}),
    ]
    assert [answer.status_code for answer in wrong] == [400] * len(wrong)
    assert all(answer.json()["error"] for answer in wrong)
    assert "accounts here: 1234567_SB1" in wrong[0].json()["error"]

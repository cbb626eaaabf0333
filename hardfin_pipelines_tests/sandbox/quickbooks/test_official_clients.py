"""Intuit's own OAuth client and python-quickbooks, as they come from their packages, over https."""

import json
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.exceptions import (
    AuthorizationException,
    ObjectNotFoundException,
    QuickbooksException,
    ValidationException,
)
from quickbooks.objects.account import Account
from quickbooks.objects.company_info import CompanyInfo
from quickbooks.objects.customer import Customer
from quickbooks.objects.invoice import Invoice
from quickbooks.objects.item import Item
from quickbooks.objects.preferences import Preferences
from quickbooks.objects.vendor import Vendor

from hardfin_pipelines.sandbox.quickbooks import AppSettings
from hardfin_pipelines.sandbox.quickbooks.hosts import API_HOSTS
from hardfin_pipelines.sandbox.quickbooks.webhooks import payload, signature
from hardfin_pipelines.sandbox.salesforce.connect_proxy import ConnectProxy
from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, REDIRECT_URI

DISCOVERY = "/.well-known/openid_configuration/"


@pytest.fixture(autouse=True)
def _trust(certificates, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificates.authority))


def auth_client(environment: str) -> AuthClient:
    return AuthClient("an-app", "its-secret", REDIRECT_URI, environment)


def consent(auth: AuthClient, realm_id: str, scopes: list[Scopes], **client_options: Any) -> dict[str, str]:
    """What the browser does: the consent page, the company, and back; the redirect's parameters."""
    url = auth.get_authorization_url(scopes)
    with httpx.Client(**client_options) as browser:
        assert "Securely connect" in browser.get(url).text
        form = {**dict(parse_qsl(urlsplit(url).query)), "realm": realm_id, "decision": "connect"}
        back = browser.post(urlsplit(url)._replace(query="").geturl(), data=form)
    assert back.status_code == 302
    assert back.headers["location"].startswith(f"{REDIRECT_URI}?")
    return dict(parse_qsl(urlsplit(back.headers["location"]).query))


@pytest.fixture
def auth(https_url, sandbox, company) -> AuthClient:
    made = auth_client(https_url + DISCOVERY)
    made.refresh(sandbox.issue_tokens(company).refresh_token)
    return made


@pytest.fixture
def quickbooks(auth, https_url, company) -> Iterator[QuickBooks]:
    made = QuickBooks(auth_client=auth, refresh_token=auth.refresh_token, company_id=company.realm_id, minorversion=75)
    made.api_url_v3 = f"{https_url}/v3"
    yield made
    made.session.close()
    auth.close()


def test_connecting_with_intuits_client(https_url, company, certificates):
    auth = auth_client(https_url + DISCOVERY)
    back = consent(auth, company.realm_id, [Scopes.ACCOUNTING], verify=str(certificates.authority))
    assert set(back) == {"code", "state", "realmId"}
    assert back["state"] == auth.state_token
    auth.get_bearer_token(back["code"], realm_id=back["realmId"])
    assert (auth.expires_in, auth.x_refresh_token_expires_in, auth.id_token) == (3_600, 8_726_400, None)
    before = auth.access_token
    auth.refresh()
    assert auth.access_token != before
    assert auth.revoke() is True
    with pytest.raises(AuthClientError) as refusal:
        auth.refresh()
    assert (refusal.value.status_code, refusal.value.content) == (400, b'{"error":"invalid_grant"}')
    assert refusal.value.intuit_tid
    auth.close()


def test_signing_in_with_intuits_client(https_url, sandbox, company, certificates):
    sandbox.clock.offset_from_machine(0)  # the client compares the token's end with the machine's clock
    auth = auth_client(https_url + DISCOVERY)
    back = consent(auth, company.realm_id, [Scopes.OPENID, Scopes.EMAIL], verify=str(certificates.authority))
    auth.get_bearer_token(back["code"])
    assert auth.id_token is not None
    assert auth.get_user_info().json()["email"] == "admin@example.com"
    auth.close()


def test_unmodified_addresses_work_through_a_proxy(https_url, sandbox, company, certificates, monkeypatch):
    """Even Intuit's own host names: discovery, consent, token, API; a production company is none of a sandbox's."""
    with ConnectProxy(https_url) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        auth = auth_client("production")
        options = {"verify": str(certificates.authority), "proxy": proxy.url, "trust_env": False}
        back = consent(auth, company.realm_id, [Scopes.ACCOUNTING], **options)
        auth.get_bearer_token(back["code"])
        client = QuickBooks(auth_client=auth, company_id=back["realmId"], minorversion=75)
        assert CompanyInfo.all(qb=client)[0].CompanyName == "Acme Robotics"
        client.sandbox = True
        with pytest.raises(QuickbooksException, match="ApplicationAuthorizationFailed"):
            CompanyInfo.all(qb=client)
        client.session.close()
        auth.close()
    assert {"developer.intuit.com", "appcenter.intuit.com", "oauth.platform.intuit.com", *API_HOSTS} <= set(proxy.hosts)


def test_reading_items(quickbooks, company):
    company.create_many("Item", [{"Name": f"Part {n:03}", "Sku": f"P-{n}"} for n in range(150)])
    company.deactivate("Item", "1")
    assert len(Item.all(qb=quickbooks)) == 100
    assert [item.Sku for item in Item.all(order_by="Name", start_position=148, max_results=9, qb=quickbooks)] == [
        "P-148",
        "P-149",
    ]
    assert [item.Id for item in Item.filter(Name="Part 007", qb=quickbooks)] == ["8"]
    assert [item.Id for item in Item.choose(["2", "4"], field="Id", qb=quickbooks)] == ["2", "4"]
    assert [item.Name for item in Item.where("Active = false", qb=quickbooks)] == ["Part 000 (deleted)"]
    assert (Item.count(qb=quickbooks), Item.count("Active IN (true,false)", qb=quickbooks)) == (149, 150)
    assert Item.get(3, qb=quickbooks).Name == "Part 002"
    assert Invoice.all(qb=quickbooks) == []


def test_writing_items(quickbooks, company):
    quickbooks.use_decimal = True
    item = Item()
    item.Name, item.Type, item.UnitPrice = "Driver's seat", "Service", Decimal("10.25")
    item.IncomeAccountRef = Account.get(6, qb=quickbooks).to_ref()
    saved = item.save(qb=quickbooks, request_id="once")
    assert item.save(qb=quickbooks).SyncToken == "1"
    saved.Sku = "too late"
    with pytest.raises(QuickbooksException, match="Stale Object Error"):
        saved.save(qb=quickbooks)
    held = Item.filter(Name="Driver's seat", qb=quickbooks)[0]
    assert (held.UnitPrice, held.SyncToken) == (Decimal("10.25"), "1")
    held.Active = False
    assert held.save(qb=quickbooks).Name == "Driver's seat (deleted)"
    assert company.count("Item") == 1


def test_refusals_reach_the_client_as_its_exceptions(quickbooks, auth, sandbox, company):
    with pytest.raises(ObjectNotFoundException):
        Item.get(99, qb=quickbooks)
    with pytest.raises(ValidationException, match="Error parsing query"):
        Item.where("Name = 'it's'", qb=quickbooks)
    company.settings.limits_enabled = True
    company.settings.calls_per_second = 0
    with pytest.raises(QuickbooksException, match=r"Error reading json response: <.xml .*ThrottleExceeded"):
        Item.all(qb=quickbooks)
    company.settings.limits_enabled = False
    sandbox.tokens.expire_access()
    with pytest.raises(AuthorizationException) as expired:
        Item.all(qb=quickbooks)
    assert "Token expired" in expired.value.detail
    auth.refresh()
    quickbooks.session.token = {"access_token": auth.access_token, "token_type": "Bearer"}
    assert Item.all(qb=quickbooks) == []


def test_change_data_capture(quickbooks, company):
    keep, gone = company.create_many("Item", [{"Name": "Keep"}, {"Name": "Gone"}])
    company.delete("Item", gone, at=NOON + timedelta(seconds=5))
    found = change_data_capture([Item, Customer], "2026-03-02T04:00:00-08:00", qb=quickbooks)
    assert [(each.Id, getattr(each, "status", "")) for each in found.Item] == [(keep, ""), (gone, "Deleted")]
    assert not hasattr(found, "Customer")


def test_batches(quickbooks, company):
    made = []
    for name in ("Ada", "Grace", "Ada"):
        customer = Customer()
        customer.DisplayName = name
        made.append(customer)
    done = batch_create(made, qb=quickbooks)
    assert [each.DisplayName for each in done.successes] == ["Ada", "Grace"]
    assert [each.Error[0].code for each in done.faults] == ["6240"]
    done.successes[0].CompanyName = "Engines"
    assert batch_update(done.successes[:1], qb=quickbooks).successes[0].CompanyName == "Engines"
    assert batch_delete(done.successes[1:], qb=quickbooks).faults[0].Error[0].code == "500"
    assert company.count("Customer") == 2


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Vendor, {"DisplayName": "Parts Ltd", "AcctNum": "7"}),
        (Customer, {"GivenName": "Ada", "FamilyName": "Lovelace"}),
        (Account, {"Name": "Leasing", "AccountType": "Income"}),
    ],
)
def test_writing_other_lists(quickbooks, kind, values):
    made = kind()
    for name, value in values.items():
        setattr(made, name, value)
    saved = made.save(qb=quickbooks)
    saved.Active = False
    assert "(deleted)" in str(saved.save(qb=quickbooks))
    assert kind.get(saved.Id, qb=quickbooks).SyncToken == "1"


def test_a_webhooks_signature_is_the_clients(quickbooks, company):
    company.create("Item", {"Name": "Arm"})
    body = json.dumps(payload([company], "cloud-events"))
    assert quickbooks.validate_webhook_signature(body, signature(body.encode(), "verifier"), "verifier")
    assert not quickbooks.validate_webhook_signature(body, signature(body.encode(), "other"), "verifier")


def test_company_and_preferences(quickbooks, company):
    assert CompanyInfo.get(1, qb=quickbooks).CompanyName == "Acme Robotics"
    assert Preferences.get(qb=quickbooks).AccountingInfoPrefs.CustomerTerminology == "Customers"


def test_the_defaults_are_the_worst_case():
    assert AppSettings().previous_refresh_token_seconds == 0

"""simple-salesforce, unmodified, cannot tell the sandbox from Salesforce."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from simple_salesforce.format import format_soql

from hardfin_pipelines.sandbox.salesforce import Field, Org, SalesforceSandbox
from hardfin_pipelines.sandbox.salesforce.connect_proxy import ConnectProxy
from hardfin_pipelines.sandbox.salesforce.tls import Certificates
from hardfin_pipelines_tests.sandbox.salesforce.conftest import NOON, new_deal


def test_it_queries_pages_and_follows_them_to_the_end(salesforce: Any, org: Org):
    org.create_many("Account", [{"Name": f"Account {number}"} for number in range(4_500)])
    first = salesforce.query("SELECT Id, Name FROM Account")
    assert (first["totalSize"], first["done"], len(first["records"])) == (4_500, False, 2_000)
    second = salesforce.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    assert len(second["records"]) == 2_000
    names = [each["Name"] for each in salesforce.query_all_iter("SELECT Name FROM Account ORDER BY Id")]
    assert names == [f"Account {number}" for number in range(4_500)]
    assert salesforce.query_all("SELECT Id FROM Account")["totalSize"] == 4_500


def test_its_formatted_values_are_understood(salesforce: Any, org: Org):
    new_deal(org, 'O\'Neill \\ "Sons"')
    since = datetime(2026, 3, 2, 11, 59, 59, 500, tzinfo=UTC)
    query = format_soql(
        "SELECT Id FROM Opportunity WHERE Name = {} AND SystemModstamp >= {}", 'O\'Neill \\ "Sons"', since
    )
    assert salesforce.query(query)["totalSize"] == 1
    like = format_soql("SELECT Id FROM Opportunity WHERE Name LIKE '{:like}%'", "O'Neill")
    assert salesforce.query(like)["totalSize"] == 1


def test_deleted_records_come_with_query_all(salesforce: Any, org: Org):
    account = org.create("Account", {"Name": "Gone"})
    org.delete("Account", account)
    assert salesforce.query("SELECT Id FROM Account")["totalSize"] == 0
    found = salesforce.query_all("SELECT Id, IsDeleted FROM Account WHERE IsDeleted = true", include_deleted=True)
    assert [(each["Id"], each["IsDeleted"]) for each in found["records"]] == [(account, True)]


def test_it_describes_objects(salesforce: Any, org: Org):
    listed = {each["name"]: each for each in salesforce.describe()["sobjects"]}
    assert listed["Opportunity"]["keyPrefix"] == "006"
    assert salesforce.Opportunity.metadata()["objectDescribe"]["label"] == "Opportunity"
    fields = {each["name"]: each for each in salesforce.Opportunity.describe()["fields"]}
    assert (fields["Amount"]["type"], fields["Amount"]["precision"], fields["Amount"]["scale"]) == ("currency", 18, 2)
    assert fields["AccountId"]["referenceTo"] == ["Account"]
    assert "Closed Won" in [each["value"] for each in fields["StageName"]["picklistValues"]]


def test_it_reads_and_writes_single_records(salesforce: Any, org: Org):
    org.add_field("Account", Field("Number__c", "string", "Number", 20, external_id=True))
    made = salesforce.Account.create({"Name": "New", "Number__c": "A/12"})
    assert made["success"]
    assert salesforce.Account.get(made["id"][:15])["Name"] == "New"
    assert salesforce.Account.get_by_custom_id("Number__c", "A/12")["Id"] == made["id"]
    assert salesforce.Account.update(made["id"], {"Phone": "1"}) == 204
    assert salesforce.Account.upsert("Number__c/B", {"Name": "Another"}) == 201
    assert salesforce.Account.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        salesforce.Account.get(made["id"])
    assert "ENTITY_IS_DELETED" in str(gone.value)
    org.create_many("Account", [{"Name": "Twin", "Number__c": "T"}] * 2)
    with pytest.raises(SalesforceMoreThanOneRecord):
        salesforce.Account.get_by_custom_id("Number__c", "T")


def test_it_asks_what_changed_and_what_was_deleted(salesforce: Any, org: Org):
    old = org.create("Account", {"Name": "Old"}, at=NOON - timedelta(days=3))
    new, gone = org.create("Account", {"Name": "New"}), org.create("Account", {"Name": "Gone"})
    org.delete("Account", gone)
    start, end = NOON - timedelta(hours=1), NOON + timedelta(minutes=5)
    updated = salesforce.Account.updated(start, end)
    assert old not in updated["ids"]
    assert new in updated["ids"]
    assert updated["latestDateCovered"] == "2026-03-02T12:00:00.000+0000"
    assert [each["id"] for each in salesforce.Account.deleted(start, end)["deletedRecords"]] == [gone]


def test_it_reaches_composite_limits_and_picklists_through_restful(salesforce: Any, org: Org):
    deal = new_deal(org, lines=2)
    query = "/services/data/v62.0/query?q="
    parts = [
        {"method": "GET", "referenceId": "opp", "url": f"{query}SELECT+AccountId+FROM+Opportunity+WHERE+Id='{deal}'"},
        {
            "method": "GET",
            "referenceId": "account",
            "url": "/services/data/v62.0/sobjects/Account/@{opp.records[0].AccountId}?fields=Name",
        },
        {"method": "GET", "referenceId": "bad", "url": f"{query}SELECT+Nope__c+FROM+Opportunity"},
    ]
    answer = salesforce.restful("composite", method="POST", json={"compositeRequest": parts})["compositeResponse"]
    assert [each["httpStatusCode"] for each in answer] == [200, 200, 400]
    assert answer[1]["body"]["Name"] == "Ten robots Inc."
    assert answer[2]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert salesforce.limits()["DailyApiRequests"] == {"Max": 110_000, "Remaining": 109_998}
    assert salesforce.api_usage["api-usage"].used == 2


def test_bulk_2_reads_pages_and_queries_deleted_records(salesforce: Any, org: Org):
    org.create_many(
        "Account", [{"Name": f'He said "{number}"\n', "NumberOfEmployees": number} for number in range(250)]
    )
    pages = list(
        salesforce.bulk2.Account.query(
            "SELECT Id, Name, NumberOfEmployees, Owner.Name, CreatedDate, Phone FROM Account", max_records=100, wait=0
        )
    )
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    assert (len(pages), len(rows)) == (3, 250)
    assert rows[7]["Name"] == 'He said "7"\n'
    assert rows[7]["Owner.Name"] == "Ada Administrator"
    assert (rows[7]["CreatedDate"], rows[7]["Phone"]) == ("2026-03-02T12:00:00.000Z", "")
    org.delete("Account", rows[0]["Id"])
    everything = list(salesforce.bulk2.Account.query_all("SELECT Id FROM Account", wait=0))
    assert len(list(csv.DictReader(io.StringIO(everything[0])))) == 250


def test_an_expired_session_is_named_and_can_be_replaced(salesforce: Any, sandbox: SalesforceSandbox, org: Org):
    sandbox.clock.advance(7_201)
    with pytest.raises(SalesforceExpiredSession) as expired:
        salesforce.query("SELECT Id FROM Account")
    assert "[{'message': 'Session expired or invalid', 'errorCode': 'INVALID_SESSION_ID'}]" in str(expired.value)
    fresh = sandbox.session(org)
    salesforce._salesforce_login_partial = lambda: (fresh, salesforce.sf_instance)
    assert salesforce.query("SELECT Id FROM Account")["totalSize"] == 0


def test_refusals_are_its_exceptions(salesforce: Any, org: Org):
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_TYPE"):
        salesforce.query("SELECT Id FROM Nothing__c")
    org.settings.daily_calls = 1
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        salesforce.query("SELECT Id FROM Account")


@pytest.fixture
def proxied(https_url: str, web: requests.Session, monkeypatch: pytest.MonkeyPatch):
    """A session whose every host is the sandbox, as the environment says."""
    with ConnectProxy(https_url) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("https_proxy", proxy.url)
        yield web, proxy


def test_client_credentials_log_in_at_my_domain_and_nowhere_else(proxied, org: Org, sandbox: SalesforceSandbox):
    web, proxy = proxied
    keys: dict[str, Any] = {"consumer_key": "an-app", "consumer_secret": "its-secret"}
    client = Salesforce(**keys, domain="acme.my", session=web)
    assert client.sf_instance == "acme.my.salesforce.com"
    assert client.query("SELECT Id FROM Account")["totalSize"] == 0
    assert set(proxy.hosts) == {"acme.my.salesforce.com"}
    refused = web.post(
        "https://login.salesforce.com/services/oauth2/token",
        {"grant_type": "client_credentials", "client_id": "an-app", "client_secret": "its-secret"},
    )
    assert refused.status_code == 400
    assert refused.json() == {
        "error": "invalid_grant",
        "error_description": "request not supported on this domain",
    }
    sandbox.tokens.policy(org).run_as = None
    with pytest.raises(SalesforceAuthenticationFailed, match="no client credentials user enabled"):
        Salesforce(**keys, domain="acme.my", session=web)


def test_a_jwt_logs_in_once_the_user_is_approved(proxied, org: Org, sandbox: SalesforceSandbox):
    web, _ = proxied
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    sandbox.tokens.app.certificate = public.decode()
    sandbox.clock.run()
    sandbox.clock.offset_from_machine(0)
    username = org.record("User", org.integration_user_id)["Username"]
    login: dict[str, Any] = {"username": username, "consumer_key": "an-app", "privatekey": pem, "session": web}
    with pytest.raises(SalesforceAuthenticationFailed, match="user hasn't approved this consumer"), pytest.warns():
        Salesforce(**login)
    sandbox.tokens.policy(org).approved_users.add(org.integration_user_id)
    client = Salesforce(**login)
    assert client.sf_instance == "acme.my.salesforce.com"
    assert client.query("SELECT Id FROM Account")["totalSize"] == 0
    wrong = jwt.encode({"iss": "an-app", "sub": username, "aud": "https://elsewhere.example", "exp": 1}, pem, "RS256")
    answer = web.post(
        "https://login.salesforce.com/services/oauth2/token",
        {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": wrong},
    )
    assert answer.json()["error_description"] == "Audience validation failed"


def test_the_passwords_of_old_constructors_are_refused(proxied, org: Org):
    web, _ = proxied
    name: dict[str, Any] = {"username": "a@b.example", "password": "p", "session": web}
    with pytest.raises(SalesforceAuthenticationFailed, match="SOAP API login\\(\\) is disabled by default in this org"):
        Salesforce(**name, security_token="t")
    with pytest.raises(SalesforceAuthenticationFailed, match="unsupported_grant_type"):
        Salesforce(**name, consumer_key="an-app", consumer_secret="its-secret")


def test_the_authoritys_key_is_kept_nowhere(certificates: Certificates):
    assert certificates.authority.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert "PRIVATE KEY" not in certificates.authority.read_text()
    assert certificates.server.stat().st_mode & 0o077 == 0

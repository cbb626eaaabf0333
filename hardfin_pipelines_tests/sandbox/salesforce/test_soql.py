"""SOQL: what is found, in which order and shape, and how a wrong query is refused."""

from datetime import timedelta

import httpx
import pytest

from hardfin_pipelines.sandbox.salesforce import Field, Org, PicklistValue
from hardfin_pipelines_tests.sandbox.salesforce.conftest import NOON, add_lines, found, new_deal, refused


def _names(api: httpx.Client, condition: str, rest: str = "") -> list[str]:
    return [
        each["Name"]
        for each in found(api, f"SELECT Name FROM Account WHERE {condition} ORDER BY Name {rest}")["records"]
    ]


@pytest.fixture
def accounts(org: Org) -> None:
    org.add_field("Account", Field("Tags__c", "multipicklist", "Tags", 255))
    rows = [
        {"Name": "alpha", "NumberOfEmployees": 1, "AnnualRevenue": "10", "Tags__c": "a;b", "Phone": "1_1"},
        {"Name": "Beta", "NumberOfEmployees": 2, "AnnualRevenue": "20.5", "Tags__c": "b"},
        {"Name": "Gamma 100%", "NumberOfEmployees": 3, "Tags__c": "ab", "Phone": "111"},
    ]
    for age, row in enumerate(rows):
        org.create("Account", row, at=NOON - timedelta(days=age * 40))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("Name = 'ALPHA'", ["alpha"]),
        ("Name != 'alpha'", ["Beta", "Gamma 100%"]),
        ("Name LIKE '%A'", ["alpha", "Beta"]),
        (r"Name LIKE '%100\%'", ["Gamma 100%"]),
        (r"Phone LIKE '1\_1'", ["alpha"]),
        ("Name IN ('BETA', 'alpha')", ["alpha", "Beta"]),
        ("Phone NOT IN ('111')", ["alpha", "Beta"]),
        ("Phone != '111'", ["alpha", "Beta"]),
        ("Phone = null", ["Beta"]),
        ("NOT Phone = '111'", ["alpha", "Beta"]),
        ("NumberOfEmployees >= 2 AND (NumberOfEmployees < 3 OR Name = 'x')", ["Beta"]),
        ("AnnualRevenue > 10.4", ["Beta"]),
        ("AnnualRevenue >= 10", ["alpha", "Beta"]),
        ("Tags__c INCLUDES ('a')", ["alpha"]),
        ("Tags__c INCLUDES ('a;b', 'ab')", ["alpha", "Gamma 100%"]),
        ("Tags__c EXCLUDES ('b')", ["Gamma 100%"]),
        ("CreatedDate = TODAY", ["alpha"]),
        ("CreatedDate = LAST_N_DAYS:50", ["alpha", "Beta"]),
        ("CreatedDate < THIS_MONTH", ["Beta", "Gamma 100%"]),
        ("CreatedDate > 2026-01-01T00:00:00Z", ["alpha", "Beta"]),
        ("CreatedDate = 2026-03-02T07:00:00.900-05:00", ["alpha"]),
        ("Owner.Name LIKE 'Ada%' AND IsDeleted = false", ["alpha", "Beta", "Gamma 100%"]),
        ("CALENDAR_MONTH(CreatedDate) = 3", ["alpha"]),
    ],
)
def test_conditions_find_what_salesforce_finds(api: httpx.Client, accounts: None, condition: str, expected: list[str]):
    assert _names(api, condition) == expected


def test_order_puts_nulls_where_it_is_told_and_ignores_case(api: httpx.Client, accounts: None):
    query = "SELECT Phone FROM Account ORDER BY Phone {}"
    phones = {
        way: [each["Phone"] for each in found(api, query.format(way))["records"]] for way in ("ASC", "DESC NULLS LAST")
    }
    assert phones == {"ASC": [None, "111", "1_1"], "DESC NULLS LAST": ["1_1", "111", None]}
    assert _names(api, "Name != ''", "LIMIT 1 OFFSET 1") == ["Beta"]


def test_parents_are_nested_and_null_where_there_is_none(api: httpx.Client, org: Org):
    deal = new_deal(org, Amount="32")
    orphan = org.create("Opportunity", {"Name": "Orphan", "StageName": "Prospecting", "CloseDate": "2026-01-01"})
    records = found(
        api,
        "SELECT Id, Amount, Account.Name, Account.Owner.Alias, Account.ShippingAddress FROM Opportunity ORDER BY Id",
    )["records"]
    by_id = {each["Id"]: each for each in records}
    assert by_id[deal]["Account"]["Name"] == "Ten robots Inc."
    assert by_id[deal]["Account"]["Owner"]["attributes"]["type"] == "User"
    assert by_id[deal]["Account"]["ShippingAddress"]["city"] == "Boston"
    assert by_id[orphan]["Account"] is None
    answer = api.get("/query", params={"q": f"SELECT Amount FROM Opportunity WHERE Id = '{deal[:15]}'"})
    assert b'"Amount":32.0' in answer.content


def test_line_items_come_below_their_opportunity_or_as_null(api: httpx.Client, org: Org):
    deal, bare = new_deal(org, lines=3), new_deal(org, "Bare")
    query = "SELECT Id, (SELECT Quantity, Product2.Name FROM OpportunityLineItems ORDER BY Id LIMIT 2) FROM Opportunity"
    answer = api.get("/query", params={"q": query})
    lines = {each["Id"]: each["OpportunityLineItems"] for each in answer.json()["records"]}
    assert lines[bare] is None
    assert (lines[deal]["totalSize"], lines[deal]["done"]) == (2, True)
    assert lines[deal]["records"][0]["Product2"]["Name"] == "Robot"
    assert b'"Quantity":2.00' in answer.content


def test_children_count_towards_the_page_and_overflow_into_their_own_pages(api: httpx.Client, org: Org):
    deals = [new_deal(org, f"Deal {number}", lines=count) for number, count in enumerate((150, 450, 20))]
    headers = {"Sforce-Query-Options": "batchSize=200"}
    query = "SELECT Id, (SELECT Id FROM OpportunityLineItems) FROM Opportunity ORDER BY Id"
    page = api.get("/query", params={"q": query}, headers=headers).json()
    seen: dict[str, list[str]] = {}
    pages = 0
    while True:
        pages += 1
        for record in page["records"]:
            children = record["OpportunityLineItems"]
            seen[record["Id"]] = [each["Id"] for each in children["records"]]
            assert 1 + len(seen[record["Id"]]) <= 200
            while not children["done"]:
                children = api.get(httpx.URL(str(api.base_url)).join(children["nextRecordsUrl"])).json()
                seen[record["Id"]] += [each["Id"] for each in children["records"]]
        if page["done"]:
            break
        page = api.get(httpx.URL(str(api.base_url)).join(page["nextRecordsUrl"])).json()
    assert pages == 3
    assert {key: len(set(ids)) for key, ids in seen.items()} == dict(zip(deals, (150, 450, 20), strict=True))


def test_sub_queries_may_have_sub_queries_since_version_58(api: httpx.Client, org: Org):
    new_deal(org, lines=2)
    new_deal(org, "Other", lines=1)
    query = "SELECT Id, (SELECT Id, (SELECT Id FROM OpportunityLineItems) FROM Opportunities) FROM Account ORDER BY Id"
    deals = [each["Opportunities"]["records"][0] for each in found(api, query)["records"]]
    assert [each["OpportunityLineItems"]["totalSize"] for each in deals] == [2, 1]
    older = httpx.URL(str(api.base_url)).join("/services/data/v57.0/query")
    assert api.get(older, params={"q": query}).status_code == 400


def test_a_group_may_be_a_parents_field_or_a_part_of_a_date(api: httpx.Client, org: Org):
    for _ in range(2):
        new_deal(org)
    query = "SELECT Account.Name, COUNT(Id) FROM Opportunity GROUP BY Account.Name HAVING COUNT(Id) > 1"
    assert found(api, query)["records"][0]["expr0"] == 2
    query = "SELECT CALENDAR_YEAR(CloseDate) year, COUNT(Id) n FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate)"
    assert [(each["year"], each["n"]) for each in found(api, query)["records"]] == [(2026, 2)]


def test_semi_joins_and_anti_joins(api: httpx.Client, org: Org):
    deal, bare = new_deal(org, "Full", lines=1), new_deal(org, "Bare", stage="Prospecting")
    inner = "(SELECT OpportunityId FROM OpportunityLineItem WHERE Quantity > 1)"
    assert [each["Id"] for each in found(api, f"SELECT Id FROM Opportunity WHERE Id IN {inner}")["records"]] == [deal]
    assert [each["Id"] for each in found(api, f"SELECT Id FROM Opportunity WHERE Id NOT IN {inner}")["records"]] == [
        bare
    ]


def test_counts_and_groups(api: httpx.Client, org: Org):
    for number in range(3):
        new_deal(org, f"Deal {number}", lines=number, Amount=None)
    assert found(api, "SELECT COUNT() FROM OpportunityLineItem WHERE Opportunity.IsWon = true") == {
        "totalSize": 3,
        "done": True,
        "records": [],
    }
    [row] = found(api, "SELECT StageName, COUNT(Id), MAX(Amount) most FROM Opportunity GROUP BY StageName")["records"]
    assert row == {"attributes": {"type": "AggregateResult"}, "StageName": "Closed Won", "expr0": 3, "most": 41.0}
    assert refused(api, "SELECT Name, COUNT(Id) FROM Account")[0] == "MALFORMED_QUERY"


def test_labels_and_all_fields(api: httpx.Client, org: Org):
    new_deal(org)
    org.rename_stage("Closed Won", "Gewonnen")
    [record] = found(api, "SELECT toLabel(StageName) shown, StageName FROM Opportunity")["records"]
    assert (record["shown"], record["StageName"]) == ("Gewonnen", "Closed Won")
    assert "MasterRecordId" in found(api, "SELECT FIELDS(ALL) FROM Account LIMIT 200")["records"][0]
    assert (
        refused(api, "SELECT FIELDS(ALL) FROM Account")[1]
        == "The SOQL FIELDS function must have a LIMIT of at most 200"
    )


def test_an_unknown_column_is_shown_with_its_place(api: httpx.Client):
    code, text = refused(api, "SELECT Bacon__c FROM Account LIMIT 2")
    assert code == "INVALID_FIELD"
    assert text == (
        "\nSELECT Bacon__c FROM Account LIMIT 2\n       ^\nERROR at Row:1:Column:8\n"
        "No such column 'Bacon__c' on entity 'Account'. If you are attempting to use a custom field, be sure to append "
        "the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate "
        "names."
    )


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("SELECT Id FROM XYZZY", "INVALID_TYPE", "sObject type 'XYZZY' is not supported."),
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'Account'"),
        ("SELECT Id, FROM Account", "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Name='a' AND Name='b' OR Name='c'", "MALFORMED_QUERY", "unexpected token: 'OR'"),
        ("SELECT Name n FROM Account", "MALFORMED_QUERY", "Only aggregate expressions use field aliasing"),
        ("SELECT Id, Id FROM Account", "MALFORMED_QUERY", "duplicate field selected: Id"),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: x"),
        (
            "SELECT Id FROM Account WHERE Id LIKE '001%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "Invalid operator on id field",
        ),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered in a query call"),
        ("SELECT Id FROM Account ORDER BY Description", "INVALID_FIELD", "can not be sorted in a query call"),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2026'",
            "INVALID_FIELD",
            "must be of type dateTime and should not",
        ),
        ("SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD", "must be of type string and should be enclosed"),
        ("SELECT Id FROM Account WHERE Nope.Name = 'x'", "INVALID_FIELD", "Didn't understand relationship 'Nope'"),
        ("SELECT (SELECT Id FROM Nopes) FROM Account", "INVALID_TYPE", "Didn't understand relationship 'Nopes'"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Id FROM ContentDocumentLink", "MALFORMED_QUERY", "requires a filter by a single Id"),
        ("SELECT CurrencyIsoCode FROM Account", "INVALID_FIELD", "No such column 'CurrencyIsoCode'"),
        ("SELECT IsoCode FROM CurrencyType", "INVALID_TYPE", "sObject type 'CurrencyType'"),
    ],
)
def test_wrong_queries_are_refused_in_salesforces_words(api: httpx.Client, query: str, code: str, text: str):
    refusal = refused(api, query)
    assert refusal[0] == code
    assert text in refusal[1]


def test_a_backslash_is_itself_in_like_and_in_equality(api: httpx.Client, org: Org):
    org.create("Account", {"Name": "a\\b"})
    for operator in ("=", "LIKE"):
        assert found(api, rf"SELECT Id FROM Account WHERE Name {operator} 'a\\b'")["totalSize"] == 1


def test_a_value_never_becomes_sql(api: httpx.Client, org: Org):
    org.create("Account", {"Name": "x'); DROP TABLE Account; --"})
    query = r"SELECT Id FROM Account WHERE Name = 'x\'); DROP TABLE Account; --'"
    assert found(api, query)["totalSize"] == 1
    org.create("Account", {"Name": 'a"b'})
    assert found(api, "SELECT Id FROM Account")["totalSize"] == 2


def test_custom_objects_are_reached_by_their_relationships(api: httpx.Client, org: Org):
    org.add_object("Site__c", "Site")
    org.add_field("Opportunity", Field("Site__c", "reference", "Site", refers_to=("Site__c",), children="Deals__r"))
    org.add_field("Site__c", Field("Kind__c", "picklist", "Kind", 40, picklist=(PicklistValue("w", "Warehouse"),)))
    site = org.create("Site__c", {"Name": "Hall 9", "Kind__c": "w"})
    deal = new_deal(org, Site__c=site)
    [record] = found(api, "SELECT Site__r.Name, toLabel(Site__r.Kind__c) FROM Opportunity")["records"]
    assert (record["Site__r"]["Name"], record["Site__r"]["Kind__c"]) == ("Hall 9", "Warehouse")
    [below] = found(api, "SELECT (SELECT Id FROM Deals__r) FROM Site__c")["records"]
    assert [each["Id"] for each in below["Deals__r"]["records"]] == [deal]


def test_multi_currency_rows_have_a_currency_and_can_be_converted(sandbox, url: str):
    org = sandbox.add_org("global", currency="USD", additional_currencies=["EUR"])
    table = org.store.mappings(org.store.table(org.schema.known("CurrencyType")).select())
    euro = next(each["Id"] for each in table if each["IsoCode"] == "EUR")
    org.update("CurrencyType", euro, {"ConversionRate": "0.8"})
    deal = new_deal(org, CurrencyIsoCode="EUR")
    org.update("Opportunity", deal, {"Amount": "80"})
    headers = {"Authorization": f"Bearer {sandbox.session(org)}"}
    with httpx.Client(base_url=f"{url}/services/data/v62.0", headers=headers) as client:
        query = "SELECT CurrencyIsoCode, Amount, convertCurrency(Amount) own FROM Opportunity"
        [record] = found(client, query)["records"]
        assert (record["CurrencyIsoCode"], record["Amount"], record["own"]) == ("EUR", 80.0, 100.0)
        assert (
            found(client, "SELECT IsoCode FROM CurrencyType WHERE IsCorporate = true")["records"][0]["IsoCode"] == "USD"
        )


def test_a_line_changes_its_opportunitys_amount_and_stamps(api: httpx.Client, org: Org):
    deal = new_deal(org, stage="Closed Won")
    org.clock.advance(60)
    [line] = add_lines(org, deal, 1)
    held = org.record("Opportunity", deal)
    assert (str(held["Amount"]), held["HasOpportunityLineItem"]) == ("20.50", True)
    assert held["SystemModstamp"] == NOON + timedelta(seconds=60)
    org.clock.advance(60)
    org.update("OpportunityLineItem", line, {"Description": "no money moves"})
    assert org.record("Opportunity", deal)["SystemModstamp"] == NOON + timedelta(seconds=60)
    assert (held["IsWon"], held["Probability"], held["FiscalQuarter"]) == (True, 100, 1)

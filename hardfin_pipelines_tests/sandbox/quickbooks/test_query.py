"""The query language: what it finds, and what it refuses with which words."""

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256

import pytest

from hardfin_pipelines_tests.sandbox.quickbooks.conftest import NOON, asked, client_of, names, refused


@pytest.fixture
def items(company):
    """Four items, made a minute apart; Dock is inactive."""
    rows = [
        {"Name": "Arm", "Sku": "ARM-1", "Type": "Inventory", "UnitPrice": "250.5"},
        {"Name": "Bin picker", "Sku": "10%", "Type": "NonInventory", "UnitPrice": 80, "Taxable": True},
        {"Name": "Driver's seat", "Type": "Service", "UnitPrice": "1000"},
        {"Name": "Dock", "Sku": "arm-1", "Type": "Service"},
    ]
    ids = [company.create("Item", row, at=NOON + timedelta(minutes=n)) for n, row in enumerate(rows)]
    company.deactivate("Item", ids[3], at=NOON + timedelta(minutes=9))
    return ids


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("", ["Arm", "Bin picker", "Driver's seat"]),
        ("WHERE Active = true", ["Arm", "Bin picker", "Driver's seat"]),
        ("WHERE Active = false", ["Dock (deleted)"]),
        ("WHERE Active IN (true,false)", ["Arm", "Bin picker", "Dock (deleted)", "Driver's seat"]),
        ("where active in (true, 'false') orderby name desc", ["Driver's seat", "Dock (deleted)", "Bin picker", "Arm"]),
        ("WHERE Name = 'Driver\\'s seat'", ["Driver's seat"]),
        ("WHERE Sku = 'ARM-1'", ["Arm"]),
        ("WHERE Sku = 'ARM-1' AND Active IN (true,false)", ["Arm", "Dock (deleted)"]),
        ("WHERE Name LIKE '%i%' AND Type = 'NonInventory'", ["Bin picker"]),
        ("WHERE Sku LIKE '10%'", ["Bin picker"]),
        ("WHERE Sku LIKE '1_%'", []),
        ("WHERE Taxable = true", ["Bin picker"]),
        ("WHERE Id IN ('1', '3')", ["Arm", "Driver's seat"]),
        ("WHERE Id > '2'", ["Driver's seat"]),
        ("WHERE Name >= 'B' AND Name < 'D'", ["Bin picker"]),
        ("WHERE Metadata.LastUpdatedTime > '2026-03-02T12:00:00Z'", ["Bin picker", "Driver's seat"]),
        ("WHERE MetaData.LastUpdatedTime >= '2026-03-02T04:02:00-08:00'", ["Driver's seat"]),
        ("WHERE MetaData.LastUpdatedTime <= '2026-03-02T04:00:00.000-08:00'", ["Arm"]),
        ("WHERE MetaData.CreateTime >= '2026-03-02T04:02:00'", ["Driver's seat"]),
        ("WHERE MetaData.CreateTime >= '2026-03-03'", []),
        ("ORDERBY UnitPrice", ["Bin picker", "Arm", "Driver's seat"]),
        ("ORDER BY Metadata.LastUpdatedTime DESC", ["Driver's seat", "Bin picker", "Arm"]),
        ("ORDERBY Type DESC, Name ASC", ["Driver's seat", "Bin picker", "Arm"]),
        ("STARTPOSITION 2 MAXRESULTS 1", ["Bin picker"]),
        ("STARTPOSITION 0 MAXRESULTS 1", ["Arm"]),
        ("STARTPOSITION 9", []),
    ],
)
def test_conditions_orders_and_pages(api, condition, found):
    assert names(api, condition) == found


@pytest.mark.usefixtures("items")
def test_a_page_says_where_it_starts_and_how_many_it_has(api):
    page = asked(api, "SELECT * FROM Item STARTPOSITION 2 MAXRESULTS 50")
    assert list(page) == ["Item", "startPosition", "maxResults"]
    assert (page["startPosition"], page["maxResults"]) == (2, 2)
    assert asked(api, "SELECT * FROM Item WHERE Name = 'nothing'") == {}


@pytest.mark.usefixtures("items")
def test_counting(api):
    assert asked(api, "select count(*) from Item") == {"totalCount": 3}
    assert asked(api, "SELECT COUNT(*) FROM item WHERE Active IN (true, false) ") == {"totalCount": 4}


@pytest.mark.usefixtures("items")
def test_columns(api):
    page = asked(api, "SELECT Name, Sku, MetaData.LastUpdatedTime FROM Item WHERE Name = 'Arm'")
    assert page["Item"] == [
        {
            "Name": "Arm",
            "Sku": "ARM-1",
            "domain": "QBO",
            "sparse": True,
            "Id": "1",
            "MetaData": {"LastUpdatedTime": "2026-03-02T04:00:00-08:00"},
        }
    ]
    assert asked(api, "SELECT *, Sku FROM Item WHERE Name = 'Arm'")["Item"][0]["UnitPrice"] == 250.5


def test_without_a_number_a_page_has_a_hundred_rows(api, company):
    company.create_many("Item", [{"Name": f"Part {n:04}"} for n in range(1_001)])
    assert len(asked(api, "SELECT * FROM Item")["Item"]) == 100
    assert len(asked(api, "SELECT * FROM Item MAXRESULTS 1000")["Item"]) == 1_000


@pytest.mark.parametrize(
    ("statement", "code", "words"),
    [
        ("", "4000", "The query provided was empty"),
        ("SELECT", "4000", 'Encountered "<EOF>" at line 1, column 6.'),
        ("SELECT * FROM Item WHERE", "4000", 'Encountered "<EOF>" at line 1, column 24.'),
        ("SELECT * FROM Item WHERE Name = 'Driver's'", "4000", 'Encountered " <IDENTIFIER> "s "" at line 1, column 41'),
        ("SELECT * FROM Item WHERE Name % 'x'", "4000", 'Lexical error at line 1, column 31.  Encountered: "%" (37)'),
        ("SELECT * FROM Item WHERE Name = \u2018x\u2019", "4000", "(8216), after"),
        ("SELECT * FROM Item JOIN Account", "4000", 'Encountered " <IDENTIFIER> "JOIN "" at line 1, column 20.'),
        ("SELECT * FROM Item, Account", "4000", "QueryParserError"),
        ("SELECT Type FROM Item GROUP BY Type", "4000", 'Encountered " <IDENTIFIER> "GROUP ""'),
        ("SELECT * FROM Item WHERE Name != 'x'", "4000", "QueryParserError"),
        ("SELECT * FROM Item WHERE (Name = 'x')", "4000", "QueryParserError"),
        ("SELECT * FROM Item WHERE Name NOT IN ('x')", "4000", "QueryParserError"),
        ("SELECT * FROM Item MAXRESULTS 5 STARTPOSITION 1", "4000", "QueryParserError"),
        ("SELECT * FROM Item; DELETE FROM Item", "4000", "Lexical error"),
        ("SELECT * FROM Item WHERE Name = 'a' OR Name = 'b'", "4001", "QueryValidationError: OR is not supported"),
        ("SELECT * FROM Widget", "4001", "QueryValidationError: Metadata not found for Entity: Widget"),
        ("SELECT Colour FROM Item", "4001", "QueryValidationError: Property Colour not found for Entity Item"),
        ("SELECT * FROM Item WHERE Colour = 'x'", "4001", "Property Colour not found for Entity Item"),
        ("SELECT * FROM Item WHERE Description = 'x'", "4001", "property 'Description' is not queryable"),
        ("SELECT * FROM Item ORDERBY Sku", "4001", "property 'Sku' is not sortable"),
        ("SELECT * FROM Item MAXRESULTS 0", "4001", "value 0 is too small. Min allowed value is 1"),
        ("SELECT * FROM Item STARTPOSITION -1", "4001", "value -1 is too small. Min allowed value is 1"),
        ("SELECT * FROM Item MAXRESULTS 1001", "4001", "value 1001 is too large. Max allowed value is 1000"),
        ("SELECT * FROM Item WHERE MetaData.LastUpdatedTime > 'yesterday'", "4001", "yesterday is not valid"),
        ("SELECT * FROM Item WHERE Active = 'perhaps'", "4001", "perhaps is not valid"),
        ("SELECT * FROM Item WHERE Taxable LIKE 't%'", "4001", "LIKE is not supported"),
    ],
)
def test_refusals_have_the_vendors_codes(api, statement, code, words):
    found = refused(api, statement)
    assert found[0] == code
    assert words in found[1]


def test_entities_without_records_here_are_known(api):
    assert asked(api, "SELECT * FROM Invoice") == {}
    assert asked(api, "SELECT COUNT(*) FROM Invoice") == {"totalCount": 0}


def test_a_statement_may_be_posted_as_text(api, items):
    headers = {"Content-Type": "application/text"}
    found = api.post("/query", content="SELECT * FROM Item WHERE Name = 'Arm' ", headers=headers).json()
    assert [row["Id"] for row in found["QueryResponse"]["Item"]] == [items[0]]
    refusal = api.post("/query", content="SELECT * FROM Item", headers={"Content-Type": "text/plain"})
    assert refusal.json()["Fault"]["Error"][0]["code"] == "500"


def test_ids_are_ordered_by_size_or_as_texts(api, company):
    company.create_many("Item", [{"Name": f"Part {n}"} for n in range(11)])
    assert names(api, "ORDERBY Id MAXRESULTS 3") == ["Part 0", "Part 1", "Part 2"]
    assert len(names(api, "WHERE Id > '9'")) == 2
    company.settings.ids_compared_as_text = True
    assert names(api, "ORDERBY Id MAXRESULTS 3") == ["Part 0", "Part 9", "Part 10"]
    assert names(api, "WHERE Id > '9'") == []


def test_equal_stamps_may_come_in_another_order_each_time(api, company):
    company.create_many("Item", [{"Name": f"Part {n}"} for n in range(50)])
    company.settings.ties_shuffled = True
    pages = {tuple(names(api, "ORDERBY MetaData.LastUpdatedTime MAXRESULTS 5")) for _ in range(5)}
    assert len(pages) > 1


def test_pages_by_position_lose_a_row_that_changes_between_them(api, company):
    ids = [company.create("Item", {"Name": f"Part {n}"}, at=NOON + timedelta(seconds=n)) for n in range(4)]
    order = "ORDERBY MetaData.LastUpdatedTime"
    first = names(api, f"{order} STARTPOSITION 1 MAXRESULTS 2")
    company.update("Item", ids[0], {"Sku": "new"}, at=NOON + timedelta(minutes=1))
    assert first + names(api, f"{order} STARTPOSITION 3 MAXRESULTS 2") == ["Part 0", "Part 1", "Part 3", "Part 0"]


def test_fresh_writes_may_be_late_for_queries_but_not_for_reads(api, sandbox, company):
    company.settings.visible_after_seconds = 30
    item = company.create("Item", {"Name": "Late"})
    company.update("Item", item, {"Name": "Later"})
    assert (names(api, ""), api.get(f"/item/{item}").json()["Item"]["Name"]) == ([], "Later")
    sandbox.clock.advance(30)
    assert names(api, "") == ["Later"]
    company.settings.visible_after_seconds = 0
    company.delete("Item", item)
    assert names(api, "") == []


def test_a_record_in_a_write_that_is_late_keeps_its_old_face_and_order_of_writes(api, sandbox, company):
    item = company.create("Item", {"Name": "Old"})
    company.settings.visible_after_seconds = 30
    company.update("Item", item, {"Name": "New"})
    company.settings.visible_after_seconds = 0
    company.update("Item", item, {"Name": "Newest"})
    assert names(api, "") == ["Old"]
    sandbox.clock.advance(31)
    assert names(api, "") == ["Newest"]


def test_money_comes_digit_for_digit(api, company):
    company.create("Item", {"Name": "Dear", "UnitPrice": Decimal("99999999999")})
    company.create("Item", {"Name": "Odd", "UnitPrice": Decimal("12345678901.23456789"), "PurchaseCost": "0.10"})
    text = api.get("/query", params={"query": "SELECT * FROM Item ORDERBY Name"}).text
    assert '"UnitPrice":99999999999,' in text
    assert '"UnitPrice":12345678901.23456789,' in text
    assert '"PurchaseCost":0.1,' in text


def test_companies_do_not_see_each_other(api, sandbox, company, url):
    other = sandbox.add_company(name="Other")
    other.create("Item", {"Name": "Theirs"})
    company.create("Item", {"Name": "Ours"})
    with client_of(url, sandbox, other) as theirs:
        assert (names(api, ""), names(theirs, "")) == (["Ours"], ["Theirs"])


def test_a_large_reply_is_packed_and_arrives_whole(api, company):
    company.create_many(
        "Item", [{"Name": f"Part {n}", "Description": sha256(b"%d" % n).hexdigest()} for n in range(300)]
    )
    answer = api.get("/query", params={"query": "SELECT * FROM Item MAXRESULTS 1000"})
    assert answer.headers["content-encoding"] == "gzip"
    assert len(answer.json()["QueryResponse"]["Item"]) == 300

"""SuiteQL: what is answered, how values are written, what is refused and with which words."""

from datetime import timedelta

import httpx
import pytest

from hardfin_pipelines.sandbox.netsuite import Account, NetSuiteSandbox
from hardfin_pipelines_tests.sandbox.netsuite.conftest import (
    NOON,
    QUERY,
    asked,
    client_of,
    refused,
    rows,
    value,
)

_PREFIX = "Invalid search query. Detailed unprocessed description follows. "
_UNSUPPORTED = f"{_PREFIX}Search error occurred: Invalid or unsupported search."


def test_every_value_is_a_string_and_empty_columns_are_left_out(api: httpx.Client, account: Account):
    item = account.create("inventoryItem", {"itemid": "AMR-100", "cost": "10.50", "displayname": ""})
    answer = asked(api, "SELECT id, itemid, displayname, cost, isinactive, lastmodifieddate FROM item")
    assert answer.headers["content-type"] == "application/vnd.oracle.resource+json; type=collection; charset=UTF-8"
    body = answer.json()
    facts = {"id": item, "itemid": "AMR-100", "cost": "10.5", "isinactive": "F", "lastmodifieddate": "3/2/2026"}
    assert body.pop("items") == [{"links": [], **facts}]
    [link] = body.pop("links")
    assert (link["rel"], body) == ("self", {"count": 1, "hasMore": False, "offset": 0, "totalResults": 1})


def test_the_prefer_header_is_needed(api: httpx.Client):
    answer = api.post(QUERY, headers={"Prefer": "respond-sync"}, json={"q": "SELECT id FROM item"})
    assert refused(answer)[:2] == (400, "INVALID_HEADER")
    assert answer.json()["o:errorDetails"][0]["o:errorHeader"] == "Prefer"


def test_pages_are_linked_and_end_where_has_more_says(api: httpx.Client, account: Account):
    account.create_many("inventoryItem", [{"itemid": f"I-{n}"} for n in range(5)])
    statement = "SELECT itemid FROM item ORDER BY id"
    first = asked(api, statement, limit=2).json()
    assert (first["count"], first["hasMore"], first["totalResults"]) == (2, True, 5)
    assert [link["rel"] for link in first["links"]] == ["next", "last", "self"]
    second = api.post(first["links"][0]["href"], json={"q": statement}).json()
    assert [row["itemid"] for row in second["items"]] == ["I-2", "I-3"]
    assert [link["rel"] for link in second["links"]] == ["next", "last", "first", "prev", "self"]
    last = api.post(first["links"][1]["href"], json={"q": statement}).json()
    assert (last["offset"], last["count"], last["hasMore"]) == (4, 1, False)


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ({"limit": 1_001}, "limit"),
        ({"limit": 0}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": 10, "offset": 5}, "offset"),
        ({"limit": 1_000, "offset": 100_000}, "offset"),
        ({"limti": 5}, "limti"),
    ],
)
def test_wrong_parameters_are_refused_by_name(api: httpx.Client, params, named: str):
    answer = asked(api, "SELECT id FROM location", **params)
    assert refused(answer)[:2] == (400, "INVALID_PARAMETER")
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == named


def test_more_than_a_hundred_columns_answer_no_rows(api: httpx.Client, account: Account):
    account.create("inventoryItem", {"itemid": "A"})
    body = asked(api, "SELECT * FROM item").json()
    assert (body["count"], body["hasMore"], body["totalResults"], body["items"]) == (0, False, 0, [])
    assert len(rows(api, "SELECT " + ", ".join(["id"] * 100) + " FROM item")) == 1


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "SELECT nope FROM item",
            "Search error occurred: Unknown identifier 'nope'. Available identifiers are: {item=item}.",
        ),
        (
            "SELECT x.id FROM Item i JOIN location l ON l.id = i.location",
            "Search error occurred: Unknown identifier 'x'. Available identifiers are: {i=Item, l=location}.",
        ),
        (
            "SELECT i.nope FROM item i",
            "Search error occurred: Field 'nope' for record 'item' was not found. Reason: REMOVED - Field is removed",
        ),
        (
            "SELECT amount FROM transactionline",
            (
                "Search error occurred: Field 'amount' for record 'transactionline' was not found. "
                "Reason: NOT_EXPOSED - Field is marked as internal for channel SEARCH"
            ),
        ),
        ("SELECT id FROM nope", "Invalid search type: nope."),
        ("SELECT * FROM '/etc/passwd'", "Invalid search type: /etc/passwd."),
        ('SELECT * FROM "duckdb_settings"', "Invalid search type: duckdb_settings."),
    ],
)
def test_unknown_names_are_refused_in_netsuites_words(api: httpx.Client, statement: str, said: str):
    answer = asked(api, statement)
    assert refused(answer) == (400, "INVALID_PARAMETER", _PREFIX + said)
    assert answer.json()["o:errorDetails"][0]["o:errorQueryParam"] == "q"
    assert answer.json()["title"] == "Bad Request"


_NOT_SUITEQL = (
    "DELETE FROM item",
    "UPDATE item SET itemid = 'x'",
    "INSERT INTO item (id) VALUES (1)",
    "DROP TABLE item",
    "SELECT id FROM item; SELECT id FROM location",
    "ATTACH '/tmp/x.db'",
    "COPY item TO '/tmp/x.csv'",
    "SET TimeZone = 'UTC'",
    "PRAGMA database_list",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM main.item",
    "SELECT * FROM item, duckdb_settings()",
    "SELECT read_text('/etc/passwd') FROM dual",
    "SELECT getenv('HOME') FROM dual",
    "SELECT ns_number(1) FROM dual",
    "SELECT UPPER(read_text('/etc/passwd')) FROM dual",
    "WITH x AS (SELECT id FROM item) SELECT id FROM x",
    "SELECT id FROM item LIMIT 5",
    "SELECT 1",
    "SELECT id FROM item WHERE id = ?",
    "SELECT i.id FROM item i, location l JOIN subsidiary s ON s.id = l.subsidiary",
    "SELECT id FROM item FOR UPDATE",
    "SELECT id FROM item WHERE lastmodifieddate > '2026-01-01'",
    "SELECT SYS_EXTRACT_UTC(trandate) FROM transaction",
    "not sql at all",
    "SELECT id FROM item WHERE id IN (" + ", ".join(["1"] * 1_001) + ")",
    "SELECT " + "(" * 3_000 + "1" + ")" * 3_000 + " FROM dual",
    "",
)


def test_what_suiteql_has_not_is_refused(api: httpx.Client):
    answers = {statement: refused(asked(api, statement)) for statement in _NOT_SUITEQL}
    assert answers == dict.fromkeys(_NOT_SUITEQL, (400, "INVALID_PARAMETER", _UNSUPPORTED))


def test_data_that_cannot_be_worked_out_is_an_unexpected_error(api: httpx.Client, account: Account):
    account.create("inventoryItem", {"itemid": "not a number"})
    assert refused(asked(api, "SELECT TO_NUMBER(itemid) FROM item"))[:2] == (500, "UNEXPECTED_ERROR")


def test_dates_come_without_their_time_in_the_users_own_format(sandbox: NetSuiteSandbox, account: Account, url: str):
    at = NOON - timedelta(hours=9)  # 3:00 in London, 22:00 of the day before in New York
    account.create("inventoryItem", {"itemid": "A"}, at=at)
    seen = {}
    for date_format, zone in (("M/D/YYYY", "America/New_York"), ("DD.MM.YYYY", "Europe/London")):
        user = account.add_user(zone, "Hardfin Integration", date_format=date_format, time_zone=zone)
        with client_of(url, sandbox, account, user) as api:
            [row] = rows(
                api,
                "SELECT lastmodifieddate d, TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS TZH:TZM') AS own, "
                "TO_CHAR(SYS_EXTRACT_UTC(lastmodifieddate), 'YYYY-MM-DD HH24:MI:SS') AS utc FROM item",
            )
            seen[zone] = row
    assert seen == {
        "America/New_York": {"d": "3/1/2026", "own": "2026-03-01 22:00:00 -05:00", "utc": "2026-03-02 03:00:00"},
        "Europe/London": {"d": "02.03.2026", "own": "2026-03-02 03:00:00 +00:00", "utc": "2026-03-02 03:00:00"},
    }


def test_naive_times_are_in_the_users_zone_and_extracted_ones_in_utc(api: httpx.Client, account: Account):
    account.create("inventoryItem", {"itemid": "A"})  # 7:00 in New York
    condition = "SELECT itemid FROM item WHERE {} >= TO_TIMESTAMP('2026-03-02 {}', 'YYYY-MM-DD HH24:MI:SS')"
    found = [
        len(rows(api, condition.format(column, time)))
        for column, time in (
            ("lastmodifieddate", "07:00:00"),
            ("lastmodifieddate", "07:00:01"),
            ("SYS_EXTRACT_UTC(lastmodifieddate)", "12:00:00"),
            ("SYS_EXTRACT_UTC(lastmodifieddate)", "12:00:01"),
        )
    ]
    assert found == [1, 0, 1, 0]
    assert len(rows(api, "SELECT id FROM item WHERE lastmodifieddate >= '3/2/2026'")) == 1
    assert len(rows(api, "SELECT id FROM item WHERE lastmodifieddate BETWEEN '1/1/2026' AND '3/1/2026'")) == 0


_COME_TO: dict[str, str | None] = {
    "NVL(NULL, 'x')": "x",
    "NVL2('', 1, 2)": "2",
    "COALESCE(NULL, '', 'z')": "z",
    "DECODE(NULL, NULL, 'same', 'other')": "same",
    "'a' || NULL || 'b'": "ab",
    "CONCAT('a', '')": "a",
    "''": None,
    "NULLIF('a', 'a')": None,
    "SUBSTR('Hardfin', 1, 4)": "Hard",
    "SUBSTR('Hardfin', -3)": "fin",
    "INSTR('Hardfin', 'fin')": "5",
    "LPAD('7', 3, '0')": "007",
    "LENGTH('Grüße')": "5",
    "UPPER(TRIM('  a '))": "A",
    "REPLACE('it''s', '''', '')": "its",
    "10 / 4": "2.5",
    "0.1 + 0.2": "0.3",
    "1234.5678 * -1000000.25": "-1234568108.64195",
    "ROUND(2.345, 2)": "2.35",
    "TRUNC(2.9)": "2",
    "MOD(7, 3)": "1",
    "TO_CHAR(0.5)": ".5",
    "TO_CHAR(1234.5, 'FM99990.00')": "1234.50",
    "TO_NUMBER('12.50')": "12.5",
    "CAST(12 AS VARCHAR2(10))": "12",
    "CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END": "b",
    "TO_CHAR(SYSDATE, 'YYYY-MM-DD HH24:MI')": "2026-03-02 04:00",
    "TO_CHAR(CURRENT_DATE, 'HH24:MI')": "07:00",
    "TO_CHAR(TO_DATE('2026-02-27', 'YYYY-MM-DD') + 2.5, 'DD Mon HH24')": "01 Mar 12",
    "TO_CHAR(ADD_MONTHS(TO_DATE('31.01.2026', 'DD.MM.YYYY'), 1), 'YYYY-MM-DD')": "2026-02-28",
    "TO_DATE('2026-03-09', 'YYYY-MM-DD') - TO_DATE('2026-03-07', 'YYYY-MM-DD')": "2",
    "TO_CHAR(TO_TIMESTAMP('2026-03-02T11:22:33', 'YYYY-MM-DD\"T\"HH24:MI:SS'), 'MI')": "22",
    "TO_CHAR(TRUNC(SYSDATE, 'MM'), 'DS')": "3/1/2026",
    "GREATEST(1, 3, 2)": "3",
}


def test_functions_are_oracles(api: httpx.Client):
    assert {expression: value(api, expression) for expression in _COME_TO} == _COME_TO


def test_columns_are_named_in_lower_case_and_expressions_are_numbered(api: httpx.Client, account: Account):
    account.create("inventoryItem", {"itemid": "A"})
    [row] = rows(api, 'SELECT i.ITEMID, COUNT(*), MAX(i.id) AS "Newest", SUM(1) FROM Item i GROUP BY i.itemid')
    assert list(row) == ["itemid", "expr1", "newest", "expr2"]


def test_builtin_df_shows_what_people_see(api: httpx.Client, account: Account):
    parent = account.create("classification", {"name": "Robots"})
    values = {"itemid": "A", "class": account.create("classification", {"name": "AMR", "parent": parent})}
    account.create(
        "assemblyItem", {**values, "assetaccount": account.ledger["1200"], "subsidiary": account.main_subsidiary}
    )
    [row] = rows(
        api,
        "SELECT BUILTIN.DF(itemtype) t, BUILTIN.DF(class) c, BUILTIN.DF(assetaccount) a, BUILTIN.DF(isinactive) i, "
        "BUILTIN.DF(subsidiary) s, BUILTIN.DF(lastmodifieddate) d, BUILTIN.DF(location) l, BUILTIN.DF(itemid) n "
        "FROM item",
    )
    assert row == {
        "t": "Assembly/Bill of Materials",
        "c": "Robots : AMR",
        "a": "Inventory Asset",
        "s": "Acme Robotics",
        "i": "No",
        "d": "3/2/2026",
        "n": "A",
    }


def test_rownum_counts_before_ordering_and_never_starts_above_one(api: httpx.Client, account: Account):
    account.create_many("inventoryItem", [{"itemid": each} for each in "abcd"])
    assert rows(api, "SELECT itemid FROM item WHERE ROWNUM <= 2 ORDER BY itemid DESC") == [
        {"itemid": "b"},
        {"itemid": "a"},
    ]
    ordered = "SELECT itemid, ROWNUM AS n FROM (SELECT itemid FROM item ORDER BY itemid DESC) WHERE ROWNUM < 3"
    assert rows(api, ordered) == [{"itemid": "d", "n": "1"}, {"itemid": "c", "n": "2"}]
    assert rows(api, "SELECT itemid FROM item WHERE ROWNUM > 1") == []
    assert rows(api, "SELECT itemid FROM item WHERE ROWNUM BETWEEN 2 AND 3") == []


def test_a_keyset_over_two_columns_reads_all_stock(api: httpx.Client, account: Account):
    items = account.create_many("inventoryItem", [{"itemid": f"I-{n}"} for n in range(7)])
    places = [account.add_location(name) for name in ("North", "South", "West")]
    for item in items:
        for place in places:
            account.set_stock(item, place, on_hand=5)
    last, seen = ("0", "0"), []
    while True:
        page = rows(
            api,
            f"SELECT item, location, quantityonhand FROM aggregateitemlocation WHERE item > {last[0]} "
            f"OR (item = {last[0]} AND location > {last[1]}) ORDER BY item, location FETCH NEXT 4 ROWS ONLY",
        )
        if not page:
            break
        seen += [(row["item"], row["location"]) for row in page]
        last = seen[-1]
    assert seen == [(item, place) for item in items for place in places]


def test_joins_of_both_kinds_subqueries_and_unions_work(api: httpx.Client, account: Account):
    a, b = account.create_many("inventoryItem", [{"itemid": "A"}, {"itemid": "B"}])
    place = account.add_location("North")
    account.set_stock(a, place, on_hand="2.5")
    ansi = (
        "SELECT i.itemid, NVL(SUM(s.quantityonhand), 0) AS n FROM item i "
        "LEFT OUTER JOIN aggregateitemlocation s ON s.item = i.id GROUP BY i.itemid ORDER BY i.itemid"
    )
    assert rows(api, ansi) == [{"itemid": "A", "n": "2.5"}, {"itemid": "B", "n": "0"}]
    commas = "SELECT i.itemid FROM item i, aggregateitemlocation s WHERE s.item = i.id"
    assert rows(api, commas) == [{"itemid": "A"}]
    inside = "SELECT itemid FROM item WHERE id NOT IN (SELECT item FROM aggregateitemlocation)"
    assert rows(api, inside) == [{"itemid": "B"}]
    correlated = "SELECT itemid FROM item i WHERE EXISTS (SELECT 1 FROM aggregateitemlocation s WHERE s.item = i.id)"
    assert rows(api, correlated) == [{"itemid": "A"}]
    both = f"SELECT id FROM item WHERE id = {b} UNION ALL SELECT id FROM location WHERE id = {place} ORDER BY id DESC"
    assert [row["id"] for row in rows(api, both)] == [place, b]


def test_nulls_sort_last_and_first_when_descending(api: httpx.Client, account: Account):
    account.create_many("inventoryItem", [{"itemid": "A", "cost": 1}, {"itemid": "B"}, {"itemid": "C", "cost": 2}])
    assert [row["itemid"] for row in rows(api, "SELECT itemid FROM item ORDER BY cost")] == ["A", "C", "B"]
    assert [row["itemid"] for row in rows(api, "SELECT itemid FROM item ORDER BY cost DESC")] == ["B", "C", "A"]


def test_pages_without_an_order_do_not_fit_together(api: httpx.Client, account: Account):
    account.create_many("inventoryItem", [{"itemid": f"I-{n}"} for n in range(200)])
    read = [row["id"] for page in range(10) for row in rows(api, "SELECT id FROM item", limit=20, offset=page * 20)]
    assert len(read) == 200
    assert len(set(read)) < 200
    account.settings.change({"shuffle_unordered": False})
    steady = [row["id"] for page in range(10) for row in rows(api, "SELECT id FROM item", limit=20, offset=page * 20)]
    assert len(set(steady)) == 200


def test_a_query_ends_silently_at_its_most_rows(api: httpx.Client, account: Account):
    from hardfin_pipelines.sandbox.netsuite.load import load_bulk

    load_bulk(account, items=100_500)
    statement = "SELECT id FROM item ORDER BY id"
    last = asked(api, statement, limit=1_000, offset=99_000).json()
    assert (last["count"], last["hasMore"], last["totalResults"]) == (1_000, False, 100_000)
    account.settings.change({"connect_licence": True})
    assert asked(api, statement, limit=1_000, offset=100_000).json()["count"] == 500


def test_an_unknown_column_may_be_an_unexpected_error(api: httpx.Client, account: Account):
    account.settings.change({"unexpected_for_unknown_column": True})
    assert refused(asked(api, "SELECT nope FROM item"))[:2] == (500, "UNEXPECTED_ERROR")

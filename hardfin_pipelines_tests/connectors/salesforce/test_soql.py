from datetime import UTC, datetime, timedelta, timezone

import pytest

from hardfin_pipelines.connectors.errors import UnknownField
from hardfin_pipelines.connectors.salesforce.limits import LONGEST_QUERY_URL
from hardfin_pipelines.connectors.salesforce.requests import composite, run_query
from hardfin_pipelines.connectors.salesforce.soql import is_in, moment, moment_up, quoted, select


def test_a_field_is_asked_for_once_whatever_its_case():
    assert select(["Id", "Name", "id", "NAME"], "Account").text == "SELECT Id,Name FROM Account"


def test_conditions_order_and_children_follow_in_soqls_order():
    statement = select(
        ["Id", "Account.Name"], "Opportunity", ["A = 1", "B = 2"], order="Id", children="(SELECT Id FROM C)"
    )
    assert (
        statement.text == "SELECT Id,Account.Name,(SELECT Id FROM C) FROM Opportunity WHERE A = 1 AND B = 2 ORDER BY Id"
    )


@pytest.mark.parametrize("name", ["Name FROM User--", "a b", "", "1a", "A..B", "Näme", "A.B.C.D.E.F.G", "COUNT()"])
def test_a_name_that_salesforce_cannot_have_never_reaches_it(name):
    with pytest.raises(UnknownField, match="mend the mapping"):
        select(["Id", name], "Opportunity")


def test_values_are_quoted():
    assert quoted("O'Brien\\ \n") == "'O\\'Brien\\\\ \\n'"
    assert is_in("StageName", ["a", "b'"]) == "StageName IN ('a','b\\'')"


def test_moments_are_whole_seconds_of_utc():
    stamp = datetime(2026, 1, 1, 1, 0, 0, 999_000, timezone(timedelta(hours=1)))
    assert moment(stamp) == "2026-01-01T00:00:00Z"
    assert moment_up(stamp) == "2026-01-01T00:00:01Z"
    assert moment_up(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


def test_a_query_too_long_for_a_url_goes_into_a_body():
    short = run_query(select(["Id"], "Account", [is_in("Id", ["001A0000006Vm9rIAC"] * 400)]))
    long = run_query(select(["Id"], "Account", [is_in("Id", ["001A0000006Vm9rIAC"] * 1_000)]))
    assert (short.method, len(short.path) <= LONGEST_QUERY_URL) == ("GET", True)
    assert (long.method, long.path, long.is_composite) == ("POST", "composite", True)
    assert long.body.count(b"001A0000006Vm9rIAC") == 1_000


def test_deleted_rows_come_by_query_all():
    statement = select(["Id"], "Account", deleted_too=True)
    assert run_query(statement).path.startswith("queryAll/?q=")
    assert b"/services/data/v62.0/queryAll?q=SELECT+Id" in composite([statement]).body

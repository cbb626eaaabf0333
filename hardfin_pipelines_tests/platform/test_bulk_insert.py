from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, Table, select
from sqlalchemy.exc import IntegrityError

from hardfin_pipelines.platform.bulk_insert import insert_rows
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.tables import audit_events, items
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_organization

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)) | st.just(  # noqa: DTZ001
    datetime(2026, 3, 1, 23, 30, tzinfo=timezone(timedelta(hours=-7)))
)


def item(number: int, **columns: Any) -> dict[str, Any]:
    row = {"org": "acme", "id": f"itm_{number}", "kind": "product", "name": "Pump", "normalized_name": "pump"}
    return {**row, "sku": None, "custom": {}, "created_at": A_MOMENT, "updated_at": A_MOMENT, **columns}


def stored(connection: Connection, table: Table = items) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).order_by(table.c.id)).mappings()]


@pytest.fixture
def there(engine: Engine) -> Engine:
    with writing(engine) as connection:
        add_organization(connection, "acme")
    return engine


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "name": TEXTS,
                "sku": TEXTS | st.none(),
                "price": st.decimals(allow_nan=False, allow_infinity=False, places=6) | st.none(),
                "custom": st.dictionaries(TEXTS, TEXTS | st.none(), max_size=3),
                "created_at": MOMENTS,
            }
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=40)
def test_what_is_stored_is_what_sqlalchemy_stores(there: Engine, values: list[dict[str, Any]]) -> None:
    rows = [item(number, **each) for number, each in enumerate(values)]
    with there.connect() as connection:
        with connection.begin() as undone:
            connection.execute(items.insert(), rows)
            expected = stored(connection)
            undone.rollback()
        with connection.begin() as undone:
            insert_rows(connection, items, rows)
            assert stored(connection) == expected
            undone.rollback()


def test_no_rows_are_fine(there: Engine) -> None:
    with writing(there) as connection:
        insert_rows(connection, items, [])
        assert stored(connection) == []


def test_rows_are_numbered_and_columns_left_out_have_their_defaults(there: Engine) -> None:
    row = {
        "org": "acme",
        "at": A_MOMENT,
        "actor": "ada",
        "action": "project.synced",
        "entity_type": "project",
        "reason": "",
        "changes": {"name": [None, "Pumps"]},
        "run_id": "r1",
    }
    with writing(there) as connection:
        insert_rows(connection, audit_events, [{**row, "entity_id": f"prj_{number}"} for number in range(3)])
    with reading(there) as connection:
        found = stored(connection, audit_events)
    assert [each["entity_id"] for each in found] == ["prj_0", "prj_1", "prj_2"]
    assert found[0]["id"] < found[1]["id"] < found[2]["id"]
    assert found[0]["changes"] == {"name": [None, "Pumps"]}


def test_a_key_that_is_taken_refuses_all_rows_or_is_left_out(there: Engine) -> None:
    with writing(there) as connection:
        insert_rows(connection, items, [item(1, name="first")])
    with pytest.raises(IntegrityError), writing(there) as connection:
        insert_rows(connection, items, [item(2), item(1)])
    with writing(there) as connection:
        assert [each["id"] for each in stored(connection)] == ["itm_1"]
        insert_rows(connection, items, [item(2), item(1, name="second")], keep_existing=True)
        assert [(each["id"], each["name"]) for each in stored(connection)] == [("itm_1", "first"), ("itm_2", "Pump")]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"price": 1.5}, "expected a Decimal"),
        ({"created_at": datetime(2026, 1, 1)}, "expected an aware time"),  # noqa: DTZ001
        ({"custom": {"money": Decimal(1)}}, "not JSON serializable"),
    ],
)
def test_what_does_not_fit_its_column_is_refused(there: Engine, wrong: dict[str, Any], error: str) -> None:
    with pytest.raises(Exception, match=error), writing(there) as connection:
        insert_rows(connection, items, [item(1, price=None), item(2, price=None) | wrong])
    with reading(there) as connection:
        assert stored(connection) == []

"""Opening a store: the URLs it takes, what its transactions promise, what its errors say."""

import threading
import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from hardfin_pipelines.platform.database import DatabaseError, connect, normalized_url, reading, writing
from hardfin_pipelines.platform.tables import customers, organizations
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection, add_organization


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_every_postgresql_url_uses_the_driver_that_is_installed(scheme):
    assert normalized_url(f"{scheme}://u:p@host/name").drivername == "postgresql+psycopg2"


def test_a_relative_sqlite_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert normalized_url("sqlite:///store.db").database == str(tmp_path / "store.db")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("host:hunter2/name", "cannot be read"),
        ("mysql://u:hunter2@host/name", "'mysql'"),
        ("postgresql+psycopg://u:hunter2@host/name", "'postgresql+psycopg'"),
        ("sqlite://", "several processes"),
        ("sqlite:///:memory:", "several processes"),
    ],
)
def test_a_url_that_cannot_be_used_is_one_line_without_the_password(url, said):
    with pytest.raises(DatabaseError) as caught:
        connect(url)
    message = str(caught.value)
    assert said in message
    assert "expected sqlite:///" in message
    assert "hunter2" not in message
    assert "\n" not in message


def test_a_server_that_does_not_answer_is_one_line_without_the_password():
    with pytest.raises(DatabaseError) as caught:
        connect("postgresql://someone:hunter2@127.0.0.1:1/name")
    message = str(caught.value)
    assert "someone:***@127.0.0.1:1/name" in message
    assert "refused" in message
    assert "hunter2" not in message
    assert "\n" not in message


def test_a_sqlite_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(DatabaseError, match=r"taken/below"):
        connect(f"sqlite:///{tmp_path}/taken/below/store.db")


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "store.db"
    path.write_text("this is not a database, however long it may be" * 100)
    with pytest.raises(DatabaseError, match=r"store.db.*not a database"):
        connect(f"sqlite:///{path}")


def test_the_password_is_in_no_repr():
    url = normalized_url("postgresql://someone:hunter2@host/name")
    assert "hunter2" not in repr(url)
    assert "hunter2" not in str(url)


def test_sqlite_is_set_up_for_many_processes(sqlite_engine: Engine):
    with reading(sqlite_engine) as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert settings == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000, "synchronous": 1}


def test_writing_keeps_all_or_nothing(engine: Engine):
    with pytest.raises(IntegrityError), writing(engine) as connection:
        _add_twice(connection, "acme")
    with reading(engine) as connection:
        assert connection.execute(organizations.select()).all() == []


def _add_twice(connection: Connection, org: str) -> None:
    add_organization(connection, org)
    add_organization(connection, org)


def test_reading_refuses_to_write(engine: Engine):
    with pytest.raises(DBAPIError, match=r"(?i)read.?only"), reading(engine) as connection:
        add_organization(connection, "acme")
    with writing(engine) as connection:
        add_organization(connection, "acme")
    with reading(engine) as connection:
        assert len(connection.execute(organizations.select()).all()) == 1


def test_reading_sees_one_moment(engine: Engine):
    with reading(engine) as before:
        assert before.execute(organizations.select()).all() == []
        with writing(engine) as connection:
            add_organization(connection, "acme")
        assert before.execute(organizations.select()).all() == []


def test_a_reader_that_becomes_a_writer_is_not_refused_for_what_others_wrote(engine: Engine):
    """Each writer reads first and writes later: with deferred locks SQLite would refuse all but one of them."""
    with writing(engine) as connection:
        add_organization(connection, "acme", revision=0)
    failures: list[BaseException] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with writing(engine) as connection:
                    connection.execute(text("SELECT count(*) FROM organizations")).scalar()
                    connection.execute(organizations.update().values(revision=organizations.c.revision + 1))
        except BaseException as error:  # noqa: BLE001  # it is looked at below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with reading(engine) as connection:
        assert connection.execute(organizations.select()).one().revision == 40


def test_a_row_without_its_parent_is_refused(engine: Engine):
    with pytest.raises(IntegrityError), writing(engine) as connection:
        add_connection(connection, "nobody")


def test_json_keeps_its_values_and_refuses_inexact_ones(engine: Engine):
    row = {"org": "acme", "id": "c1", "name": "Acme", "created_at": A_MOMENT, "updated_at": A_MOMENT}
    custom = {"tier": "gold", "text": "“Żółć” \U0001f600", "none": None, "list": [1, "2"]}
    with writing(engine) as connection:
        connection.execute(customers.insert().values(**row, custom=custom))
    with reading(engine) as connection:
        assert connection.execute(customers.select()).one().custom == custom
    with pytest.raises(StatementError, match="Decimal"), writing(engine) as connection:
        connection.execute(customers.insert().values(**row | {"id": "c2"}, custom={"amount": Decimal("1.10")}))


def test_times_come_back_aware_and_in_utc(engine: Engine):
    at = datetime(2026, 7, 1, 12, 30, 15, 123456, tzinfo=UTC)
    with writing(engine) as connection:
        add_organization(connection, "acme", created_at=at)
    with reading(engine) as connection:
        created_at = connection.execute(organizations.select()).one().created_at
    assert created_at == at
    assert created_at.tzinfo is UTC


def test_a_failing_statement_does_not_show_its_values(engine: Engine):
    with writing(engine) as connection:
        add_organization(connection, "acme")
    with pytest.raises(IntegrityError) as caught, writing(engine) as connection:
        add_organization(connection, "acme", name="a secret name")
    assert "a secret name" not in str(caught.value)


def test_writers_of_one_process_write_in_the_order_in_which_they_asked(sqlite_url):
    engine = connect(sqlite_url)
    order: list[int] = []

    def write(number: int) -> None:
        with writing(engine):
            order.append(number)

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    with writing(engine):
        for thread in threads:
            thread.start()
            time.sleep(0.02)  # asks, and waits
    # Whoever was here asks again at once, and is the last all the same.
    write(8)
    for thread in threads:
        thread.join()

    assert order == list(range(9))
    engine.dispose()


def test_a_writer_that_fails_lets_the_next_one_write(sqlite_url):
    engine = connect(sqlite_url)

    with pytest.raises(ZeroDivisionError), writing(engine):
        raise ZeroDivisionError
    with writing(engine) as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
    engine.dispose()

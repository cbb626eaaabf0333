"""Migrations make exactly the tables that the code uses, once, whoever starts first."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Engine, inspect, text

from hardfin_pipelines.platform import migrate
from hardfin_pipelines.platform.all_tables import metadata
from hardfin_pipelines.platform.database import DatabaseError, connect, reading, writing
from hardfin_pipelines_tests.postgresql_server import run_on_server
from hardfin_pipelines_tests.store_fixtures import add_organization, shown


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request, tmp_path: Path):
    """The URL of a database without any table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: URL = request.getfixturevalue("postgresql_server")
    name = f"empty_{uuid4().hex}"
    run_on_server(server, f"CREATE DATABASE {name}")
    yield shown(server.set(database=name))
    run_on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


def test_the_migrated_tables_are_those_of_the_code(engine: Engine):
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrated_details_are_those_of_the_code(engine: Engine):
    """Keys, indexes and defaults, as the database itself tells them of migrated tables and of made ones."""
    migrated = {table: _told(engine, table) for table in metadata.tables}
    with writing(engine) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert migrated == {table: _told(engine, table) for table in metadata.tables}


def _told(engine: Engine, table: str) -> dict[str, Any]:
    told = inspect(engine)
    return {
        "columns": [{**column, "type": str(column["type"])} for column in told.get_columns(table)],
        "primary key": told.get_pk_constraint(table),
        "foreign keys": sorted(told.get_foreign_keys(table), key=lambda key: str(key["name"])),
        "indexes": sorted(told.get_indexes(table), key=lambda index: str(index["name"])),
        "unique": told.get_unique_constraints(table),
    }


def test_upgrading_again_changes_nothing(engine: Engine):
    with writing(engine) as connection:
        add_organization(connection, "acme")
    before = migrate.current_revision(engine)
    migrate.upgrade(engine)
    assert migrate.current_revision(engine) == before == migrate.head_revision()
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM organizations")).scalar() == 1
    migrate.require_current(engine)


def test_two_starting_at_once_both_find_the_tables(empty_url: str):
    def start(_: int) -> str | None:
        engine = connect(empty_url)
        try:
            migrate.upgrade(engine)
            return migrate.current_revision(engine)
        finally:
            engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [migrate.head_revision()] * 4


def test_two_processes_starting_at_once_both_find_the_tables(empty_url: str):
    program = (
        "import sys; from hardfin_pipelines.platform import database, migrate; "
        "migrate.upgrade(database.connect(sys.argv[1]))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, empty_url], stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [(process.communicate()[1], process.returncode) for process in processes]
    assert ends == [("", 0), ("", 0)]
    engine = connect(empty_url)
    assert migrate.current_revision(engine) == migrate.head_revision()
    engine.dispose()


def test_a_failed_upgrade_leaves_nothing_behind(empty_url: str):
    engine = connect(empty_url)
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE items (id TEXT)"))  # stands in the way of a later table
    with pytest.raises(Exception, match="items"):
        migrate.upgrade(engine)
    assert inspect(engine).get_table_names() == ["items"]
    engine.dispose()


def test_a_database_without_tables_is_refused_until_it_is_upgraded(empty_url: str):
    engine = connect(empty_url)
    with pytest.raises(DatabaseError, match=r"at revision none.*hardfin db upgrade"):
        migrate.require_current(engine)
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused(engine: Engine):
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match=r"9999.*newer version") as caught:
        migrate.upgrade(engine)
    assert "\n" not in str(caught.value)
    with pytest.raises(DatabaseError, match="at revision 9999"):
        migrate.require_current(engine)

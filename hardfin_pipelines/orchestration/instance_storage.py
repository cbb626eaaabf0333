"""Dagster's own storage: SQLite by default, PostgreSQL when one variable names a database.

YAML alone cannot choose by a variable, so this small class does. It stands on two private paths of dagster, which is
why the minor version is held; a test starts both.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster._core.storage.base_storage import DagsterStorage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from hardfin_pipelines.platform.database import normalized_url

URL_VARIABLE = "HARDFIN_DAGSTER_DATABASE_URL"


class StorageByEnvironment(DagsterStorage, ConfigurableClass):
    """Configured in dagster.yaml; never made itself: `from_config_value` gives the storage of choice."""

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        """No options: the variables decide."""
        return {}

    @classmethod
    def from_config_value(  # type: ignore[override]  # it gives the storage of choice, not itself
        cls,
        inst_data: ConfigurableClassData | None,
        config_value: Mapping[str, Any],  # noqa: ARG003  # the signature is dagster's
    ) -> DagsterStorage:
        """PostgreSQL where `HARDFIN_DAGSTER_DATABASE_URL` is set, else SQLite below `DAGSTER_HOME`."""
        url = os.environ.get(URL_VARIABLE)
        if url:
            from dagster_postgres import DagsterPostgresStorage

            return DagsterPostgresStorage.from_config_value(
                inst_data, {"postgres_url": normalized_url(url).render_as_string(hide_password=False)}
            )
        home = Path(os.environ.get("DAGSTER_HOME") or ".tmp_dagster_home_storage").resolve()
        return DagsterSqliteStorage.from_local(str(home / ".dagster"), inst_data)

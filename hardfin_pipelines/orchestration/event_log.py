"""Pruning Dagster's event log, which Dagster itself never does: its `retention` covers ticks only.

Asset events (materializations, observations, checks) stay, so partitions keep their state; the operational events of
old runs go.
"""

from datetime import datetime

import dagster as dg
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

PRUNED_TAG = "hardfin/pruned"
_RUNS_AT_ONCE = 500
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def prune_event_log(instance: dg.DagsterInstance, older_than: datetime) -> int:
    """Remove the operational events of runs that ended before a time.

    Args:
        instance: The instance; its event log must be one of Dagster's SQL ones.
        older_than: Runs created before it are pruned, once.

    Returns:
        How many events were removed.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return 0
    removed = 0
    cursor: str | None = None
    finished = dg.RunsFilter(statuses=_FINISHED, created_before=older_than)
    while records := instance.get_run_records(finished, limit=_RUNS_AT_ONCE, cursor=cursor):
        for record in records:
            run = record.dagster_run
            if PRUNED_TAG not in run.tags:
                removed += _prune_run(storage, run.run_id)
                instance.add_run_tags(run.run_id, {PRUNED_TAG: "yes"})
        cursor = records[-1].dagster_run.run_id
    return removed


def _prune_run(storage: SqlEventLogStorage, run_id: str) -> int:
    with storage.run_connection(run_id) as connection:
        result = connection.execute(
            SqlEventLogStorageTable.delete().where(
                SqlEventLogStorageTable.c.run_id == run_id, SqlEventLogStorageTable.c.asset_key.is_(None)
            )
        )
    return result.rowcount

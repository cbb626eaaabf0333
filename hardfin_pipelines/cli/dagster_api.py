"""Asking a running Dagster for runs, by its GraphQL API: what its UI does when a person presses the buttons."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from hardfin_pipelines.engine.refusals import Refusal

_LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""
_BACKFILLS = """
query Backfills {
  partitionBackfillsOrError(limit: 100) {
    ... on PartitionBackfills { results { id tags { key value } } }
  }
}
"""
_BACKFILL_STATUS = """
query BackfillStatus($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    __typename
    ... on PartitionBackfill { status numPartitions runs(limit: 1000) { status } error { message } }
  }
}
"""
_OVER = frozenset({"SUCCESS", "FAILURE", "CANCELED"})


class DagsterApi:
    """A running Dagster."""

    def __init__(self, url: str, location: str = "hardfin_pipelines") -> None:
        self.url = url
        self._location = location

    def launch(self, job: str, run_config: Mapping[str, Any], tags: Mapping[str, str]) -> str:
        """Put a run of a job into the queue; its id.

        Raises:
            Refusal: Dagster does not take it.
        """
        params = {
            "selector": {
                "repositoryLocationName": self._location,
                "repositoryName": "__repository__",
                "pipelineName": job,
            },
            "runConfigData": dict(run_config),
            "mode": "default",
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            raise Refusal(f"Dagster does not start {job}: {answer}")
        return str(answer["run"]["runId"])

    def backfills(self, tags: Mapping[str, str]) -> list[str]:
        """The ids of the backfills that have some tags, newest first."""
        answer = self._ask(_BACKFILLS, {})["partitionBackfillsOrError"]
        wanted = set(tags.items())
        return [
            str(each["id"])
            for each in answer.get("results") or []
            if wanted <= {(tag["key"], tag["value"]) for tag in each["tags"]}
        ]

    def backfill_status(self, backfill_id: str) -> tuple[str, int, int]:
        """Its status, how many of its runs are over, and how many it has so far."""
        answer = self._ask(_BACKFILL_STATUS, {"id": backfill_id})["partitionBackfillOrError"]
        runs = [run["status"] for run in answer.get("runs") or []]
        return str(answer.get("status")), sum(status in _OVER for status in runs), len(runs)

    def wait_for_run(self, run_id: str, seconds: float = 120) -> None:
        """Wait until a run has succeeded.

        Raises:
            Refusal: It failed, or takes longer.
        """
        query = "query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"

        def status() -> str:
            return str(self._ask(query, {"id": run_id})["runOrError"]["status"])

        wait_until(lambda: status() in _OVER, f"run {run_id}", seconds)
        if status() != "SUCCESS":
            raise Refusal(f"run {run_id} ended with {status()}: see {self.url}/runs/{run_id}")

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        body = {"query": query, "variables": dict(variables)}
        try:
            answer = httpx.post(f"{self.url}/graphql", json=body, timeout=30).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            raise Refusal(f"Dagster at {self.url} does not answer: {type(error).__name__}: {error}") from None
        if answer.get("errors"):
            raise Refusal(f"Dagster refuses the question: {answer['errors'][0].get('message')}")
        data: dict[str, Any] = answer["data"]
        return data


def wait_until(holds: Callable[[], bool], what: str, seconds: float, pause: float = 0.5) -> None:
    """Wait for something to hold.

    Raises:
        Refusal: It takes longer.
    """
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Refusal(f"{what}: not done within {seconds:.0f} s")
        time.sleep(pause)

"""Bulk API 2.0 queries."""

import csv
import io
from typing import Any

import httpx
import pytest

from hardfin_pipelines.sandbox.salesforce import Org
from hardfin_pipelines_tests.sandbox.salesforce.conftest import new_deal


def _start(api: httpx.Client, query: str, **more: str) -> Any:
    answer = api.post("/jobs/query", json={"operation": "query", "query": query, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_job_waits_runs_and_completes(api: httpx.Client, org: Org):
    org.create_many("Account", [{"Name": f"A {number}"} for number in range(3)])
    org.settings.change({"bulk_queue_seconds": 5, "bulk_run_seconds": 10})
    job = _start(api, "SELECT Id, Name FROM Account")
    assert (job["state"], job["object"], job["apiVersion"]) == ("UploadComplete", "Account", 62.0)
    states = []
    for seconds in (0, 5, 10):
        org.clock.advance(seconds)
        states.append(api.get(f"/jobs/query/{job['id']}").json()["state"])
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    done = api.get(f"/jobs/query/{job['id']}").json()
    assert (done["jobType"], done["numberRecordsProcessed"]) == ("V2Query", 3)
    assert api.delete(f"/jobs/query/{job['id']}").status_code == 204
    assert api.get(f"/jobs/query/{job['id']}").status_code == 404


def test_results_come_in_pages_each_with_its_header_line(api: httpx.Client, org: Org):
    org.create_many("Account", [{"Name": f"A {number}"} for number in range(5)])
    job = _start(api, "SELECT Name, IsDeleted FROM Account ORDER BY Name", columnDelimiter="PIPE", lineEnding="CRLF")
    seen, locator = [], None
    while locator != "null":
        params = {"maxRecords": "2", **({"locator": locator} if locator else {})}
        page = api.get(f"/jobs/query/{job['id']}/results", params=params)
        rows = list(csv.reader(io.StringIO(page.text, newline=""), delimiter="|"))
        assert page.text.startswith('"Name"|"IsDeleted"\r\n')
        assert len(rows) - 1 == int(page.headers["Sforce-NumberOfRecords"])
        seen += rows[1:]
        locator = page.headers["Sforce-Locator"]
    assert seen == [[f"A {number}", "false"] for number in range(5)]


def test_an_empty_result_is_a_header_line(api: httpx.Client):
    job = _start(api, "SELECT Id FROM Account")
    page = api.get(f"/jobs/query/{job['id']}/results")
    assert (page.text, page.headers["Sforce-Locator"], page.headers["Sforce-NumberOfRecords"]) == (
        '"Id"\n',
        "null",
        "0",
    )


def test_result_pages_can_be_fetched_side_by_side(api: httpx.Client, org: Org):
    org.create_many("Account", [{"Name": f"A {number}"} for number in range(13)])
    org.settings.change({"bulk_page_rows": 2})
    job = _start(api, "SELECT Id FROM Account")
    first = api.get(f"/jobs/query/{job['id']}/resultPages").json()
    assert (len(first["resultPages"]), first["done"]) == (5, False)
    second = api.get(httpx.URL(str(api.base_url)).join(first["nextRecordsUrl"])).json()
    urls = [each["resultUrl"] for each in first["resultPages"] + second["resultPages"]]
    rows = [line for url in urls for line in api.get(httpx.URL(str(api.base_url)).join(url)).text.splitlines()[1:]]
    assert len(set(rows)) == 13
    assert second["done"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("SELECT ShippingAddress FROM Account", "Selecting compound data not supported in Bulk Query"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT COUNT(Id) FROM Account", "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT Id FROM Account OFFSET 5", "Implementation restriction"),
    ],
)
def test_what_bulk_cannot_do_is_refused_at_once(api: httpx.Client, query: str, text: str):
    answer = api.post("/jobs/query", json={"operation": "query", "query": query})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "API_ERROR"
    assert text in answer.json()[0]["message"]


def test_a_failing_job_says_why_and_an_aborted_one_has_no_results(api: httpx.Client, org: Org):
    org.settings.change({"bulk_failure": "InternalServerError: something went wrong"})
    failed = _start(api, "SELECT Id FROM Account")
    assert api.get(f"/jobs/query/{failed['id']}").json()["errorMessage"] == "InternalServerError: something went wrong"
    org.settings.change({"bulk_failure": None, "bulk_queue_seconds": 60})
    waiting = _start(api, "SELECT Id FROM Account")
    assert api.patch(f"/jobs/query/{waiting['id']}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert api.get(f"/jobs/query/{waiting['id']}/results").status_code == 400


def test_jobs_are_limited_by_the_day_and_bound_to_their_version(api: httpx.Client, org: Org):
    new_deal(org)
    org.settings.change({"bulk_daily_jobs": 1})
    job = _start(api, "SELECT Id, Account.Name FROM Opportunity")
    assert api.post("/jobs/query", json={"operation": "query", "query": "SELECT Id FROM Account"}).json() == [
        {"message": "Max bulk v2 query jobs (1) per 24 hrs has been reached", "errorCode": "LIMIT_EXCEEDED"}
    ]
    older = httpx.URL(str(api.base_url)).join(f"/services/data/v61.0/jobs/query/{job['id']}/results")
    assert api.get(older).status_code == 409

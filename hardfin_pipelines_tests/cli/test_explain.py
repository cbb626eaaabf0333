"""`hardfin explain` as a person types it."""

from datetime import UTC, datetime, timedelta

import pytest

from hardfin_pipelines.engine.window_loading import load_window
from hardfin_pipelines.platform.tables import links


@pytest.fixture
def synced(acme):
    """The deal, synced by a load."""
    end = datetime.now(UTC) + timedelta(days=1)
    start = end - timedelta(days=30)
    acme.deployment.run(load_window(acme.deployment, "acme", start, end, run_id="load-1"))
    (row,) = [row for row in acme.table_rows(links) if row["object"] == "deals"]
    return row["external_id"]


def test_a_synced_deal_is_explained_with_its_timeline(acme, hardfin, synced):
    ended = hardfin("explain", "acme", "hubspot", "deal", synced)

    assert (ended.code, ended.err) == (0, "")
    words = " ".join(ended.out.split())
    assert f"Deal {synced} 'Ten robots' is project prj_" in words
    assert "first synced by an initial load (run load-1)" in words
    assert "timeline (UTC)" in words
    assert "project.synced" in words


def test_the_vendor_is_called_by_its_name(acme, hardfin, synced):
    acme.portals["acme"].update("deals", synced, {"dealname": "Twelve robots"})
    assert hardfin("sync", "acme").code == 0

    words = " ".join(hardfin("explain", "acme", "hubspot", "deal", synced).out.split())

    assert "It was modified at HubSpot at" in words


def test_json_has_the_reason_the_facts_and_the_connection(acme, hardfin, synced):
    shown = hardfin("explain", "acme", "hubspot", "deal", synced, "--json").json

    assert shown["reason"][0].startswith(f"Deal {synced}")
    assert shown["record"]["first_sync"]["run_id"] == "load-1"
    assert shown["record"]["timeline"][0]["what"] == "project.synced"
    assert shown["connection"]["rules"][0]["pipeline"] == "default"
    assert shown["crm_now"] is None


def test_an_unknown_deal_is_asked_for_at_the_crm(acme, hardfin):
    deal = acme.add_deal(name="Sent", stage="contractsent")

    words = " ".join(hardfin("explain", "acme", "hubspot", "deal", deal, "--ask-crm").out.split())

    assert f"Deal {deal} is not in Hardfin, and no visit has noted it." in words
    assert "No rule takes it: stage contractsent is not a trigger stage of pipeline default (closedwon)." in words


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["hubspot", "ticket", "1"],
            "unknown kind of record 'ticket': expected one of company, deal, line-item, product",
        ),
        (["netsuite", "deal", "1"], "acme has no netsuite connection; it has hubspot"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_one_line(acme, hardfin, words, line):
    ended = hardfin("explain", "acme", *words)

    assert ended.code == 2
    assert ended.error == line

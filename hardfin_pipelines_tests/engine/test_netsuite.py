"""NetSuite end to end over real HTTP: signing in, items that find their products or wait, and what it costs."""

import pytest

from hardfin_pipelines.engine.connecting import consent_url
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_tables import triage_items


def linked(team):
    return {row["external_id"]: (row["entity_id"], row["matched_by"]) for row in team.rows(links)}


def waiting(team):
    return {row["external_id"]: row["reason"] for row in team.rows(triage_items) if row["state"] == "open"}


def test_an_account_is_connected_by_our_certificate(wernham):
    row = wernham.row()

    assert (row.status, row.account_id) == ("active", "1234567_SB1")
    assert "certificate" in _refused(wernham, lambda: consent_url(wernham.deployment, wernham.org, "netsuite", ""))


def _refused(team, act):
    with pytest.raises(Refusal) as refused:
        act()
    return str(refused.value)

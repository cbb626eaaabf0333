"""NetSuite end to end over real HTTP: signing in, items that find their products or wait, and what it costs."""

from datetime import timedelta

import pytest

from hardfin_pipelines.connectors.errors import VendorError
from hardfin_pipelines.engine.connecting import consent_url
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.problems import ConfigurationError
from hardfin_pipelines.platform.books_tables import item_costs
from hardfin_pipelines.platform.tables import links
from hardfin_pipelines.platform.triage_tables import triage_items, vendor_items


def linked(team):
    return {row["external_id"]: (row["entity_id"], row["matched_by"]) for row in team.rows(links)}


def waiting(team):
    return {row["external_id"]: row["reason"] for row in team.rows(triage_items) if row["state"] == "open"}


def refused(act):
    with pytest.raises((Refusal, VendorError)) as caught:
        act()
    return str(caught.value)


def test_an_account_is_connected_by_our_certificate(wernham):
    row = wernham.row()

    assert (row.status, row.account_id) == ("active", "1234567_SB1")
    told = refused(lambda: consent_url(wernham.deployment, wernham.org, "netsuite", ""))
    assert told == "wernham:netsuite signs in by our certificate: no consent is needed, connect it with --by-app"


def test_items_are_linked_by_sku_and_name_and_the_others_wait(wernham):
    wernham.add_products(("itm_arm", "Robot arm", "ARM-01"), ("itm_grip", "Gripper", ""))
    arm = wernham.add_item("arm-01", "Arm of a robot")
    grip = wernham.add_item("G-7", "gripper")
    strange = wernham.add_item("LM-1", "Lawn mower")

    synced = wernham.tick_items()

    assert synced is not None
    assert linked(wernham) == {arm: ("itm_arm", "normalized sku"), grip: ("itm_grip", "normalized name")}
    assert waiting(wernham) == {strange: "unmatched"}


def test_a_quiet_tick_is_one_call(wernham):
    wernham.add_item("A-1")
    wernham.tick_items()
    before = wernham.calls()

    assert wernham.tick_items() is None

    assert wernham.calls() - before == 1


def test_an_account_of_before_2027_is_connected_by_its_keys(netsuite):
    team = netsuite.add_organization("vandelay", by_tokens=True)
    team.add_item("A-1")

    team.tick_items()

    assert team.row().status == "active"
    assert len(team.rows(vendor_items)) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("no json", "NetSuite's tokens are no JSON object"),
        ('{"token": "t", "consumer_key": 7}', "NetSuite's tokens lack consumer_key, consumer_secret, token_secret"),
    ],
)
def test_keys_that_are_none_are_refused_in_one_line(netsuite, given, says):
    team = netsuite.add_organization("vandelay", by_tokens=True)

    told = refused(lambda: team.connect_with(given))

    assert told.startswith(says)
    assert "\n" not in told


def test_a_certificate_that_was_revoked_needs_a_person(wernham):
    wernham.tick_items()
    wernham.revoke_certificate()

    wernham.poll()

    row = wernham.row()
    assert row.status == "needs attention"
    assert "OAuth 2.0 Client Credentials" in row.status_reason


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ("", "expected the account to connect to"),
        ("    netsuite: {account: 12 34, certificate: x}\n", "Company Information"),
        ("    netsuite: {account: 1234567}\n", "expected certificate"),
        ("    netsuite: {account: 1234567, sign_in: tokens, certificate: x}\n", "leave them out"),
        ("    netsuite: {account: 1234567, certificate: x, sku_field: 'a; drop'}\n", "a field of NetSuite's items"),
    ],
)
def test_an_account_that_cannot_be_is_told_before_anything_is_written(wernham, block, says):
    text = "organization: wernham\nplan: advanced\nadd_ons: [netsuite]\nconnections:\n  - integration: netsuite\n"

    with pytest.raises(ConfigurationError) as caught:
        wernham.apply_text(text + block)

    assert says in str(caught.value)
    assert wernham.row().status == "active"


def test_what_items_cost_is_kept_as_the_account_says(wernham):
    arm = wernham.add_item("A-1", cost="12.345")
    wernham.tick_items()

    (cost,) = wernham.rows(item_costs)

    assert (cost["item_id"], str(cost["purchase_price"])) == (arm, "12.345")


def test_an_item_that_is_deleted_and_made_again_is_another_one(wernham):
    wernham.add_products(("itm_arm", "Robot arm", "ARM-01"))
    before = wernham.add_item("ARM-01", "Robot arm")
    wernham.tick_items()
    clock = wernham.product.sandbox.clock
    clock.advance(60)
    wernham.account.delete("inventoryItem", before)
    clock.advance(60)
    after = wernham.add_item("ARM-01", "Robot arm")

    wernham.tick_items()

    broken = {row["external_id"]: row["broken_because"] for row in wernham.rows(links)}
    assert broken[before].startswith("deleted at the vendor")
    assert broken[after] == ""


def test_an_item_that_is_committed_hours_late_is_found(wernham):
    """Its stamp is older than what is looked for, but the account counts one more than we do."""
    wernham.add_item("A-1")
    wernham.tick_items()
    late = wernham.add_item("A-2", at=wernham.product.sandbox.clock.now() - timedelta(hours=3))

    wernham.tick_items()
    before = wernham.calls()

    assert late in {row["external_id"] for row in wernham.rows(vendor_items)}
    assert wernham.tick_items() is None
    assert wernham.calls() - before == 1

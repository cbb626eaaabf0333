"""What commands say on a bad day: the account is paused, the vendor is away, a record cannot be read."""

import pytest

from hardfin_pipelines.sandbox.hubspot.vendor_faults import named_fault
from hardfin_pipelines_tests.product_fixtures import months_ago

ESCAPE = "\x1b"


def words(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture
def aside(acme, hardfin):
    """A deal without a name, set aside by a sync."""
    deal = acme.add_deal(name="", dealname="")
    hardfin("sync", "acme")
    return deal


@pytest.mark.parametrize(
    "command",
    [["sync", "acme"], ["census", "acme"], ["load", "acme", "--since", "2026-01-01"]],
    ids=["sync", "census", "load"],
)
def test_a_paused_connection_says_who_paused_it_and_how_to_go_on(acme, hardfin, command):
    paused = hardfin("org", "pause", "acme", "hubspot")

    ended = hardfin(*command)

    assert words(paused.out).startswith("acme:hubspot is paused (by cli:")
    assert ended.code == 2
    assert "acme:hubspot is paused (by cli:" in ended.error
    assert ended.error.endswith("resume it with `hardfin org resume acme hubspot`")
    assert hardfin("org", "resume", "acme", "hubspot").out == "acme:hubspot is active\n"


def test_an_account_that_is_not_connected_says_how_to_connect_it(product, hardfin):
    product.add_organization("acme", connect=False)

    ended = hardfin("preview", "acme")

    assert ended.code == 2
    assert ended.error == (
        "acme: no CRM account to look at: acme:hubspot is not connected; connect it with "
        "`hardfin org connect acme hubspot`"
    )


@pytest.mark.parametrize("command", [["preview", "acme"], ["census", "acme"]], ids=["preview", "census"])
def test_what_a_person_asked_for_is_for_them_to_ask_again(acme, hardfin, command):
    hardfin("load", "acme", "--since", f"{months_ago(1):%Y-%m-%d}")
    hardfin("sync", "acme")
    acme.sandbox.faults.add(named_fault("migration", path="*/search", times=None))

    ended = hardfin(*command)

    assert ended.code == 1
    assert "HubSpot is moving this account to another data centre" in ended.error
    assert "; try again in " in ended.error


def test_a_census_before_anything_was_looked_at_says_so(acme, hardfin):
    ended = hardfin("census", "acme")

    assert ended.code == 0
    assert words(ended.out) == (
        "acme:hubspot: no month to count yet: no load is done, and no tick has looked at anything"
    )


def test_a_visit_by_hand_counts_as_a_visit(acme, hardfin):
    assert "not visited yet" in hardfin("status", "acme").out

    hardfin("sync", "acme")

    assert "last visited 20" in words(hardfin("status", "acme").out)


def test_nothing_set_aside_is_said_in_a_line(acme, hardfin):
    assert hardfin("set-aside", "acme").out == "acme: no record(s) set aside\n"


def test_what_is_set_aside_is_listed_with_its_reason_and_its_next_try(acme, hardfin, aside):
    shown = hardfin("set-aside", "acme")

    assert shown.out.startswith(f"acme: 1 record(s) set aside\nacme:hubspot deals {aside}\n")
    assert f"why deal {aside}: project.name has no value" in words(shown.out)
    assert "tried once, last at 20" in words(shown.out)
    assert "next at the first visit after 20" in words(shown.out)
    assert max(map(len, shown.out.splitlines())) <= 80


def test_records_are_named_only_to_be_tried_again(acme, hardfin, aside):
    alone = hardfin("set-aside", "acme", "--record", aside)
    asked = hardfin("set-aside", "acme", "--retry", "--record", aside)

    assert (alone.code, alone.error) == (2, "--record names what is to be tried again: give --retry, too")
    assert (asked.code, asked.out) == (0, "acme: 1 record(s) will be tried by the next run\n")


@pytest.mark.parametrize("command", [["preview", "acme"], ["explain", "acme", "hubspot", "deal", "DEAL"]])
def test_a_terminal_is_shown_what_a_record_would_have_it_do(acme, hardfin, command):
    deal = acme.add_deal()
    acme.portals["acme"].set_raw("deals", deal, {"dealname": f"Evil{ESCAPE}]0;title\x07 \u202eknil\u202c"})
    if "explain" in command:
        hardfin("sync", "acme")

    ended = hardfin(*[deal if word == "DEAL" else word for word in command])

    assert ended.code == 0
    assert "Evil\\x1b]0;title\\x07 \\u202eknil\\u202c" in words(ended.out)
    assert not {ESCAPE, "\x07", "\u202e", "\u202c"} & set(ended.out)

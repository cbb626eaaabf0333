"""The landed versions of one record: when did a value arrive?"""

import pytest

from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.replay_versions import RecordHistory, record_history
from hardfin_pipelines_tests.engine.product import OPEN, WON, Organization


def history(acme: Organization, record: str) -> RecordHistory:
    before = acme.calls()
    found = record_history(acme.deployment, acme.org, acme.connection_id, record)
    assert acme.calls() == before
    return found


def test_each_version_says_what_it_changed_when_it_came_and_by_which_unit(acme: Organization) -> None:
    deal = acme.add_deal("Ten robots")
    acme.tick()
    (company,), (line,) = acme.companies_of(deal), acme.lines_of(deal)
    acme.portal.update("deals", deal, {"dealname": "Twelve robots", "hs_priority": "high"})
    acme.add_deal("New: for an edit of a synced deal alone there is no run")
    acme.tick()
    acme.portal.update("deals", deal, {"dealstage": OPEN})
    acme.resync(acme.project(deal)["id"])
    first, second, third = history(acme, f"deal:{deal}").versions
    assert first.changed["name"] == (None, "Ten robots")
    assert first.changed["stage"] == (None, WON)
    assert first.changed["company ids"] == (None, f"{company} (primary)")
    assert first.changed["line_item ids"] == (None, line)
    assert second.changed == {"name": ("Ten robots", "Twelve robots")}
    assert third.changed == {"stage": (WON, OPEN)}
    assert first.modified_at < second.modified_at < third.modified_at
    assert first.landed_at < second.landed_at < third.landed_at
    assert [each.unit_name.partition("-")[0] for each in (first, second, third)] == ["tick", "tick", "resync"]
    assert all(each.run_id and not each.problem for each in (first, second, third))


def test_a_version_that_cannot_be_mapped_says_why(sqlite_acme: Organization) -> None:
    deal = sqlite_acme.add_deal("")
    sqlite_acme.tick()
    sqlite_acme.portal.update("deals", deal, {"dealname": "Named"})
    sqlite_acme.tick()
    first, second = history(sqlite_acme, f"deals:{deal}").versions
    assert "project.name has no value" in first.problem
    assert (second.problem, second.changed["name"]) == ("", (None, "Named"))


def test_other_records_and_ids_that_were_merged_are_found(sqlite_acme: Organization) -> None:
    acme = sqlite_acme
    one, two = acme.add_deal("One"), acme.add_deal("Two")
    (line,) = acme.lines_of(one)
    merged = acme.portal.merge("deals", one, two)
    acme.tick()
    (version,) = history(acme, f"deal:{one}").versions
    assert (version.external_id, version.changed["name"]) == (merged, (None, "One"))
    (version,) = history(acme, f"line_item:{line}").versions
    assert version.changed["unit_price"] == (None, "100.5")


def test_a_damaged_file_is_told_beside_the_versions_that_are_left(sqlite_acme: Organization) -> None:
    deal = sqlite_acme.add_deal("One")
    sqlite_acme.tick()
    sqlite_acme.portal.update("deals", deal, {"dealname": "Two"})
    sqlite_acme.add_deal("Another")
    sqlite_acme.tick()
    first = min(sqlite_acme.product.landing.rglob("object=deals/*.parquet"))
    first.write_bytes(first.read_bytes()[:-9])
    found = history(sqlite_acme, f"deal:{deal}")
    assert [each.changed["name"] for each in found.versions] == [(None, "Two")]
    assert [str(first) in problem for problem in found.problems] == [True]


@pytest.mark.parametrize("record", ["", "deal", "deal:", "invoice:5", ":5"])
def test_what_names_no_record_is_refused(sqlite_acme: Organization, record: str) -> None:
    with pytest.raises(Refusal, match="expected one of company, deal, line_item, product and its id"):
        history(sqlite_acme, record)


def test_a_record_that_never_landed_is_refused(sqlite_acme: Organization) -> None:
    with pytest.raises(Refusal, match="no version of line item 5 has landed"):
        history(sqlite_acme, "line_item:5")
    with pytest.raises(Refusal, match="no connection acme:salesforce"):
        record_history(sqlite_acme.deployment, "acme", "acme:salesforce", "deal:5")

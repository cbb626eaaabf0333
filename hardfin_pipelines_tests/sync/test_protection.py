"""Rule 2: a deal in the ledger, under whatever id, is never planned again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.first_sync import plan_batch, protection
from hardfin_pipelines.sync.plans import Known, Protected, Skipped, Synced
from hardfin_pipelines.sync.trigger import DealState
from hardfin_pipelines_tests.sync.builders import bundle, company, context, line, synced


def plan_one(deal, known):
    return plan_batch([deal], known, context())[0]


def test_a_deal_in_the_ledger_is_protected_whatever_it_looks_like_now():
    known = Known(ledger={"1": ("1", "prj_a")})
    changed = bundle("1", properties={"dealname": None, "amount": "N/A"}, lines=[line("5")], unread=("company 9: 403",))

    outcome = plan_one(changed, known)

    assert outcome == Protected(changed.deal, "prj_a", "1", ())
    assert known == Known(ledger={"1": ("1", "prj_a")})


def test_a_deal_in_the_ledger_stays_protected_after_it_left_the_trigger_stage():
    moved = bundle("1", state=DealState("default", "lost", {}))

    assert isinstance(plan_one(moved, Known(ledger={"1": ("1", "prj_a")})), Protected)


def test_a_merge_that_makes_a_new_deal_is_protected_by_the_old_id():
    """HubSpot merges deals A and B into a new deal C (HubSpot docs: deals now support merging)."""
    known = Known(ledger={"1": ("1", "prj_a")})

    outcome = plan_one(bundle("3", merged_ids=("1", "2")), known)

    assert isinstance(outcome, Protected)
    assert (outcome.project_id, outcome.ledger_id, outcome.new_aliases) == ("prj_a", "1", ("3", "2"))
    assert known.ledger == dict.fromkeys(("1", "2", "3"), ("1", "prj_a"))


def test_a_deal_merged_before_its_first_sync_is_protected_under_every_id_afterwards():
    known = Known()
    outcome = synced(plan_one(bundle("3", merged_ids=("1", "2")), known))

    assert outcome.ledger.aliases == ("1", "2")
    for old_id in ("1", "2"):
        stale = plan_one(bundle(old_id), known)
        assert isinstance(stale, Protected)
        assert (stale.project_id, stale.ledger_id, stale.new_aliases) == (outcome.ledger.project_id, "3", ())


def test_two_synced_deals_that_are_merged_keep_both_projects_and_nothing_is_written():
    known = Known(ledger={"1": ("1", "prj_a"), "2": ("2", "prj_b")})

    outcome = plan_one(bundle("3", merged_ids=("1", "2")), known)

    assert isinstance(outcome, Protected)
    assert (outcome.project_id, outcome.new_aliases) == ("prj_a", ("3",))


def test_a_second_merge_is_protected_by_the_alias_of_the_first():
    known = Known(ledger={"1": ("1", "prj_a"), "3": ("1", "prj_a")})

    outcome = plan_one(bundle("9", merged_ids=("3", "8")), known)

    assert isinstance(outcome, Protected)
    assert (outcome.ledger_id, outcome.new_aliases) == ("1", ("9", "8"))


def test_a_deal_that_is_not_in_the_ledger_is_not_protected():
    assert protection(bundle("1", merged_ids=("2",)).deal, Known(ledger={"3": ("3", "prj_c")})) is None


def test_the_same_deal_twice_in_a_batch_makes_one_project():
    deal = bundle("1", lines=[line("5")], of_company="7", companies=[company("7")])

    first, second = plan_batch([deal, deal], Known(), context())

    assert isinstance(first, Synced)
    assert second == Protected(deal.deal, first.ledger.project_id, "1", ())


def test_a_skipped_deal_is_not_in_the_ledger_and_syncs_when_it_meets_the_trigger():
    known = Known()
    waiting = bundle("1", state=DealState("default", "open", {}))

    assert isinstance(plan_one(waiting, known), Skipped)
    assert known == Known()
    assert isinstance(plan_one(bundle("1"), known), Synced)


IDS = st.sampled_from(["1", "2", "3", "4"])


@settings(deadline=None)
@given(
    deals=st.lists(
        st.tuples(IDS, st.lists(IDS, max_size=3, unique=True)).filter(lambda deal: deal[0] not in deal[1]), max_size=8
    )
)
def test_hazard_a_merged_deal_never_makes_a_second_project(deals):
    """Whatever the order in which survivors and stale copies are seen, no id ends up with two projects by one plan."""
    known = Known()
    outcomes = plan_batch([bundle(deal_id, merged_ids=merged) for deal_id, merged in deals], known, context())

    owner: dict[str, str] = {}
    for outcome in outcomes:
        ids = (outcome.deal.id, *outcome.deal.merged_ids)
        if isinstance(outcome, Synced):
            assert not owner.keys() & set(ids), "a project was made for an id that has one"
            owner.update(dict.fromkeys(ids, outcome.ledger.project_id))
        else:
            assert isinstance(outcome, Protected)
            assert outcome.project_id in {owner[known_id] for known_id in ids if known_id in owner}
            assert all(alias not in owner for alias in outcome.new_aliases)
            owner.update(dict.fromkeys(outcome.new_aliases, outcome.project_id))
    assert {external_id: project for external_id, (_, project) in known.ledger.items()} == owner

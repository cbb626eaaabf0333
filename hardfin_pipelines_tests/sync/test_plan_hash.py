"""The hash of a plan: equal inputs have equal ones, and each side that moves changes its own part."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from hardfin_pipelines.sync.plan_hash import CRM, DECISIONS, HARDFIN, TARGET, is_plan_hash, moved_parts, plan_hash
from hardfin_pipelines.sync.plans import Known
from hardfin_pipelines.sync.resync_choices import Choices
from hardfin_pipelines.sync.resync_plan import CustomerNow, plan_resync
from hardfin_pipelines_tests.sync.builders import NOON
from hardfin_pipelines_tests.sync.test_resync_plan import DEAL, crm_now, edited, first_sync

TARGET_IDS = ("acme", "acme:hubspot", "prj_1", "1")


def hash_of(deal=DEAL, choices=None, target=TARGET_IDS, **edits):
    known = Known()
    held = first_sync(DEAL, known)
    if edits:
        held = replace(held, project=edited(held.project, **edits))
    choices = choices or Choices()
    crm = crm_now(held, deal, known)
    customer = CustomerNow({"name": "Company 7"}, NOON)
    return plan_hash(target, deal, held, crm, customer, choices, plan_resync(held, crm, customer, choices))


def with_deal(**changes):
    return replace(DEAL, deal=replace(DEAL.deal, **changes))


def test_the_same_plan_has_the_same_hash_in_any_process():
    program = (
        "from hardfin_pipelines_tests.sync.test_plan_hash import hash_of; import json; print(json.dumps(hash_of()))"
    )
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert json.loads(done.stdout) == hash_of()
    assert is_plan_hash(hash_of())


@pytest.mark.parametrize("text", ["", "yes", "0123456789", "g" * 43, hash_of().upper() + "0"])
def test_other_texts_are_no_hashes(text):
    assert not is_plan_hash(text)


@pytest.mark.parametrize(
    ("moved", "parts"),
    [
        ({}, ()),
        ({"deal": with_deal(modified_at=NOON + timedelta(seconds=1))}, (CRM,)),
        ({"deal": with_deal(properties={**DEAL.deal.properties, "amount": "11"})}, (CRM,)),
        ({"value": "99"}, (HARDFIN,)),
        ({"site_contact": "Sam"}, ()),
        ({"choices": Choices(keep_local_edits=True)}, (DECISIONS,)),
        ({"target": (*TARGET_IDS[:3], "2")}, (TARGET,)),
        ({"value": "99", "deal": with_deal(modified_at=NOON + timedelta(seconds=1))}, (CRM, HARDFIN)),
    ],
    ids=str,
)
def test_each_side_that_moved_is_named(moved, parts):
    assert moved_parts(hash_of(), hash_of(**moved)) == parts

"""What each plan includes, and how politely the rest is refused."""

import pytest

from hardfin_pipelines.organizations.plans import load_plans


def problems(plan: str, *connections: dict[str, str], add_ons: tuple[str, ...] = ()) -> list[str]:
    document = {"organization": "acme", "plan": plan, "add_ons": list(add_ons), "connections": list(connections)}
    return [str(problem) for problem in load_plans().check(document)]


@pytest.mark.parametrize(
    ("plan", "add_ons", "integrations"),
    [
        ("free", (), ("hubspot", "quickbooks")),
        ("standard", (), ("hubspot", "quickbooks")),
        ("standard", ("dynamics",), ("hubspot", "dynamics", "quickbooks")),
        ("advanced", (), ("hubspot", "dynamics", "quickbooks")),
        ("advanced", ("salesforce", "netsuite"), ("hubspot", "salesforce", "dynamics", "quickbooks", "netsuite")),
    ],
)
def test_a_plan_and_its_add_ons_give_integrations(plan, add_ons, integrations):
    assert load_plans().allowed(plan, add_ons) == integrations
    assert problems(plan, *({"integration": name} for name in integrations), add_ons=add_ons) == []


def test_an_integration_outside_the_plan_is_refused_naming_what_has_it():
    assert problems("free", {"integration": "salesforce"}) == [
        (
            'connections[0].integration: salesforce is not in the plan "free": Salesforce comes with the add-on '
            '"salesforce" to the plan "advanced"'
        )
    ]
    assert problems("standard", {"integration": "dynamics"}) == [
        (
            'connections[0].integration: dynamics is not in the plan "standard": Microsoft Dynamics 365 is included in '
            'the plan "advanced", or comes with the add-on "dynamics" to the plan "free" or "standard"'
        )
    ]


def test_an_add_on_that_the_plan_cannot_have_is_refused():
    assert problems("free", add_ons=("netsuite", "netsuit")) == [
        (
            'add_ons[0]: the plan "free" cannot have netsuite as an add-on: Oracle NetSuite comes with the add-on '
            '"netsuite" to the plan "advanced"'
        ),
        'add_ons[1]: expected "dynamics", "salesforce" or "netsuite", got "netsuit"; did you mean "netsuite"?',
    ]
    assert problems("advanced", add_ons=("dynamics",)) == [
        'add_ons[0]: the plan "advanced" includes dynamics already; leave the add-on out'
    ]


@pytest.mark.parametrize(
    ("plan", "allowed"),
    [("free", {"daily"}), ("standard", {"30m", "60m", "daily"}), ("advanced", {"5m", "15m", "30m", "60m", "daily"})],
)
def test_a_connection_may_ask_for_a_slower_cadence_than_its_plan_has_but_for_no_faster_one(plan, allowed):
    every = ("5m", "15m", "30m", "60m", "daily")

    assert {name for name in every if not problems(plan, {"integration": "hubspot", "cadence": name})} == allowed
    assert load_plans().cadence(plan, None) == next(name for name in every if name in allowed)
    assert load_plans().cadence(plan, "daily") == "daily"


def test_a_faster_cadence_is_refused_with_what_to_do():
    assert problems("free", {"integration": "hubspot", "cadence": "15m"}) == [
        (
            'connections[0].cadence: 15m is faster than the plan "free" allows; ask for daily or slower, or leave it '
            'out (the plan "advanced" has 15m)'
        )
    ]

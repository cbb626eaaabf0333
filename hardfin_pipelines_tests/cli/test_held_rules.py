"""What `hardfin status` says of pipeline rules that are held."""

from sqlalchemy import update

from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.tables import pipeline_rules
from hardfin_pipelines_tests.cli.conftest import Hardfin
from hardfin_pipelines_tests.product_fixtures import Product

BECAUSE = 'mappings.project.owner: the account has no deal field "[red]seller"'


def test_a_held_rule_is_shown_with_its_reason_as_the_vendors_text_is(acme: Product, hardfin: Hardfin) -> None:
    assert "held" not in hardfin("status").out
    with writing(acme.deployment.engine) as connection:
        since = acme.deployment.now()
        connection.execute(update(pipeline_rules).values(held_because=BECAUSE, held_since=since))

    shown = " ".join(hardfin("status").out.split())
    (state,) = hardfin("status", "--json").json

    assert f"hubspot: held pipeline default since {since:%Y-%m-%d %H:%M} UTC: {BECAUSE}" in shown
    (rule,) = state["connections"][0]["held_rules"]
    assert (rule["pipeline"], rule["because"]) == ("default", BECAUSE)

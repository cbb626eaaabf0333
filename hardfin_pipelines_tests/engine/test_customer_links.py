"""An accounting system's customers find Hardfin's, by rule or by a person's word."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, update

from hardfin_pipelines.engine.customer_decisions import link_customer, unlink_customer
from hardfin_pipelines.engine.customer_links import customers_without_link, link_customers, link_customers_again
from hardfin_pipelines.engine.guards import WorkInterrupted
from hardfin_pipelines.engine.item_health import ItemState, item_states
from hardfin_pipelines.engine.provenance import project_provenance
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.books_store import BooksScope
from hardfin_pipelines.platform.books_tables import customer_decisions
from hardfin_pipelines.platform.customer_queries import links_of_customer
from hardfin_pipelines.platform.database import reading, writing
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.platform.tables import connections
from hardfin_pipelines.platform.triage_tables import item_decisions
from hardfin_pipelines_tests.engine.accounting import Accounting, open_accounting
from hardfin_pipelines_tests.engine.kept_books import (
    BOOKS,
    OBJECTS,
    add_customers,
    audited,
    keep,
    left,
    link,
    linked,
    named_objects,
)
from hardfin_pipelines_tests.engine.product import Organization
from hardfin_pipelines_tests.store_fixtures import A_MOMENT, add_connection
from hardfin_pipelines_tests.sync.books_facts import CUSTOMER

__all__ = ["named_objects"]

OTHER = BooksScope("other", "other:netsuite")


@pytest.fixture
def acme(database_url: str, tmp_path: Path, named_objects: None):
    """An organization with an accounting system and two customers in Hardfin, once on each database."""
    accounting = open_accounting(database_url, tmp_path)
    with writing(accounting.deployment.engine) as connection:
        for org in ("acme", "other"):
            add_connection(connection, org, "netsuite")
    add_customers(accounting.deployment.engine, {"cus_globex": "Globex Corporation", "cus_initech": "Initech"})
    yield accounting
    accounting.deployment.engine.dispose()


def run(acme: Accounting, scope: BooksScope = BOOKS, check=lambda _connection: None, run_id: str = "run-2") -> int:
    stamp = SyncStamp(scope.org, scope.connection_id, OBJECTS, run_id, "poll", 3, A_MOMENT + timedelta(hours=1))
    return link_customers(acme.deployment, scope, stamp, check, customer_object="customer")


def engine_of(acme: Accounting) -> Engine:
    return acme.deployment.engine


def named(external_id: str, name: str, **more):
    return replace(CUSTOMER, id=external_id, name=name, **more)


def test_customers_find_those_of_their_name_once(acme: Accounting):
    keep(engine_of(acme), CUSTOMER, named("301", "INITECH"), named("302", "Unknown Inc."))

    assert run(acme) == 2

    assert linked(engine_of(acme)) == {"300": ("cus_globex", "name", ""), "301": ("cus_initech", "normalized name", "")}
    first, second = audited(engine_of(acme))
    assert first[:2] == ("customer.linked", "cus_globex")
    assert first[2] == (
        "Its name “Globex Corporation” is the same as that of the customer “Globex Corporation”, "
        "and no other customer's."
    )
    assert first[3] == {"acme:netsuite customer 300": [None, "name"]}
    assert second[1] == "cus_initech"
    assert run(acme) == 0
    assert len(audited(engine_of(acme))) == 2


def test_inactive_customers_and_doubtful_ones_are_left_alone(acme: Accounting):
    keep(
        engine_of(acme),
        named("300", "Globex Corporation", active=False),
        named("301", "Initech"),
        named("302", " initech"),
    )

    assert run(acme) == 0
    assert linked(engine_of(acme)) == {}

    keep(engine_of(acme), named("302", "Initrode"))
    assert run(acme) == 1
    assert linked(engine_of(acme)).keys() == {"301"}


def test_nothing_is_written_when_the_connection_was_paused(acme: Accounting):
    keep(engine_of(acme), CUSTOMER)

    def refuse(_connection):
        raise WorkInterrupted("acme:netsuite is paused")

    with pytest.raises(WorkInterrupted):
        run(acme, check=refuse)
    assert (linked(engine_of(acme)), audited(engine_of(acme))) == ({}, [])
    left(engine_of(acme), "customer")
    assert run(acme, check=refuse) == 0, "nothing to do asks nobody"


def test_a_deleted_customer_keeps_its_link_until_it_is_back(acme: Accounting):
    keep(engine_of(acme), CUSTOMER)
    run(acme)
    left(engine_of(acme), "customer")

    assert run(acme) == 0
    assert linked(engine_of(acme)) == {"300": ("cus_globex", "name", "it was deleted in the accounting system")}
    keep(engine_of(acme), CUSTOMER)
    assert run(acme) == 0

    assert linked(engine_of(acme)) == {"300": ("cus_globex", "name", "")}
    assert [each[0] for each in audited(engine_of(acme))] == [
        "customer.linked",
        "customer.link_broken",
        "customer.link_mended",
    ]


def test_a_customer_that_was_made_again_takes_the_place_of_the_deleted_one(acme: Accounting):
    keep(engine_of(acme), CUSTOMER)
    run(acme)
    again = named("400", "Globex Corporation")
    keep(engine_of(acme), again)
    left(engine_of(acme), "customer", again)

    assert run(acme) == 1
    gone = "it was deleted in the accounting system"
    assert linked(engine_of(acme)) == {"300": ("cus_globex", "name", gone), "400": ("cus_globex", "name", "")}
    keep(engine_of(acme), CUSTOMER)

    assert run(acme) == 0, "the first is back, and another one holds its customer"
    assert linked(engine_of(acme))["300"] == ("cus_globex", "name", gone)


def test_organizations_do_not_share_customers(acme: Accounting):
    keep(engine_of(acme), CUSTOMER)
    keep(engine_of(acme), CUSTOMER, scope=OTHER)

    assert run(acme, OTHER) == 0
    add_customers(engine_of(acme), {"cus_other": "Globex Corporation"}, "other")
    assert (run(acme, OTHER), run(acme)) == (1, 1)

    with reading(engine_of(acme)) as connection:
        (found,) = links_of_customer(connection, "other", "cus_other")
        assert links_of_customer(connection, "acme", "cus_other") == []
    assert found.scope == OTHER


def test_a_person_links_and_it_is_remembered(acme: Accounting):
    keep(engine_of(acme), named("302", "Globex GmbH", number="C-2"))

    done = link_customer(
        acme.deployment, "acme", "Globex Corporation", "302", actor="cli:ann", reason="their German company"
    )

    assert (done.customer_id, done.connection_id, done.vendor_name) == ("cus_globex", "acme:netsuite", "Globex GmbH")
    assert linked(engine_of(acme)) == {"302": ("cus_globex", "decision", "")}
    assert audited(engine_of(acme)) == [
        ("customer.linked", "cus_globex", "their German company", {"acme:netsuite customer 302": [None, "decision"]})
    ]
    with reading(engine_of(acme)) as connection:
        (found,) = links_of_customer(connection, "acme", "cus_globex")
    assert (found.decided_by, found.reason, found.name, found.number) == (
        "cli:ann",
        "their German company",
        "Globex GmbH",
        "C-2",
    )
    keep(engine_of(acme), CUSTOMER)
    assert run(acme) == 0, "only a person links a second customer of the accounting system"
    link_customer(acme.deployment, "acme", "cus_globex", "300", "acme:netsuite", actor="cli:ann")
    assert linked(engine_of(acme)).keys() == {"300", "302"}


def test_what_a_person_unlinked_stays_so_until_a_person_links_it(acme: Accounting):
    keep(engine_of(acme), CUSTOMER)
    run(acme)

    unlink_customer(acme.deployment, "acme", "cus_globex", "300", actor="cli:ann", reason="another Globex")

    assert linked(engine_of(acme)) == {}
    assert audited(engine_of(acme))[-1] == (
        "customer.unlinked",
        "cus_globex",
        "another Globex",
        {"acme:netsuite customer 300": ["name", None]},
    )
    assert run(acme) == 0
    keep(engine_of(acme), replace(CUSTOMER, name="Initech"))
    assert run(acme) == 0, "not even to another one"
    (waiting,) = customers_without_link(acme.deployment, "acme")
    assert (waiting.external_id, waiting.because) == ("300", "A person took its link away.")
    link_customer(acme.deployment, "acme", "cus_initech", "300", actor="cli:bob")
    assert linked(engine_of(acme)) == {"300": ("cus_initech", "decision", "")}
    assert [row["action"] for row in acme.rows(customer_decisions)] == ["unlink", "link"]
    assert acme.rows(item_decisions) == []


@pytest.mark.parametrize(
    ("customer", "external_id", "connection", "says"),
    [
        ("cus_none", "300", "", "no customer has the id or name “cus_none”; see `hardfin customer list acme`"),
        ("Twin", "300", "", "2 customers have the id or name “Twin” (cus_twin1, cus_twin2)"),
        ("cus_globex", "999", "", "acme has no customer “999” in an accounting system"),
        ("cus_globex", "300", "acme:none", "acme has no customer “300” of acme:none in an accounting system"),
        ("cus_globex", "301", "", "acme:netsuite and acme:quickbooks both have a customer 301: say which"),
        ("cus_globex", "303", "", "is linked to it already, by name"),
        ("cus_initech", "303", "", "is linked to cus_globex already, by name; `hardfin customer unlink acme` it first"),
        ("cus_globex", "304", "", "is gone from the accounting system"),
    ],
)
def test_a_link_that_cannot_be_made_is_refused_in_one_line(acme: Accounting, customer, external_id, connection, says):
    add_customers(engine_of(acme), {"cus_twin1": "Twin", "cus_twin2": "Twin"})
    gone = named("304", "Gone")
    keep(engine_of(acme), CUSTOMER, named("301", "A"), named("303", "B"), gone)
    left(engine_of(acme), "customer", CUSTOMER, named("301", "A"), named("303", "B"))
    keep(engine_of(acme), named("301", "A"), scope=BooksScope("acme", "acme:quickbooks"))
    link(engine_of(acme), "customer", {"303": "cus_globex"}, vendor_object="customer")
    before = linked(engine_of(acme))

    with pytest.raises(Refusal) as refused:
        link_customer(acme.deployment, "acme", customer, external_id, connection, actor="cli:ann")

    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert linked(engine_of(acme)) == before
    assert acme.rows(customer_decisions) == []


def test_only_links_of_accounting_systems_are_taken_away(acme: Accounting):
    link(
        engine_of(acme),
        "customer",
        {"12": "cus_globex"},
        connection_id="acme:hubspot",
        vendor_object="companies",
        matched_by="",
    )
    with pytest.raises(Refusal, match=r"acme:hubspot companies 12 is the company that the sync made “Globex"):
        unlink_customer(acme.deployment, "acme", "cus_globex", "12", actor="cli:ann")
    with pytest.raises(Refusal, match=r"“Globex Corporation” is not linked to a record “13”; see `hardfin customer sh"):
        unlink_customer(acme.deployment, "acme", "cus_globex", "13", actor="cli:ann")
    assert linked(engine_of(acme)).keys() == {"12"}


def test_customers_are_not_counted_as_items(acme: Accounting):
    keep(engine_of(acme), CUSTOMER)
    run(acme)
    link(engine_of(acme), "item", {"7": "itm_arm"}, matched_by="sku")

    with reading(engine_of(acme)) as connection:
        assert item_states(connection, "acme") == {"acme:netsuite": ItemState(1, 0)}


def test_customers_made_since_are_found_without_a_visit(acme: Accounting):
    keep(engine_of(acme), named("302", "Umbrella"))
    again = link_customers_again(acme.deployment, "acme", run_id="run-9")
    assert acme.deployment.run(again) == 0
    add_customers(engine_of(acme), {"cus_umbrella": "Umbrella"})

    assert acme.deployment.run(link_customers_again(acme.deployment, "acme", run_id="run-9")) == 1
    assert linked(engine_of(acme)) == {"302": ("cus_umbrella", "name", "")}

    add_customers(engine_of(acme), {"cus_hooli": "Hooli"})
    keep(engine_of(acme), named("303", "Hooli"))
    with writing(engine_of(acme)) as connection:
        connection.execute(update(connections).values(status="paused"))
    assert acme.deployment.run(link_customers_again(acme.deployment, "acme", run_id="run-9")) == 0


def test_a_deals_customer_is_found_by_the_accounting_system_at_once(sqlite_acme: Organization, named_objects: None):
    engine = sqlite_acme.deployment.engine
    with writing(engine) as connection:
        add_connection(connection, "acme", "netsuite", status="paused")  # while the CRM is polled
    keep(engine, named("302", "Globex"))
    deal = sqlite_acme.add_deal(company="Globex")
    sqlite_acme.poll()
    with writing(engine) as connection:
        connection.execute(update(connections).values(status="active"))

    sqlite_acme.product.run_all()

    found = project_provenance(sqlite_acme.deployment, "acme", deal).customer
    assert found is not None
    assert found.record is not None
    assert linked(engine)["302"] == (found.id, "name", "")
    assert found.record.integration == "hubspot", "its values are of the company that the deal names"
    assert [each.connection_id for each in found.other_records] == ["acme:netsuite"]

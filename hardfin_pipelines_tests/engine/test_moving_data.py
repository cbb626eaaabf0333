"""Sales works while we page: whatever people do between any two answers, every won deal is delivered exactly once."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hardfin_pipelines.connectors.hubspot.limits import HubSpotLimits
from hardfin_pipelines.platform import migrate
from hardfin_pipelines.platform.database import connect
from hardfin_pipelines.platform.tables import ledger, ledger_aliases, projects
from hardfin_pipelines.sandbox.hubspot.errors import VendorError
from hardfin_pipelines_tests.engine.invariants import check_invariants, won_deals_now
from hardfin_pipelines_tests.engine.product import OPEN, SEARCH, WON, Organization, running_product, values_of

ACTIONS = ("modify", "win", "lose", "archive", "restore", "merge", "create", "add line")


class SalesWhileWePage(RuleBasedStateMachine):
    """A portal whose people work between the answers of loads and ticks."""

    deals = Bundle("deals")

    @initialize(page=st.sampled_from([1, 2, 200]), descending=st.booleans(), ragged=st.booleans())
    def start(self, page: int, descending: bool, ragged: bool) -> None:
        self.resources = ExitStack()
        folder = Path(self.resources.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder}/store.db"
        engine = connect(url)
        migrate.upgrade(engine)
        engine.dispose()
        self.product = self.resources.enter_context(running_product(url, folder))
        self.acme: Organization = self.product.add_organization()
        self.acme.deployment.vendors.hubspot.limits = HubSpotLimits(1_000_000, 1_000_000, 1_000_000, search_page=page)
        self.acme.portal.settings.change({"ragged_search_pages": ragged})
        first = datetime.now(UTC) - timedelta(days=3)
        step = timedelta(minutes=-1 if descending else 1)
        made = [
            self.acme.record(
                {"dealname": f"Deal {n}", "pipeline": "default", "dealstage": WON if n % 3 else OPEN},
                at=first + n // 2 * step,
            )
            for n in range(7)
        ]
        self.ids = self.acme.portal.create_many("deals", made)
        self.synced: dict[str, Any] = {}

    def teardown(self) -> None:
        if hasattr(self, "resources"):
            self.converge()
            self.resources.close()

    @rule(what=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 20)), max_size=4))
    def load(self, what: list[tuple[str, int]]) -> None:
        """An initial load, with people at work after each of its first answers."""
        self.between(what)
        self.acme.load(f"load-{len(self.ids)}")

    @rule(what=st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 20)), max_size=4))
    def tick(self, what: list[tuple[str, int]]) -> None:
        """A tick, the same way."""
        self.between(what)
        self.acme.tick()

    @rule(what=st.sampled_from(ACTIONS), which=st.integers(0, 20))
    def work(self, what: str, which: int) -> None:
        """Somebody does something while nothing is read."""
        self.act(what, which)

    @invariant()
    def what_was_synced_is_never_changed(self) -> None:
        """I2: a project once created is never written by a tick or a load."""
        if not hasattr(self, "acme"):
            return
        held = {row["id"]: row for row in self.acme.rows(projects)}
        assert {key: held.get(key) for key in self.synced} == self.synced
        self.synced = held

    def converge(self) -> None:
        """I9: when people stop, two more ticks reach what a calm run would have."""
        self.between([])
        self.acme.load("last")
        self.acme.tick()
        self.acme.tick()
        check_invariants(self.acme)
        known = set(values_of(self.acme.rows(ledger), "external_id"))
        known |= set(values_of(self.acme.rows(ledger_aliases), "alias_id"))
        assert won_deals_now(self.acme) <= known

    def between(self, what: list[tuple[str, int]]) -> None:
        actions = [self.acting(name, which) for name, which in what]
        assert self.product.between is not None
        self.product.between.do(SEARCH, *actions)

    def acting(self, name: str, which: int) -> Callable[[], None]:
        return lambda: self.act(name, which)

    def act(self, name: str, which: int) -> None:
        deal = self.ids[which % len(self.ids)]
        with suppress(VendorError, ValueError):  # it is archived, or was merged away: nothing to do with it
            self.do(name, deal, self.ids[(which + 1) % len(self.ids)])

    def do(self, name: str, deal: str, other: str) -> None:
        portal = self.acme.portal
        if name == "modify":
            portal.update("deals", deal, {"description": "looked at"})
        elif name in {"win", "lose"}:
            portal.move_deal(deal, WON if name == "win" else OPEN)
        elif name == "archive":
            portal.archive("deals", deal)
        elif name == "restore":
            portal.restore("deals", deal)
        elif name == "merge":
            self.ids.append(portal.merge_deals(deal, other))
        elif name == "create":
            self.ids.append(self.acme.add_deal(f"New {len(self.ids)}", lines=[]))
        else:
            self.acme.add_line(deal, ("Robot leg", "7.00"))


def test_whatever_sales_does_between_two_answers_every_won_deal_is_delivered_once():
    run_state_machine_as_test(
        SalesWhileWePage,
        settings=settings(
            max_examples=20, stateful_step_count=8, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

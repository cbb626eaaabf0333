"""Batches: the same inputs give the same plan, and neither splitting nor shuffling changes what Hardfin holds."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.sync.first_sync import DealBundle, item_names, plan_batch
from hardfin_pipelines.sync.identity import normalized_name
from hardfin_pipelines.sync.plans import Known, LedgerEntry, NewEntity, NewLink, Outcome, SetAside, Synced
from hardfin_pipelines.sync.records import Role
from hardfin_pipelines.sync.trigger import DealState
from hardfin_pipelines_tests.sync.builders import bundle, company, context, created, line, product, synced

NAMES = ("Pump", " PUMP ", "Valve", "Vàlve", "Hose")
COMPANIES = {
    "70": company("70", "Globex", ["71", "72"]),
    "73": company("73", "Initech"),
    "74": company("74", " "),  # rejected: a customer needs a name
}
ASKED_COMPANIES = {"70": "70", "71": "70", "72": "70", "73": "73", "74": "74"}
PRODUCTS = {
    "90": product("90", "Pump", "100"),
    "91": product("91", "pump", "101", ["92"]),
    "93": product("93", "Valve", "N/A"),
    "94": product("94", "Hose", "7"),
}
ASKED_PRODUCTS = {"90": "90", "91": "91", "92": "91", "93": "93", "94": "94", "99": None}  # 99 is gone


@dataclass
class Store:
    """What the platform store keeps of plans, as far as planning looks at it. One row per key, or it raises."""

    ledger: dict[str, LedgerEntry] = field(default_factory=dict)
    links: dict[tuple[Role, str], NewLink] = field(default_factory=dict)
    entities: dict[str, NewEntity] = field(default_factory=dict)

    def write(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            if not isinstance(outcome, Synced):
                continue
            assert outcome.ledger.external_id not in self.ledger
            self.ledger[outcome.ledger.external_id] = outcome.ledger
            for link in outcome.links:
                assert (link.role, link.external_id) not in self.links
                self.links[link.role, link.external_id] = link
            for entity in outcome.entities:
                assert entity.id not in self.entities
                self.entities[entity.id] = entity

    def known(self, bundles: Sequence[DealBundle]) -> Known:
        names = item_names(bundles, context())
        by_name: dict[str, tuple[str, ...]] = {}
        for entity in self.entities.values():
            name = normalized_name(str(entity.values["name"]))
            if entity.entity == "item" and name in names:
                by_name[name] = tuple(sorted((*by_name.get(name, ()), entity.id)))
        ledger = {
            external_id: (entry.external_id, entry.project_id)
            for entry in self.ledger.values()
            for external_id in (entry.external_id, *entry.aliases)
        }
        links = {key: link.entity_id for key, link in self.links.items() if key[0] in ("company", "product")}
        return Known(ledger, links, by_name)

    def shown(self, first_items: frozenset[str]) -> set[object]:
        """All of it, but an item made for several records that share a name stands under that name.

        Which of those records made the item, and so gave it its id and its other values, is a matter of who came
        first. All that hangs on an item is compared.
        """

        def shown_id(entity_id: str | None) -> str | None:
            entity = self.entities.get(entity_id or "")
            if entity is None or entity.entity != "item" or entity.id in first_items:
                return entity_id
            name = normalized_name(str(entity.values["name"]))
            namesakes = [
                item for item in first_items if normalized_name(str(self.entities[item].values["name"])) == name
            ]
            return f"new item {name}" if not namesakes else entity_id

        rows: set[object] = set()
        for entity in self.entities.values():
            parents = tuple((column, shown_id(parent)) for column, parent in sorted(entity.parents.items()))
            values = None if entity.entity == "item" else tuple(sorted(entity.values.items()))
            rows.add((entity.entity, shown_id(entity.id), values, parents, entity.position))
        for link in self.links.values():
            values = None if link.role == "product" else _without_item(link)
            rows.add((link.role, link.external_id, shown_id(link.entity_id), values))
        return rows | {(entry.external_id, entry) for entry in self.ledger.values()}


def _without_item(link: NewLink) -> tuple[tuple[str, str | None], ...]:
    return tuple(sorted((name, value) for name, value in link.synced_values.items() if name != "item"))


def initial_store(names: Sequence[str]) -> Store:
    """A store that holds items of some names, made by people; a name may occur twice."""
    items = [NewEntity("item", f"itm_{number}", {"name": name}) for number, name in enumerate(names)]
    return Store(entities={item.id: item for item in items})


@st.composite
def deals(draw: st.DrawFn) -> list[DealBundle]:
    """Deals that share companies, products and names; each line is on one deal only."""
    made = []
    for number in range(draw(st.integers(0, 7))):
        asked = draw(st.sampled_from([None, *ASKED_COMPANIES]))
        wanted = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([None, *ASKED_PRODUCTS])), max_size=4))
        lines = [line(f"{number}{place}", name, "80", of_product=sold) for place, (name, sold) in enumerate(wanted)]
        found = {ASKED_PRODUCTS[sold] for _, sold in wanted if sold} - {None}
        made.append(
            bundle(
                str(number),
                of_company=asked or (),
                companies=[COMPANIES[ASKED_COMPANIES[asked]]] if asked else [],
                lines=lines,
                products=[PRODUCTS[product_id] for product_id in sorted(filter(None, found))],
                properties={"amount": draw(st.sampled_from(["10", "10", "10", "N/A"]))},
                state=DealState("default", draw(st.sampled_from(["won", "won", "won", "open"])), {}),
            )
        )
    return made


HELD_NAMES = st.lists(st.sampled_from(["Pump", "Valve", "Hose", "hose"]), max_size=3)


def run(store: Store, *batches: Sequence[DealBundle]) -> dict[str, Outcome]:
    """Plan and write each batch in turn, as runs do: with what the store knows then."""
    outcomes: dict[str, Outcome] = {}
    for batch in batches:
        planned = plan_batch(batch, store.known(batch), context())
        store.write(planned)
        outcomes.update({outcome.deal.id: outcome for outcome in planned})
    return outcomes


@settings(deadline=None)
@given(bundles=deals(), names=HELD_NAMES)
def test_the_same_inputs_give_the_same_plan_byte_for_byte(bundles, names):
    store = initial_store(names)

    first = plan_batch(bundles, store.known(bundles), context())
    again = plan_batch(deepcopy(bundles), store.known(bundles), context())

    assert repr(first).encode() == repr(again).encode()


@settings(deadline=None)
@given(bundles=deals(), names=HELD_NAMES)
def test_known_grows_to_what_the_store_would_answer_after_the_batch(bundles, names):
    store = initial_store(names)
    known = store.known(bundles)

    store.write(plan_batch(bundles, known, context()))

    after = store.known(bundles)
    assert known.ledger == after.ledger
    assert {key: found for key, found in known.links.items() if key[0] in ("company", "product")} == after.links
    assert {name: sorted(ids) for name, ids in known.items_by_name.items()} == {
        name: sorted(ids) for name, ids in after.items_by_name.items()
    }


@settings(deadline=None)
@given(bundles=deals(), names=HELD_NAMES, data=st.data())
def test_splitting_a_batch_changes_nothing_at_all(bundles, names, data):
    cut = data.draw(st.integers(0, len(bundles)))
    whole, split = initial_store(names), initial_store(names)

    assert run(whole, bundles) == run(split, bundles[:cut], bundles[cut:])
    assert whole == split


@settings(deadline=None)
@given(bundles=deals(), names=HELD_NAMES, data=st.data())
def test_doing_a_batch_again_creates_nothing(bundles, names, data):
    store = initial_store(names)
    run(store, bundles)
    before = deepcopy(store)

    again = run(store, data.draw(st.permutations(bundles)))

    assert not any(isinstance(outcome, Synced) for outcome in again.values())
    assert store == before


@settings(deadline=None)
@given(bundles=deals(), names=HELD_NAMES, data=st.data())
def test_shuffling_and_splitting_change_neither_projects_customers_lines_links_nor_ledger(bundles, names, data):
    shuffled = data.draw(st.permutations(bundles))
    cut = data.draw(st.integers(0, len(bundles)))
    one, other = initial_store(names), initial_store(names)
    held = frozenset(one.entities)

    outcomes, shuffled_outcomes = run(one, bundles), run(other, shuffled[:cut], shuffled[cut:])

    assert one.shown(held) == other.shown(held)
    assert _verdicts(outcomes) == _verdicts(shuffled_outcomes)


def _verdicts(outcomes: dict[str, Outcome]) -> dict[str, tuple[str, str]]:
    return {deal_id: (type(outcome).__name__, getattr(outcome, "reason", "")) for deal_id, outcome in outcomes.items()}


@settings(deadline=None)
@given(bundles=deals(), names=HELD_NAMES)
def test_no_deal_set_aside_leaves_a_trace(bundles, names):
    store, without = initial_store(names), initial_store(names)

    outcomes = run(store, bundles)

    run(without, [each for each in bundles if not isinstance(outcomes[each.deal.id], SetAside)])
    assert store == without


def test_an_item_that_several_records_share_has_the_values_of_the_first_one_seen():
    """First come, first served: items are operations' own from then on, and a later record changes nothing."""
    ad_hoc = bundle("1", lines=[line("5", "Pump", "80")])
    of_product = bundle("2", lines=[line("6", "Pump", "90", of_product="90")], products=[PRODUCTS["90"]])

    for batch, price in (([ad_hoc, of_product], "80"), ([of_product, ad_hoc], "100")):
        outcomes = plan_batch(batch, Known(), context())
        items = [item for outcome in outcomes for item in created(outcome, "item")]
        assert [str(item.values["price"]) for item in items] == [price]
        assert {entity.parents["item_id"] for each in outcomes for entity in created(each, "project_line_item")} == {
            items[0].id
        }


def test_another_organization_or_connection_makes_other_entities_of_the_same_records():
    deal = bundle(of_company="73", companies=[COMPANIES["73"]], lines=[line("5", of_product="90")])
    contexts = [
        context(),
        replace(context(), org="other"),
        replace(context(), connection_id="acme-robotics:salesforce"),
    ]

    plans = [synced(plan_batch([deal], Known(), each)[0]) for each in contexts]

    ids = [entity.id for plan in plans for entity in plan.entities if entity.entity != "item"]
    assert len(ids) == len(set(ids)) == 9

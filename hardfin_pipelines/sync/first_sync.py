"""Rules 1 and 2: a deal that meets the trigger becomes a project, once.

Planning is pure: the same records and the same knowledge give the same plan, so a plan can be made inside the
transaction that carries it out, made again after a crash, or shown as a preview.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from hardfin_pipelines.sync.entities import ENTITY_OF_ROLE, EntityType
from hardfin_pipelines.sync.identity import entity_id, line_item_id, normalized_name, product_item_ids
from hardfin_pipelines.sync.mapping import Mapped, Rejected, map_record
from hardfin_pipelines.sync.mapping_rules import EntityMapping, MappingSet
from hardfin_pipelines.sync.pipeline_rules import PipelineRule
from hardfin_pipelines.sync.plans import (
    PARENT_FIELDS,
    Known,
    KnownLine,
    LedgerEntry,
    NewEntity,
    NewLink,
    Outcome,
    Protected,
    SetAside,
    Skipped,
    Synced,
)
from hardfin_pipelines.sync.records import PropertyDescription, Record, Reference, Role
from hardfin_pipelines.sync.trigger import DealState, NotTriggered, Triggered, evaluate_trigger

_LAST = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for every deal of a batch.

    Attributes:
        org: The organization.
        connection_id: The connection the records come from.
        rules: The connection's pipeline rules.
        mappings: The connection's mapping, before a pipeline's own entries.
        properties: The account's description of its fields, by role.
        described_at: When that was read, by the vendor's clock; None where it is the latest there can be.
    """

    org: str
    connection_id: str
    rules: tuple[PipelineRule, ...]
    mappings: MappingSet
    properties: Mapping[Role, Mapping[str, PropertyDescription]]
    described_at: datetime | None = None

    def mappings_for(self, rule: PipelineRule) -> MappingSet:
        """The mapping with the pipeline's own entries in place."""
        return {
            entity: mapping.merged_with(rule.overrides[entity]) if entity in rule.overrides else mapping
            for entity, mapping in self.mappings.items()
        }


@dataclass(frozen=True, slots=True)
class DealBundle:
    """A deal with the records it points to, as far as they were read.

    Attributes:
        deal: The deal; its references name its companies and line items.
        state: What the trigger looks at.
        companies: The company records read, by the id the deal points to.
        line_items: The line item records read, by id. A line item that is gone at the vendor is absent.
        products: The product records read, by id.
        unread: Reasons why a record the project cannot do without could not be read.
    """

    deal: Record
    state: DealState
    companies: Mapping[str, Record] = field(default_factory=dict)
    line_items: Mapping[str, Record] = field(default_factory=dict)
    products: Mapping[str, Record] = field(default_factory=dict)
    unread: tuple[str, ...] = ()


def numeric_first(external_id: str) -> tuple[int, str]:
    """A sort key for vendor ids: short ones first, so that numbers sort as numbers and texts as texts."""
    return (len(external_id), external_id)


def primary_company(references: Sequence[Reference]) -> str | None:
    """The company a deal belongs to: the one the vendor calls primary, else the one with the lowest id."""
    chosen = sorted(references, key=lambda reference: (not reference.primary, numeric_first(reference.id)))
    return chosen[0].id if chosen else None


def plan_batch(bundles: Sequence[DealBundle], known: Known, context: Context) -> list[Outcome]:
    """What happens to each deal, in order. `known` grows with what the plan creates.

    Args:
        bundles: The deals with what they point to; a deal may appear twice, the second time it is protected.
        known: What the store holds of them, read in the same transaction.
        context: The organization's rules and mapping.
    """
    return [_plan_deal(bundle, known, context) for bundle in bundles]


def protection(deal: Record, known: Known) -> Protected | None:
    """Rule 2: whether the deal, or one merged into it, is in the ledger."""
    ids = (deal.id, *deal.merged_ids)
    found = next((known.ledger[external_id] for external_id in ids if external_id in known.ledger), None)
    if found is None:
        return None
    ledger_id, project_id = found
    new_aliases = tuple(external_id for external_id in ids if external_id not in known.ledger)
    return Protected(deal, project_id, ledger_id, new_aliases)


def _plan_deal(bundle: DealBundle, known: Known, context: Context) -> Outcome:
    deal = bundle.deal
    protected = protection(deal, known)
    if protected is not None:
        known.ledger.update(dict.fromkeys(protected.new_aliases, (protected.ledger_id, protected.project_id)))
        return protected
    verdict = evaluate_trigger(bundle.state, context.rules)
    if isinstance(verdict, NotTriggered):
        return SetAside(deal, verdict.reason) if verdict.waits else Skipped(deal, verdict.reason)
    return plan_project(bundle, known, context, verdict)


def plan_project(
    bundle: DealBundle, known: Known, context: Context, triggered: Triggered, project_id: str | None = None
) -> Synced | SetAside:
    """The project a deal becomes, whatever the ledger says: a re-sync compares it with what Hardfin holds.

    Args:
        bundle: The deal with what it points to.
        known: What the store holds of its companies and products; grows with what the plan creates.
        context: The organization's rules and mapping.
        triggered: The rule whose mapping counts.
        project_id: The project's id where it exists already.
    """
    if bundle.unread:
        return SetAside(bundle.deal, "; ".join(bundle.unread))
    return _ProjectPlanner(bundle, known, context, triggered).plan(project_id)


def item_names(bundles: Sequence[DealBundle], context: Context) -> set[str]:
    """The normalized names under which the items of these deals may be known: of products, and of the lines."""
    names: set[str] = set()
    mappings = [context.mappings, *(context.mappings_for(rule) for rule in context.rules if rule.overrides)]
    mappings = [{entity: _name_only(mapping) for entity, mapping in each.items()} for each in mappings]
    for bundle in bundles:
        for record in (*bundle.line_items.values(), *bundle.products.values()):
            names.update(filter(None, (_mapped_name(record, mapping, context) for mapping in mappings)))
    return names


def _name_only(mapping: EntityMapping) -> EntityMapping:
    return EntityMapping(mapping.entity, tuple(rule for rule in mapping.rules if rule.target == "name"))


def _mapped_name(record: Record, mappings: MappingSet, context: Context) -> str | None:
    mapped = map_record(record, mappings[ENTITY_OF_ROLE[record.role]], context.properties.get(record.role, {}))
    return normalized_name(str(mapped.values["name"])) if isinstance(mapped, Mapped) else None


class _ProjectPlanner:
    """Plans one project. Knowledge is only extended when the whole plan holds."""

    def __init__(self, bundle: DealBundle, known: Known, context: Context, triggered: Triggered) -> None:
        self._bundle = bundle
        self._known = known
        self._context = context
        self._triggered = triggered
        self._mappings = context.mappings_for(triggered.rule)
        self._entities: list[NewEntity] = []
        self._links: list[NewLink] = []
        self._problems: list[str] = []
        self._new_links: dict[tuple[Role, str], str] = {}
        self._new_names: dict[str, tuple[str, ...]] = {}
        self._lines_taken: dict[str, str] = {}

    def plan(self, known_project_id: str | None) -> Synced | SetAside:
        deal = self._bundle.deal
        project_id = known_project_id or self._id("project", deal.id)
        customer_id = self._customer()
        project = self._map(deal)
        if project is not None:
            self._create(deal, project_id, project, {"customer_id": customer_id})
        self._line_items(project_id, first_sync=known_project_id is None)
        if self._problems:
            return SetAside(deal, "; ".join(self._problems))
        entry = LedgerEntry(
            deal.id,
            project_id,
            self._triggered.rule.pipeline_id,
            self._triggered.stage_id,
            deal.modified_at,
            deal.merged_ids,
        )
        self._known.links.update(self._new_links)
        self._known.items_by_name.update(self._new_names)
        self._known.ledger.update(dict.fromkeys((deal.id, *deal.merged_ids), (deal.id, project_id)))
        self._known.lines.update(dict.fromkeys(self._lines_taken, KnownLine(project_id, given_up=False)))
        return Synced(deal, entry, tuple(self._entities), tuple(self._links), self._lines_taken)

    def _id(self, entity: EntityType, external_id: str) -> str:
        return entity_id(entity, self._context.org, self._context.connection_id, external_id)

    def _line_id(self, external_id: str, project_id: str) -> str:
        return line_item_id(self._context.org, self._context.connection_id, external_id, project_id)

    def _map(self, record: Record) -> Mapped | None:
        mapping = self._mappings[ENTITY_OF_ROLE[record.role]]
        described = self._context.properties.get(record.role, {})
        mapped = map_record(record, mapping, described, self._context.described_at)
        if isinstance(mapped, Rejected):
            self._problems.append(f"{record.role.replace('_', ' ')} {record.id}: {mapped.reason}")
            return None
        return mapped

    def _create(
        self,
        record: Record,
        new_id: str,
        mapped: Mapped,
        parents: Mapping[str, str | None],
        position: int = 0,
    ) -> None:
        entity = ENTITY_OF_ROLE[record.role]
        self._entities.append(NewEntity(entity, new_id, mapped.values, parents, position))
        compared = {name: parents.get(column) for name, column in PARENT_FIELDS.get(entity, {}).items()}
        texts = {**mapped.texts(), **compared}
        self._links.append(NewLink(record.role, record.id, entity, new_id, texts, record.url, record.modified_at))
        self._new_links[record.role, record.id] = new_id

    def _linked(self, role: Role, external_id: str) -> str | None:
        return self._known.links.get((role, external_id)) or self._new_links.get((role, external_id))

    def _customer(self) -> str | None:
        asked = primary_company(self._bundle.deal.references.get("company", ()))
        if asked is None:
            return None
        linked = self._linked("company", asked)
        if linked is not None:
            return linked
        record = self._bundle.companies.get(asked)
        if record is None:
            # Its link was removed after the records were read. A project without its customer would stay so.
            self._problems.append(f"company {asked}: is not linked and was not read; the next visit reads it")
            return None
        customer_id = self._linked_under_any_id(record)
        if customer_id is None:
            mapped = self._map(record)
            if mapped is None:
                return None
            customer_id = self._id("customer", record.id)
            self._create(record, customer_id, mapped, {})
        self._link_ids(record, asked, customer_id)
        return customer_id

    def _linked_under_any_id(self, record: Record) -> str | None:
        """The entity of a record that is linked under its own id or under one merged into it."""
        ids = (record.id, *record.merged_ids)
        return next((found for external_id in ids if (found := self._linked(record.role, external_id))), None)

    def _link_ids(self, record: Record, asked: str, linked_id: str) -> None:
        """After a merge both the survivor's id and the one that still is referred to lead to the entity."""
        for external_id in (record.id, asked):
            if self._linked(record.role, external_id) is None:
                entity = ENTITY_OF_ROLE[record.role]
                link = NewLink(record.role, external_id, entity, linked_id, {}, record.url, record.modified_at)
                self._links.append(link)
                self._new_links[record.role, external_id] = linked_id

    def _line_items(self, project_id: str, *, first_sync: bool) -> None:
        lines = list(self._mapped_lines(first_sync=first_sync))
        # Products first: a catalogue item has the list price, where a line of the same name has the price agreed.
        by_product = sorted(lines, key=lambda line: not line[1].references.get("product"))
        items = {record.id: self._item(record, mapped) for _, record, mapped in by_product}
        for position, record, mapped in lines:
            parents = {"project_id": project_id, "item_id": items[record.id]}
            taken = self._known.links.get(("line_item", record.id)) if record.id in self._lines_taken else None
            self._create(record, taken or self._line_id(record.id, project_id), mapped, parents, position)

    def _mapped_lines(self, *, first_sync: bool) -> Iterator[tuple[int, Record, Mapped]]:
        references = self._bundle.deal.references.get("line_item", ())
        for position, line_id in enumerate(sorted({r.id for r in references}, key=self._place), start=1):
            record = self._bundle.line_items.get(line_id)
            if record is None:
                continue
            if first_sync and self._is_anothers(record.id):
                continue
            mapped = self._map(record)
            if mapped is not None:
                yield position, record, mapped

    def _place(self, line_id: str) -> tuple[Decimal, tuple[int, str]]:
        """Where a line stands: as people put it, those that nobody put anywhere last, by id."""
        record = self._bundle.line_items.get(line_id)
        return (_LAST if record is None or record.place is None else record.place), numeric_first(line_id)

    def _is_anothers(self, line_id: str) -> bool:
        """Whether a line item is a line of another project, which it stays: one line has one link.

        A line that was marked removed there (its project was re-synced after the line item had moved) comes here. Any
        other belongs to operations: a first sync does not change their project.
        """
        if self._linked("line_item", line_id) is None:
            return False
        line = self._known.lines.get(line_id)
        if line is not None and line.given_up:
            self._lines_taken[line_id] = line.project_id
            return False
        whose = "another project" if line is None else f"project {line.project_id}"
        self._problems.append(
            f"line item {line_id}: is a line of {whose} already; re-sync that project if the line item has moved here, "
            "else remove it from one of the two deals"
        )
        return True

    def _item(self, line: Record, mapped_line: Mapped) -> str:
        """The item of a line: by link, else by unique exact name, else created; by the line's own name at last.

        A product that is gone, or that cannot be mapped, is passed over: the line has what the project needs.
        """
        for reference in line.references.get("product", ()):
            item_id = self._linked("product", reference.id) or self._item_of_product(reference.id)
            if item_id is not None:
                return item_id
        return self._item_by_line_name(mapped_line)

    def _item_of_product(self, asked: str) -> str | None:
        product = self._bundle.products.get(asked)
        if product is None:
            return None
        item_id = self._linked_under_any_id(product)
        if item_id is None:
            mapped = map_record(product, self._mappings["item"], self._context.properties.get("product", {}))
            if isinstance(mapped, Rejected):
                return None
            ids = (asked, product.id, *product.merged_ids)
            refused = frozenset[str]().union(*(self._known.refused.get(each, ()) for each in ids))
            item_id = self._item_by_product_name(product, mapped, refused)
        self._link_ids(product, asked, item_id)
        return item_id

    def _item_by_product_name(self, product: Record, mapped: Mapped, refused: frozenset[str]) -> str:
        name = normalized_name(str(mapped.values["name"]))
        named = self._names(name)
        candidates = [each for each in named if each not in refused]
        if len(candidates) == 1:
            item_id = candidates[0]
            texts = mapped.texts()
            self._links.append(NewLink("product", product.id, "item", item_id, texts, product.url, product.modified_at))
            self._new_links["product", product.id] = item_id
            return item_id
        own_ids = product_item_ids(self._context.org, self._context.connection_id, product.id)
        item_id = next(each for each in own_ids if each not in refused)
        self._create(product, item_id, mapped, {})
        self._new_names[name] = (*named, item_id)
        return item_id

    def _item_by_line_name(self, line: Mapped) -> str:
        name = normalized_name(str(line.values["name"]))
        candidates = self._names(name)
        own_id = entity_id("item", self._context.org, "", f"name:{name}")
        if own_id in candidates:
            return own_id
        if len(candidates) == 1:
            return candidates[0]
        values = {"name": line.values["name"], "sku": line.values.get("sku"), "price": line.values.get("unit_price")}
        self._entities.append(NewEntity("item", own_id, values | {"currency": line.values.get("currency")}))
        self._new_names[name] = (*candidates, own_id)
        return own_id

    def _names(self, name: str) -> tuple[str, ...]:
        return self._new_names.get(name) or self._known.items_by_name.get(name, ())

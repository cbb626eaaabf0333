"""What a sync would make of a deal, field by field: the outcome of planning it, in a form to show, keep and compare.

Nothing here decides anything: it describes what `plan_batch` decided, so that a preview and the run say the same.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from hardfin_pipelines.sync.entities import ENTITY_OF_ROLE, EntityType
from hardfin_pipelines.sync.first_sync import Context, DealBundle, primary_company
from hardfin_pipelines.sync.mapping_rules import EntityMapping, FieldRule, MappingSet
from hardfin_pipelines.sync.plans import Known, NewEntity, NewLink, Outcome, Protected, SetAside, Skipped, Synced
from hardfin_pipelines.sync.records import Record
from hardfin_pipelines.sync.values import to_text

OutcomeKind = Literal["synced", "protected", "not triggering", "set aside"]

WRITTEN: frozenset[OutcomeKind] = frozenset({"synced", "set aside"})
"""The outcomes that leave something in the store: a project, or the note that a deal is set aside."""

MatchedBy = Literal["link", "exact name"]

_ITEM_FROM_LINE: Mapping[str, str] = MappingProxyType(
    {"name": "name", "sku": "sku", "price": "unit_price", "currency": "currency"}
)
"""The fields of an item that a line without a product gives it, and the line's fields they are taken from."""


@dataclass(frozen=True, slots=True)
class PlannedField:
    """A field that is filled: its value in canonical text, and where that comes from."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class PlannedEntity:
    """An entity that would be created.

    Attributes:
        entity: Its kind.
        id: Its id.
        record: The vendor's record it is made of, such as "company 77".
        fields: Its fields that have a value.
        parents: The entities it belongs to, by column.
        position: Where it stands among its siblings.
    """

    entity: EntityType
    id: str
    record: str
    fields: Mapping[str, PlannedField]
    parents: Mapping[str, str | None]
    position: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """A record that leads to an entity which is there already, or which an earlier deal of the preview creates.

    It says no more of that: while a plan is run, what an earlier deal creates becomes what is there.
    """

    entity: EntityType
    record: str
    id: str
    by: MatchedBy


@dataclass(frozen=True, slots=True)
class DealPlan:
    """What becomes of one deal, and why.

    Attributes:
        deal_id: The vendor's id.
        modified_at: The vendor's stamp of the version that was looked at.
        outcome: What becomes of it.
        name: What the vendor calls it, for people.
        reason: Why, in plain words.
        pipeline_id: The pipeline whose rule takes it; "" where none does.
        stage_id: The trigger stage it was in.
        project_id: The project it becomes or is; "" where there is none.
        entities: What would be created.
        matches: What is there already.
        links: Every link that would be written: role, external id, entity id.
        notes: What it lacks, by kind: each a sentence.
    """

    deal_id: str
    modified_at: datetime
    outcome: OutcomeKind
    name: str
    reason: str
    pipeline_id: str = ""
    stage_id: str = ""
    project_id: str = ""
    entities: tuple[PlannedEntity, ...] = ()
    matches: tuple[Match, ...] = ()
    links: tuple[tuple[str, str, str], ...] = ()
    notes: tuple[tuple[str, str], ...] = ()

    def document(self) -> dict[str, Any]:
        """The plan in values that JSON can hold, in one form only: equal plans have equal documents."""
        document: dict[str, Any] = {
            "deal": self.deal_id,
            "modified_at": self.modified_at.isoformat(),
            "outcome": self.outcome,
            "name": self.name,
            "reason": self.reason,
        }
        if self.outcome == "synced":
            document |= {"pipeline": self.pipeline_id, "stage": self.stage_id}
        if self.project_id:
            document["project"] = self.project_id
        parts = {
            "entities": [_entity_document(entity) for entity in self.entities],
            "matches": [[match.entity, match.record, match.id, match.by] for match in self.matches],
            "links": [list(link) for link in self.links],
            "notes": [text for _, text in self.notes],
        }
        return document | {name: part for name, part in parts.items() if part}


def digest_of(document: Mapping[str, Any]) -> str:
    """The hash of a document: equal documents have equal ones, whatever the order of their keys."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def described(
    outcome: Outcome, context: Context, bundle: DealBundle | None = None, known: Known | None = None
) -> DealPlan:
    """What becomes of a deal.

    Args:
        outcome: What planning it came to.
        context: The rules and the mapping it was planned with.
        bundle: The deal with what it points to; needed where it syncs.
        known: What the plan was made with, grown by it.
    """
    deal = outcome.deal
    name = _title(deal, context)
    match outcome:
        case Synced():
            if bundle is None or known is None:
                raise ValueError("a deal that syncs is described with the records it points to")
            return _Description(outcome, bundle, known, context).plan(name)
        case Protected():
            reason = f"it is project {outcome.project_id} already"
            if outcome.ledger_id != deal.id:
                reason += f", first synced as deal {outcome.ledger_id}"
            return DealPlan(deal.id, deal.modified_at, "protected", name, reason, project_id=outcome.project_id)
        case Skipped():
            return DealPlan(deal.id, deal.modified_at, "not triggering", name, outcome.reason)
        case SetAside():
            return DealPlan(deal.id, deal.modified_at, "set aside", name, outcome.reason)


def origin_of(rule: FieldRule, record: Record) -> str:
    """Where a field's value comes from: the vendor's property, a template, or the mapping's own default."""
    sources = rule.sources()
    if rule.default is not None and not any((record.properties.get(each) or "").strip() for each in sources):
        return "the mapping's default"
    return rule.source or rule.template


class _Description:
    """Describes one deal that syncs."""

    def __init__(self, outcome: Synced, bundle: DealBundle, known: Known, context: Context) -> None:
        self._outcome = outcome
        self._bundle = bundle
        self._known = known
        rule = next(rule for rule in context.rules if rule.pipeline_id == outcome.ledger.pipeline_id)
        self._mappings: MappingSet = context.mappings_for(rule)
        # A link without values is one more id of a record that has been merged.
        self._link_of = {link.entity_id: link for link in outcome.links if link.synced_values}
        self._created = {entity.id for entity in outcome.entities}

    def plan(self, name: str) -> DealPlan:
        entry, deal = self._outcome.ledger, self._outcome.deal
        return DealPlan(
            deal_id=deal.id,
            modified_at=deal.modified_at,
            outcome="synced",
            name=name,
            reason=self._reason(),
            pipeline_id=entry.pipeline_id,
            stage_id=entry.stage_id,
            project_id=entry.project_id,
            entities=tuple(self._entity(entity) for entity in self._outcome.entities),
            matches=tuple(self._matches()),
            links=tuple((link.role, link.external_id, link.entity_id) for link in self._outcome.links),
            notes=tuple(self._notes()),
        )

    def _reason(self) -> str:
        entry, state = self._outcome.ledger, self._bundle.state
        where = f"stage {entry.stage_id} of pipeline {entry.pipeline_id}"
        if (state.pipeline_id, state.stage_id) == (entry.pipeline_id, entry.stage_id):
            return f"it is in {where}"
        entered = state.entered.get(entry.stage_id)
        since = f", entered {entered:%Y-%m-%d %H:%M} UTC" if entered is not None else ""
        return f"it passed through {where}{since}"

    def _entity(self, entity: NewEntity) -> PlannedEntity:
        link = self._link_of.get(entity.id)
        if link is None:
            return self._item_of_line(entity)
        record = self._record(link)
        mapping = self._mappings[entity.entity]
        return PlannedEntity(
            entity.entity,
            entity.id,
            _named(record),
            _fields(entity, {target: target for target in entity.values}, mapping, record),
            dict(entity.parents),
            entity.position,
        )

    def _item_of_line(self, item: NewEntity) -> PlannedEntity:
        """An item without a product: the first line that leads to it gave it its values."""
        lines = [record for entity, record in self._lines() if entity.parents.get("item_id") == item.id]
        line = min(lines, key=lambda record: not record.references.get("product"))
        fields = _fields(item, _ITEM_FROM_LINE, self._mappings["project_line_item"], line)
        return PlannedEntity("item", item.id, _named(line), fields, dict(item.parents), item.position)

    def _record(self, link: NewLink) -> Record:
        found: Mapping[str, Record] = {
            "deal": {link.external_id: self._bundle.deal},
            "company": self._bundle.companies,
            "line_item": self._bundle.line_items,
            "product": self._bundle.products,
        }[link.role]
        # They are kept by the id that was asked for: one that has been merged away leads to its survivor.
        return next(record for record in found.values() if record.id == link.external_id)

    def _lines(self) -> Iterator[tuple[NewEntity, Record]]:
        for entity in self._outcome.entities:
            if entity.entity == "project_line_item":
                yield entity, self._record(self._link_of[entity.id])

    def _matches(self) -> Iterator[Match]:
        project = next(entity for entity in self._outcome.entities if entity.entity == "project")
        customer = project.parents.get("customer_id")
        company = primary_company(self._outcome.deal.references.get("company", ()))
        if customer is not None and customer not in self._created:
            yield Match("customer", f"company {company}", customer, "link")
        for entity, line in self._lines():
            item = entity.parents.get("item_id")
            if item is not None and item not in self._created:
                yield Match("item", _named(line), item, self._matched_by(line, item))

    def _matched_by(self, line: Record, item: str) -> MatchedBy:
        products = [each.id for each in line.references.get("product", ())]
        linked = any(self._known.links.get(("product", each)) == item for each in products)
        # A product that is linked only by this deal was found by its name.
        now = self._link_of.get(item)
        return "link" if linked and (now is None or now.role != "product") else "exact name"

    def _notes(self) -> Iterator[tuple[str, str]]:
        references = self._outcome.deal.references
        if primary_company(references.get("company", ())) is None:
            yield "no company", "it has no company: its project has no customer"
        lines = sorted({each.id for each in references.get("line_item", ())}, key=lambda each: (len(each), each))
        if not lines:
            yield "no line items", "it has no line items"
        for line_id in lines:
            if line_id not in self._bundle.line_items:
                yield "line item gone", f"line item {line_id} is not given by the CRM any more: it is left out"
        for _, line in self._lines():
            for reference in line.references.get("product", ()):
                if ("product", reference.id) not in self._known.links and reference.id not in self._bundle.products:
                    lacks = f"product {reference.id} of line item {line.id} is not given by the CRM"
                    yield "product gone", f"{lacks}: its item goes by the line's own name"


def _fields(
    entity: NewEntity, sources: Mapping[str, str], mapping: EntityMapping, record: Record
) -> dict[str, PlannedField]:
    rules = {rule.target: rule for rule in mapping.rules}
    return {
        target: PlannedField(to_text(value), origin_of(rules[sources[target]], record))
        for target, value in entity.values.items()
        if value is not None
    }


def _entity_document(entity: PlannedEntity) -> dict[str, Any]:
    document: dict[str, Any] = {"entity": entity.entity, "id": entity.id, "record": entity.record}
    if entity.parents:
        document["parents"] = dict(entity.parents)
    if entity.position:
        document["position"] = entity.position
    fields = {name: {"value": field.value, "from": field.origin} for name, field in entity.fields.items()}
    return document | {"fields": fields}


def _named(record: Record) -> str:
    return f"{record.role.replace('_', ' ')} {record.id}"


def _title(deal: Record, context: Context) -> str:
    """What the vendor calls a deal, by the property that the mapping takes the project's name from."""
    mapping = context.mappings[ENTITY_OF_ROLE[deal.role]]
    rule = next((rule for rule in mapping.rules if rule.target == "name"), None)
    names = [deal.properties.get(source) or "" for source in rule.sources()] if rule is not None else []
    return " ".join(filter(None, names)).encode("utf-8", "replace").decode()

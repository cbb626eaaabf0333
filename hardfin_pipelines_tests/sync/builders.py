"""Records, rules and mappings to try the rules of sync on, as short to write as a sentence."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.first_sync import Context, DealBundle
from hardfin_pipelines.sync.mapping_rules import EntityMapping, FieldRule, MappingSet
from hardfin_pipelines.sync.pipeline_rules import PipelineRule, RuleStatus
from hardfin_pipelines.sync.plans import NewEntity, NewLink, Outcome, SetAside, Synced
from hardfin_pipelines.sync.records import Record, Reference, Role
from hardfin_pipelines.sync.trigger import DealState

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ORG = "acme-robotics"
CONNECTION = "acme-robotics:hubspot"

MAPPINGS: MappingSet = {
    "customer": EntityMapping("customer", (FieldRule("name", "name"), FieldRule("website", "domain"))),
    "item": EntityMapping(
        "item", (FieldRule("name", "name"), FieldRule("sku", "hs_sku"), FieldRule("price", "price", convert="money"))
    ),
    "project": EntityMapping(
        "project",
        (FieldRule("name", "dealname"), FieldRule("value", "amount"), FieldRule("closed_on", "closedate")),
    ),
    "project_line_item": EntityMapping(
        "project_line_item",
        (
            FieldRule("name", "name"),
            FieldRule("sku", "hs_sku"),
            FieldRule("quantity", "quantity"),
            FieldRule("unit_price", "price"),
            FieldRule("currency", "currency"),
        ),
    ),
}


def rule(
    pipeline: str = "default",
    stages: Iterable[str] = ("won",),
    *,
    status: RuleStatus = "active",
    since: datetime | None = None,
    overrides: Mapping[EntityType, EntityMapping] | None = None,
) -> PipelineRule:
    """A pipeline rule whose stages are known."""
    return PipelineRule(pipeline, tuple(stages), status, since, overrides or {})


def context(*rules: PipelineRule, mappings: MappingSet = MAPPINGS) -> Context:
    """The organization's rules and mapping; one active rule for "won" unless told otherwise."""
    return Context(ORG, CONNECTION, rules or (rule(),), mappings, {})


def record(
    role: Role,
    external_id: str,
    properties: Mapping[str, str | None],
    references: Mapping[Role, tuple[Reference, ...]] | None = None,
    merged_ids: Iterable[str] = (),
) -> Record:
    """A record as a connector hands it out."""
    url = f"https://crm.example/{role}/{external_id}"
    return Record(role, external_id, NOON, properties, references or {}, tuple(merged_ids), url=url)


def company(external_id: str, name: str | None = None, merged_ids: Iterable[str] = ()) -> Record:
    """A company with a name of its own."""
    return record(
        "company", external_id, {"name": name or f"Company {external_id}", "domain": None}, merged_ids=merged_ids
    )


def product(
    external_id: str, name: str = "Pump", price: str | None = "100.00", merged_ids: Iterable[str] = ()
) -> Record:
    """A product of the catalogue."""
    properties = {"name": name, "hs_sku": f"SKU-{external_id}", "price": price}
    return record("product", external_id, properties, merged_ids=merged_ids)


def line(
    external_id: str, name: str | None = "Pump", price: str | None = "90", of_product: str | None = None
) -> Record:
    """A line item, with or without a product behind it."""
    references: dict[Role, tuple[Reference, ...]] = {"product": (Reference(of_product),)} if of_product else {}
    properties = {"name": name, "hs_sku": None, "quantity": "1", "price": price, "currency": "USD"}
    return record("line_item", external_id, properties, references)


def bundle(
    deal_id: str = "1",
    *,
    of_company: str | tuple[Reference, ...] = (),
    companies: Iterable[Record] = (),
    lines: Iterable[Record] = (),
    products: Iterable[Record] = (),
    state: DealState | None = None,
    merged_ids: Iterable[str] = (),
    properties: Mapping[str, str | None] | None = None,
    unread: tuple[str, ...] = (),
) -> DealBundle:
    """A won deal with all it points to. Companies and products answer to the ids merged into them too."""
    asked = (Reference(of_company, primary=True),) if isinstance(of_company, str) else of_company
    line_items = {line_item.id: line_item for line_item in lines}
    values = {"dealname": f"Deal {deal_id}", "amount": "10", "closedate": "2026-03-01T08:00:00Z", **(properties or {})}
    references: dict[Role, tuple[Reference, ...]] = {
        "company": asked,
        "line_item": tuple(Reference(external_id) for external_id in line_items),
    }
    return DealBundle(
        record("deal", deal_id, values, references, merged_ids),
        state or DealState("default", "won", {}),
        _by_any_id(companies),
        line_items,
        _by_any_id(products),
        unread,
    )


def _by_any_id(records: Iterable[Record]) -> dict[str, Record]:
    return {external_id: found for found in records for external_id in (*found.merged_ids, found.id)}


def synced(outcome: Outcome) -> Synced:
    """The outcome, which has to be a synced deal; else the reason why not is shown."""
    assert isinstance(outcome, Synced), outcome
    return outcome


def set_aside(outcome: Outcome) -> SetAside:
    """The outcome, which has to be a deal that was set aside."""
    assert isinstance(outcome, SetAside), outcome
    return outcome


def created(outcome: Outcome, entity: EntityType) -> list[NewEntity]:
    """The entities of one kind that come with a synced deal."""
    return [new for new in synced(outcome).entities if new.entity == entity]


def links(outcome: Outcome, role: Role) -> dict[str, NewLink]:
    """The links of one role that come with a synced deal, by external id; no id is linked twice."""
    found = [link for link in synced(outcome).links if link.role == role]
    by_id = {link.external_id: link for link in found}
    assert len(by_id) == len(found), found
    return by_id

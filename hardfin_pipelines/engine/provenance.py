"""Where every value of a project comes from: its deal, line items, company and products, or a person in Hardfin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping, select

from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.resync_targets import find_project_id
from hardfin_pipelines.organizations.account_descriptions import description_from_json
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.organizations.resolving import mapping_set, resolve_rules
from hardfin_pipelines.platform.connection_store import ConnectionRow, list_connections
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.entity_rows import entity_texts
from hardfin_pipelines.platform.entity_values import entity_rows
from hardfin_pipelines.platform.project_queries import document_at, ledger_of, lines_of, links_of
from hardfin_pipelines.platform.resync_history import ResyncRecord, list_resyncs
from hardfin_pipelines.platform.tables import audit_events
from hardfin_pipelines.sync.entities import EntityType
from hardfin_pipelines.sync.first_sync import Context
from hardfin_pipelines.sync.identity import entity_id, normalized_name, product_item_ids
from hardfin_pipelines.sync.mapping_rules import MappingSet
from hardfin_pipelines.sync.provenance import (
    FieldEvent,
    FieldProvenance,
    FieldSource,
    field_provenance,
    source_of,
)
from hardfin_pipelines.sync.records import AccountDescription
from hardfin_pipelines.sync.undo_plan import EntityKey

_MOST_OWN_IDS = 10
"""From a product more items than this are hardly ever taken away."""

_ASSOCIATED: Mapping[EntityType, Mapping[str, FieldSource]] = {
    "project": {"customer": FieldSource((), "its company")},
    "project_line_item": {"project": FieldSource((), "its deal"), "item": FieldSource((), "its product, or its name")},
}
"""What a record is associated with fills these."""


@dataclass(frozen=True, slots=True)
class SyncedRecord:
    """The vendor's record that an entity is linked to.

    Attributes:
        integration: The vendor's system.
        connection_id: The connection.
        object: The vendor's name of its kind.
        external_id: Its id there.
        url: Where a person sees it, or "".
        vendor_modified_at: The vendor's stamp of the version the values are of; None where it was not kept then.
        synced_at: When they were taken, by our clock.
        run_id: By which run.
        revision: The revision of the organization's document whose mapping was in force; None where it is unknown.
    """

    integration: str
    connection_id: str
    object: str
    external_id: str
    url: str
    vendor_modified_at: datetime | None
    synced_at: datetime
    run_id: str
    revision: int | None


@dataclass(frozen=True, slots=True)
class EntityProvenance:
    """An entity and where its values come from.

    Attributes:
        entity: Its kind.
        id: Its id.
        title: Its name.
        status: Of a line: active or removed; "" for what has none.
        record: The record its values come from; None where they do not come from one.
        other_records: More records that are the same thing to Hardfin.
        fields: Its values.
        note: What the records do not say.
    """

    entity: EntityType
    id: str
    title: str
    status: str
    record: SyncedRecord | None
    other_records: tuple[SyncedRecord, ...]
    fields: tuple[FieldProvenance, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class ProjectProvenance:
    """A project with all that belongs to it.

    Attributes:
        org: The organization.
        project: The project.
        customer: Its customer, where it has one.
        lines: Its lines, in order, removed ones too.
        items: The items of its lines, by id.
        first_sync: The ledger's row; None for a project made in Hardfin.
        resyncs: The re-syncs that changed it, the newest first.
    """

    org: str
    project: EntityProvenance
    customer: EntityProvenance | None
    lines: tuple[EntityProvenance, ...]
    items: Mapping[str, EntityProvenance]
    first_sync: RowMapping | None
    resyncs: tuple[ResyncRecord, ...]


def project_provenance(deployment: Deployment, org: str, project: str, connection_id: str = "") -> ProjectProvenance:
    """Every value of a project, its customer, lines and items, with its origin.

    Args:
        deployment: The deployment.
        org: The organization.
        project: The project's id, or the id of its deal at the CRM.
        connection_id: The connection, where two know a deal of that id.

    Raises:
        Refusal: There is no such project.
    """
    with reading(deployment.engine) as connection:
        project_id = find_project_id(connection, org, project, connection_id)
        lines = lines_of(connection, org, project_id)
        rows = entity_rows(connection, org, [("project", project_id), *lines])
        if ("project", project_id) not in rows:
            raise Refusal(f"{org}: project {project_id} is not in Hardfin any more")
        customer_id = rows["project", project_id]["customer_id"]
        items = sorted({rows[line]["item_id"] for line in lines if rows[line]["item_id"]})
        others: list[EntityKey] = [("item", item) for item in items]
        if customer_id is not None:
            others.append(("customer", customer_id))
        rows |= entity_rows(connection, org, others)
        reader = _Reader(connection, org, rows)
        return ProjectProvenance(
            org,
            reader.entity(("project", project_id)),
            None if customer_id is None else reader.entity(("customer", customer_id)),
            tuple(reader.entity(line) for line in lines),
            {item: reader.entity(("item", item)) for item in items},
            ledger_of(connection, org, project_id),
            tuple(list_resyncs(connection, org, project_id)),
        )


class _Reader:
    """Reads what is known of some entities, and puts it together for each."""

    def __init__(self, connection: Connection, org: str, rows: Mapping[EntityKey, RowMapping]) -> None:
        self._org = org
        self._rows = rows
        self._links = links_of(connection, org, list(rows))
        self._events = _events(connection, org, list(rows))
        self._mappings = _MappingHistory(connection, org)

    def entity(self, key: EntityKey) -> EntityProvenance:
        kind, own_id = key
        row = self._rows[key]
        links = self._links.get(key, [])
        main, note = self._origin(key, links)
        synced = {} if main is None else main["synced_values"]
        sources = {} if main is None else self._mappings.sources(kind, main)
        fields = field_provenance(entity_texts(kind, row), synced, sources, self._events.get(key, {}))
        if main is None and note:
            fields = tuple(each if each.edits else replace(each, state="from a line item") for each in fields)
        return EntityProvenance(
            kind,
            own_id,
            row["name"],
            row["status"] if kind == "project_line_item" else "",
            None if main is None else self._mappings.record(main),
            tuple(self._mappings.record(link) for link in links if link is not main),
            fields,
            note,
        )

    def _origin(self, key: EntityKey, links: Sequence[RowMapping]) -> tuple[RowMapping | None, str]:
        """The link whose record made the entity, and what there is to say where none did.

        A product that was matched to an item by its name gave it no value, nor did a customer of an accounting system.
        """
        kind, own_id = key
        if kind != "item":
            return next((link for link in links if not link["matched_by"]), None), ""
        for link in links:
            own_ids = product_item_ids(self._org, link["connection_id"], link["external_id"])
            if own_id in islice(own_ids, _MOST_OWN_IDS):
                return link, ""
        of_name = entity_id(kind, self._org, "", f"name:{normalized_name(self._rows[key]['name'])}")
        return None, "made from the name and price of a line item" if of_name == own_id else ""


class _MappingHistory:
    """The mappings that were in force when links were written."""

    def __init__(self, connection: Connection, org: str) -> None:
        self._connection = connection
        self._org = org
        self._rows = {row.connection_id: row for row in list_connections(connection, org)}
        self._known: dict[tuple[int, str, str], MappingSet | None] = {}

    def record(self, link: RowMapping) -> SyncedRecord:
        document = document_at(self._connection, self._org, link["synced_at"])
        row = self._rows.get(link["connection_id"])
        return SyncedRecord(
            "" if row is None else row.integration,
            link["connection_id"],
            link["object"],
            link["external_id"],
            link["url"],
            link["vendor_modified_at"],
            link["synced_at"],
            link["run_id"],
            None if document is None else document["revision"],
        )

    def sources(self, kind: EntityType, link: RowMapping) -> dict[str, FieldSource]:
        document = document_at(self._connection, self._org, link["synced_at"])
        row = self._rows.get(link["connection_id"])
        mappings = None
        if document is not None and row is not None:
            at = (document["revision"], row.connection_id, link["pipeline_id"])
            if at not in self._known:
                self._known[at] = _mappings(document["document"], row, link["pipeline_id"])
            mappings = self._known[at]
        mapped = {} if mappings is None else {rule.target: source_of(rule) for rule in mappings[kind].rules}
        return {**mapped, **_ASSOCIATED.get(kind, {})}


def _mappings(document: Mapping[str, object], row: ConnectionRow, pipeline_id: str) -> MappingSet | None:
    """The mapping of a connection as a document says it; None where it says nothing of it that can be read now."""
    parts = document.get("connections")
    listed = parts if isinstance(parts, list) else []
    part = next((each for each in listed if each.get("integration") == row.integration), None)
    try:
        configuration = ConnectionConfiguration.model_validate(part)
    except ValidationError:
        return None
    account = None if row.description is None else description_from_json(row.description)
    mappings = mapping_set(configuration, account)
    return mappings if account is None else _with_overrides(configuration, account, mappings, pipeline_id)


def _with_overrides(
    configuration: ConnectionConfiguration, account: AccountDescription, mappings: MappingSet, pipeline_id: str
) -> MappingSet:
    rules, _ = resolve_rules(configuration, account, {})
    rule = next((each for each in rules if each.pipeline_id == pipeline_id), None)
    if rule is None:
        return mappings
    return Context("", "", tuple(rules), mappings, account.properties).mappings_for(rule)


def _events(
    connection: Connection, org: str, keys: Sequence[EntityKey]
) -> dict[EntityKey, dict[str, list[FieldEvent]]]:
    ids = [own_id for _, own_id in keys]
    query = select(audit_events).where(audit_events.c.org == org, audit_events.c.entity_id.in_(ids))
    found: dict[EntityKey, dict[str, list[FieldEvent]]] = {}
    for row in connection.execute(query.order_by(audit_events.c.id)):
        fields = found.setdefault((row.entity_type, row.entity_id), {})
        for name, (before, after) in row.changes.items():
            event = FieldEvent(row.action, row.actor, row.at, row.reason, before, after)
            fields.setdefault(name, []).append(event)
    return found

"""Everything there is to say of one record: what the store knows of it, and what the CRM says where it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Connection

from hardfin_pipelines.engine.crm_connection import CrmConnection, start_of
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.opening import CRMS
from hardfin_pipelines.engine.planned_deals import opened
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.integrations import NAMES, Integration
from hardfin_pipelines.platform import record_facts
from hardfin_pipelines.platform.audit import AuditEvent, list_audit
from hardfin_pipelines.platform.connection_store import (
    ConnectionNotFound,
    ConnectionRow,
    get_connection,
    list_connections,
)
from hardfin_pipelines.platform.cursor_store import read_cursor
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.organization_store import connection_id
from hardfin_pipelines.platform.record_log import RecordEvent, timeline
from hardfin_pipelines.platform.rule_store import load_rules
from hardfin_pipelines.sync.explanation import explain
from hardfin_pipelines.sync.explanation_facts import ConnectionFacts, CrmAnswer, Happening, RecordFacts, RuleFacts
from hardfin_pipelines.sync.records import CRM_ROLES, Record, Role
from hardfin_pipelines.sync.trigger import Triggered, evaluate_trigger

_MOST_AUDITED = 1_000
_SHOWN_CHANGES = 5
_UNTOLD = frozenset({"project.synced"})
"""Audit events whose changes are the whole record."""


@dataclass(frozen=True, slots=True)
class ExplainRequest:
    """What somebody asks for.

    Attributes:
        org: The organization.
        integration: The kind of vendor system.
        kind: deal, company, line_item or product, or the vendor's own word for one of them; a hyphen or a space may
            stand for the underscore.
        id: The vendor's id of the record.
        ask_crm: Ask the CRM for the deal as it is now.
    """

    org: str
    integration: str
    kind: str
    id: str
    ask_crm: bool = False


@dataclass(frozen=True, slots=True)
class ExplainReport:
    """What there is to say of a record.

    Attributes:
        reason: Why it stands as it does, in plain words.
        record: What is known of it.
        connection: What is known of its connection.
        now: What the CRM says, where it was asked.
    """

    reason: tuple[str, ...]
    record: RecordFacts
    connection: ConnectionFacts
    now: CrmAnswer | None = None


async def explain_record(deployment: Deployment, request: ExplainRequest) -> ExplainReport:
    """Explain one record. Writes nothing but, where the CRM is asked, the tally of calls.

    Raises:
        Refusal: There is no such connection or kind, or the CRM cannot be asked.
        VendorError: The vendor refused or failed.
    """
    row = _row(deployment, request)
    decoder = deployment.vendors.decoder(row)
    objects = decoder.objects()
    role = _role(request.kind, objects)
    if request.ask_crm and role != "deal":
        raise Refusal("--ask-crm is for deals: they are what rules take")
    vendor_object = objects[role]
    with reading(deployment.engine) as connection:
        record = _record(connection, row, role, vendor_object, decoder.own_id(request.id))
        facts = _connection_facts(connection, row, vendor_object if role == "deal" else "")
    now = await _ask(deployment, row, record.id) if request.ask_crm else None
    return ExplainReport(tuple(explain(record, facts, now)), record, facts, now)


def _role(kind: str, objects: Mapping[Role, str]) -> Role:
    """What a word of ours, or one of the vendor's, stands for."""
    asked = _letters(kind)
    found = next((role for role in CRM_ROLES if asked in {_letters(role), _letters(objects[role])}), None)
    if found is None:
        kinds = ", ".join(role.replace("_", "-") for role in CRM_ROLES)
        raise Refusal(f"unknown kind of record {kind!r}: expected one of {kinds}")
    return found


def _letters(word: str) -> str:
    """A word without what people may write between its parts."""
    return word.translate(str.maketrans("", "", "-_ ")).lower()


def _row(deployment: Deployment, request: ExplainRequest) -> ConnectionRow:
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, request.org, connection_id(request.org, request.integration))
        except ConnectionNotFound:
            known = [each.integration for each in list_connections(connection, request.org)]
            names = ", ".join(known) or "none"
            raise Refusal(f"{request.org} has no {request.integration} connection; it has {names}") from None
    if row.integration not in CRMS:
        raise Refusal(
            f"{row.connection_id} is no CRM: only records of CRMs can be explained; "
            "see `hardfin triage show` and `hardfin item show`"
        )
    return row


def _record(connection: Connection, row: ConnectionRow, role: Role, vendor_object: str, record_id: str) -> RecordFacts:
    where = (row.org, row.connection_id, vendor_object)
    synced = record_facts.first_sync(connection, *where, record_id) if role == "deal" else None
    own_id = record_id if synced is None else synced.deal_id
    aliases = record_facts.aliases_of(connection, *where, own_id) if synced is not None else ()
    ids = list(dict.fromkeys((record_id, own_id, *aliases)))
    entity = record_facts.linked_entity(connection, *where, own_id)
    happened = [_happening(event) for each in ids for event in timeline(connection, *where, each)]
    if entity is not None:
        audited = list_audit(connection, row.org, entity_type=entity.kind, entity_id=entity.id, limit=_MOST_AUDITED)
        happened += [_audited(entry.event) for entry in audited]
    return RecordFacts(
        role=role,
        id=record_id,
        name="" if entity is None else entity.name,
        first_sync=synced,
        aliases=tuple(each for each in ids if each != record_id),
        entity=entity,
        waiting=record_facts.waiting(connection, *where, record_id),
        asked_for=tuple(record_facts.asked_for(connection, row.org, row.connection_id, ids)) if role == "deal" else (),
        timeline=tuple(sorted(happened, key=lambda each: each.at)),
    )


def _happening(event: RecordEvent) -> Happening:
    return Happening(event.at, event.kind, event.detail, "sync", event.run_id, event.vendor_modified_at)


def _audited(event: AuditEvent) -> Happening:
    told = "" if event.action in _UNTOLD else _changes(event.changes)
    detail = "; ".join(filter(None, (event.cause.reason, told)))
    return Happening(event.cause.at, event.action, detail, event.cause.actor, event.cause.run_id)


def _changes(changes: Mapping[str, tuple[Any, Any]]) -> str:
    told = [f"{name}: {_shown(old)} -> {_shown(new)}" for name, (old, new) in list(changes.items())[:_SHOWN_CHANGES]]
    if len(changes) > _SHOWN_CHANGES:
        told.append(f"and {len(changes) - _SHOWN_CHANGES} more")
    return ", ".join(told)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)


def _connection_facts(connection: Connection, row: ConnectionRow, deal_object: str) -> ConnectionFacts:
    rules = load_rules(connection, row.org, row.connection_id)
    cursor = read_cursor(connection, row.org, row.connection_id, deal_object) if deal_object else None
    return ConnectionFacts(
        org=row.org,
        connection_id=row.connection_id,
        integration=row.integration,
        vendor=NAMES[cast("Integration", row.integration)],
        status=row.status,
        reason=row.status_reason,
        start_date=row.start_date,
        edited_from=start_of(row) or row.enabled_at,
        enabled_at=row.enabled_at,
        cursor=cursor,
        last_polled_at=row.last_polled_at,
        windows=tuple(record_facts.windows_of(connection, row.org, row.connection_id)),
        rules=tuple(
            RuleFacts(
                each.rule.pipeline,
                each.rule.trigger_stages
                if isinstance(each.rule.trigger_stages, str)
                else tuple(each.rule.trigger_stages),
                each.rule.status,
                each.active_since,
                each.held_because,
            )
            for each in rules
        ),
    )


async def _ask(deployment: Deployment, row: ConnectionRow, deal_id: str) -> CrmAnswer:
    if row.status == "not connected":
        raise Refusal(f"{row.connection_id} is not connected: the CRM cannot be asked")
    async with opened(deployment, row) as looked_at:
        crm, connector = looked_at.crm, looked_at.connector
        stages = [stage for rule in crm.context.rules for stage in rule.stage_ids]
        names = dict.fromkeys((*crm.fields.of("deal"), *connector.deciding_fields(stages)))
        result = await connector.read("deal", [deal_id], list(names))
        if not result.records:
            return CrmAnswer(missing=result.missing[0].reason if result.missing else "it answers nothing")
        return _evaluated(crm, result.records[0], looked_at.connector.deal_state(result.records[0]))


def _evaluated(crm: CrmConnection, deal: Record, state: Any) -> CrmAnswer:
    verdict = evaluate_trigger(state, crm.context.rules)
    rule = next((each for each in crm.context.mappings["project"].rules if each.target == "name"), None)
    name = "" if rule is None else " ".join(filter(None, (deal.properties.get(each) for each in rule.sources())))
    return CrmAnswer(
        id=deal.id,
        name=name,
        modified_at=deal.modified_at,
        edited_at=deal.edited_at,
        pipeline_id=state.pipeline_id,
        stage_id=state.stage_id,
        taken_by=(verdict.rule.pipeline_id, verdict.stage_id) if isinstance(verdict, Triggered) else None,
        why_not="" if isinstance(verdict, Triggered) else verdict.reason,
    )

"""The hash of a re-sync's plan: what somebody approved is what runs, or nothing does.

It has four parts, so that a plan that is another by now can say which side moved: the target, the records at the CRM
(their versions and mapped values), Hardfin's values, and the decisions.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from hardfin_pipelines.sync.first_sync import DealBundle
from hardfin_pipelines.sync.plans import NewEntity, Synced
from hardfin_pipelines.sync.resync import HeldEntity
from hardfin_pipelines.sync.resync_choices import Choices
from hardfin_pipelines.sync.resync_plan import CustomerNow, HeldProject, ResyncPlan, compared_values
from hardfin_pipelines.sync.values import to_text

TARGET, CRM, HARDFIN, DECISIONS = "the project", "the CRM's records", "Hardfin's values", "the choices"
_PARTS = (TARGET, CRM, HARDFIN, DECISIONS)
_DIGITS = 10
_FORM = re.compile(rf"[0-9a-f]{{{_DIGITS}}}(?:-[0-9a-f]{{{_DIGITS}}}){{{len(_PARTS) - 1}}}")


def plan_hash(
    target: Iterable[str],
    bundle: DealBundle,
    held: HeldProject,
    crm: Synced,
    customer: CustomerNow | None,
    choices: Choices,
    plan: ResyncPlan,
) -> str:
    """The hash of a plan: equal inputs have equal hashes, in any process and at any time.

    Args:
        target: What names the project: organization, connection, project, deal.
        bundle: The records as read.
        held: The project as Hardfin holds it.
        crm: The project as a first sync would make it of those records.
        customer: The deal's company as mapped.
        choices: What a person chose.
        plan: What comes of it all.
    """
    compared = {entity.id: compared_values(entity) for entity in crm.entities}
    if held.customer is not None and customer is not None:
        compared[held.customer.id] = customer.values
    parts = (list(target), _crm(bundle, crm.entities, customer), _hardfin(held, compared), _decisions(choices, plan))
    return "-".join(_digest(part) for part in parts)


def is_plan_hash(text: str) -> bool:
    """Whether a text has the form of a plan's hash."""
    return _FORM.fullmatch(text) is not None


def moved_parts(approved: str, now: str) -> tuple[str, ...]:
    """Which parts of a plan are others than when it was approved; () where it is the same plan.

    Decisions follow from the other parts; they are named only where those are the same: then other choices were made.
    """
    moved = tuple(
        name for name, old, new in zip(_PARTS, approved.split("-"), now.split("-"), strict=True) if old != new
    )
    return tuple(name for name in moved if name != DECISIONS) or moved


def _digest(part: Any) -> str:
    text = json.dumps(part, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def _crm(bundle: DealBundle, entities: Iterable[NewEntity], customer: CustomerNow | None) -> Any:
    records = [bundle.deal, *bundle.companies.values(), *bundle.line_items.values(), *bundle.products.values()]
    versions = sorted({(record.role, record.id, record.modified_at.isoformat()) for record in records})
    values = sorted((entity.entity, entity.id, _texts(compared_values(entity))) for entity in entities)
    return [versions, values, None if customer is None else _texts(customer.values)]


def _hardfin(held: HeldProject, compared: Mapping[str, Mapping[str, Any]]) -> Any:
    customer = [] if held.customer is None else [held.customer]
    entities = [held.project, *customer, *held.lines.values(), *held.elsewhere.values()]
    return sorted(_held(entity, compared.get(entity.id, {})) for entity in entities)


def _held(entity: HeldEntity, compared: Iterable[str]) -> list[Any]:
    """An entity's values, as held and as last synced, in the fields that the re-sync compares."""
    fields = sorted({*compared, *entity.synced})
    return [
        entity.entity,
        entity.id,
        entity.removed,
        [[name, entity.texts.get(name), entity.synced.get(name)] for name in fields],
    ]


def _decisions(choices: Choices, plan: ResyncPlan) -> Any:
    names = [sorted(map(str, choices.keep)), sorted(map(str, choices.take))]
    changes = sorted(
        (change.entity, change.id, change.kind, sorted((each.field, each.decision) for each in change.fields))
        for change in plan.changes
    )
    return [choices.keep_local_edits, names, changes]


def _texts(values: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    return sorted((name, None if value is None else to_text(value)) for name, value in values.items())

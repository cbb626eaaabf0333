"""Every landed version of one record, and what each changed of what Hardfin maps: when did this value arrive?"""

from dataclasses import dataclass
from datetime import datetime

from hardfin_pipelines.connectors.base import Decoder
from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.replay_configuration import ReplayConfigurations
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.inventory import LandedInventory
from hardfin_pipelines.landing.reading import LandedRecord
from hardfin_pipelines.landing.references import DEAL_REFERENCES
from hardfin_pipelines.platform.connection_store import ConnectionNotFound, get_connection
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.sync.entities import ENTITY_OF_ROLE
from hardfin_pipelines.sync.mapping import Mapped, map_record
from hardfin_pipelines.sync.mapping_rules import EntityMapping
from hardfin_pipelines.sync.records import CRM_ROLES, Record, Role

Texts = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """One version of a record as it landed.

    Attributes:
        external_id: The vendor's id: the survivor's, where the record was merged.
        modified_at: The vendor's stamp, aware and in UTC.
        landed_at: Our clock when it came.
        unit_name: The unit of work that landed it.
        run_id: The run.
        changed: Field to (text before, text now), against the version before; of the first one, all that has a value.
            Besides the mapped fields a deal has `pipeline`, `stage`, and what it was found to point to.
        problem: Why it cannot be mapped, or "".
    """

    external_id: str
    modified_at: datetime
    landed_at: datetime
    unit_name: str
    run_id: str
    changed: dict[str, tuple[str | None, str | None]]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """The landed versions of one record, oldest first, and the landed files that could not be looked at."""

    role: Role
    external_id: str
    versions: tuple[RecordVersion, ...]
    problems: tuple[str, ...]


def record_history(deployment: Deployment, org: str, connection_id: str, record: str) -> RecordHistory:
    """Every landed version of one record, by the mapping as it is now.

    Args:
        deployment: The deployment.
        org: The organization.
        connection_id: Its connection.
        record: What it is and its id, such as "deal:123" or "line_items:456".

    Raises:
        Refusal: It names no record, there is no such connection, or no version of it has landed.
    """
    with reading(deployment.engine) as connection:
        try:
            row = get_connection(connection, org, connection_id)
        except ConnectionNotFound as error:
            raise Refusal(str(error)) from None
    decoder = deployment.vendors.decoder(row)
    role, external_id = _named(record, decoder)
    crm = ReplayConfigurations(deployment, deployment.engine, row, as_it_was=False).present
    try:
        objects = (decoder.objects()[role], DEAL_REFERENCES)
        inventory = LandedInventory(deployment.settings.landing_root, org, connection_id, objects)
        landed = inventory.versions(objects[0], external_id)
        pointers = inventory.versions(DEAL_REFERENCES, external_id) if role == "deal" else []
    except LandingError as error:
        raise Refusal(str(error)) from None
    if not landed:
        damaged = "".join(f"; {problem}" for problem in inventory.problems)
        raise Refusal(f"{connection_id}: no version of {role.replace('_', ' ')} {external_id} has landed{damaged}")
    found_by = {(each.unit_name, each.id, each.modified_at): each for each in pointers}
    versions: list[RecordVersion] = []
    before: Texts = {}
    for each in landed:
        texts, problem = _texts(crm, decoder, role, each)
        pointing = found_by.get((each.unit_name, each.id, each.modified_at))
        now = {**before, **texts, **(_references(pointing) if pointing is not None else {})}
        changed = {name: (before.get(name), text) for name, text in now.items() if before.get(name) != text}
        versions.append(
            RecordVersion(each.id, each.modified_at, each.landed_at, each.unit_name, each.run_id, changed, problem)
        )
        before = now
    return RecordHistory(role, external_id, tuple(versions), tuple(inventory.problems))


def _named(record: str, decoder: Decoder) -> tuple[Role, str]:
    kind, _, external_id = (part.strip() for part in record.strip().partition(":"))
    objects = decoder.objects()
    role = next((each for each in CRM_ROLES if kind in {each, objects[each]}), None)
    if role is None or not external_id:
        raise Refusal(f"record {record!r}: expected one of {', '.join(CRM_ROLES)} and its id, such as deal:123")
    return role, decoder.own_id(external_id)


def _texts(crm: CrmConnection, decoder: Decoder, role: Role, landed: LandedRecord) -> tuple[Texts, str]:
    """What the version has of the mapped fields, and why it cannot be mapped."""
    try:
        record = decoder.decode_record(role, landed.raw, landed.modified_at)
    except SkipRecord as skipped:
        return {}, str(skipped)
    texts: Texts = {"archived": "yes" if landed.archived else None}
    if role == "deal":
        state = decoder.deal_state(record)
        texts |= {"pipeline": state.pipeline_id, "stage": state.stage_id}
    mapped = map_record(record, _mapping(crm, decoder, record), crm.context.properties.get(role, {}))
    if isinstance(mapped, Mapped):
        return texts | mapped.texts(), ""
    return texts, mapped.reason


def _mapping(crm: CrmConnection, decoder: Decoder, record: Record) -> EntityMapping:
    pipeline = decoder.deal_state(record).pipeline_id if record.role == "deal" else ""
    rule = next((each for each in crm.context.rules if each.pipeline_id == pipeline), None)
    mappings = crm.context.mappings if rule is None else crm.context.mappings_for(rule)
    return mappings[ENTITY_OF_ROLE[record.role]]


def _references(landed: LandedRecord) -> Texts:
    return {
        f"{role} ids": ", ".join(f"{each.id} (primary)" if each.primary else each.id for each in references) or None
        for role, references in landed.references.items()
    }

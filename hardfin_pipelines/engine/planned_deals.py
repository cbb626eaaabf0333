"""Planning the deals of a query exactly as the run plans them, without writing anything: for previews and approvals."""

from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from hardfin_pipelines.connectors.base import CrmConnector, PageMemory, TriggerQuery
from hardfin_pipelines.engine.applying import known_around
from hardfin_pipelines.engine.call_budget import count_visit
from hardfin_pipelines.engine.crm_connection import CrmConnection
from hardfin_pipelines.engine.deal_scan import DealChunk, DealScan, NoLanding
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.drift import fields_named
from hardfin_pipelines.engine.extraction import FieldsToRead
from hardfin_pipelines.engine.opening import CRMS, DESCRIPTION_AGE, how_it_stands, prepared_from
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.organizations.account_descriptions import description_from_json
from hardfin_pipelines.organizations.document import OrganizationDocument
from hardfin_pipelines.organizations.models import ConnectionConfiguration
from hardfin_pipelines.platform.connection_store import ConnectionRow, list_connections
from hardfin_pipelines.platform.database import reading
from hardfin_pipelines.platform.first_sync_store import SyncStamp
from hardfin_pipelines.sync.first_sync import DealBundle, plan_batch
from hardfin_pipelines.sync.initial_load import by_pipeline, stage_pairs
from hardfin_pipelines.sync.plans import Known, Outcome
from hardfin_pipelines.sync.preview import DealPlan, described
from hardfin_pipelines.sync.records import CRM_ROLES, AccountDescription

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection made ready to look at, under the configuration that is asked for.

    Attributes:
        crm: The connection as it would sync.
        now: As it syncs now, where another configuration is asked for; None where that is the same.
        connector: Its connector.
    """

    crm: CrmConnection
    now: CrmConnection | None
    connector: CrmConnector

    def stamp(self, at: datetime) -> SyncStamp:
        """The stamp that looking up what is known asks for; nothing is written under it."""
        row = self.crm.row
        objects = dict(self.connector.objects())
        return SyncStamp(row.org, row.connection_id, objects, "preview", "preview", row.revision, at)


class PlannedDeals:
    """The deals of one query, each id once, in the order of the run.

    Attributes:
        scan: What was read so far.
        planned: How many deals were read with what they point to.
    """

    def __init__(self, looked_at: Opened, at: datetime) -> None:
        """Planning that has not begun.

        Args:
            looked_at: The connection; with a configuration besides the present one, deals are planned under both.
            at: Our clock.
        """
        configurations = [looked_at.crm] if looked_at.now is None else [looked_at.crm, looked_at.now]
        self._now = looked_at.now
        self._planners = [_Planner(each, looked_at.stamp(at)) for each in configurations]
        self.scan = DealScan(
            looked_at.crm,
            looked_at.connector,
            NoLanding(),
            planned=[planner.known for planner in self._planners],
            rules=[each.context.rules for each in configurations],
            fields=_fields_of_all(configurations),
        )
        self.planned = 0

    async def plans(self, query: TriggerQuery) -> AsyncIterator[tuple[DealPlan, DealPlan]]:
        """What becomes of each deal, and what becomes of it under the present configuration.

        Raises:
            VendorError: The vendor refused or failed.
        """
        done: set[str] = set()
        async for chunk in self.scan.chunks(self._of_all(query)):
            self.planned += len(chunk.bundles)
            plans, *others = [planner.describe(chunk) for planner in self._planners]
            for plan, as_now in zip(plans, others[0] if others else plans, strict=True):
                # One that is modified meanwhile comes again: a run finds it in the ledger then.
                if plan.deal_id not in done:
                    done.add(plan.deal_id)
                    yield plan, as_now

    def _of_all(self, query: TriggerQuery) -> TriggerQuery:
        """The query with the trigger stages of both configurations: what no longer syncs is to be seen as well."""
        if self._now is None:
            return query
        return replace(query, stages=by_pipeline(stage_pairs(query.stages) | stage_pairs(self._now.trigger_stages())))


class _Planner:
    """Plans bundles one chunk after another, as a run does that commits each before it reads the next.

    Attributes:
        known: What was looked up, and what has been planned so far.
    """

    def __init__(self, crm: CrmConnection, stamp: SyncStamp) -> None:
        self._crm = crm
        self._stamp = stamp
        self.known = Known()

    def describe(self, chunk: DealChunk) -> list[DealPlan]:
        """Plan a chunk and say what becomes of each of its deals."""
        context = self._crm.context
        settled = [described(outcome, context) for outcome in chunk.settled]
        outcomes = self._plan(chunk.bundles)
        return settled + [
            described(outcome, context, bundle, self.known)
            for bundle, outcome in zip(chunk.bundles, outcomes, strict=True)
        ]

    def _plan(self, bundles: Sequence[DealBundle]) -> list[Outcome]:
        if not bundles:
            return []
        with reading(self._crm.engine) as connection:
            found = known_around(connection, bundles, self._crm.context, self._stamp)
        _add(self.known.ledger, found.ledger)
        _add(self.known.links, found.links)
        _add(self.known.items_by_name, found.items_by_name)
        _add(self.known.refused, found.refused)
        _add(self.known.lines, found.lines)
        return plan_batch(bundles, self.known, self._crm.context)


@asynccontextmanager
async def opened(
    deployment: Deployment,
    row: ConnectionRow,
    document: OrganizationDocument | None = None,
    memory: PageMemory | None = None,
) -> AsyncIterator[Opened]:
    """A connection to look at, whatever its status; its calls are counted when the block ends.

    Args:
        deployment: The deployment.
        row: The connection as stored.
        document: The organization's document to look at it under; None for the stored one.
        memory: Keeps the vendor's answers.

    Raises:
        Refusal: The document does not have the connection.
        VendorError: The account had to be described, and the vendor refused or failed.
    """
    stored = ConnectionConfiguration.model_validate(row.configuration) if row.configuration else None
    wanted = stored if document is None else _connection_in(document, row)
    if wanted is None:
        raise Refusal(f"{row.connection_id} has left the organization's YAML: add it there, or preview with --file")
    connector = deployment.connector(row, memory, purpose="preview")
    try:
        description = await _description(deployment, row, wanted, connector)
        as_wanted = replace(row, configuration=wanted.document(), start_date=wanted.start_date)
        crm = prepared_from(deployment, as_wanted, wanted, description)
        differs = document is not None and stored is not None
        now = prepared_from(deployment, row, stored, description) if differs and stored is not None else None
        connector.expect(crm.fields.by_role)
        yield Opened(crm, now, connector)
    finally:
        count_visit(deployment, row.org, row.connection_id, "preview", connector.calls)
        await connector.aclose()


def connection_to_preview(deployment: Deployment, org: str) -> ConnectionRow:
    """The organization's CRM connection that has an account, whatever its status; an active one first.

    Raises:
        Refusal: There is none.
    """
    with reading(deployment.engine) as connection:
        rows = [row for row in list_connections(connection, org) if row.integration in CRMS]
    connected = [row for row in rows if row.status != "not connected"]
    if not connected:
        states = "; ".join(map(how_it_stands, rows)) or "it has no CRM connection"
        raise Refusal(f"{org}: no CRM account to look at: {states}")
    return min(connected, key=lambda row: (row.status != "active", row.connection_id))


def load_query(crm: CrmConnection, since: datetime) -> TriggerQuery:
    """What a load from some moment on asks: everything modified since whose stage is a trigger stage now."""
    return TriggerQuery(stages=crm.trigger_stages(), modified_from=since, edited_from=since)


def _fields_of_all(configurations: Sequence[CrmConnection]) -> FieldsToRead:
    if len(configurations) == 1:
        return configurations[0].fields
    names = {role: [name for each in configurations for name in each.fields.of(role)] for role in CRM_ROLES}
    return FieldsToRead({role: tuple(dict.fromkeys(listed)) for role, listed in names.items()})


def _add(known: dict[_Key, _Value], found: Mapping[_Key, _Value]) -> None:
    """What is planned goes before what is stored: it began with that."""
    known.update({key: value for key, value in found.items() if key not in known})


def _connection_in(document: OrganizationDocument, row: ConnectionRow) -> ConnectionConfiguration:
    found = next((each for each in document.configuration.connections if each.integration == row.integration), None)
    if found is None:
        raise Refusal(f"the file has no {row.integration} connection: applied, it would disconnect {row.connection_id}")
    return found


async def _description(
    deployment: Deployment, row: ConnectionRow, wanted: ConnectionConfiguration, connector: CrmConnector
) -> AccountDescription:
    """The account's description as stored, else read now and not kept."""
    described_at = row.described_at
    if row.description is not None and described_at is not None and deployment.now() - described_at <= DESCRIPTION_AGE:
        return description_from_json(row.description)
    return await connector.describe(fields_named(wanted))

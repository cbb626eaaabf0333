"""Making entities anew from landed records, with no call to a vendor: into an empty store, or into a comparison.

A replay goes through the landed units in the order they landed and hands each deal, in the version that was read then
and with the records that were read with it, to the planning and applying that syncs use. So rule 2 holds: a later
version of a deal in a later unit changes nothing. What a sync wrote comes out the same, stamps and run ids included.

Re-syncs are left out. A re-sync is a person's decision, made field by field against what Hardfin held at that moment;
neither follows from landed records. The comparison tells what they wrote apart from other differences.
"""

from contextlib import ExitStack

from sqlalchemy import Engine

from hardfin_pipelines.connectors.base import Decoder
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.engine.replay_comparison import Differences, compare_stores, count_made
from hardfin_pipelines.engine.replay_configuration import ReplayConfigurations
from hardfin_pipelines.engine.replay_report import ReplayReport, ReplayRequest
from hardfin_pipelines.engine.replay_target import configure, copy_organization, scratch_store, seed
from hardfin_pipelines.engine.replay_units import UnitReplay
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.inventory import LandedInventory
from hardfin_pipelines.landing.references import DEAL_REFERENCES
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import ConnectionNotFound, ConnectionRow, get_connection
from hardfin_pipelines.platform.database import reading


async def replay(deployment: Deployment, request: ReplayRequest, into: Engine | None = None) -> ReplayReport:
    """Make an organization's entities anew from what landed of one connection, and compare them with what it holds.

    Nothing is written to the deployment's own store, and nothing is asked of a vendor.

    Args:
        deployment: The deployment whose landed records are replayed.
        request: What, and how.
        into: A store with all tables that does not know the organization: it is rebuilt there, credentials left out.
            None for a comparison alone.

    Raises:
        Refusal: There is no such connection or nothing has landed, the store knows the organization already, or the
            document is another's; nothing was written.
        ConfigurationError: The plan or the account does not have what the document asks for.
    """
    decoder = deployment.vendors.decoder(_row(deployment, request))
    report = ReplayReport(
        request.org, request.connection_id, into is not None, differences=Differences(request.examples)
    )
    inventory = _inventory(deployment, request, decoder)
    with ExitStack() as stack:
        target = into if into is not None else stack.enter_context(scratch_store())
        configurations = _prepare_target(deployment, request, target, into is not None)
        await UnitReplay(request, target, configurations, inventory, decoder, report).run()
        with reading(target) as connection:
            report.entities = count_made(connection, request.org, request.since)
        compared = compare_stores(
            deployment.engine,
            target,
            request.org,
            request.connection_id,
            since=request.since,
            whole=request.whole,
        )
        for difference in compared:
            report.differences.add(difference)
    return report


def _row(deployment: Deployment, request: ReplayRequest) -> ConnectionRow:
    with reading(deployment.engine) as connection:
        try:
            return get_connection(connection, request.org, request.connection_id)
        except ConnectionNotFound as error:
            raise Refusal(str(error)) from None


def _inventory(deployment: Deployment, request: ReplayRequest, decoder: Decoder) -> LandedInventory:
    root = deployment.settings.landing_root
    objects = [DEAL_REFERENCES, *decoder.objects().values()]
    try:
        inventory = LandedInventory(root, request.org, request.connection_id, objects)
    except LandingError as error:
        raise Refusal(str(error)) from None
    if not inventory.units(request.since, request.until) and not inventory.problems:
        within = "" if request.whole else " in that time"
        raise Refusal(f"{request.connection_id}: nothing has landed{within} under {root}: sync it first")
    return inventory


def _prepare_target(
    deployment: Deployment,
    request: ReplayRequest,
    target: Engine,
    rebuilt: bool,  # noqa: FBT001  # private, and called once
) -> ReplayConfigurations:
    org, now = request.org, deployment.now()
    copy_organization(deployment.engine, target, org, Cause(request.actor, "a replay of landed records", now))
    if request.document is not None:
        integration = _row(deployment, request).integration
        configure(target, request.document, org, integration, actor=request.actor, now=now)
    if request.since is not None and not rebuilt:
        seed(deployment.engine, target, org, request.since)
    with reading(target) as connection:
        row = get_connection(connection, org, request.connection_id)
    as_it_was = rebuilt and request.document is None
    return ReplayConfigurations(deployment, target, row, as_it_was=as_it_was)

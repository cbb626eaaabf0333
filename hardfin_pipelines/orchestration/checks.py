"""Asset checks: statements about all organizations at once that must hold; each says where it does not."""

import dagster as dg

from hardfin_pipelines.engine import books_health, health, item_health
from hardfin_pipelines.engine.census import deals_without_an_answer
from hardfin_pipelines.engine.loading import windows_left_open
from hardfin_pipelines.orchestration.assets.books_catalog import BOOKS_ASSETS
from hardfin_pipelines.orchestration.assets.catalog import ENTITY_ASSETS, INITIAL_LOAD, TRIAGE
from hardfin_pipelines.orchestration.assets.census import CENSUS
from hardfin_pipelines.orchestration.assets.operations import SYNC_HEALTH
from hardfin_pipelines.orchestration.resources import HardfinResource

_SHOWN = 50


def _result(found: list[str], *, severity: dg.AssetCheckSeverity, what: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=not found,
        severity=severity,
        description="holds" if not found else f"{len(found)} {what}",
        metadata={"count": len(found), "where": dg.MetadataValue.text("\n".join(found[:_SHOWN]))},
    )


@dg.asset_check(
    asset=ENTITY_ASSETS["project"],
    name="has_customer",
    description="Every project has a customer where its deal has a company.",
)
def project_has_customer(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Projects that were synced with a customer and have none now."""
    found = health.projects_without_customer(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.ERROR, what="project(s) without the customer of their deal")


@dg.asset_check(
    asset=ENTITY_ASSETS["project"],
    name="linked_once",
    description="No external id is linked twice, and no deal became two projects.",
)
def linked_once(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """External ids that lead to more than one entity of a kind, under their own or a merged id."""
    found = health.external_ids_linked_twice(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.ERROR, what="external id(s) linked twice")


@dg.asset_check(
    asset=ENTITY_ASSETS["project_line_item"],
    name="adds_up",
    description="The line items add up to the deal's amount, as first synced. CRMs let people type any amount, so this "
    "only warns.",
)
def line_items_add_up(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Projects whose lines come to another amount than the deal's."""
    found = health.projects_that_do_not_add_up(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="project(s) whose lines do not add up")


@dg.asset_check(
    asset=TRIAGE,
    name="nothing_waits_long",
    description="No item of an accounting system waits for a person's decision for longer than a week.",
)
def nothing_waits_long(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """The oldest open item of each connection, where it is too old."""
    found = item_health.triage_waiting_long(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="connection(s) with items that wait long")


@dg.asset_check(
    asset=TRIAGE,
    name="most_items_are_linked",
    description="Of each accounting system's active items that can be sold, at least half are linked or decided about.",
)
def most_items_are_linked(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections where fewer are, with their shares."""
    found = item_health.connections_hardly_linked(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="connection(s) with few items linked")


@dg.asset_check(
    asset=BOOKS_ASSETS["inventory_level"],
    name="nothing_below_zero",
    description="No location has less than nothing of an item. Accounting systems let people sell what was never "
    "booked in, so this only warns.",
)
def no_stock_below_zero(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections with negative stock, and where."""
    found = books_health.negative_stock(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="connection(s) with stock below zero")


@dg.asset_check(
    asset=BOOKS_ASSETS["inventory_level"],
    name="items_and_locations_exist",
    description="Every inventory level is of an item and at a location that are there.",
)
def levels_are_of_something(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections with stock of items, or at locations, that are not there."""
    found = books_health.levels_of_nothing(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.ERROR, what="finding(s) of levels that are of nothing")


@dg.asset_check(
    asset=BOOKS_ASSETS["sales_document"],
    name="customers_and_items_exist",
    description="Every sales order and invoice is of a customer and of items that were read.",
)
def documents_are_of_known(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections with sales documents of customers or items that were never read."""
    found = books_health.documents_of_strangers(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="finding(s) of documents of strangers")


@dg.asset_check(
    asset=SYNC_HEALTH,
    name="everything_is_read",
    description="Every accounting system shows us all that is to be read of it, and what is kept of it is not old.",
)
def everything_is_read(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Kinds that a connection does not see, or of which what is kept may be old."""
    found = books_health.kinds_not_read(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="kind(s) that are not read")


@dg.asset_check(
    asset=SYNC_HEALTH,
    name="on_time",
    description="No connection is later than twice its cadence.",
)
def organizations_on_time(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections that were not visited for more than twice their cadence."""
    found = list(health.sync_health(hardfin.deployment()).late)
    return _result(found, severity=dg.AssetCheckSeverity.ERROR, what="connection(s) later than twice their cadence")


@dg.asset_check(
    asset=SYNC_HEALTH,
    name="no_attention_needed",
    description="No connection waits for a person (revoked access, missing scope, unknown field).",
)
def no_attention_needed(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections in status "needs attention", with the reason."""
    found = list(health.sync_health(hardfin.deployment()).needing_attention)
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="connection(s) need attention")


@dg.asset_check(
    asset=CENSUS,
    name="every_deal_has_an_answer",
    description="Every deal that a census found at a CRM is synced, protected, set aside, or no trigger's business.",
)
def every_deal_has_an_answer(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Deals that a census found and no run has seen to yet."""
    found = deals_without_an_answer(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="deal(s) without an answer; runs will see to them")


@dg.asset_check(
    asset=INITIAL_LOAD,
    name="windows_close",
    description="Every window of an initial load that was worked on closed: the CRM's count and ours agreed.",
)
def windows_close(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Windows that were loaded and stay open."""
    found = windows_left_open(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="window(s) of initial loads stay open")


@dg.asset_check(
    asset=SYNC_HEALTH,
    name="within_call_budget",
    description="Every connection's expected calls of a day fit into its account's limit, with the reserve of the "
    "customer's other integrations left over, no account's calls of the day were used up, and those that a vendor "
    "counts by the month will do.",
)
def within_call_budget(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Connections that ask for more than their account allows."""
    found = health.connections_over_budget(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="connection(s) over their call budget")


@dg.asset_check(
    asset=SYNC_HEALTH,
    name="mapping_matches_account",
    description="Every active pipeline rule finds its pipeline, its stages and the fields of its mapping in the "
    "account. One that does not is held: its deals wait instead of becoming projects with blanks.",
)
def mapping_matches_account(hardfin: HardfinResource) -> dg.AssetCheckResult:
    """Pipeline rules that are held, each with what the account lacks."""
    found = health.rules_held(hardfin.deployment())
    return _result(found, severity=dg.AssetCheckSeverity.WARN, what="pipeline rule(s) held")


CHECKS = [
    no_stock_below_zero,
    levels_are_of_something,
    documents_are_of_known,
    everything_is_read,
    nothing_waits_long,
    most_items_are_linked,
    project_has_customer,
    linked_once,
    line_items_add_up,
    organizations_on_time,
    no_attention_needed,
    within_call_budget,
    mapping_matches_account,
    every_deal_has_an_answer,
    windows_close,
]

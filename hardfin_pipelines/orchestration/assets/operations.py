"""How the work itself goes: polls, health, and the pruning of what Dagster would keep for ever."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import dagster as dg
from pydantic import Field

from hardfin_pipelines.engine.call_budget import call_forecasts
from hardfin_pipelines.engine.health import sync_health
from hardfin_pipelines.engine.keeping_alive import keep_tokens_alive
from hardfin_pipelines.engine.polling import poll_due
from hardfin_pipelines.landing.retention import prune
from hardfin_pipelines.orchestration.assets.catalog import OWNER
from hardfin_pipelines.orchestration.event_log import prune_event_log
from hardfin_pipelines.orchestration.resources import HardfinResource
from hardfin_pipelines.platform.database import writing
from hardfin_pipelines.platform.record_log import prune_sightings
from hardfin_pipelines.sync.call_budget import CallForecast

CHANGE_POLL = dg.AssetKey(["ops", "change_poll"])
SYNC_HEALTH = dg.AssetKey(["ops", "sync_health"])
RETENTION = dg.AssetKey(["ops", "retention"])

_SHOWN = 50

KEEP_EVENTS = timedelta(days=7)
KEEP_LANDED = timedelta(days=90)
KEEP_SIGHTINGS = timedelta(days=90)


class ChangePollConfig(dg.Config):
    """Which connections to ask."""

    tier: Literal["5m", "15m", "30m", "60m", "daily"] = Field(
        default="5m", description="The cadence whose connections are asked, where they are due."
    )
    org: str = Field(
        default="",
        description="Ask this organization's connections now, due or not. Empty: all of the cadence that are due.",
    )


@dg.asset(
    key=CHANGE_POLL,
    group_name="ops",
    owners=[OWNER],
    kinds={"python"},
    description="**Change poll.** Asks all due connections of a cadence at once whether anything changed since their "
    "cursors: one call each. What changed waits in `pending_work` for the sensor `start_pending_syncs`.",
)
def change_poll(
    context: dg.AssetExecutionContext, config: ChangePollConfig, hardfin: HardfinResource
) -> dg.MaterializeResult[None]:
    """One tick of a tier."""
    deployment = hardfin.deployment()
    report = deployment.run(poll_due(deployment, config.tier, org=config.org, run_id=context.run_id))
    for line in report.notes:
        context.log.warning(line)
    return dg.MaterializeResult(
        metadata={
            "tier": config.tier,
            "connections_asked": report.asked,
            "connections_changed": report.changed,
            "vendor_calls": report.calls,
            "throttled": report.throttled,
            "errors": report.errors,
            "seconds": round(report.seconds, 3),
            "oldest_cursor_minutes": round(report.oldest_cursor_minutes, 1),
        }
    )


@dg.asset(
    key=SYNC_HEALTH,
    group_name="ops",
    owners=[OWNER],
    kinds={"python"},
    description="**Sync health.** How many connections are active, late, failing or waiting for a person, over all "
    "organizations. Its checks say who.",
)
def sync_health_asset(hardfin: HardfinResource) -> dg.MaterializeResult[None]:
    """Count connections by how they are."""
    deployment = hardfin.deployment()
    health = sync_health(deployment)
    forecasts = call_forecasts(deployment)
    return dg.MaterializeResult(
        metadata={
            "organizations": health.organizations,
            "connections_active": health.active,
            "connections_late": len(health.late),
            "connections_failing": len(health.failing),
            "connections_needing_attention": len(health.needing_attention),
            "pending_work": health.pending,
            "records_set_aside": health.rejected,
            "vendor_calls_today": sum(each.today for each in forecasts),
            "vendor_calls_refused_today": sum(each.throttled_today for each in forecasts),
            "vendor_calls_expected_a_day": sum(each.per_day for each in forecasts),
            **({"call_budgets": _call_budgets(forecasts)} if forecasts else {}),
        }
    )


def _call_budgets(forecasts: Sequence[CallForecast]) -> dg.TableMetadataValue:
    """The connections that ask most of their accounts: ids and numbers only."""
    most = sorted(forecasts, key=lambda each: (each.share_of_limit or 0.0, each.per_day), reverse=True)
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "connection": each.connection_id,
                    "expected_a_day": each.per_day,
                    "of_them_polls": each.ticks,
                    "account_limit": str(each.limit_per_day or "not told"),
                    "share": "" if each.share_of_limit is None else f"{each.share_of_limit:.1%}",
                    "left_to_others": str(each.reserve or "not told"),
                    "left_today": "not told" if each.left is None else str(each.left),
                    "today": each.today,
                    "refused_today": each.throttled_today,
                    "free_now": ", ".join(f"{room.bucket} {room.limit - room.taken}" for room in each.windows),
                }
            )
            for each in most[:_SHOWN]
        ]
    )


class RetentionConfig(dg.Config):
    """How long to keep what."""

    event_days: int = Field(
        default=KEEP_EVENTS.days,
        ge=1,
        description="Days that operational events of finished runs are kept. Materializations and checks stay.",
    )
    sighting_days: int = Field(
        default=KEEP_SIGHTINGS.days,
        ge=1,
        description="Days that a record's timeline keeps that it was seen and left alone; the newest entry stays.",
    )
    landed_days: int = Field(
        default=KEEP_LANDED.days,
        ge=1,
        description="Days that landed files are kept; the newest of each record stays.",
    )


@dg.asset(
    key=RETENTION,
    group_name="ops",
    owners=[OWNER],
    kinds={"python"},
    description="**Retention.** Removes old operational events from Dagster's log (it would keep them for ever) and "
    "landed files nobody needs; renews the tokens of paused connections, which would die unused.",
)
def retention(
    context: dg.AssetExecutionContext, config: RetentionConfig, hardfin: HardfinResource
) -> dg.MaterializeResult[None]:
    """Prune once."""
    now = datetime.now(UTC)
    events = prune_event_log(context.instance, older_than=now - timedelta(days=config.event_days))
    deployment = hardfin.deployment()
    landed = prune(deployment.settings.landing_root, older_than=now - timedelta(days=config.landed_days))
    with writing(deployment.engine) as connection:
        sightings = prune_sightings(connection, now - timedelta(days=config.sighting_days))
    renewed = deployment.run(keep_tokens_alive(deployment))
    for line in renewed.notes:
        context.log.warning(line)
    return dg.MaterializeResult(
        metadata={
            "events_removed": events,
            "landed_files_removed": len(landed.landed),
            "sightings_removed": sightings,
            "unused_tokens_renewed": renewed.renewed,
        }
    )

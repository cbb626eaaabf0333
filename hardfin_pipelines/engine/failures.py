"""What a vendor's refusal means for the connection: come back later, or wait for a person."""

from datetime import datetime, timedelta

from hardfin_pipelines.connectors.errors import (
    NeedsAttention,
    ReserveReached,
    RetryLater,
    UnknownField,
    VendorError,
)
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.drift import EveryRuleHeld
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import (
    ConnectionRow,
    doubt_description,
    mark_failed,
    mark_needs_attention,
    mark_resting,
)
from hardfin_pipelines.platform.database import writing

_FRESH = timedelta(minutes=2)
"""A description this young that a failure asked for is the vendor's last word: what it has and records lack is no
drift."""

_OFTEN = 3
"""Failures in a row after which describing the account again is no help."""


def note_failure(deployment: Deployment, row: ConnectionRow, error: VendorError | Refusal) -> None:
    """Let the connection say what went wrong; other connections are not touched.

    A connection that needs a person is not visited until one has acted. Where the vendor does not know a field that its
    description of the account has, the account is described again first: it may be one rule's loss only. Any other
    failure makes the next visit wait, longer each time; the cursor stands where it was, so nothing is lost. Work that
    rests because what is left of the day's calls belongs to others has not failed: polls and ticks come back when it
    says, and a load or a census that rests holds back nothing else.
    """
    now = deployment.now()
    with writing(deployment.engine) as connection:
        if _described_before(row, error, now):
            doubt_description(connection, row.org, row.connection_id)
        elif isinstance(error, NeedsAttention):
            cause = Cause("sync", str(error), now)
            mark_needs_attention(connection, row.org, row.connection_id, cause)
            return
        if isinstance(error, ReserveReached):
            if error.purpose in ("poll", "tick"):
                mark_resting(connection, row.org, row.connection_id, str(error), now + error.delay)
            return
        not_before = now + error.delay if isinstance(error, RetryLater) else None
        mark_failed(connection, row.org, row.connection_id, str(error), now, not_before=not_before)


def _described_before(row: ConnectionRow, error: VendorError | Refusal, now: datetime) -> bool:
    """Whether a field is unknown to a vendor whose account was described before that came out."""
    if not isinstance(error, UnknownField) or isinstance(error, EveryRuleHeld) or row.described_at is None:
        return False
    return row.failures == 0 or (now - row.described_at > _FRESH and row.failures < _OFTEN)

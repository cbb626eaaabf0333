"""What a vendor's refusal means for the connection: come back later, or wait for a person."""

from hardfin_pipelines.connectors.errors import NeedsAttention, RetryLater, VendorError
from hardfin_pipelines.engine.deployment import Deployment
from hardfin_pipelines.engine.refusals import Refusal
from hardfin_pipelines.platform.audit import Cause
from hardfin_pipelines.platform.connection_store import ConnectionRow, mark_failed, mark_needs_attention
from hardfin_pipelines.platform.database import writing


def note_failure(deployment: Deployment, row: ConnectionRow, error: VendorError | Refusal) -> None:
    """Let the connection say what went wrong; other connections are not touched.

    A connection that needs a person is not visited until one has acted. Any other failure makes the next visit wait,
    longer each time; the cursor stands where it was, so nothing is lost.
    """
    now = deployment.now()
    with writing(deployment.engine) as connection:
        if isinstance(error, NeedsAttention):
            cause = Cause("sync", str(error), now)
            mark_needs_attention(connection, row.org, row.connection_id, cause)
            return
        not_before = now + error.delay if isinstance(error, RetryLater) else None
        mark_failed(connection, row.org, row.connection_id, str(error), now, not_before=not_before)

"""What can go wrong at a vendor, named by what the caller should do about it.

Every message is one clear line: the vendor, the call, what it said, what to do. None holds a secret.
"""

from collections.abc import Mapping
from datetime import timedelta

from hardfin_pipelines.sync.call_budget import Purpose


class VendorError(Exception):
    """A vendor's refusal or failure.

    Attributes:
        integration: The kind of vendor system, such as "hubspot".
        context: Facts for logs: HTTP status, the vendor's correlation id, the path. Never a secret.
    """

    def __init__(self, integration: str, message: str, *, context: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.integration = integration
        self.context = dict(context or {})


class RetryLater(VendorError):
    """The vendor is throttling, down or unreachable; the client has already retried within its patience.

    Nothing is wrong with the account: the caller leaves its cursor where it was and comes back after `delay`.
    """

    def __init__(
        self,
        integration: str,
        message: str,
        *,
        delay: timedelta,
        context: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(integration, message, context=context)
        self.delay = delay


class ReserveReached(RetryLater):
    """What is left of the account's calls of the day belongs to its other integrations: this work rests.

    Nothing was asked of the vendor, and work of another purpose may go on. `purpose` says what rests.
    """

    def __init__(self, integration: str, message: str, *, delay: timedelta, purpose: Purpose) -> None:
        super().__init__(integration, message, delay=delay)
        self.purpose = purpose


class TokenExpired(VendorError):
    """The access token aged out: refresh it and ask once more. The client does so itself; it seldom escapes."""


class NeedsAttention(VendorError):
    """A person must act at the vendor or in the configuration: access revoked, scope missing, app removed."""


class UnknownField(NeedsAttention):
    """The vendor does not know (or hides) a field, pipeline or stage that the configuration names."""


class SkipRecord(VendorError):
    """One record cannot be read; everything else can. `record_id` names it."""

    def __init__(
        self, integration: str, message: str, *, record_id: str, context: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(integration, message, context=context)
        self.record_id = record_id


class VendorContractError(VendorError):
    """The vendor refused a request that we should never have sent, or answered in a shape we do not know: a bug."""

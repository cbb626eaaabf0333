"""What QuickBooks' webhooks would say of the changes here (Intuit docs: webhooks). Nothing is sent: tests send it.

The CloudEvents form is the only one from the end of July 2026 on; the older one is kept for comparison. Of the names of
event types only `qbo.account.created.v1` is published, the others follow its pattern.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterable
from typing import Any

from hardfin_pipelines.sandbox.quickbooks.company import ChangeEvent, Company
from hardfin_pipelines.sandbox.quickbooks.moments import written

FORMATS = ("cloud-events", "notifications")
_VERBS = {"Create": "created", "Update": "updated", "Delete": "deleted", "Merge": "merged"}
_NAMES = uuid.UUID("8f6f0b0e-5f1c-4b7e-9d52-0c5f0a4f5a10")


def payload(companies: Iterable[Company], form: str) -> Any:
    """The body of one POST about all changes since the companies were opened.

    Args:
        companies: one POST may be about several.
        form: `cloud-events` or `notifications`.
    """
    if form == "cloud-events":
        return [
            _cloud_event(company, place, event) for company in companies for place, event in enumerate(company.events)
        ]
    return {
        "eventNotifications": [
            {"realmId": company.realm_id, "dataChangeEvent": {"entities": [_entity(each) for each in company.events]}}
            for company in companies
        ]
    }


def _cloud_event(company: Company, place: int, event: ChangeEvent) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(_NAMES, f"{company.realm_id} {place} {event.entity} {event.id} {event.at}")),
        "source": "intuit.c2FuZGJveA==",
        "type": f"qbo.{event.entity.lower()}.{_VERBS[event.operation]}.v1",
        "datacontenttype": "application/json",
        "time": event.at.isoformat().replace("+00:00", ".000000000Z"),
        "intuitentityid": event.id,
        "intuitaccountid": company.realm_id,
        "data": {"deletedId": event.deleted_id} if event.deleted_id else {},
    }


def _entity(event: ChangeEvent) -> dict[str, str]:
    found = {
        "name": event.entity,
        "id": event.id,
        "operation": event.operation,
        "lastUpdated": written(event.at),
    }
    return {**found, "deletedId": event.deleted_id} if event.deleted_id else found


def signature(body: bytes, verifier_token: str) -> str:
    """The `intuit-signature` header of a body."""
    return base64.b64encode(hmac.new(verifier_token.encode(), body, hashlib.sha256).digest()).decode()

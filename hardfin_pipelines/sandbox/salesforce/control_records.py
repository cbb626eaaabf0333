"""Control operations on an organization's records."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from hardfin_pipelines.sandbox.control_requests import (
    Fields,
    Table,
    WrongRequestError,
    moment,
    only,
    wanted,
)
from hardfin_pipelines.sandbox.salesforce.org import Org

_STAMPS = ("modified", "system", "none")


class RecordControl:
    """What people and tests do to records, over HTTP."""

    def __init__(self, org_of: Callable[[Fields], Org]) -> None:
        """`org_of` takes the organization's id or My Domain out of the members and finds it."""
        self._org = org_of

    def table(self) -> Table:
        """The operations."""
        objects = "/orgs/{org_id}/records/{object}"
        record = f"{objects}/{{id}}"
        return [
            ("POST", objects, self._create),
            ("POST", f"{objects}/bulk-create", self._bulk_create),
            ("POST", f"{objects}/merge", self._merge),
            ("GET", record, lambda fields: self._values(self._org(fields), fields)),
            ("PATCH", record, self._update),
            ("DELETE", record, self._delete),
            ("POST", f"{record}/undelete", self._undelete),
        ]

    def _values(self, org: Org, fields: Fields) -> Fields:
        held = org.record(fields["object"], fields["id"])
        return {"values": {name: None if isinstance(value, bytes) else value for name, value in held.items()}}

    def _create(self, fields: Fields) -> Fields:
        org = self._org(fields)
        only(fields, "object", "values", "at", "commit_after_seconds")
        at, late = moment(fields, "at"), _delay(fields)
        return {"id": org.create(fields["object"], wanted(fields, "values", dict), at=at, commit_after=late)}

    def _bulk_create(self, fields: Fields) -> Fields:
        """So many records of the same values, all with one stamp."""
        org = self._org(fields)
        only(fields, "object", "values", "count", "at")
        records: list[dict[str, Any]] = [wanted(fields, "values", dict)] * wanted(fields, "count", int)
        return {"ids": org.create_many(fields["object"], records, at=moment(fields, "at") or org.clock.now())}

    def _update(self, fields: Fields) -> Fields:
        """`stamp` is modified (the default), system, or none as formulas change."""
        org = self._org(fields)
        only(fields, "object", "id", "values", "at", "commit_after_seconds", "stamp")
        stamp = fields.get("stamp", "modified")
        if stamp not in _STAMPS:
            raise WrongRequestError(f"stamp is {stamp!r}; expected one of {', '.join(_STAMPS)}")
        given = wanted(fields, "values", dict)
        options: dict[str, Any] = {"at": moment(fields, "at"), "commit_after": _delay(fields), "stamp": stamp}
        org.update(fields["object"], fields["id"], given, **options)
        return self._values(org, fields)

    def _delete(self, fields: Fields) -> None:
        org = self._org(fields)
        only(fields, "object", "id", "hard")
        org.delete(fields["object"], fields["id"], hard=bool(fields.get("hard")))

    def _undelete(self, fields: Fields) -> None:
        org = self._org(fields)
        only(fields, "object", "id")
        org.undelete(fields["object"], fields["id"])

    def _merge(self, fields: Fields) -> None:
        org = self._org(fields)
        only(fields, "object", "winner", "losers")
        org.merge(fields["object"], wanted(fields, "winner"), wanted(fields, "losers", list))


def _delay(fields: Mapping[str, Any]) -> timedelta:
    """`commit_after_seconds`, nothing where it is left out."""
    seconds = fields.get("commit_after_seconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds < 0:
        raise WrongRequestError(f"commit_after_seconds is {seconds!r}; send a number of 0 or more")
    return timedelta(seconds=seconds)

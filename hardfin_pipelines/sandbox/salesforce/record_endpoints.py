"""Single records: read by id or external id, their files, written, and what changed in a window."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from hardfin_pipelines.sandbox.http_dates import http_date
from hardfin_pipelines.sandbox.salesforce import values
from hardfin_pipelines.sandbox.salesforce.calls import Call, Endpoint, Reply
from hardfin_pipelines.sandbox.salesforce.describe_endpoints import unchanged_since
from hardfin_pipelines.sandbox.salesforce.errors import VendorError, no_such_column, not_found
from hardfin_pipelines.sandbox.salesforce.fields import COMPOUNDS
from hardfin_pipelines.sandbox.salesforce.ids import normalized
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject
from hardfin_pipelines.sandbox.salesforce.soql.binding import RECYCLE_BIN_SECONDS
from hardfin_pipelines.sandbox.salesforce.soql.plans import Plan, plan_query
from hardfin_pipelines.sandbox.salesforce.store import DELETED_AT

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_MOST_IDS = 600_000
_UPDATED_DAYS, _DELETED_DAYS = 30, 15


def plan_for(call: Call, sobject: SObject, names: Iterable[str]) -> Plan:
    """A plan that reads the named fields of an object's records; all that the caller sees where none is named.

    Raises:
        VendorError: 400 INVALID_FIELD.
    """
    wanted = list(names) or [each.name for each in call.view.fields(sobject)]
    for name in wanted:
        if _NAME.fullmatch(name) is None:
            raise VendorError(400, "INVALID_FIELD", no_such_column(name, sobject.name))
    # Id comes by itself and may be asked for as well.
    unique = list({name.lower(): name for name in wanted}.values())
    plan = plan_query(call.reader(), " ".join(("SELECT", ", ".join(unique), "FROM", sobject.name)))
    if not isinstance(plan, Plan):
        raise not_found()
    return plan


def _found(call: Call, sobject: SObject) -> str:
    text = call.params["id"]
    record_id = normalized(text)
    if record_id is None:
        message = f"Provided external ID field does not exist or is not accessible: {text}"
        raise VendorError(404, "NOT_FOUND", message)
    call.org.settle()
    held = call.org.store.get(sobject, record_id)
    if held is None or record_id in call.view.permissions.hidden_records:
        raise not_found()
    if held["IsDeleted"]:
        raise VendorError(404, "ENTITY_IS_DELETED", "entity is deleted")
    return record_id


def _fields_of(call: Call) -> list[str]:
    return [name.strip() for name in call.query.get("fields", "").split(",") if name.strip()]


def _record(call: Call, sobject: SObject, record_id: str) -> Reply:
    plan, held = plan_for(call, sobject, _fields_of(call)), call.org.store.get(sobject, record_id)
    listed = plan.rows([record_id])
    if not listed or held is None:
        raise not_found()
    body = plan.outputs.record(listed[0])
    changed = values.moment_of(held["SystemModstamp"])
    headers = {"Last-Modified": http_date(changed)}
    if call.org.settings.etags:
        headers["ETag"] = f'"{hashlib.md5(orjson.dumps(body), usedforsecurity=False).hexdigest()}"'
    if headers.get("ETag") in call.headers.get("if-none-match", "").split(", ") or unchanged_since(call, changed):
        return Reply(None, 304, headers)
    return Reply(body, headers=headers, root=sobject.name)


def by_id(call: Call) -> Reply:
    """A record by its id."""
    return _record(call, call.sobject, _found(call, call.sobject))


def by_field(call: Call) -> Reply:
    """A record by an external id, or the bytes of a record's file."""
    sobject, name = call.sobject, call.params["field"]
    record_id, blob = normalized(name), call.view.field(sobject, call.params["value"])
    if record_id is not None and blob is not None and blob.type == "base64":
        call.params = {**call.params, "id": record_id}
        held = call.org.store.get(sobject, _found(call, sobject))
        content = b"" if held is None else held[blob.name] or b""
        return Reply(content, media_type="application/octetstream")
    found = _ids_by_external_id(call, sobject)
    if len(found) > 1:
        return Reply([f"{call.base}/sobjects/{sobject.name}/{each}" for each in found], 300)
    if not found:
        raise not_found()
    return _record(call, sobject, found[0])


def _ids_by_external_id(call: Call, sobject: SObject) -> list[str]:
    name = call.params["field"]
    field = call.view.field(sobject, name)
    if field is None or not (field.external_id or field.type == "id"):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise VendorError(404, "NOT_FOUND", message)
    reader = call.reader()
    table = call.org.store.table(sobject)
    wanted = values.to_kept(field, call.params["value"])
    statement = sa.select(table.c.Id).where(reader.visible(table), table.c[field.name] == wanted)
    return [row.Id for row in call.org.store.rows(statement)]


def _writable(call: Call, given: dict[str, Any], *, new: bool) -> dict[str, Any]:
    sobject = call.sobject
    if not sobject.writable:
        raise _not_supported(call)
    kept = {name: value for name, value in given.items() if name != "attributes"}
    for name in kept:
        field = call.view.field(sobject, name)
        if field is None:
            text = f"No such column '{name}' on sobject of type {sobject.name}"
            raise VendorError(400, "INVALID_FIELD", text)
        allowed = field.createable if new else field.updateable
        if not allowed or field.calculated or field.type in COMPOUNDS:
            text = (
                f"Unable to create/update fields: {field.name}. Please check the security settings of this field and "
                "verify that it is read/write for your profile or permission set."
            )
            raise VendorError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", text, fields=[field.name])
    return kept


def create(call: Call) -> Reply:
    """Adds a record."""
    given = _writable(call, call.json(), new=True)
    made = call.org.create(call.sobject.name, given, by=call.grant.user_id)
    location = {"Location": f"{call.base}/sobjects/{call.sobject.name}/{made}"}
    return Reply({"id": made, "success": True, "errors": []}, 201, location)


def update(call: Call) -> Reply:
    """Changes a record."""
    record_id = _found(call, call.sobject)
    given = _writable(call, call.json(), new=False)
    call.org.update(call.sobject.name, record_id, given, by=call.grant.user_id)
    return Reply(None, 204)


def upsert(call: Call) -> Reply:
    """Adds a record, or changes the one of that external id."""
    found = _ids_by_external_id(call, call.sobject)
    if len(found) > 1:
        return Reply([f"{call.base}/sobjects/{call.sobject.name}/{each}" for each in found], 300)
    if found:
        call.org.update(call.sobject.name, found[0], _writable(call, call.json(), new=False), by=call.grant.user_id)
        return Reply({"id": found[0], "success": True, "errors": [], "created": False})
    given = {**_writable(call, call.json(), new=True), call.params["field"]: call.params["value"]}
    made = call.org.create(call.sobject.name, given, by=call.grant.user_id)
    return Reply({"id": made, "success": True, "errors": [], "created": True}, 201)


def delete(call: Call) -> Reply:
    """Puts a record into the recycle bin."""
    if not call.sobject.writable:
        raise _not_supported(call)
    call.org.delete(call.sobject.name, _found(call, call.sobject))
    return Reply(None, 204)


def _not_supported(call: Call) -> VendorError:
    text = f"entity type {call.sobject.name} does not support this operation"
    return VendorError(405, "METHOD_NOT_ALLOWED", text)


def _window(call: Call, days: int) -> tuple[int, int]:
    """The window in seconds since 1970, cut to minutes (Salesforce docs: get updated, get deleted)."""
    if call.sobject.log:
        raise _not_supported(call)
    moments = []
    for name in ("start", "end"):
        try:
            moment = datetime.fromisoformat(call.query[name].strip().replace(" ", "+"))
        except (KeyError, ValueError):
            text = f"Missing or malformed required parameter: {name}"  # the text is ours
            raise VendorError(400, "INVALID_REPLICATION_DATE", text) from None
        moments.append(values.seconds_of(moment if moment.tzinfo else moment.replace(tzinfo=UTC)) // 60 * 60)
    start, end = moments
    if end - start < 60:  # a minute
        text = "The value for startDate must precede endDate by more than 1 minute"  # the text is ours
        raise VendorError(400, "INVALID_REPLICATION_DATE", text)
    if start < call.org.now() - days * 86_400:
        text = f"startDate cannot be more than {days} days ago"
        raise VendorError(400, "INVALID_REPLICATION_DATE", text)
    return start, end


def _covered(call: Call, end: int) -> str:
    """The end of what is certain: not after now, nor after a transaction that is still open."""
    open_since = call.org.oldest_open_stamp()
    known = min(end, call.org.now() if open_since is None else open_since)
    return values.rest_datetime(known // 60 * 60)


def updated(call: Call) -> Reply:
    """The ids of the records that changed in a window."""
    start, end = _window(call, _UPDATED_DAYS)
    reader, table = call.reader(), call.org.store.table(call.sobject)
    stamp = table.c.SystemModstamp
    statement = sa.select(table.c.Id).where(reader.visible(table), stamp >= start, stamp < end).order_by(table.c.Id)
    ids = [row.Id for row in call.org.store.rows(statement)]
    if len(ids) > _MOST_IDS:
        raise VendorError(400, "EXCEEDED_ID_LIMIT", f"The limit of {_MOST_IDS} ids is exceeded")  # the text is ours
    return Reply({"ids": ids, "latestDateCovered": _covered(call, end)})


def deleted(call: Call) -> Reply:
    """The records that went to the recycle bin in a window and are still in it."""
    start, end = _window(call, _DELETED_DAYS)
    table = call.org.store.table(call.sobject)
    call.reader()
    at = table.c[DELETED_AT]
    statement = sa.select(table.c.Id, at).where(table.c.IsDeleted == 1, at >= start, at < end).order_by(at, table.c.Id)
    hidden = call.view.permissions.hidden_records
    gone = [
        {"id": row[0], "deletedDate": values.rest_datetime(row[1])}
        for row in call.org.store.rows(statement)
        if row[0] not in hidden
    ]
    earliest = values.rest_datetime((call.org.now() - RECYCLE_BIN_SECONDS) // 60 * 60)
    return Reply({"deletedRecords": gone, "earliestDateAvailable": earliest, "latestDateCovered": _covered(call, end)})


_OBJECT = "sobjects/{object}"
ENDPOINTS = (
    Endpoint("POST", _OBJECT, create),
    Endpoint("GET", f"{_OBJECT}/updated", updated),
    Endpoint("GET", f"{_OBJECT}/deleted", deleted),
    Endpoint("GET", f"{_OBJECT}/{{id}}", by_id),
    Endpoint("PATCH", f"{_OBJECT}/{{id}}", update),
    Endpoint("DELETE", f"{_OBJECT}/{{id}}", delete),
    Endpoint("GET", f"{_OBJECT}/{{field}}/{{value}}", by_field),
    Endpoint("PATCH", f"{_OBJECT}/{{field}}/{{value}}", upsert),
)

"""What `deletedrecord` tells of a record that is gone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hardfin_pipelines.sandbox.netsuite.items import kind_of_item
from hardfin_pipelines.sandbox.netsuite.schema import Table

_RECORD_TYPE_IDS = {"item": -10, "transaction": -30, "customer": -2, "vendor": -3, "account": -112, "location": -103}
"""NetSuite's numbers for record types; those not listed are not known to us and left empty."""
_BASES = {"item": "Item", "transaction": "Transaction", "classification": "Class"}


def deletion_of(
    table: Table, held: Mapping[str, Any], at: datetime, type_form: str, deleted_by: str | None
) -> dict[str, Any]:
    """The row for a deleted record.

    Args:
        table: where it was.
        held: its columns.
        at: when it went.
        type_form: `base` or `record`, see `AccountSettings.deleted_record_type`.
        deleted_by: an employee's id.
    """
    script_id = table.name
    if table.name == "item":
        script_id = kind_of_item(held).record_type.lower()
    elif table.name == "transaction" and held["recordtype"]:
        script_id = held["recordtype"]
    base = _BASES.get(table.name, table.name.capitalize())
    name = held.get(table.display) if table.display else None
    return {
        "name": name,
        "recordid": held["id"],
        "recordtypeid": _RECORD_TYPE_IDS.get(table.name),
        "scriptid": script_id,
        "context": "UIF",
        "deletedby": None if deleted_by is None else int(deleted_by),
        "deleteddate": at,
        "iscustomlist": "F",
        "iscustomrecord": "F",
        "iscustomtransaction": "F",
        "type": base if type_form == "base" else script_id,
    }

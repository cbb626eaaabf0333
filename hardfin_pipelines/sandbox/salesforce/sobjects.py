"""Definitions of objects, and the fields that all objects have."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hardfin_pipelines.sandbox.salesforce.fields import Field

_URL_KINDS = ("compactLayouts", "approvalLayouts", "listviews", "quickActions", "layouts")


@dataclass(slots=True)
class SObject:
    """One object. `fields` has the definitions by name in lower case, in describe's order."""

    name: str
    label: str
    plural: str
    prefix: str
    fields: dict[str, Field]
    writable: bool = False
    mergeable: bool = False
    undeletable: bool = False
    setup: bool = False
    log: bool = False
    """Whether Salesforce alone writes its rows and never changes them."""

    @property
    def custom(self) -> bool:
        """Whether it is the organization's own."""
        return self.name.endswith("__c")

    def summary_json(self, base: str) -> dict[str, Any]:
        """The object as the global describe has it; `base` is the version's path."""
        return {
            "activateable": False,
            "associateEntityType": None,
            "associateParentEntity": None,
            "createable": self.writable,
            "custom": self.custom,
            "customSetting": False,
            "deepCloneable": False,
            "deletable": self.writable and not self.setup,
            "deprecatedAndHidden": False,
            "feedEnabled": not self.setup,
            "hasSubtypes": False,
            "isInterface": False,
            "isSubtype": False,
            "keyPrefix": self.prefix,
            "label": self.label,
            "labelPlural": self.plural,
            "layoutable": not self.setup and not self.log,
            "mergeable": self.mergeable,
            "mruEnabled": not self.setup,
            "name": self.name,
            "queryable": True,
            "replicateable": not self.log,
            "retrieveable": True,
            "searchable": not self.setup and not self.log,
            "triggerable": not self.setup and not self.log,
            "undeletable": self.undeletable,
            "updateable": self.writable,
            "urls": self.urls(base),
        }

    def urls(self, base: str) -> dict[str, str]:
        """The paths that describe names."""
        path = f"{base}/sobjects/{self.name}"
        urls = {"rowTemplate": f"{path}/{{ID}}", "describe": f"{path}/describe", "sobject": path}
        if not self.setup:
            for kind in _URL_KINDS:
                urls[kind] = f"{path}/{kind}" if kind == "listviews" else f"{path}/describe/{kind}"
        return urls


def audit_fields(sobject: SObject, *, owned: bool, multi_currency: bool) -> Iterator[Field]:
    """The fields that Salesforce keeps by itself."""
    fixed: dict[str, Any] = {"nillable": False, "createable": False, "updateable": False}
    by = {"refers_to": ("User",), "type": "reference", **fixed}
    yield Field("Id", "id", f"{sobject.label} ID", **fixed)
    yield Field("IsDeleted", "boolean", "Deleted", **fixed)
    if owned:
        owners = ("Group", "User") if sobject.name == "Case" else ("User",)
        yield Field("OwnerId", "reference", "Owner ID", nillable=False, refers_to=owners, relationship="Owner")
    if multi_currency and (not sobject.setup or sobject.name == "User"):
        yield Field("CurrencyIsoCode", "picklist", "Currency ISO Code", 3)
    yield Field("CreatedDate", "datetime", "Created Date", **fixed)
    yield Field("CreatedById", label="Created By ID", relationship="CreatedBy", **by)
    if not sobject.log:
        yield Field("LastModifiedDate", "datetime", "Last Modified Date", **fixed)
        yield Field("LastModifiedById", label="Last Modified By ID", relationship="LastModifiedBy", **by)
    yield Field("SystemModstamp", "datetime", "System Modstamp", **fixed)


def record_type_field() -> Field:
    """The reference to a record type, which an object has once it has record types."""
    return Field("RecordTypeId", "reference", "Record Type ID", refers_to=("RecordType",), relationship="RecordType")

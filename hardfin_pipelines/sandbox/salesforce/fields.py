"""Definitions of fields: what describe says of them."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NUMBERS = frozenset({"currency", "double", "percent"})
"""Types whose values are decimal numbers; kept as whole numbers of their last decimal place."""
TEXTS = frozenset(
    {"string", "textarea", "picklist", "multipicklist", "combobox", "email", "phone", "url", "encryptedstring"}
)
IDS = frozenset({"id", "reference"})
COMPOUNDS = frozenset({"address", "location"})
TYPES = NUMBERS | TEXTS | IDS | COMPOUNDS | {"boolean", "int", "long", "date", "datetime", "time", "base64", "anyType"}

_SOAP = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "currency": "xsd:double",
    "double": "xsd:double",
    "percent": "xsd:double",
    "address": "urn:address",
    "location": "urn:location",
    "base64": "xsd:base64Binary",
}
_LONG_TEXT = 255
_NOT_GROUPED = NUMBERS | COMPOUNDS | {"datetime", "base64", "multipicklist"}


@dataclass(frozen=True, slots=True)
class PicklistValue:
    """One choice of a picklist: the API name is stored, the label shown."""

    value: str
    label: str = ""
    active: bool = True
    default: bool = False

    def as_json(self) -> dict[str, Any]:
        """The value as describe has it."""
        return {
            "active": self.active,
            "defaultValue": self.default,
            "label": self.label or self.value,
            "validFor": None,
            "value": self.value,
        }


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object.

    Attributes:
        type: describe's word: string, picklist, currency ...
        length: characters of a text.
        precision: digits of a number.
        scale: its decimal places.
        nillable: whether it may be empty.
        refers_to: the objects that a reference may point at.
        relationship: the name for dots, such as `Account` for `AccountId`.
        children: the name of the relation the other way, such as `Opportunities`.
        part_of: the compound field that it is a part of.
        picklist: the choices.
        external_id: may address records.
        calculated: a formula; its value never moves a record's stamps.
        formula: the formula's text.
        formula_path: a formula that shows a field of a parent: the dotted path to it.
        cascades: deleting the parent deletes the record.
        name_field: the field that names a record.
    """

    name: str
    type: str = "string"
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    refers_to: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None
    part_of: str | None = None
    picklist: tuple[PicklistValue, ...] = ()
    restricted_picklist: bool = False
    external_id: bool = False
    unique: bool = False
    calculated: bool = False
    formula: str | None = None
    formula_path: str | None = None
    cascades: bool = False
    name_field: bool = False
    default: Any = None

    def __post_init__(self) -> None:
        """Checks the definition.

        Raises:
            ValueError: the type is unknown, or a reference points nowhere.
        """
        if self.type not in TYPES:
            raise ValueError(f"field {self.name}: type is {self.type!r}; expected one of {', '.join(sorted(TYPES))}")
        if self.type == "reference" and not self.refers_to:
            raise ValueError(f"field {self.name}: a reference needs refers_to, the objects that it points at")

    @property
    def custom(self) -> bool:
        """Whether it is the organization's own."""
        return self.name.endswith("__c")

    @property
    def long_text(self) -> bool:
        """Whether it is a long text, which cannot be filtered, sorted or grouped by."""
        return self.type == "textarea" and self.length > _LONG_TEXT

    @property
    def filterable(self) -> bool:
        """Whether WHERE takes it."""
        return not self.long_text and self.type not in {"base64", *COMPOUNDS}

    @property
    def sortable(self) -> bool:
        """Whether ORDER BY takes it."""
        return self.filterable and self.type != "multipicklist"

    @property
    def groupable(self) -> bool:
        """Whether GROUP BY takes it."""
        return self.filterable and self.type not in _NOT_GROUPED

    @property
    def aggregatable(self) -> bool:
        """Whether MIN, MAX and the like take it."""
        return self.filterable and self.type not in {"boolean", "multipicklist"}

    def changed(self, **members: Any) -> "Field":
        """The definition with other values.

        Raises:
            ValueError: there is no such member.
        """
        known = {each.name for each in dataclasses.fields(self)}
        unknown = sorted(members.keys() - known)
        if unknown:
            raise ValueError(f"field {self.name}: unknown {unknown[0]!r}; expected some of {', '.join(sorted(known))}")
        return dataclasses.replace(self, **members)

    def as_json(self) -> dict[str, Any]:
        """The field as describe has it, all keys of API version 52 in Salesforce's order."""
        is_text = self.type in TEXTS or self.type in IDS
        return {
            "aggregatable": self.aggregatable,
            "aiPredictionField": False,
            "autoNumber": False,
            "byteLength": self._byte_length(),
            "calculated": self.calculated,
            "calculatedFormula": self.formula or self.formula_path,
            "cascadeDelete": self.cascades,
            "caseSensitive": False,
            "compoundFieldName": self.part_of,
            "controllerName": None,
            "createable": self.createable and not self.calculated,
            "custom": self.custom,
            "defaultValue": False if self.type == "boolean" and self.default is None else self.default,
            "defaultValueFormula": None,
            "defaultedOnCreate": self.type == "boolean" or (not self.nillable and not self.createable),
            "dependentPicklist": False,
            "deprecatedAndHidden": False,
            "digits": 8 if self.type == "int" else 0,
            "displayLocationInDecimal": False,
            "encrypted": self.type == "encryptedstring",
            "externalId": self.external_id,
            "extraTypeInfo": "plaintextarea" if self.type == "textarea" else None,
            "filterable": self.filterable,
            "filteredLookupInfo": None,
            "formulaTreatNullNumberAsZero": False,
            "groupable": self.groupable,
            "highScaleNumber": False,
            "htmlFormatted": False,
            "idLookup": self.type == "id" or self.external_id or (self.name_field and not self.custom),
            "inlineHelpText": None,
            "label": self.label or self.name.removesuffix("__c").replace("_", " "),
            "length": 18 if self.type in IDS else self.length,
            "mask": None,
            "maskType": None,
            "name": self.name,
            "nameField": self.name_field,
            "namePointing": len(self.refers_to) > 1,
            "nillable": self.nillable,
            "permissionable": self.nillable and self.type != "id",
            "picklistValues": [each.as_json() for each in self.picklist],
            "polymorphicForeignKey": len(self.refers_to) > 1,
            "precision": self.precision,
            "queryByDistance": self.type in COMPOUNDS,
            "referenceTargetField": None,
            "referenceTo": list(self.refers_to),
            "relationshipName": self.relationship,
            "relationshipOrder": None,
            "restrictedDelete": False,
            "restrictedPicklist": self.restricted_picklist,
            "scale": self.scale,
            "searchPrefilterable": False,
            "soapType": _SOAP.get(self.type, "xsd:string" if is_text else "xsd:anyType"),
            "sortable": self.sortable,
            "type": self.type,
            "unique": self.unique,
            "updateable": self.updateable and not self.calculated,
            "writeRequiresMasterRead": False,
        }

    def _byte_length(self) -> int:
        return 18 if self.type in IDS else self.length * 3 if self.type in TEXTS else 0


def field_from_json(members: Mapping[str, Any]) -> Field:
    """A field out of a JSON object with the attributes above; a picklist may be a list of texts.

    Raises:
        ValueError: a member is unknown, or the definition is wrong.
    """
    given = dict(members)
    if "name" not in given:
        raise ValueError("field: name is missing")
    if "picklist" in given:
        given["picklist"] = tuple(
            PicklistValue(each) if isinstance(each, str) else PicklistValue(**each) for each in given["picklist"]
        )
    if "refers_to" in given:
        wanted = given["refers_to"]
        given["refers_to"] = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    known = {each.name for each in dataclasses.fields(Field)}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise ValueError(f"field {given['name']}: unknown {unknown[0]!r}; expected some of {', '.join(sorted(known))}")
    return Field(**given)

"""What an organization's objects look like, and which of it one user may see."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from hardfin_pipelines.sandbox.salesforce.fields import Field
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject, audit_fields
from hardfin_pipelines.sandbox.salesforce.standard_objects import standard_objects


@dataclass(frozen=True, slots=True)
class ChildRelation:
    """A relation seen from the parent: `name` is what a sub-query names, None where it cannot."""

    child: SObject
    field: Field
    name: str | None


@dataclass(slots=True)
class Permissions:
    """What one user does not see. Names are kept in lower case."""

    hidden_objects: set[str] = field(default_factory=set)
    hidden_fields: set[tuple[str, str]] = field(default_factory=set)
    hidden_records: set[str] = field(default_factory=set)


class OrgSchema:
    """All objects of one organization, by name in any case."""

    def __init__(self, *, multi_currency: bool) -> None:
        """The standard objects. With `multi_currency` rows have a CurrencyIsoCode."""
        self.multi_currency = multi_currency
        self._objects: dict[str, SObject] = {}
        self._custom_prefixes = 0
        for each in standard_objects(multi_currency=multi_currency):
            self._add(each)

    def _add(self, sobject: SObject) -> SObject:
        self._objects[sobject.name.lower()] = sobject
        return sobject

    def __iter__(self) -> Iterator[SObject]:
        return iter(self._objects.values())

    def get(self, name: str) -> SObject | None:
        """The object of that name."""
        return self._objects.get(name.lower())

    def known(self, name: str) -> SObject:
        """The object of that name.

        Raises:
            ValueError: there is none.
        """
        found = self.get(name)
        if found is None:
            raise ValueError(f"there is no object {name!r}; objects here: {', '.join(each.name for each in self)}")
        return found

    def add_object(self, name: str, label: str, plural: str) -> SObject:
        """Adds a custom object with a name field and the audit fields.

        Raises:
            ValueError: the name is taken, or does not end in `__c`.
        """
        if not name.endswith("__c") or self.get(name) is not None:
            raise ValueError(f"object {name!r}: expected a new name that ends in __c")
        self._custom_prefixes += 1
        made = SObject(name, label, plural, f"a{self._custom_prefixes:02d}", {}, writable=True, undeletable=True)
        named = Field("Name", "string", f"{label} Name", 80, name_field=True)
        for each in (*audit_fields(made, owned=True, multi_currency=self.multi_currency), named):
            made.fields[each.name.lower()] = each
        return self._add(made)

    def put_field(self, sobject: SObject, made: Field) -> None:
        """Adds a field, or replaces the one of that name.

        Raises:
            ValueError: it points at an object that is not there.
        """
        for name in made.refers_to:
            self.known(name)
        sobject.fields[made.name.lower()] = made

    def remove_field(self, sobject: SObject, name: str) -> None:
        """Takes a custom field away.

        Raises:
            ValueError: there is no such custom field.
        """
        held = sobject.fields.get(name.lower())
        if held is None or not held.custom:
            raise ValueError(f"{sobject.name} has no custom field {name!r}")
        del sobject.fields[name.lower()]


class SchemaView:
    """The schema as one user sees it: hidden objects and fields are not there."""

    def __init__(self, schema: OrgSchema, permissions: Permissions) -> None:
        """`permissions` is the user's."""
        self.schema = schema
        self.permissions = permissions

    def objects(self) -> Iterator[SObject]:
        """The visible objects."""
        return (each for each in self.schema if each.name.lower() not in self.permissions.hidden_objects)

    def get(self, name: str) -> SObject | None:
        """A visible object by its name."""
        return None if name.lower() in self.permissions.hidden_objects else self.schema.get(name)

    def fields(self, sobject: SObject) -> Iterable[Field]:
        """An object's visible fields."""
        hidden, name = self.permissions.hidden_fields, sobject.name.lower()
        return [each for key, each in sobject.fields.items() if (name, key) not in hidden]

    def field(self, sobject: SObject, name: str) -> Field | None:
        """A visible field by its name."""
        if (sobject.name.lower(), name.lower()) in self.permissions.hidden_fields:
            return None
        return sobject.fields.get(name.lower())

    def parent(self, sobject: SObject, relationship: str) -> tuple[Field, SObject] | None:
        """The visible reference of that relationship name, and the object it points at (the first of several).

        A polymorphic reference is read through the one of its objects that comes last, as Owner is through User.
        """
        for each in self.fields(sobject):
            if each.relationship is not None and each.relationship.lower() == relationship.lower():
                target = self.get(each.refers_to[-1])
                return None if target is None else (each, target)
        return None

    def children(self, sobject: SObject) -> list[ChildRelation]:
        """The visible relations from other objects to this one."""
        return [
            ChildRelation(child, each, each.children)
            for child in self.objects()
            for each in self.fields(child)
            if sobject.name in each.refers_to
        ]

    def child(self, sobject: SObject, relationship: str) -> ChildRelation | None:
        """The visible child relation of that name."""
        wanted = relationship.lower()
        return next((each for each in self.children(sobject) if (each.name or "").lower() == wanted), None)


def picklist_labels(made: Field) -> Mapping[str, str]:
    """A picklist's API names with their labels."""
    return {each.value: each.label or each.value for each in made.picklist}

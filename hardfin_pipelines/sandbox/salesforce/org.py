"""One Salesforce organization, as a Python interface for loaders and tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hardfin_pipelines.sandbox.clock import SandboxClock
from hardfin_pipelines.sandbox.limits import RollingWindow
from hardfin_pipelines.sandbox.salesforce.bulk_jobs import JobBook
from hardfin_pipelines.sandbox.salesforce.fields import Field, PicklistValue
from hardfin_pipelines.sandbox.salesforce.ids import IdSource, normalized
from hardfin_pipelines.sandbox.salesforce.org_records import OrgRecords
from hardfin_pipelines.sandbox.salesforce.schema import OrgSchema, Permissions, SchemaView
from hardfin_pipelines.sandbox.salesforce.settings import Edition, OrgSettings
from hardfin_pipelines.sandbox.salesforce.sobjects import SObject, record_type_field
from hardfin_pipelines.sandbox.salesforce.soql.binding import Reader
from hardfin_pipelines.sandbox.salesforce.soql.cursors import CursorBook
from hardfin_pipelines.sandbox.salesforce.store import Store

if TYPE_CHECKING:
    from datetime import datetime

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class NewStage:
    """A sales stage: its API name, label, probability in percent, and whether it is closed."""

    api_name: str
    label: str
    probability: Decimal
    closed: bool = False

    @property
    def won(self) -> bool:
        """Whether opportunities in it are won."""
        return self.closed and self.probability == 100  # percent


DEFAULT_STAGES = (
    NewStage("Prospecting", "Prospecting", Decimal(10)),
    NewStage("Qualification", "Qualification", Decimal(10)),
    NewStage("Needs Analysis", "Needs Analysis", Decimal(20)),
    NewStage("Value Proposition", "Value Proposition", Decimal(50)),
    NewStage("Proposal/Price Quote", "Proposal/Price Quote", Decimal(75)),
    NewStage("Negotiation/Review", "Negotiation/Review", Decimal(90)),
    NewStage("Closed Won", "Closed Won", Decimal(100), closed=True),
    NewStage("Closed Lost", "Closed Lost", Decimal(0), closed=True),
)


@dataclass(slots=True)
class SalesProcess:
    """A record type of opportunities with the API names of its stages."""

    record_type_id: str
    process_id: str
    stages: list[str] = field(default_factory=list)


class Org(OrgRecords):
    """One organization of the sandbox. Made by `SalesforceSandbox.add_org`."""

    def __init__(
        self,
        clock: SandboxClock,
        number: int,
        *,
        name: str,
        my_domain: str,
        edition: Edition,
        currencies: Sequence[str],
        multi_currency: bool,
        time_zone: str,
        is_sandbox: bool,
        path: Path | None = None,
    ) -> None:
        """`currencies` has the corporate one first; `path` keeps the records in a file."""
        super().__init__(clock, Store(path), OrgSchema(multi_currency=multi_currency), IdSource())
        self.currency = currencies[0]
        self.id = IdSource(first=number).next("00D")
        self.name = name
        self.my_domain = my_domain
        self.edition: Edition = edition
        self.zone = ZoneInfo(time_zone)
        self.is_sandbox = is_sandbox
        self.settings = OrgSettings()
        self.cursors = CursorBook()
        self.calls = RollingWindow(_DAY_SECONDS)
        self.bulk_jobs = RollingWindow(_DAY_SECONDS)
        self.jobs = JobBook()
        self.processes: dict[str, SalesProcess] = {}
        self.permissions: dict[str, Permissions] = {}
        self.schema_changed_at: datetime = clock.now()
        self._add_setup(currencies)

    def __repr__(self) -> str:
        return f"Org({self.id}, {self.name!r})"

    def _add_setup(self, currencies: Sequence[str]) -> None:
        self.writer_id = self._ids.next("005")
        self.add_user("admin", "Ada", "Administrator", user_id=self.writer_id)
        self.integration_user_id = self.add_user("hardfin.integration", "Hardfin", "Integration")
        zone = str(self.zone)
        organization = {"Id": self.id, "Name": self.name, "TimeZoneSidKey": zone, "IsSandbox": self.is_sandbox}
        locale = {"DefaultLocaleSidKey": "en_US", "LanguageLocaleKey": "en_US", "FiscalYearStartMonth": 1}
        edition = {"OrganizationType": self.edition, "InstanceName": "USA5E"}
        self.create("Organization", {**organization, **locale, **edition})
        if self.schema.multi_currency:
            self.schema.put_field(
                self.schema.known("Organization"),
                Field("DefaultCurrencyIsoCode", "picklist", "Currency ISO Code", 3, createable=False),
            )
            self.store.fit(self.schema.known("Organization"))
            self.set_silently("Organization", self.id, {"DefaultCurrencyIsoCode": currencies[0]})
            for code in currencies:
                self.add_currency(code)
        self.set_stages(DEFAULT_STAGES)
        self.standard_pricebook_id = self.create(
            "Pricebook2", {"Name": "Standard Price Book", "IsActive": True, "IsStandard": True}
        )

    def add_user(self, alias: str, first_name: str, last_name: str, *, user_id: str | None = None) -> str:
        """Adds a user and returns the id."""
        username = f"{alias}@{self.my_domain}.example"
        given = {"Username": username, "Email": username, "Alias": alias[:8], "IsActive": True, "UserType": "Standard"}
        names = {"FirstName": first_name, "LastName": last_name, "TimeZoneSidKey": str(self.zone)}
        made = self.create("User", {**given, **names, **({"Id": user_id} if user_id else {})})
        self.permissions[made] = Permissions()
        return made

    def add_currency(self, code: str, rate: Decimal = Decimal(1), decimal_places: int = 2) -> None:
        """Adds a currency of a multi-currency organization; `rate` is its units for one of the corporate currency."""
        given = {"IsoCode": code, "ConversionRate": rate, "DecimalPlaces": decimal_places, "IsActive": True}
        self.create("CurrencyType", {**given, "IsCorporate": code == self.currency})

    def set_stages(self, stages: Sequence[NewStage]) -> None:
        """Replaces the organization's stages; opportunities keep theirs."""
        for held in self._rows("OpportunityStage"):
            self.delete("OpportunityStage", held["Id"], hard=True)
        for order, stage in enumerate(stages, 1):
            category = "Closed" if stage.won else "Omitted" if stage.closed else "Pipeline"
            given = {"ApiName": stage.api_name, "MasterLabel": stage.label, "SortOrder": order, "IsActive": True}
            flags = {"IsClosed": stage.closed, "IsWon": stage.won, "DefaultProbability": stage.probability}
            categories = {"ForecastCategory": category, "ForecastCategoryName": category}
            self.create("OpportunityStage", {**given, **flags, **categories})
        choices = tuple(PicklistValue(stage.api_name, stage.label) for stage in stages)
        self._replace_field("Opportunity", "StageName", picklist=choices)

    def _rows(self, object_name: str) -> Sequence[Mapping[str, Any]]:
        table = self.store.table(self.schema.known(object_name))
        return self.store.mappings(table.select())

    def _replace_field(self, object_name: str, name: str, **members: Any) -> None:
        sobject = self.schema.known(object_name)
        held = sobject.fields.get(name.lower())
        if held is None:
            raise ValueError(f"{sobject.name} has no field {name!r}")
        self.schema.put_field(sobject, held.changed(**members))
        self.schema_changed_at = self.clock.now()

    def rename_stage(self, api_name: str, label: str) -> None:
        """Gives a stage another label; its API name, which opportunities hold, stays."""
        found = next((row for row in self._rows("OpportunityStage") if row["ApiName"] == api_name), None)
        if found is None:
            raise ValueError(f"there is no stage {api_name!r}")
        self.update("OpportunityStage", found["Id"], {"MasterLabel": label})
        stages = self.schema.known("Opportunity").fields["stagename"].picklist
        renamed = tuple(PicklistValue(each.value, label) if each.value == api_name else each for each in stages)
        self._replace_field("Opportunity", "StageName", picklist=renamed)

    def add_sales_process(self, name: str, developer_name: str, stages: Sequence[str]) -> SalesProcess:
        """Adds a record type of opportunities with a sales process of the stages with those API names.

        Opportunity has a RecordTypeId from the first one on.
        """
        self.add_record_types_to("Opportunity")
        process_id = self.create("BusinessProcess", {"Name": name, "TableEnumOrId": "Opportunity", "IsActive": True})
        given = {"Name": name, "DeveloperName": developer_name, "SobjectType": "Opportunity", "IsActive": True}
        record_type_id = self.create("RecordType", {**given, "BusinessProcessId": process_id})
        made = SalesProcess(record_type_id, process_id, list(stages))
        self.processes[record_type_id] = made
        return made

    def add_record_types_to(self, object_name: str) -> None:
        """Lets an object's records have record types: it gets a RecordTypeId."""
        if "recordtypeid" not in self.schema.known(object_name).fields:
            self.add_field(object_name, record_type_field())

    def add_object(self, name: str, label: str, plural: str | None = None) -> SObject:
        """Adds a custom object; its name ends in `__c`.

        Raises:
            ValueError: the name is taken or does not end so.
        """
        made = self.schema.add_object(name, label, plural or f"{label}s")
        self.store.fit(made)
        self.schema_changed_at = self.clock.now()
        return made

    def add_field(self, object_name: str, made: Field) -> None:
        """Adds a field to an object, or replaces the one of that name.

        Raises:
            ValueError: there is no such object, or the field points at one that is not there.
        """
        sobject = self.schema.known(object_name)
        if made.type == "reference" and made.relationship is None and made.custom:
            made = made.changed(relationship=made.name.removesuffix("__c") + "__r")
        self.schema.put_field(sobject, made)
        self.store.fit(sobject)
        self.schema_changed_at = self.clock.now()

    def remove_field(self, object_name: str, name: str) -> None:
        """Deletes a custom field; queries that name it fail from now on.

        Raises:
            ValueError: there is no such custom field.
        """
        self.schema.remove_field(self.schema.known(object_name), name)
        self.store.fit(self.schema.known(object_name))
        self.schema_changed_at = self.clock.now()

    def _of_user(self, user_id: str) -> Permissions:
        key = normalized(user_id)
        if key not in self.permissions:
            raise ValueError(f"there is no user {user_id!r}; users here: {', '.join(self.permissions)}")
        return self.permissions[key]

    def hide_object(self, user_id: str, object_name: str, *, hidden: bool = True) -> None:
        """Takes a user's right to read an object, or gives it back with `hidden` false."""
        name = self.schema.known(object_name).name.lower()
        held = self._of_user(user_id).hidden_objects
        (held.add if hidden else held.discard)(name)
        self.schema_changed_at = self.clock.now()

    def hide_field(self, user_id: str, object_name: str, field_name: str, *, hidden: bool = True) -> None:
        """Takes a user's right to read a field, or gives it back with `hidden` false.

        Raises:
            ValueError: there is no such user, object or field.
        """
        sobject = self.schema.known(object_name)
        if field_name.lower() not in sobject.fields:
            raise ValueError(f"{sobject.name} has no field {field_name!r}")
        held = self._of_user(user_id).hidden_fields
        (held.add if hidden else held.discard)((sobject.name.lower(), field_name.lower()))
        self.schema_changed_at = self.clock.now()

    def hide_record(self, user_id: str, record_id: str, *, hidden: bool = True) -> None:
        """Takes a record out of what is shared with a user, or gives it back with `hidden` false."""
        key = normalized(record_id)
        if key is None:
            raise ValueError(f"{record_id!r} is no id")
        held = self._of_user(user_id).hidden_records
        (held.add if hidden else held.discard)(key)

    def view(self, user_id: str) -> SchemaView:
        """The schema as a user sees it."""
        return SchemaView(self.schema, self._of_user(user_id))

    def reader(self, user_id: str, *, with_deleted: bool = False, version: float = 62.0) -> Reader:
        """What a user's query reads with; late commits that are due are carried out first."""
        self.settle()
        return Reader(self.view(user_id), self.store, self.clock.now(), self.zone, user_id, with_deleted, version)

    def record_counts(self) -> dict[str, int]:
        """How many records of each object there are."""
        return {each.name: self.count(each.name) for each in self.schema}

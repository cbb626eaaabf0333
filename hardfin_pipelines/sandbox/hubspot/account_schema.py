"""What an account has set up: property definitions, pipelines with their stages, owners.

All three are kept in the form in which HubSpot's endpoints send them.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from hardfin_pipelines.sandbox.hubspot import property_definitions
from hardfin_pipelines.sandbox.hubspot.object_types import OBJECT_TYPES
from hardfin_pipelines.sandbox.hubspot.store import DOCUMENTS, Store
from hardfin_pipelines.sandbox.hubspot.values import instant_text

DEFAULT_STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", "0.2"),
    ("qualifiedtobuy", "Qualified To Buy", "0.4"),
    ("presentationscheduled", "Presentation Scheduled", "0.6"),
    ("decisionmakerboughtin", "Decision Maker Bought-In", "0.8"),
    ("contractsent", "Contract Sent", "0.9"),
    ("closedwon", "Closed Won", "1.0"),
    ("closedlost", "Closed Lost", "0.0"),
)
"""Id, label and probability of the stages a new portal's "default" pipeline has (HubSpot docs: pipelines guide)."""

_FIRST_NUMBER = 104_300_001
NON_SENSITIVE = "non_sensitive"


def sensitive_scopes(object_type: str, sensitivity: str, access: str) -> tuple[str, ...]:
    """The scopes of which one grants access to values of that sensitivity (HubSpot docs: sensitive data).

    Args:
        object_type: plural name.
        sensitivity: `sensitive` or `highly_sensitive`.
        access: `read` or `write`.
    """
    scope = f"crm.objects.{object_type}.{sensitivity}.{access}"
    return scope, f"{scope}.v2"


class NewStage(NamedTuple):
    """A stage to make. `id` None takes the next number, as HubSpot does for custom stages."""

    label: str
    probability: Decimal
    closed: bool
    id: str | None = None


class FieldRule(NamedTuple):
    """What a write to one property is checked against."""

    type: str
    options: Mapping[str, Any]
    read_only: bool


class AccountSchema:
    """One portal's property definitions, pipelines and owners."""

    def __init__(self, store: Store, currencies: Sequence[str]) -> None:
        """Reads what the portal's database holds; a new portal gets HubSpot's defaults."""
        self._store = store
        self._first_currencies = tuple(currencies)
        self._properties: dict[str, dict[str, dict[str, Any]]] = {}
        self._sensitive: dict[str, dict[str, str]] = {}
        self._rules: dict[str, dict[str, FieldRule]] = {}
        self._read()
        store.after_rollback.append(self._read)

    def _read(self) -> None:
        self._properties.clear()
        self._rules.clear()
        self._currencies = [*dict.fromkeys([*self._first_currencies, *self._documents("currency")])]
        self.owners = self._documents("owner")
        self.pipelines = self._documents("pipeline")
        self._custom = {name: self._documents(f"property:{name}") for name in OBJECT_TYPES}
        self._archived = {name: self._documents(f"archived_property:{name}") for name in OBJECT_TYPES}
        self._redefined = {name: self._documents(f"redefined:{name}") for name in OBJECT_TYPES}

    def _documents(self, kind: str) -> dict[str, dict[str, Any]]:
        found = self._store.rows(sa.select(DOCUMENTS).where(DOCUMENTS.c.kind == kind).order_by(sa.text("rowid")))
        return {row.key: orjson.loads(row.body) for row in found}

    def _keep(self, kind: str, key: str, body: Mapping[str, Any]) -> None:
        self._write(kind, key, orjson.dumps(body).decode())
        self._properties.clear()
        self._rules.clear()

    def _drop(self, kind: str, key: str) -> None:
        self._store.run(DOCUMENTS.delete().where(DOCUMENTS.c.kind == kind, DOCUMENTS.c.key == key))
        self._properties.clear()
        self._rules.clear()

    def _write(self, kind: str, key: str, text: str) -> None:
        statement = upsert(DOCUMENTS).values(kind=kind, key=key, body=text)
        self._store.run(statement.on_conflict_do_update(index_elements=["kind", "key"], set_={"body": text}))

    def next_number(self) -> str:
        """A new number for an owner, a pipeline or a stage, unique in the portal."""
        last = int(self._store.value(sa.select(DOCUMENTS.c.body).where(DOCUMENTS.c.kind == "number")) or _FIRST_NUMBER)
        self._write("number", "last", str(last + 1))
        return str(last)

    def properties(self, object_type: str) -> dict[str, dict[str, Any]]:
        """All definitions of an object type by name: built in, one set per deal stage, and the account's own."""
        if object_type not in self._properties:
            definitions = property_definitions.built_in_definitions(object_type, self._currencies)
            if object_type == "deals":
                self._add_stages(definitions)
            definitions.update(self._custom[object_type])
            for name, changes in self._redefined[object_type].items():
                if name in definitions:
                    definitions[name] = {**definitions[name], **changes}
            self._properties[object_type] = definitions
            marks = {name: described["dataSensitivity"] for name, described in definitions.items()}
            self._sensitive[object_type] = {name: mark for name, mark in marks.items() if mark != NON_SENSITIVE}
        return self._properties[object_type]

    def archived_properties(self, object_type: str) -> dict[str, dict[str, Any]]:
        """The account's own definitions that are in the recycle bin, by name."""
        return self._archived[object_type]

    def visible_to(self, object_type: str, scopes: Sequence[str], access: str = "read") -> Mapping[str, dict[str, Any]]:
        """The definitions whose values a token with `scopes` reads (or writes): all but sensitive ones.

        HubSpot docs: sensitive data. The scopes' names end in `.v2` where HubSpot lists a token's (seen on the wire).
        """
        definitions = self.properties(object_type)
        hidden = {
            name
            for name, sensitivity in self._sensitive[object_type].items()
            if not set(sensitive_scopes(object_type, sensitivity, access)) & set(scopes)
        }
        if not hidden:
            return definitions
        return {name: described for name, described in definitions.items() if name not in hidden}

    def _add_stages(self, definitions: dict[str, dict[str, Any]]) -> None:
        pipelines = {key: pipeline["label"] for key, pipeline in self.pipelines.items()}
        stages = {}
        for pipeline in self.pipelines.values():
            for stage in pipeline["stages"]:
                stages[stage["id"]] = stage["label"]
                for described in property_definitions.stage_definitions(stage["id"], stage["label"]):
                    definitions[described["name"]] = described
        definitions["pipeline"]["options"] = property_definitions.options_json(pipelines)
        definitions["dealstage"]["options"] = property_definitions.options_json(stages)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The account's currencies, its own first."""
        return tuple(self._currencies)

    def add_currency(self, code: str) -> None:
        """Adds a currency that deals and line items may be in."""
        if code not in self._currencies:
            self._currencies.append(code)
            self._keep("currency", code, {})

    def rules(self, object_type: str) -> dict[str, FieldRule]:
        """What writes to an object type are checked against, by property."""
        if object_type not in self._rules:
            rules = {}
            for name, described in self.properties(object_type).items():
                options = {option["value"]: True for option in described["options"]}
                read_only = described["modificationMetadata"]["readOnlyValue"]
                rules[name] = FieldRule(described["type"], options, read_only)
            self._rules[object_type] = rules
        return self._rules[object_type]

    def add_property(self, object_type: str, described: Mapping[str, Any]) -> None:
        """Adds one of the account's own properties, or replaces it."""
        name = described["name"]
        self._custom[object_type][name] = dict(described)
        self._keep(f"property:{object_type}", name, described)
        self._forget(self._archived, "archived_property", object_type, name)
        self._forget(self._redefined, "redefined", object_type, name)

    def redefine_property(self, object_type: str, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes members of a definition, built in or the account's own, in the wire's form; returns it whole.

        Raises:
            KeyError: there is no such property.
        """
        self.properties(object_type)[name]
        changed = {**self._redefined[object_type].get(name, {}), **changes}
        self._redefined[object_type][name] = changed
        self._keep(f"redefined:{object_type}", name, changed)
        return self.properties(object_type)[name]

    def archive_property(self, object_type: str, name: str, now: str) -> bool:
        """Puts one of the account's own properties into the recycle bin; says whether it was there. Values stay."""
        if name not in self._custom[object_type]:
            return False
        described = {**self.properties(object_type)[name], "archived": True, "archivedAt": now}
        self.remove_property(object_type, name)
        self._archived[object_type][name] = described
        self._keep(f"archived_property:{object_type}", name, described)
        return True

    def restore_property(self, object_type: str, name: str) -> bool:
        """Takes a property out of the recycle bin as it was; says whether it was there."""
        described = self._archived[object_type].get(name)
        if described is None:
            return False
        kept = {key: value for key, value in described.items() if key != "archivedAt"}
        self.add_property(object_type, {**kept, "archived": False})
        return True

    def remove_property(self, object_type: str, name: str) -> bool:
        """Takes one of the account's own properties away; says whether it was there. Built-in ones stay."""
        if not self._forget(self._custom, "property", object_type, name):
            return False
        self._forget(self._redefined, "redefined", object_type, name)
        return True

    def _forget(self, held: dict[str, dict[str, Any]], kind: str, object_type: str, name: str) -> bool:
        if held[object_type].pop(name, None) is None:
            return False
        self._drop(f"{kind}:{object_type}", name)
        return True

    def add_pipeline(self, label: str, stages: Sequence[NewStage], now_ms: int, pipeline_id: str | None = None) -> str:
        """Adds a deal pipeline, or replaces the one with that id, and returns its id.

        Raises:
            ValueError: a stage id is used by another pipeline.
        """
        taken = {s["id"] for key, p in self.pipelines.items() if key != pipeline_id for s in p["stages"]}
        made = []
        for order, stage in enumerate(stages):
            stage_id = stage.id or self.next_number()
            if stage_id in taken:
                raise ValueError(
                    f"pipeline {label!r}: stage id {stage_id!r} is used by another pipeline; choose another"
                )
            made.append(stage_json(stage_id, stage, order, instant_text(now_ms)))
        pipeline_id = pipeline_id or self.next_number()
        order = self.pipelines.get(pipeline_id, {}).get("displayOrder", len(self.pipelines))
        self.put_pipeline(
            {
                "id": pipeline_id,
                "label": label,
                "displayOrder": order,
                "archived": False,
                "createdAt": instant_text(now_ms),
                "updatedAt": instant_text(now_ms),
                "stages": made,
            }
        )
        return pipeline_id

    def put_pipeline(self, pipeline: dict[str, Any]) -> None:
        """Keeps a pipeline as given, in the wire's form."""
        self.pipelines[pipeline["id"]] = pipeline
        self._keep("pipeline", pipeline["id"], pipeline)

    def remove_pipeline(self, pipeline_id: str) -> None:
        """Takes a pipeline away; its deals keep naming it."""
        self.pipelines.pop(pipeline_id, None)
        self._drop("pipeline", pipeline_id)

    def stage(self, stage_id: str) -> tuple[str, dict[str, Any]] | None:
        """The pipeline's id and the stage, or None where no pipeline has such a stage."""
        for pipeline_id, pipeline in self.pipelines.items():
            for stage in pipeline["stages"]:
                if stage["id"] == stage_id:
                    return pipeline_id, stage
        return None

    def add_owner(self, owner_id: str | None, email: str, first_name: str, last_name: str, now_ms: int) -> str:
        """Adds a user who may own records and returns the owner id."""
        owner_id = owner_id or self.next_number()
        user_id = int(self.next_number())
        owner = {
            "id": owner_id,
            "email": email,
            "type": "PERSON",
            "firstName": first_name,
            "lastName": last_name,
            "userId": user_id,
            "userIdIncludingInactive": user_id,
            "createdAt": instant_text(now_ms),
            "updatedAt": instant_text(now_ms),
            "archived": False,
        }
        self.owners[owner_id] = owner
        self._keep("owner", owner_id, owner)
        return owner_id


def stage_json(stage_id: str, stage: NewStage, order: int, now: str) -> dict[str, Any]:
    """A new stage as the wire has it; `now` is an instant."""
    return {
        "id": stage_id,
        "label": stage.label,
        "displayOrder": order,
        "metadata": {"isClosed": str(stage.closed).lower(), "probability": probability_text(stage.probability)},
        "archived": False,
        "createdAt": now,
        "updatedAt": now,
        "writePermissions": "CRM_PERMISSIONS_ENFORCEMENT",
    }


def probability_text(probability: Decimal) -> str:
    """A stage's probability as HubSpot prints it: `0.5`, `1.0` (seen on the wire)."""
    text = f"{probability.normalize():f}"
    return text if "." in text else f"{text}.0"

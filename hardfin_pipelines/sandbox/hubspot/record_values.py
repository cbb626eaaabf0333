"""Checks and completes the properties of a record before it is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hardfin_pipelines.sandbox.hubspot.account_schema import AccountSchema
from hardfin_pipelines.sandbox.hubspot.deal_stages import entered, line_item_amount, move, stage_properties
from hardfin_pipelines.sandbox.hubspot.values import InvalidValueError, StoredValue, instant_ms, kept

KEPT_IN_COLUMNS = frozenset({"createdate", "hs_lastmodifieddate", "hs_object_id"})
_PRICE_FIELDS = frozenset({"price", "quantity", "discount", "hs_discount_percentage"})


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record to make.

    Attributes:
        properties: values as text, or as `Decimal`, `bool`, `datetime` or `date`.
        id: None takes the next one.
        created_at: None is now.
        modified_at: None is `created_at`.
        entered_stage_at: when a deal entered which stage; the present stage defaults to `created_at`.
    """

    properties: Mapping[str, Any]
    id: str | int | None = None
    created_at: datetime | None = None
    modified_at: datetime | None = None
    entered_stage_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A property value that cannot be written; `code` is HubSpot's."""

    name: str
    code: str
    text: str


def unknown_property(name: str) -> Problem:
    """A property that is not there, or not there for the token."""
    return Problem(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')


class RecordValues:
    """The value rules of one portal."""

    def __init__(self, schema: AccountSchema) -> None:
        """Rules are read from `schema` at every use."""
        self._schema = schema

    def keep(
        self, object_type: str, properties: Mapping[str, Any], *, allow_read_only: bool
    ) -> tuple[dict[str, StoredValue], list[Problem]]:
        """The values in kept form, and what is wrong with the others."""
        rules = self._schema.rules(object_type)
        values: dict[str, StoredValue] = {}
        problems: list[Problem] = []
        for name, value in properties.items():
            rule = rules.get(name)
            if rule is None:
                problems.append(unknown_property(name))
            elif rule.read_only and not allow_read_only:
                problems.append(
                    Problem(name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
                )
            else:
                self._keep_one(name, value, rule.type, rule.options, values, problems)
        return values, problems

    def _keep_one(
        self,
        name: str,
        value: Any,
        property_type: str,
        options: Mapping[str, Any],
        values: dict[str, StoredValue],
        problems: list[Problem],
    ) -> None:
        if name == "hubspot_owner_id" and value not in {None, ""} and str(value) not in self._schema.owners:
            problems.append(Problem(name, "INVALID_OWNER_ID", f"Owner {value} does not exist"))
            return
        try:
            values[name] = kept(property_type, value, options)
        except InvalidValueError as error:
            problems.append(Problem(name, error.code, error.text))

    def stage_problem(self, values: Mapping[str, StoredValue]) -> Problem | None:
        """What is wrong with a deal's pipeline and stage together."""
        stage_id, pipeline_id = values.get("dealstage"), values.get("pipeline")
        if not stage_id:
            return None
        found = self._schema.stage(str(stage_id))
        if found is not None and found[0] == pipeline_id:
            return None
        allowed = self._schema.pipelines.get(str(pipeline_id), {}).get("stages", [])
        text = f"{stage_id} was not one of the allowed options: [{', '.join(stage['id'] for stage in allowed)}]"
        return Problem("dealstage", "INVALID_OPTION", text)

    def complete_new(
        self, object_type: str, values: dict[str, StoredValue], created_ms: int, entries: Mapping[str, datetime]
    ) -> None:
        """Adds what HubSpot sets by itself on a new record."""
        if object_type == "line_items" and values.get("amount") is None:
            values["amount"] = line_item_amount(values)
        if object_type != "deals":
            return
        values.setdefault("hs_num_of_associated_line_items", "0")
        if not values.get("pipeline"):
            values["pipeline"] = next(iter(self._schema.pipelines))
        stage_id = values.get("dealstage")
        if not stage_id:
            return
        found = self._schema.stage(str(stage_id))
        if found is None:
            return
        times = {key: instant_ms(moment) for key, moment in entries.items()}
        times.setdefault(str(stage_id), created_ms)
        ordered = sorted(times, key=lambda key: (key == stage_id, times[key]))
        for key, following in zip(ordered, [*ordered[1:], None], strict=True):
            values.update(entered(key, times[key]))
            if following is not None:
                values[f"hs_v2_date_exited_{key}"] = values[f"hs_date_exited_{key}"] = times[following]
        values.update(stage_properties(found[1]))

    def complete_change(
        self, object_type: str, before: Mapping[str, StoredValue], changes: dict[str, StoredValue], at_ms: int
    ) -> None:
        """Adds what HubSpot sets by itself when `changes` are written over `before`."""
        if object_type == "line_items" and _PRICE_FIELDS & changes.keys() and "amount" not in changes:
            changes["amount"] = line_item_amount({**before, **changes})
        stage_id = changes.get("dealstage")
        if object_type != "deals" or not stage_id or stage_id == before.get("dealstage"):
            return
        found = self._schema.stage(str(stage_id))
        if found is None:
            return
        old = before.get("dealstage")
        moved = move(str(old) if old else None, found[1], at_ms)
        if moved["hs_is_closed"] == "true" and before.get("hs_is_closed") != "true":
            changes.setdefault("closedate", at_ms)
        for name, value in moved.items():
            changes.setdefault(name, value)

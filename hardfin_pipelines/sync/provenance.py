"""Where each value of an entity comes from: the vendor's field and its value as synced, or a person in Hardfin.

Pure: it reads what the link remembers, what the mapping said, and the entity's audit events.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from hardfin_pipelines.sync.mapping_rules import FieldRule
from hardfin_pipelines.sync.resync import Texts

State = Literal["as synced", "edited in Hardfin", "entered in Hardfin", "from a line item"]
"""as synced: the value is the CRM's. edited: the CRM gave another one. entered: the CRM gave none. from a line item:
the value of an item that was made for a line without a product."""

_SYNCED = (".synced", ".re-synced")
_UNDONE = ".resync_undone"


@dataclass(frozen=True, slots=True)
class FieldEvent:
    """One audited change of a field.

    Attributes:
        action: What was done, such as project.edited.
        actor: Who did it.
        at: When, by our clock.
        reason: Why.
        before: The value it had.
        after: The value it got.
    """

    action: str
    actor: str
    at: datetime
    reason: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class FieldSource:
    """What the mapping fills a field from.

    Attributes:
        properties: The vendor's fields; () for what an association says.
        shown: How people read it: the field, a template, "association".
        default: What is used where the vendor has no value, None for nothing.
    """

    properties: tuple[str, ...]
    shown: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class FieldProvenance:
    """One value and where it comes from.

    Attributes:
        field: The Hardfin field.
        value: Its value now.
        state: Whose value it is.
        synced: The CRM's value as last synced; None where it had none, or where it was never synced.
        source: The vendor's field; None where the mapping has none.
        edits: Who changed it since the CRM's value was last taken, the newest first. Empty, with a value that is not
            the CRM's: changed without a trace in the audit.
    """

    field: str
    value: str | None
    state: State
    synced: str | None
    source: FieldSource | None
    edits: tuple[FieldEvent, ...] = ()


def source_of(rule: FieldRule) -> FieldSource:
    """What one entry of a mapping fills its field from."""
    return FieldSource(rule.sources(), rule.source or rule.template, rule.default)


def field_provenance(
    values: Texts,
    synced: Texts,
    sources: Mapping[str, FieldSource],
    events: Mapping[str, Sequence[FieldEvent]],
) -> tuple[FieldProvenance, ...]:
    """Every field of an entity that has a value, had one at the CRM, or was ever changed.

    Args:
        values: The fields as Hardfin holds them, in canonical text.
        synced: The CRM's values as last synced, in canonical text.
        sources: What the mapping filled them from, as it was in force then.
        events: The audited changes of each field, the oldest first.
    """
    names = [name for name, value in values.items() if value is not None or synced.get(name) or events.get(name)]
    return tuple(
        FieldProvenance(
            name,
            values[name],
            _state(values[name], synced, name),
            synced.get(name),
            sources.get(name) if name in synced else None,
            edits_since_sync(events.get(name, ())),
        )
        for name in names
    )


def edits_since_sync(events: Iterable[FieldEvent]) -> tuple[FieldEvent, ...]:
    """The changes by people since the CRM's value was last taken, the newest first.

    A re-sync that was undone never happened here: neither it nor its undo counts, and edits from before it do again.

    Args:
        events: All audited changes of the field, the oldest first.
    """
    edits: list[FieldEvent] = []
    undone = 0
    for event in reversed(list(events)):
        if event.action.endswith(_UNDONE):
            undone += 1
        elif not event.action.endswith(_SYNCED):
            if not undone:
                edits.append(event)
        elif undone:
            undone -= 1
        else:
            break
    return tuple(edits)


def _state(value: str | None, synced: Texts, name: str) -> State:
    if value == synced.get(name):
        return "as synced"
    return "edited in Hardfin" if synced.get(name) is not None else "entered in Hardfin"

"""Undoing a re-sync: what it changed goes back to what it was, unless somebody changed it again since.

Pure: it compares what the re-sync left behind with what Hardfin holds now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from hardfin_pipelines.sync.entities import EntityType, field_of
from hardfin_pipelines.sync.field_names import FieldName
from hardfin_pipelines.sync.resync import STATUS
from hardfin_pipelines.sync.values import canonical_decimal

EntityKey = tuple[EntityType, str]
StoredTexts = Mapping[str, str | None]
"""Fields of an entity as stored, digit for digit."""

_LINES: EntityType = "project_line_item"


@dataclass(frozen=True, slots=True)
class UndoneField:
    """One field that a re-sync wrote.

    Attributes:
        field: The mapping target.
        before: Its value before the re-sync.
        after: As the re-sync left it.
        now: As it is now.
        put_back: Whether the undo writes `before`: it was not changed since, and is not as before already.
    """

    field: str
    before: str | None
    after: str | None
    now: str | None
    put_back: bool


@dataclass(frozen=True, slots=True)
class UndoneEntity:
    """One entity that a re-sync wrote, and what its undo does to it."""

    entity: EntityType
    id: str
    fields: tuple[UndoneField, ...]

    @property
    def writes(self) -> bool:
        """Whether anything of it is written."""
        return any(each.put_back for each in self.fields)


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo writes.

    Attributes:
        entities: Every entity that the re-sync changed.
        edited: Fields that somebody has changed since, as people name them.
    """

    entities: tuple[UndoneEntity, ...]
    edited: tuple[str, ...] = field(default=())

    @property
    def writes(self) -> bool:
        """Whether anything is written."""
        return any(entity.writes for entity in self.entities)


def plan_undo(
    before: Mapping[EntityKey, StoredTexts],
    after: Mapping[EntityKey, StoredTexts],
    now: Mapping[EntityKey, StoredTexts],
) -> UndoPlan:
    """What puts a re-sync's changes back, leaving alone what was changed since.

    Args:
        before: The fields that the re-sync wrote, as they were. A line that it added has only its status, "removed":
            undone, the line stays and is marked so. What else it created is not here, and stays.
        after: The same as it left them; an added line with all its values.
        now: What Hardfin holds now; an entity that is gone is absent.
    """
    entities: list[UndoneEntity] = []
    edited: list[str] = []
    for (kind, entity_id), earlier in before.items():
        left, held = after[kind, entity_id], now.get((kind, entity_id), {})
        back = {name for name, value in earlier.items() if _same(kind, name, value, held.get(name))}
        changed = [
            name for name, value in left.items() if name not in back and not _same(kind, name, value, held.get(name))
        ]
        edited += [str(_name(kind, entity_id, name)) for name in changed]
        # A line that the re-sync added goes as a whole, or stays as a whole.
        whole = kind == _LINES and left.keys() != earlier.keys()
        fields = [
            UndoneField(
                name,
                value,
                left[name],
                held.get(name),
                name not in back and (not changed if whole else name not in changed),
            )
            for name, value in earlier.items()
            if not _same(kind, name, value, left[name])
        ]
        entities.append(UndoneEntity(kind, entity_id, tuple(fields)))
    return UndoPlan(tuple(entities), tuple(edited))


def created_beside(before: Iterable[EntityKey], after: Iterable[EntityKey]) -> tuple[EntityKey, ...]:
    """Customers and items that a re-sync created: its undo leaves them, others may refer to them by now."""
    known = set(before)
    return tuple(key for key in after if key not in known)


def _name(kind: EntityType, entity_id: str, name: str) -> FieldName:
    return FieldName(kind, name, entity_id if kind == _LINES else "")


def _same(kind: EntityType, name: str, one: str | None, other: str | None) -> bool:
    about = None if name == STATUS else field_of(kind, name)
    if about is not None and about.type == "decimal" and one is not None and other is not None:
        return canonical_decimal(Decimal(one)) == canonical_decimal(Decimal(other))
    return one == other

"""What a replay of landed records gives beside what Hardfin holds: every difference, and where it comes from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hardfin_pipelines.sync.entities import EntityType

Texts = Mapping[str, str | None]

Origin = Literal["edited", "re-synced", "replayed"]
"""Where a difference comes from: the field was changed in Hardfin since it was synced; a re-sync, which is a person's
decision and is not replayed, wrote it; or the landed records give something else than was synced from them."""

ORIGINS: tuple[Origin, ...] = ("replayed", "edited", "re-synced")

WHOLE = ""
"""The field's name in the difference of an entity that only one of the two has."""


@dataclass(frozen=True, slots=True)
class EntityState:
    """An entity as one of the two has it.

    Attributes:
        entity: Its kind.
        id: Its id, which follows from its record.
        texts: Its fields in canonical text.
        synced: Field to text as last synced from its record; {} where it has no link.
        resynced: Whether a re-sync wrote it.
    """

    entity: EntityType
    id: str
    texts: Texts
    synced: Texts = field(default_factory=dict)
    resynced: bool = False

    @property
    def title(self) -> str:
        """A name for people."""
        return self.texts.get("name") or ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field, or a whole entity, in which the two differ.

    Attributes:
        entity: The entity's kind.
        id: Its id.
        title: Its name.
        field: The field; `WHOLE` where only one of the two has the entity.
        held: What Hardfin holds; for a whole entity its name, or None where Hardfin has none.
        replayed: What the replay gives, alike.
        origin: Where the difference comes from.
    """

    entity: EntityType
    id: str
    title: str
    field: str
    held: str | None
    replayed: str | None
    origin: Origin


def compare_states(held: EntityState | None, replayed: EntityState | None) -> Iterator[Difference]:
    """The differences of one entity, field by field in the order Hardfin has them.

    Args:
        held: As Hardfin holds it, or None.
        replayed: As the replay made it, or None.
    """
    if held is None or replayed is None:
        if held is not None:
            origin: Origin = "re-synced" if held.resynced else "replayed"
            yield Difference(held.entity, held.id, held.title, WHOLE, held.title, None, origin)
        elif replayed is not None:
            yield Difference(replayed.entity, replayed.id, replayed.title, WHOLE, None, replayed.title, "replayed")
        return
    for name in dict.fromkeys((*held.texts, *replayed.texts)):
        ours, theirs = held.texts.get(name), replayed.texts.get(name)
        if ours != theirs:
            yield Difference(held.entity, held.id, held.title, name, ours, theirs, _origin(held, name, theirs))


def _origin(held: EntityState, name: str, replayed: str | None) -> Origin:
    if held.resynced:
        return "re-synced"
    return "edited" if name in held.synced and held.synced[name] == replayed else "replayed"

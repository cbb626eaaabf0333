"""Which records of a portal belong together. Every association is kept in both directions."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert as upsert

from hardfin_pipelines.sandbox.hubspot.object_types import (
    PRIMARY,
    STANDARD_ASSOCIATION_TYPES,
    UNLABELED,
    USER_DEFINED,
    AssociationType,
)
from hardfin_pipelines.sandbox.hubspot.store import ASSOCIATIONS, DOCUMENTS, RECORDS, Store, ids_in

_FIRST_CUSTOM_TYPE_ID = 37
_LINE_ITEM_COUNT = "hs_num_of_associated_line_items"


class Associations:
    """The associations of one portal, standard ones and those with labels of its own."""

    def __init__(self, store: Store) -> None:
        """Reads the portal's own labels from its database."""
        self._store = store
        self._read()
        store.after_rollback.append(self._read)

    def _read(self) -> None:
        kept = self._store.rows(sa.select(DOCUMENTS.c.body).where(DOCUMENTS.c.kind == "association_type"))
        self._types = [*STANDARD_ASSOCIATION_TYPES, *(AssociationType(**orjson.loads(row.body)) for row in kept)]

    def types_between(self, from_type: str, to_type: str) -> list[AssociationType]:
        """The ways in which records of one type may be associated with another's; labelled ones first."""
        fits = [kind for kind in self._types if (kind.from_type, kind.to_type) == (from_type, to_type)]
        return sorted(fits, key=lambda kind: (kind.label is None, kind.type_id))

    def add_label(self, from_type: str, to_type: str, label: str, inverse_label: str | None) -> tuple[int, int]:
        """Makes a label of the account's own and returns its type ids, there and back.

        Raises:
            ValueError: the two types are never associated.
        """
        if (from_type, to_type) not in UNLABELED:
            raise ValueError(f"label {label!r}: {from_type} are never associated with {to_type}")
        there = max([_FIRST_CUSTOM_TYPE_ID - 1, *(k.type_id for k in self._types if k.category == USER_DEFINED)]) + 1
        back = there if from_type == to_type else there + 1
        for kind in (
            AssociationType(from_type, to_type, there, back, label.lower().replace(" ", "_"), label, USER_DEFINED),
            AssociationType(
                to_type,
                from_type,
                back,
                there,
                (inverse_label or label).lower().replace(" ", "_"),
                inverse_label or label,
                USER_DEFINED,
            ),
        ):
            self._types.append(kind)
            body = orjson.dumps(kind).decode()
            self._store.run(
                DOCUMENTS.insert().values(kind="association_type", key=f"{kind.from_type}:{kind.type_id}", body=body)
            )
        return there, back

    def type_named(self, from_type: str, to_type: str, type_id: int) -> AssociationType | None:
        """The association type of that id between two object types."""
        return next((kind for kind in self.types_between(from_type, to_type) if kind.type_id == type_id), None)

    def add_many(self, from_type: str, to_type: str, links: Iterable[tuple[int, int, int]]) -> None:
        """Adds (from id, to id, type id), with the way back; what is there already stays.

        A labelled type brings the unlabelled one with it. No check for existing records, no primary logic: see `add`.

        Raises:
            ValueError: a type id does not join these two object types.
        """
        inverses = {kind.type_id: kind.inverse_id for kind in self.types_between(from_type, to_type)}
        plain = UNLABELED.get((from_type, to_type))
        rows: list[dict[str, Any]] = []
        for from_id, to_id, type_id in links:
            if plain is None or type_id not in inverses:
                raise ValueError(f"association type {type_id} does not join {from_type} to {to_type}")
            for each in {type_id, plain}:
                rows.append(_row(from_type, to_type, from_id, to_id, each))
                rows.append(_row(to_type, from_type, to_id, from_id, inverses[each]))
        with self._store.writing():
            self._store.run(upsert(ASSOCIATIONS).on_conflict_do_nothing(), rows)

    def add(self, from_type: str, from_id: int, to_type: str, to_id: int, type_id: int | None = None) -> list[int]:
        """Associates two records and returns the type ids that were set.

        Without a `type_id` it is the default association: unlabelled, and primary where the deal has no primary
        company yet. A deal has one primary company: naming another takes the mark from the first.
        """
        primary = PRIMARY.get((from_type, to_type))
        wanted = type_id if type_id is not None else UNLABELED.get((from_type, to_type))
        if wanted is None:
            raise ValueError(f"{from_type} are never associated with {to_type}")
        chosen = [wanted]
        deal_to_company = from_type == "deals" or to_type == "deals"
        if primary is not None and deal_to_company:
            deal_id = from_id if from_type == "deals" else to_id
            has_primary = self._primary_company(deal_id)
            if wanted == primary and has_primary is not None:
                self.remove("deals", deal_id, "companies", has_primary, [PRIMARY["deals", "companies"]])
            if type_id is None and has_primary is None:
                chosen = [primary, wanted]
        self.add_many(from_type, to_type, [(from_id, to_id, each) for each in chosen])
        return chosen

    def _primary_company(self, deal_id: int) -> int | None:
        statement = sa.select(ASSOCIATIONS.c.to_id).where(
            ASSOCIATIONS.c.from_type == "deals",
            ASSOCIATIONS.c.to_type == "companies",
            ASSOCIATIONS.c.from_id == deal_id,
            ASSOCIATIONS.c.type_id == PRIMARY["deals", "companies"],
        )
        found = self._store.value(statement)
        return None if found is None else int(found)

    def remove(
        self, from_type: str, from_id: int, to_type: str, to_id: int, type_ids: Sequence[int] | None = None
    ) -> None:
        """Takes associations between two records away, both ways: those of `type_ids`, or all."""
        inverses = {kind.type_id: kind.inverse_id for kind in self.types_between(from_type, to_type)}
        chosen = list(inverses) if type_ids is None else [each for each in type_ids if each in inverses]
        back = [inverses[each] for each in chosen]
        with self._store.writing():
            self._remove_one_way((from_type, from_id), (to_type, to_id), chosen)
            self._remove_one_way((to_type, to_id), (from_type, from_id), back)

    def _remove_one_way(self, near: tuple[str, int], far: tuple[str, int], type_ids: Sequence[int]) -> None:
        self._store.run(
            ASSOCIATIONS.delete().where(
                ASSOCIATIONS.c.from_type == near[0],
                ASSOCIATIONS.c.from_id == near[1],
                ASSOCIATIONS.c.to_type == far[0],
                ASSOCIATIONS.c.to_id == far[1],
                ASSOCIATIONS.c.type_id.in_(type_ids),
            )
        )

    def of(self, from_type: str, ids: Iterable[int], to_type: str) -> dict[int, dict[int, list[int]]]:
        """Per record its associated records (ascending by id) and their type ids; archived ends are left out."""
        columns = ASSOCIATIONS.c
        statement = (
            sa.select(columns.from_id, columns.to_id, columns.type_id)
            .where(columns.from_type == from_type, columns.to_type == to_type, columns.from_id.in_(ids_in(ids)))
            .where(columns.from_id.not_in(_archived(from_type)), columns.to_id.not_in(_archived(to_type)))
            .order_by(columns.from_id, columns.to_id, columns.type_id)
        )
        found: dict[int, dict[int, list[int]]] = {}
        for row in self._store.rows(statement):
            found.setdefault(row.from_id, {}).setdefault(row.to_id, []).append(row.type_id)
        return found

    def hand_over(self, object_type: str, old_id: int, new_id: int) -> None:
        """Gives all associations of one record to another, as a merge does."""
        mine = (ASSOCIATIONS.c.from_type == object_type) & (ASSOCIATIONS.c.from_id == old_id)
        links = self._store.rows(sa.select(ASSOCIATIONS).where(mine))
        for link in links:
            self.remove(object_type, old_id, link.to_type, link.to_id, [link.type_id])
        for to_type in {link.to_type for link in links}:
            primary = PRIMARY.get((object_type, to_type))
            kept_primary = object_type == "deals" and self._primary_company(new_id) is not None
            chosen = [
                (new_id, link.to_id, link.type_id)
                for link in links
                if link.to_type == to_type and not (kept_primary and link.type_id == primary)
            ]
            self.add_many(object_type, to_type, chosen)

    def count_line_items(self, deal_ids: Iterable[int]) -> None:
        """Works out `hs_num_of_associated_line_items` of deals again, without touching their last-modified date."""
        far = RECORDS.alias("far")
        number = (
            sa.select(sa.cast(sa.func.count(), sa.Text))
            .select_from(ASSOCIATIONS)
            .join(far, (far.c.type == ASSOCIATIONS.c.to_type) & (far.c.id == ASSOCIATIONS.c.to_id))
            .where(
                ASSOCIATIONS.c.from_type == "deals",
                ASSOCIATIONS.c.to_type == "line_items",
                ASSOCIATIONS.c.from_id == RECORDS.c.id,
                far.c.archived_ms.is_(None),
            )
            .correlate(RECORDS)
            .scalar_subquery()
        )
        with_count = sa.func.json_set(RECORDS.c.properties, f"$.{_LINE_ITEM_COUNT}", number)
        here = (RECORDS.c.type == "deals") & RECORDS.c.id.in_(ids_in(deal_ids))
        self._store.run(RECORDS.update().where(here).values(properties=with_count))


def _archived(object_type: str) -> sa.Select[tuple[int]]:
    return sa.select(RECORDS.c.id).where(RECORDS.c.type == object_type, RECORDS.c.archived_ms > 0)


def _row(from_type: str, to_type: str, from_id: int, to_id: int, type_id: int) -> dict[str, Any]:
    return {"from_type": from_type, "to_type": to_type, "from_id": from_id, "to_id": to_id, "type_id": type_id}

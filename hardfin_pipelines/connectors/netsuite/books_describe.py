"""What of an account's books our role sees: found out by one statement that answers no rows, and kept in descriptions.

Where the account does not take such a statement, or a refusal names nothing, kinds are asked about one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hardfin_pipelines.connectors.netsuite import errors, statements
from hardfin_pipelines.connectors.netsuite.books_statements import BooksScope, Shape, probe_of, shape_of
from hardfin_pipelines.connectors.netsuite.books_tables import MOVED_BY_TRANSACTIONS, BooksField, Source, sources_of
from hardfin_pipelines.connectors.netsuite.probing import Ask, Refusal, refusal_of, shown_of
from hardfin_pipelines.connectors.netsuite.requests import suiteql
from hardfin_pipelines.connectors.netsuite.visibility import Name, Visibility
from hardfin_pipelines.sync.books import BOOKS_KINDS, BooksKind
from hardfin_pipelines.sync.records import AccountDescription, PropertyDescription, Role

NEEDS_A_LOOK = "a role that may see this field, if the account has it"

_DELETIONS: Literal["deletedrecord"] = "deletedrecord"
_LACKS: Mapping[str, tuple[str, str]] = {
    _DELETIONS: ("Deleted records", "the permission Deleted Records"),
    "location": ("Locations", "the feature Locations and the permission Lists > Locations"),
    "aggregateitemlocation": ("Stock by location", "the feature Multi-Location Inventory"),
    "transaction": ("Transactions, which tell what moved stock", "the permission Transactions"),
    "setoperations": ("Questions about several tables at once", "an account that takes UNION ALL"),
}
"""What may be hidden beside fields, with what shows it. It is described with the items where it is."""

_OPTIONS: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("sales_document", "type"): {"SalesOrd": "Sales Order", "CustInvc": "Invoice"}
}

_Subject = BooksKind | Literal["deletedrecord"]


async def look_at_books(ask: Ask, seen: Visibility, scope: BooksScope) -> None:
    """Find out what our role sees; `seen` learns it. A call, and one for each thing that is hidden.

    Raises:
        VendorError: NetSuite failed, or does not let us ask.
    """
    await _Look(ask, seen, scope).at([*BOOKS_KINDS, _DELETIONS])


def books_described(seen: Visibility, scope: BooksScope) -> dict[Role, dict[str, PropertyDescription]]:
    """The fields of every kind, as they are seen; with the items, what else is hidden."""
    found: dict[Role, dict[str, PropertyDescription]] = {"item": _lacks(seen)}
    for kind in BOOKS_KINDS:
        try:
            shape = shape_of(kind, seen, scope)
            source, shown, needs = shape.source, {field.name for field in shape.fields}, ""
        except errors.NotVisible as hidden:
            source, shown, needs = sources_of(kind)[0], set(), hidden.context["needs"]
        found[kind] = {field.name: _described(source, field, shown, needs) for field in source.fields}
    return found


def visibility_of(description: AccountDescription) -> Visibility:
    """What our role sees, by a description."""
    seen = Visibility()
    hidden = {name for name, each in description.properties.get("item", {}).items() if each.hidden}
    seen.set_operations = "setoperations" not in hidden
    for table in hidden & {_DELETIONS, "aggregateitemlocation"}:
        seen.hide(Name(table))
    if "transaction" in hidden:
        for name in MOVED_BY_TRANSACTIONS:
            seen.hide(Name(name.table))
    for kind in BOOKS_KINDS:
        described = description.properties.get(kind, {})
        out = {name for name, each in described.items() if each.hidden}
        for source in sources_of(kind):
            if out and out >= set(described):
                seen.leave_out(source.name, source.key[0], next(iter(described.values())).needs)
            elif set(described) == {field.name for field in source.fields}:
                for field in out:
                    seen.leave_out(source.name, field)
    return seen


@dataclass(frozen=True, slots=True)
class _Look:
    """Asks about kinds, all at once as long as that goes well."""

    ask: Ask
    seen: Visibility
    scope: BooksScope

    async def at(self, subjects: Sequence[_Subject], *, together: bool = False) -> None:
        """Ask about some kinds. `together` says that putting them together is not what was refused before."""
        while True:
            asked = {subject: found for subject in subjects if (found := self._question(subject)) is not None}
            if not asked:
                return
            refused = await self._refused([select for select, _ in asked.values()])
            if refused is None:
                return
            named = {name for _, names in asked.values() for name in names}
            if not isinstance(refused, errors.NotVisible) or not self.seen.learn(refused, named):
                break
        left = list(asked)
        if len(left) == 1:
            await self._narrow(left[0])
        elif together or await self._takes_unions():
            middle = len(left) // 2
            await self.at(left[:middle], together=True)
            await self.at(left[middle:], together=True)
        else:
            self.seen.set_operations = False
            for subject in left:
                await self.at([subject])

    def _question(self, subject: _Subject) -> tuple[str, frozenset[Name]] | None:
        """The SELECT that asks about a kind, and what it names; None for what is known to be hidden."""
        if subject == "deletedrecord":
            names = frozenset({Name(_DELETIONS, column) for column in ("recordid", "deleteddate", "type", "name")})
            return (statements.NO_DELETIONS, names) if self.seen.shows_all(names) else None
        try:
            shape = shape_of(subject, self.seen, self.scope)
        except errors.NotVisible:
            return None
        return probe_of(shape), shape.named

    async def _takes_unions(self) -> bool:
        select = statements.nothing_of("item")
        return await self._refused([select, select]) is None

    async def _narrow(self, subject: _Subject) -> None:
        """Find out by halves which fields of a kind are refused without being named."""
        if subject == "deletedrecord":
            self.seen.hide(Name(_DELETIONS))
            return
        shape = shape_of(subject, self.seen, self.scope)

        async def probe(names: Sequence[str]) -> None:
            await self._put([probe_of(shape_of(subject, self.seen, self.scope, names))])

        optional = [field.name for field in shape.fields if not field.needed]
        if await refusal_of(probe, []) is not None:
            self._hide(shape)
            await self.at([subject])  # there may be another way to read it
            return
        for name in set(optional) - await shown_of(probe, optional, sure=True):
            self.seen.leave_out(shape.source.name, name)

    def _hide(self, shape: Shape) -> None:
        self.seen.leave_out(shape.source.name, shape.source.key[0])

    async def _refused(self, selects: Sequence[str]) -> Refusal | None:
        async def probe(_names: Sequence[str]) -> None:
            await self._put(selects)

        return await refusal_of(probe, [])

    async def _put(self, selects: Sequence[str]) -> None:
        statement = " UNION ALL ".join(selects)
        await self.ask(suiteql(statement, "what the account keeps", limit=max(len(selects), 1), tries=2))


def _lacks(seen: Visibility) -> dict[str, PropertyDescription]:
    there = {
        "transaction": seen.shows_all(MOVED_BY_TRANSACTIONS),
        "setoperations": seen.set_operations,
        "aggregateitemlocation": _is_seen("inventory_level", seen),
        "location": _is_seen("location", seen),
    }
    return {
        name: PropertyDescription(name, label, "other", hidden=True, needs=needs)
        for name, (label, needs) in _LACKS.items()
        if not there.get(name, seen.shows(Name(name)))
    }


def _is_seen(kind: BooksKind, seen: Visibility) -> bool:
    """Whether a kind is read in the first of its ways."""
    source = sources_of(kind)[0]
    return seen.shows(Name(source.table)) and seen.keeps(source.name, source.key[0])


def _described(source: Source, field: BooksField, shown: set[str], needs: str) -> PropertyDescription:
    hidden = field.name not in shown
    return PropertyDescription(
        field.name,
        field.label,
        field.type,
        _OPTIONS.get((source.name, field.name), {}),
        hidden=hidden,
        needs=(needs or field.needs or NEEDS_A_LOOK) if hidden else "",
        calculated=field.calculated,
    )

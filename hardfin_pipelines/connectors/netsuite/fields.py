"""The fields of an item that are read, and which of them an account shows to our role.

Columns that a feature or the role takes away are errors at NetSuite, not empty values (Oracle docs: SuiteQL), so
statements name only what is known to be there.
"""

import csv
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Literal, cast

from hardfin_pipelines.connectors.errors import NeedsAttention, UnknownField
from hardfin_pipelines.connectors.netsuite.errors import INTEGRATION, VENDOR, NotVisible
from hardfin_pipelines.connectors.netsuite.limits import COLUMNS
from hardfin_pipelines.sync.records import AccountDescription, PropertyType

Pricing = Literal["none", "one currency", "by currency"]
"""Whether base prices can be read, and whether they have a currency."""

PRICE = "baseprice"
PRICE_CURRENCY = "baseprice_currency"
"""Not columns of an item: they come from `pricing`, by a join."""

NEEDED = frozenset({"id", "itemid", "itemtype", "isinactive", "lastmodifieddate"})
"""Without these an item cannot be told or matched."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Field:
    """A field as the list has it; see `PropertyDescription`."""

    name: str
    label: str
    type: PropertyType
    calculated: bool
    needs: str


@cache
def item_fields() -> dict[str, Field]:
    """The fields that are read of every account which shows them, by name."""
    text = files(__package__).joinpath("item_fields.csv").read_text(encoding="utf-8")
    return {
        row["name"]: Field(
            row["name"], row["label"], cast("PropertyType", row["type"]), row["calculated"] == "yes", row["needs"]
        )
        for row in csv.DictReader(text.splitlines())
    }


def checked_name(name: str) -> str:
    """A column's name, in lower case, that may stand in a statement.

    Raises:
        UnknownField: It is no name.
    """
    lowered = name.strip().lower()
    if not _NAME.fullmatch(lowered):
        text = f"{name[:60]!r} is no field of a {VENDOR} item: expected a name such as upccode or custitem_sku"
        raise UnknownField(INTEGRATION, text)
    return lowered


@dataclass(frozen=True, slots=True)
class ItemColumns:
    """What statements for items ask for.

    Attributes:
        names: Columns of the table `item`.
        wanted: Those of them that a person has chosen: where one is gone, that is nothing to get over silently.
        pricing: How the base price is read.
        price_level: The id of the price level that holds it, digits.
        currency: The account's own, three letters, or "".
    """

    names: tuple[str, ...]
    wanted: frozenset[str]
    pricing: Pricing
    price_level: str
    currency: str

    def __post_init__(self) -> None:
        """Refuse what NetSuite would answer with no rows at all."""
        most = COLUMNS - 2
        if len(self.names) > most:
            text = (
                f"{len(self.names)} fields of a {VENDOR} item are asked for: choose fewer, {most} can be read at once"
            )
            raise NeedsAttention(INTEGRATION, text)

    def without(self, refused: NotVisible) -> "ItemColumns":
        """The same without what NetSuite refuses.

        Raises:
            NotVisible: It is needed, or was not asked for.
        """
        table, column = refused.context["table"], refused.context["column"]
        by_currency = self.pricing == "by currency"
        if by_currency and (table == "currency" or (table, column) == ("pricing", "currency") or column == "currency"):
            return replace(self, pricing="one currency")
        if self.pricing != "none" and "pricing" in (table, column):
            return replace(self, pricing="none")
        if column in self.names and column not in NEEDED | self.wanted and table in {"", "item"}:
            return replace(self, names=tuple(name for name in self.names if name != column))
        raise refused


def columns_of(
    description: AccountDescription | None, wanted: Collection[str], *, price_level: str, currency: str
) -> ItemColumns:
    """What to ask for of an account.

    Args:
        description: As it was last described; what it hides is left out.
        wanted: Columns that a person has chosen; they are asked for whatever the description says.
        price_level: Digits.
        currency: Of the base price, or "".

    Raises:
        UnknownField: One that is wanted is no name.
    """
    described = {} if description is None else description.properties.get("item", {})
    hidden = {name for name, each in described.items() if each.hidden}
    chosen = frozenset(map(checked_name, wanted))
    known = [name for name in item_fields() if name not in {PRICE, PRICE_CURRENCY}]
    names = [name for name in known if name not in hidden or name in NEEDED | chosen]
    names += sorted(chosen - set(known))
    pricing: Pricing = "by currency" if currency else "one currency"
    if PRICE in hidden:
        pricing = "none"
    elif PRICE_CURRENCY in hidden:
        pricing = "one currency"
    return ItemColumns(tuple(names), chosen, pricing, price_level, currency)


def chunks_of(names: Sequence[str], size: int) -> list[Sequence[str]]:
    """Names in parts of a size."""
    return [names[start : start + size] for start in range(0, len(names), size)]

"""The tables of an account: their columns, what turns them on, and which permission shows them.

The lists are in `tables.csv`, `columns.csv` and `labels.csv` (names: Oracle's records catalog as public connectors and
query collections quote it). Most of `item` holds nothing here; it is as wide as NetSuite's.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

ColumnType = Literal["id", "integer", "reference", "multi", "text", "select", "boolean", "number", "date", "datetime"]
_FOLDER = Path(__file__).parent
VIEWS = ("inventoryitemlocations", "previoustransactionlinelink")
"""Tables that show the rows of another one."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: in lower case, as SuiteQL answers it.
        refers_to: the table whose ids it holds; "" for none.
        record_field: what the record API calls it; "" where it does not have it.
        feature: the account's feature that it comes with, with `!` before it one that takes it away; "" for always.
        internal: it exists and SuiteQL refuses it.
        labels: what a coded value is shown as.
    """

    name: str
    type: ColumnType
    refers_to: str = ""
    record_field: str = ""
    feature: str = ""
    internal: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """One table. `display` is the column that stands for a row of it, `permission` what a role needs to see it."""

    name: str
    display: str
    permission: str
    feature: str
    columns: Mapping[str, Column]


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def standard_tables() -> Mapping[str, Table]:
    """Every table that an account can have."""
    labels: dict[tuple[str, str], dict[str, str]] = {}
    for row in _rows("labels.csv"):
        labels.setdefault((row["table"], row["column"]), {})[row["code"]] = row["label"]
    columns: dict[str, dict[str, Column]] = {}
    for row in _rows("columns.csv"):
        columns.setdefault(row["table"], {})[row["name"]] = Column(
            row["name"],
            row["type"],  # type: ignore[arg-type]  # the file has no other types: a test reads them all
            row["refers_to"],
            row["field"],
            row["feature"],
            row["internal"] == "T",
            labels.get((row["table"], row["name"]), {}),
        )
    return {
        row["name"]: Table(row["name"], row["display"], row["permission"], row["feature"], columns[row["name"]])
        for row in _rows("tables.csv")
    }


FEATURES = frozenset(
    {
        "subsidiaries",
        "locations",
        "multilocinvt",
        "departments",
        "classes",
        "multicurrency",
        "unitsofmeasure",
        "binmanagement",
    }
)
"""Features that change what there is: OneWorld is `subsidiaries`, Multi-Location Inventory is `multilocinvt`."""


def has(features: frozenset[str] | set[str], wanted: str) -> bool:
    """Whether the features give what needs `wanted`."""
    return not wanted or (wanted[1:] not in features if wanted.startswith("!") else wanted in features)

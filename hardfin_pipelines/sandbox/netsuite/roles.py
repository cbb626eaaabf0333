"""Users and roles: what a caller sees of an account, and how dates are written for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hardfin_pipelines.sandbox.netsuite.schema import Column, Table, has

REST_WEB_SERVICES: Final = "REST Web Services"
OAUTH2_LOGIN: Final = "Log in using OAuth 2.0 Access Tokens"
TBA_LOGIN: Final = "Log in using Access Tokens"
WORKBOOK: Final = "SuiteAnalytics Workbook"

DATE_FORMATS: Mapping[str, str] = {
    "M/D/YYYY": "%-m/%-d/%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "D/M/YYYY": "%-d/%-m/%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "D.M.YYYY": "%-d.%-m.%Y",
    "DD.MM.YYYY": "%d.%m.%Y",
    "D-Mon-YYYY": "%-d-%b-%Y",
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYY/MM/DD": "%Y/%m/%d",
}
"""How users may have dates written, with the directives of strftime."""


@dataclass(slots=True)
class Role:
    """What a caller may see.

    Attributes:
        administrator: has every permission.
        permissions: names as in NetSuite's setup, such as `Items` or `Deleted Records`.
        hidden: tables and columns (`table.column`) that custom restrictions take away.
    """

    name: str
    administrator: bool = False
    permissions: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)

    def may(self, permission: str) -> bool:
        """Whether it has a permission."""
        return self.administrator or permission in self.permissions


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who logs in, with a role and preferences.

    Attributes:
        id: the employee's id.
        date_format: a key of `DATE_FORMATS`.
        time_zone: an IANA name; dates and times are written in it.
    """

    id: str
    name: str
    role: Role
    date_format: str
    time_zone: str

    @property
    def date_directives(self) -> str:
        """The date format as strftime has it."""
        return DATE_FORMATS[self.date_format]


@dataclass(frozen=True, slots=True)
class SchemaView:
    """The schema as one role of one account sees it."""

    tables: Mapping[str, Table]
    features: frozenset[str]
    role: Role

    def knows(self, name: str) -> bool:
        """Whether NetSuite has such a table at all."""
        return name.lower() in self.tables

    def table(self, name: str) -> Table | None:
        """A table that is there for the role."""
        found = self.tables.get(name.lower())
        if found is None or not has(self.features, found.feature):
            return None
        return found if self.role.may(found.permission) and found.name not in self.role.hidden else None

    def shows(self, table: Table, column: Column) -> bool:
        """Whether a column of a visible table is there for the role; internal ones are."""
        return has(self.features, column.feature) and f"{table.name}.{column.name}" not in self.role.hidden

    def columns(self, table: Table) -> list[Column]:
        """What `SELECT *` answers."""
        return [each for each in table.columns.values() if self.shows(table, each) and not each.internal]

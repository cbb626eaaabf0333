"""What of an account our role does not see, as its refusals tell: asked for once, left out of every later statement."""

from collections.abc import Iterable
from typing import NamedTuple

from hardfin_pipelines.connectors.netsuite.errors import NotVisible


class Name(NamedTuple):
    """A column of a table; the table itself where `column` is ""."""

    table: str
    column: str = ""


class Visibility:
    """What one role does not see. It grows while a connector lives: what was refused once is not asked for again.

    Attributes:
        set_operations: Whether the account takes statements that put several SELECTs together.
    """

    def __init__(self) -> None:
        self.set_operations = True
        self._hidden: set[Name] = set()
        self._left_out: dict[tuple[str, str], str] = {}

    def shows(self, name: Name) -> bool:
        """Whether a column, and its table, are seen as far as is known."""
        return not self._hidden & {name, Name(name.table)}

    def shows_all(self, names: Iterable[Name]) -> bool:
        """Whether all of some columns are seen as far as is known."""
        return all(map(self.shows, names))

    def hide(self, name: Name) -> None:
        """Take note that a column, or a table, is not seen."""
        self._hidden.add(name)

    def keeps(self, source: str, field: str) -> bool:
        """Whether a field of a source is not left out for itself, whatever is known of the columns it reads."""
        return (source, field) not in self._left_out

    def leave_out(self, source: str, field: str, needs: str = "") -> None:
        """Leave a field of a source out: asking for it was refused, and nobody said which of its columns it was.

        Args:
            source: The source's name.
            field: The field's.
            needs: What would show it; "" where that follows from the source.
        """
        self._left_out[source, field] = needs

    def needs(self, source: str, field: str) -> str:
        """What would show a field that is left out; "" where that follows from the source."""
        return self._left_out.get((source, field), "")

    def learn(self, refused: NotVisible, named: Iterable[Name]) -> bool:
        """Take note of what a refusal names, if a statement has it.

        Args:
            refused: The refusal.
            named: What the statement has.

        Returns:
            Whether the statement can be made without; false where the refusal names nothing of it, a column that
            several of its tables have, or what is known to be hidden already.
        """
        table, column = refused.context["table"], refused.context["column"]
        if column and not table:
            found = {name for name in named if name.column == column}
        elif column:
            found = {name for name in named if name == (table, column)}
        else:
            found = {Name(table) for name in named if name.table == table}
        if len(found) != 1 or found <= self._hidden:
            return False
        self._hidden |= found
        return True

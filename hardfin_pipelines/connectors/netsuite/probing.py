"""Which columns an account shows to our role: asked for by queries that answer no row.

A query that names a column too many is refused as a whole, and the refusal names the first such column; sometimes it
names none and is a 500 (seen by other connectors). So columns are asked for together, and apart where that is refused.
"""

from collections.abc import Awaitable, Callable, Sequence

from hardfin_pipelines.connectors.errors import RetryLater, VendorContractError
from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.netsuite import statements
from hardfin_pipelines.connectors.netsuite.errors import UNEXPECTED, NotVisible
from hardfin_pipelines.connectors.netsuite.fields import chunks_of
from hardfin_pipelines.connectors.netsuite.limits import COLUMNS
from hardfin_pipelines.connectors.netsuite.requests import Request, suiteql

Ask = Callable[[Request], Awaitable[Answer]]
"""Sends a request, or finds its answer in memory."""


async def visible_columns(ask: Ask, names: Sequence[str]) -> set[str]:
    """Those of some columns of `item` that our role sees; a call, and one or more for each that it does not see.

    Raises:
        NotVisible: It does not see the items at all.
        VendorError: NetSuite failed, or does not let us ask.
    """
    await _probe(ask, ["id"])
    found: set[str] = set()
    for chunk in chunks_of([name for name in names if name != "id"], COLUMNS):
        found |= await _visible(ask, list(chunk))
    return found | {"id"}


async def sees(ask: Ask, statement: str, about: str) -> bool:
    """Whether our role sees all that a statement names."""
    try:
        await ask(suiteql(statement, about, limit=1, tries=2))
    except (NotVisible, VendorContractError):
        return False
    return True


async def _visible(ask: Ask, names: list[str]) -> set[str]:
    while names:
        try:
            await _probe(ask, names)
        except NotVisible as refused:
            named = refused.context["column"]
        except VendorContractError:
            named = ""
        except RetryLater as failed:
            if failed.context.get("code") != UNEXPECTED:
                raise
            named = ""
        else:
            return set(names)
        if named not in names:
            return await _halves(ask, names)
        names = [name for name in names if name != named]
    return set()


async def _halves(ask: Ask, names: list[str]) -> set[str]:
    if len(names) == 1:
        return set()
    middle = len(names) // 2
    return await _visible(ask, names[:middle]) | await _visible(ask, names[middle:])


async def _probe(ask: Ask, names: Sequence[str]) -> None:
    await ask(suiteql(statements.item_names(names), f"{len(names)} columns of items", limit=1, tries=2))

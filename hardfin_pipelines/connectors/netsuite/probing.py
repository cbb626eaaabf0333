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

Probe = Callable[[Sequence[str]], Awaitable[None]]
"""Asks for some columns, to be refused where one is not seen."""

Refusal = NotVisible | VendorContractError | RetryLater
"""A refusal that may be for a column, whether it names one or not."""


async def visible_columns(ask: Ask, names: Sequence[str]) -> set[str]:
    """Those of some columns of `item` that our role sees; a call, and one or more for each that it does not see.

    Raises:
        NotVisible: It does not see the items at all.
        VendorError: NetSuite failed, or does not let us ask.
    """

    async def probe(chosen: Sequence[str]) -> None:
        await _probe_items(ask, ["id", *chosen])

    found: set[str] = set()
    for chunk in chunks_of([name for name in names if name != "id"], COLUMNS - 1):
        found |= await shown_of(probe, chunk)
    return found | {"id"}


async def shown_of(probe: Probe, names: Sequence[str], *, sure: bool = False) -> set[str]:
    """Those of some columns that are seen.

    Args:
        probe: Asks for some of them.
        names: The columns.
        sure: It is known that the question is answered where none of them is in it.

    Raises:
        VendorError: Not even without any of them the question is answered.
    """
    names = list(names)
    while names:
        refused = await refusal_of(probe, names)
        if refused is None:
            return set(names)
        if refused.context.get("column") in names:
            names.remove(refused.context["column"])
            continue
        if not sure:
            await probe([])
        return await _halves(probe, names)
    return set()


async def refusal_of(probe: Probe, names: Sequence[str]) -> Refusal | None:
    """Why some columns cannot be asked for together, named or not; None where they can."""
    try:
        await probe(names)
    except (NotVisible, VendorContractError) as refused:
        return refused
    except RetryLater as failed:
        if failed.context.get("code") != UNEXPECTED:
            raise
        return failed
    return None


async def _halves(probe: Probe, names: Sequence[str]) -> set[str]:
    if len(names) == 1:
        return set()
    middle = len(names) // 2
    first = await shown_of(probe, names[:middle], sure=True)
    return first | await shown_of(probe, names[middle:], sure=True)


async def _probe_items(ask: Ask, names: Sequence[str]) -> None:
    await ask(suiteql(statements.item_names(names), f"{len(names)} columns of items", limit=1, tries=2))

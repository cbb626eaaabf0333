"""What an attempt at a unit of work chose to ask for, so that the next attempt sends equal requests.

A killed run leaves answers in the unit's journal by their requests. Which deals still need reading, and which of the
companies and products they point to, depends on what is stored by now; asked for anew, a part of a chunk would be
another request, and its answers would be asked for twice.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from hashlib import sha256

import orjson

from hardfin_pipelines.connectors.base import PageMemory


async def first_choice(memory: PageMemory | None, what: str, among: Iterable[str], chosen: Sequence[str]) -> list[str]:
    """The ids an earlier attempt at the unit chose, else these.

    Args:
        memory: Keeps answers of the unit; None where it has none.
        what: Names the choice.
        among: What was chosen from, the same in every attempt.
        chosen: What is chosen now.
    """
    if memory is None:
        return list(chosen)
    key = f"{what} of {sha256(orjson.dumps(list(among))).hexdigest()}"
    kept: list[str] = orjson.loads(await memory.remember(key, _giving(orjson.dumps(list(chosen)))))
    return kept


def _giving(value: bytes) -> Callable[[], Awaitable[bytes]]:
    async def give() -> bytes:
        return value

    return give

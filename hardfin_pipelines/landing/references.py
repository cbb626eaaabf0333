"""What a deal was found to point to, landed beside the records: a record of a vendor seldom says it by itself.

It is an object of its own, `DEAL_REFERENCES`, with a row for each deal that was read further. The row has the deal's
id and the stamp of the version that was read; its `references` are role to ids; its `raw` is a JSON of ours:

```
{"trigger": "load", "actor": "sync", "mapping_revision": 3,
 "missing": [{"role": …, "id": …, "reason": …, "kind": "gone"}, …]}
```

`missing` are records it points to that the vendor did not give. What is neither landed nor missing was linked to an
entity already, so it was not asked for.
"""

from dataclasses import dataclass

import orjson

from hardfin_pipelines.connectors.base import Missing
from hardfin_pipelines.landing.errors import LandingError

DEAL_REFERENCES = "deal_references"
"""The object's name, whatever the vendor calls its deals."""


@dataclass(frozen=True, slots=True)
class ReadingFacts:
    """What a row says of the reading besides the references.

    Attributes:
        trigger: What asked for the visit: poll, load, webhook, record, resync.
        actor: Who asked for it.
        mapping_revision: The revision of the connection's configuration at the time.
        missing: Records the deal points to that the vendor did not give.
    """

    trigger: str
    actor: str
    mapping_revision: int
    missing: tuple[Missing, ...] = ()


def facts_to_json(facts: ReadingFacts) -> bytes:
    """The facts as a row's `raw` keeps them."""
    return orjson.dumps(facts)


def facts_from_json(raw: bytes) -> ReadingFacts:
    """The facts that were kept.

    Raises:
        LandingError: It is not what `facts_to_json` makes.
    """
    try:
        document = orjson.loads(raw)
        missing = tuple(Missing(**each) for each in document["missing"])
        return ReadingFacts(
            str(document["trigger"]), str(document["actor"]), int(document["mapping_revision"]), missing
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise LandingError(
            f"a row of {DEAL_REFERENCES} cannot be read ({type(error).__name__}): expected trigger, actor, "
            "mapping_revision and missing; restore its file from a backup"
        ) from None

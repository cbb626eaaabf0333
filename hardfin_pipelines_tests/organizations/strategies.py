"""Documents of organizations, every valid kind of them."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from hardfin_pipelines.organizations.integrations import MAPPED_ENTITIES, Kind
from hardfin_pipelines.organizations.mapping_entries import FITTING
from hardfin_pipelines.sync.cadence import TIERS
from hardfin_pipelines.sync.entities import ENTITY_FIELDS, EntityType

# Texts that a YAML writer gets wrong when it forgets quotes, beside any other.
_TRICKY = st.sampled_from(
    [
        "yes",
        "true",
        "null",
        "~",
        "0012",
        "1e5",
        "1_000",
        "0x1F",
        "2025-01-01",
        "-",
        "a: b",
        "#x",
        "won",
        " x ",
        "é\u2028ß",
    ]
)
texts = _TRICKY | st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=30).filter(
    lambda text: bool(text.strip())
)
slugs = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])", fullmatch=True)
statuses = st.sampled_from(["active", "paused"])
_sources = st.from_regex(r"[a-z_][a-z0-9_]{0,20}", fullmatch=True)


@st.composite
def entries(draw: st.DrawFn, entity: EntityType, target: str) -> Any:
    about = ENTITY_FIELDS[entity].get(target)
    fitting = sorted(FITTING[about.type if about else "text"])
    block: dict[str, Any] = {}
    if draw(st.booleans()):
        return draw(_sources)
    if draw(st.booleans()):
        block["field"] = draw(_sources)
        if draw(st.booleans()):
            block["as"] = draw(st.sampled_from(fitting))
    else:
        block["template"] = f"{draw(_sources)} {{{draw(_sources)}}}\n{{{draw(_sources)}}}"
    if draw(st.booleans()):
        block["required"] = draw(st.booleans())
    if about is None and "as" not in block and draw(st.booleans()):
        block["default"] = draw(texts)
    return block


@st.composite
def blocks(draw: st.DrawFn, entities: tuple[EntityType, ...]) -> dict[str, Any]:
    mapped: dict[str, Any] = {}
    for entity in draw(st.lists(st.sampled_from(entities), unique=True, max_size=2)):
        own = st.from_regex(r"custom\.[a-z][a-z0-9_]{0,10}", fullmatch=True)
        targets = draw(st.lists(st.sampled_from(sorted(ENTITY_FIELDS[entity])) | own, unique=True, max_size=3))
        mapped[entity] = {target: draw(entries(entity, target)) for target in targets}
    return mapped


@st.composite
def pipelines(draw: st.DrawFn) -> list[dict[str, Any]]:
    stages = st.just("won") | st.lists(texts, min_size=1, max_size=3, unique=True)
    names = draw(st.lists(texts, unique=True, max_size=2))
    return [
        {"pipeline": name, "trigger_stages": draw(stages), "status": draw(statuses)}
        | draw(blocks(MAPPED_ENTITIES["CRM"]))
        for name in names
    ]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    document: dict[str, Any] = {"organization": draw(slugs), "plan": "advanced"}
    if draw(st.booleans()):
        document["name"] = draw(texts)
    document["add_ons"] = draw(st.lists(st.sampled_from(["salesforce", "netsuite"]), unique=True))
    allowed = ["hubspot", "quickbooks", *(name for name in document["add_ons"] if name == "netsuite")]
    document["connections"] = [
        _connection(draw, integration)
        for integration in draw(st.lists(st.sampled_from(allowed), unique=True, max_size=3))
    ]
    return document


@st.composite
def netsuite_accounts(draw: st.DrawFn) -> dict[str, Any]:
    """Accounts as documents hold them, in one form only."""
    account: dict[str, Any] = {"account": draw(st.from_regex(r"[A-Z0-9]{1,12}(_SB[0-9])?", fullmatch=True))}
    if draw(st.booleans()):
        return account | {"sign_in": "tokens"}
    account["certificate"] = draw(texts)
    if draw(st.booleans()):
        account["sku_field"] = draw(st.from_regex(r"custitem_[a-z0-9_]{1,20}", fullmatch=True))
    return account


def _connection(draw: st.DrawFn, integration: str) -> dict[str, Any]:
    connection: dict[str, Any] = {"integration": integration, "status": draw(statuses)}
    if draw(st.booleans()):
        connection["cadence"] = draw(st.sampled_from(TIERS))
    if draw(st.booleans()):
        connection["start_date"] = draw(st.dates(date(2010, 1, 1), date(2026, 1, 1))).isoformat()
    if integration == "hubspot":
        connection["files"] = draw(st.booleans())
        connection["pipelines"] = draw(pipelines())
    if integration == "netsuite":
        connection["netsuite"] = draw(netsuite_accounts())
    kind: Kind = "CRM" if integration == "hubspot" else "ERP"
    if draw(st.booleans()):
        connection["mappings"] = draw(blocks(MAPPED_ENTITIES[kind]))
    return connection

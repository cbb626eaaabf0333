"""Item facts as JSON, so that what waits for a person can be matched again without the vendor."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, cast, get_args

from hardfin_pipelines.sync.item_facts import ItemFacts, ItemKind

_KINDS = frozenset(get_args(ItemKind))
_TEXTS = ("name", "sku", "vendor_type", "description", "currency")


def facts_to_json(facts: ItemFacts) -> dict[str, Any]:
    """Facts in values that JSON has; money as text, digit for digit."""
    return {
        "name": facts.name,
        "path": list(facts.path),
        "sku": facts.sku,
        "kind": facts.kind,
        "vendor_type": facts.vendor_type,
        "active": facts.active,
        "description": facts.description,
        "price": None if facts.price is None else str(facts.price),
        "cost": None if facts.cost is None else str(facts.cost),
        "currency": facts.currency,
        "parent_id": facts.parent_id,
    }


def facts_from_json(stored: Mapping[str, Any]) -> ItemFacts:
    """The facts that `facts_to_json` was given; members of later versions are left out.

    Raises:
        ValueError: Something in it is not what `facts_to_json` writes; the message names it.
    """
    texts = {name: _text(stored, name) for name in _TEXTS}
    parent_id = _text(stored, "parent_id") if "parent_id" in stored else ""  # earlier releases kept none
    path, kind, active = stored.get("path"), stored.get("kind"), stored.get("active")
    if not isinstance(path, list) or not all(isinstance(each, str) for each in path):
        raise _wrong("path", "a list of texts", path)
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _wrong("kind", f"one of {', '.join(sorted(_KINDS))}", kind)
    if not isinstance(active, bool):
        raise _wrong("active", "true or false", active)
    return ItemFacts(
        path=tuple(path),
        kind=cast("ItemKind", kind),
        active=active,
        price=_money(stored, "price"),
        cost=_money(stored, "cost"),
        parent_id=parent_id,
        **texts,
    )


def _text(stored: Mapping[str, Any], name: str) -> str:
    value = stored.get(name)
    if not isinstance(value, str):
        raise _wrong(name, "a text", value)
    return value


def _money(stored: Mapping[str, Any], name: str) -> Decimal | None:
    value = stored.get(name)
    if value is None:
        return None
    try:
        amount = Decimal(value) if isinstance(value, str) else Decimal("nan")
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite():
        raise _wrong(name, "a number as text, such as '12.50', or nothing", value)
    return amount


def _wrong(name: str, expected: str, value: object) -> ValueError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:79]}…"
    return ValueError(f"stored item facts, {name}: expected {expected}, found {shown}; the vendor has to be read again")

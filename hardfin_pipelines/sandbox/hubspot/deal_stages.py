"""What HubSpot works out by itself when a deal changes its stage, and for a line item's amount."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hardfin_pipelines.sandbox.hubspot.values import StoredValue, long_decimal


def stage_properties(stage: Mapping[str, Any]) -> dict[str, StoredValue]:
    """What follows from being in a stage: probability and the closed, won and lost marks."""
    probability = Decimal(stage["metadata"]["probability"])
    closed = stage["metadata"]["isClosed"] == "true"
    return {
        "hs_deal_stage_probability": long_decimal(probability),
        "hs_is_closed": str(closed).lower(),
        "hs_is_closed_won": str(closed and probability == 1).lower(),
        "hs_is_closed_lost": str(closed and probability == 0).lower(),
    }


def entered(stage_id: str, at_ms: int) -> dict[str, StoredValue]:
    """The dates of entering a stage. The newest entry counts, so the date of leaving it is cleared."""
    return {
        f"hs_v2_date_entered_{stage_id}": at_ms,
        f"hs_date_entered_{stage_id}": at_ms,
        f"hs_v2_date_exited_{stage_id}": None,
        f"hs_date_exited_{stage_id}": None,
        "hs_v2_date_entered_current_stage": at_ms,
    }


def move(before: str | None, stage: Mapping[str, Any], at_ms: int) -> dict[str, StoredValue]:
    """All that changes when a deal goes from stage `before` to `stage` at `at_ms`."""
    changes: dict[str, StoredValue] = {}
    if before is not None:
        changes[f"hs_v2_date_exited_{before}"] = at_ms
        changes[f"hs_date_exited_{before}"] = at_ms
    return {**changes, **entered(stage["id"], at_ms), **stage_properties(stage)}


def line_item_amount(properties: Mapping[str, StoredValue]) -> str | None:
    """Net price of a line: price less discount, times quantity, to the cent; None without a price.

    A unit discount comes off each unit; a discount percentage off the price (HubSpot docs: line items guide).
    """
    price = properties.get("price")
    if not price:
        return None
    try:
        unit = Decimal(price) - Decimal(properties.get("discount") or 0)
        unit -= Decimal(price) * Decimal(properties.get("hs_discount_percentage") or 0) / 100
        amount = unit * Decimal(properties.get("quantity") or 1)
        amount = amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
    except ArithmeticError:  # a poisoned value
        return None
    return f"{amount.normalize():f}"

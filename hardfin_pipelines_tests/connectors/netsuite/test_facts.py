"""What matching looks at in items of all kinds."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hardfin_pipelines.connectors.errors import SkipRecord
from hardfin_pipelines.connectors.netsuite.facts import TYPES, item_facts
from hardfin_pipelines.sandbox.netsuite.items import ITEM_KINDS
from hardfin_pipelines.sync.records import Record


def item(**properties: str | None) -> Record:
    given = {"itemid": "AMR-100", "itemtype": "InvtPart", "isinactive": "F", **properties}
    return Record("item", "7", datetime(2026, 1, 1, tzinfo=UTC), given)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("InvtPart", "stocked"),
        ("Assembly", "assembly"),
        ("Kit", "kit"),
        ("Group", "kit"),
        ("NonInvtPart", "non_stocked"),
        ("OthCharge", "non_stocked"),
        ("Service", "service"),
        ("Subtotal", "helper"),
        ("Description", "helper"),
        ("Discount", "helper"),
        ("Markup", "helper"),
        ("Payment", "helper"),
    ],
)
def test_kinds_follow_the_vendors_codes(code: str, kind: str) -> None:
    facts = item_facts(item(itemtype=code))
    assert (facts.kind, facts.vendor_type) == (kind, TYPES[code].label)


def test_every_kind_that_the_sandbox_has_is_known() -> None:
    assert {each.itemtype for each in ITEM_KINDS.values()} <= set(TYPES)


def test_the_number_is_the_sku_and_the_display_name_the_name() -> None:
    facts = item_facts(item(displayname="Atlas AMR 100", salesdescription="A robot", upccode="0012345"))
    assert (facts.name, facts.sku, facts.path, facts.description) == (
        "Atlas AMR 100",
        "AMR-100",
        ("Atlas AMR 100",),
        "A robot",
    )


def test_another_column_may_hold_the_sku_and_leading_zeros_stay() -> None:
    assert item_facts(item(upccode="0012345"), sku_field="upccode").sku == "0012345"
    assert item_facts(item(), sku_field="upccode").sku == ""


@pytest.mark.parametrize(
    ("fullname", "number", "path"),
    [
        ("Robots : Arms : AMR-100", "AMR-100", ("Robots", "Arms", "Atlas")),
        ("AMR-100", "AMR-100", ("Atlas",)),
        (None, "AMR-100", ("Atlas",)),
        ("Robots : A : B", "A : B", ("Robots", "Atlas")),  # the separator is in the number itself
        ("something else", "AMR-100", ("Atlas",)),
    ],
)
def test_paths_are_the_names_above_and_its_own(fullname: str | None, number: str, path: tuple[str, ...]) -> None:
    assert item_facts(item(fullname=fullname, itemid=number, displayname="Atlas")).path == path


def test_without_a_display_name_the_number_is_the_name() -> None:
    assert item_facts(item()).name == "AMR-100"


def test_prices_keep_their_digits_and_name_their_currency() -> None:
    facts = item_facts(item(baseprice="12345678.10", cost=".070", baseprice_currency="CAD"), currency="EUR")
    assert (facts.price, facts.cost, facts.currency) == (Decimal("12345678.10"), Decimal("0.070"), "CAD")
    assert str(facts.price) == "12345678.10"
    assert item_facts(item(), currency="EUR").currency == "EUR"
    assert item_facts(item()).price is None


def test_inactive_items_are_told_from_active_ones() -> None:
    assert not item_facts(item(isinactive="T")).active
    assert item_facts(item(isinactive="F")).active


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"itemid": None}, "it has no itemid"),
        ({"itemtype": "Spaceship"}, "its itemtype is Spaceship: expected one of Assembly"),
        ({"itemtype": None}, "its itemtype is not set"),
        ({"cost": "N/A"}, "its cost is 'N/A': expected a number"),
        ({"baseprice": "1e400000000000000000000"}, "expected a number"),
        ({"cost": "NaN"}, "expected a number"),
    ],
)
def test_what_cannot_be_read_is_set_aside_with_a_reason(properties: dict[str, str | None], says: str) -> None:
    with pytest.raises(SkipRecord, match="NetSuite's item 7 cannot be read") as caught:
        item_facts(item(**properties))
    assert says in str(caught.value)
    assert caught.value.record_id == "7"

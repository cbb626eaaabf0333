"""All items there are, while people go on changing them: none is missed, whatever the order of pages and ids."""

import asyncio
import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from hardfin_pipelines.connectors.errors import VendorContractError
from hardfin_pipelines.connectors.quickbooks import QuickBooksLimits
from hardfin_pipelines.connectors.quickbooks.limits import METERED
from hardfin_pipelines.engine.poll_answers import AnswerBuffer
from hardfin_pipelines_tests.connectors.erp_harness import START, collect, ids_of, minutes
from hardfin_pipelines_tests.connectors.quickbooks.account import QuickBooksAccount


def load(
    account: QuickBooksAccount, between: Callable[[int], None] | None = None, **changes: object
) -> tuple[list[str], int]:
    """The ids that a first load gives, in order, and its calls."""

    async def run() -> tuple[list[str], int]:
        connector = account.new_connector(**changes)
        return ids_of(await collect(connector.item_pages(), between)), connector.calls.by_bucket.get(METERED, 0)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("items", "calls"), [(0, 1), (4, 1), (5, 2), (9, 3), (12, 3), (13, 4), (4 * 37 + 4, 38), (4 * 37 + 5, 39)]
)
def test_a_load_takes_a_call_a_page(account: QuickBooksAccount, items: int, calls: int) -> None:
    """Pages of five; each repeats the last row of the one before, and one that is not full is the last."""
    account.create_items(minutes(items))
    found, made = load(account)
    assert (len(found), made) == (items, calls)
    assert made == account.new_connector().plan_calls(items).total == account.metered()


@pytest.mark.parametrize(("items", "calls"), [(0, 1), (999, 1), (1000, 2), (1998, 2), (1999, 3), (50_000, 51)])
def test_the_plan_for_pages_of_a_thousand(account: QuickBooksAccount, items: int, calls: int) -> None:
    plan = account.new_connector(limits=QuickBooksLimits()).plan_calls(items)
    assert plan.by_bucket == {METERED: calls}


def test_a_thousand_and_one_items_of_one_import_take_four_calls(account: QuickBooksAccount) -> None:
    """One page shows that a second has more items than a page, two walk through it, one looks behind it."""
    items = account.create_items([START] * 1001)
    found, calls = load(account, limits=QuickBooksLimits())
    assert sorted(found) == sorted(items)
    assert calls == 4


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("shuffled", [False, True])
def test_no_order_of_ids_or_of_equal_stamps_hides_an_item(
    account: QuickBooksAccount, as_text: bool, shuffled: bool
) -> None:
    account.company.settings.ids_compared_as_text = as_text
    account.company.settings.ties_shuffled = shuffled
    items = account.create_items([*[START] * 13, *minutes(9), *[START + timedelta(hours=5)] * 11])
    found, _ = load(account)
    assert sorted(found) == sorted(items)


@pytest.mark.parametrize("seed", range(12))
def test_no_interleaving_of_changes_hides_an_item(account: QuickBooksAccount, seed: int) -> None:
    """People change, make and delete items between pages; equal stamps everywhere."""
    chance = random.Random(seed)
    account.company.settings.ids_compared_as_text = bool(seed % 2)
    account.company.settings.ties_shuffled = bool(seed % 3)
    items = account.create_items([START + timedelta(seconds=chance.randrange(6)) for _ in range(60)])
    there = set(items)

    def change(page: int) -> None:
        if page > 30:
            return
        for _ in range(chance.randrange(4)):
            item = chance.choice(sorted(there))
            match chance.randrange(4):
                case 0:
                    account.delete(item)
                    there.discard(item)
                case 1:
                    account.wait(chance.choice([0.1, 1.0, 2.0]))
                    account.modify(item)
                case 2:
                    account.company.touch("Item", item, {"QtyOnHand": 3})
                case _:
                    account.create_items([account.now()])

    found, _ = load(account, change)
    assert there <= set(found)
    assert len(found) == len(set(found))


def test_an_item_that_is_changed_all_the_time_does_not_keep_a_load_from_ending(account: QuickBooksAccount) -> None:
    items = account.create_items(minutes(20))

    def change(_page: int) -> None:
        account.wait(1)
        account.modify(items[0])

    found, calls = load(account, change)
    assert sorted(found) == sorted(items)
    assert calls <= 7


def test_writes_that_show_late_are_told_by_the_changes_since(account: QuickBooksAccount) -> None:
    account.create_items(minutes(12))
    account.company.settings.visible_after_seconds = 30
    late: list[str] = []

    def change(page: int) -> None:
        if page == 1:
            late.extend(account.create_items([account.now()] * 3))
            account.wait(20)

    began = account.now()
    found, _ = load(account, change)
    assert not set(late) & set(found)
    account.wait(30)

    async def changed() -> list[str]:
        return ids_of(await collect(account.new_connector().changed_pages(began - timedelta(minutes=15))))

    assert set(late) <= set(asyncio.run(changed()))


def test_a_killed_load_goes_on_where_it_was(account: QuickBooksAccount) -> None:
    items = account.create_items([*[START] * 23, *minutes(20, START + timedelta(days=1))])
    memory = AnswerBuffer()

    class Killed(BaseException):
        pass

    def kill(page: int) -> None:
        if page == 6:
            raise Killed

    with pytest.raises(Killed):
        load(account, kill, memory=memory)
    before = account.api_calls()
    found, made = load(account, memory=memory)
    assert sorted(found) == sorted(items)
    assert before == 7
    assert made == account.api_calls() - before


def test_a_walk_that_had_to_step_back_is_not_led_in_circles_by_memory(account: QuickBooksAccount) -> None:
    items = account.create_items([START] * 30)
    later = START + timedelta(days=1)

    def change(page: int) -> None:
        if page in {3, 4}:
            for item in items[(page - 3) * 9 : (page - 2) * 9]:
                account.company.update("Item", item, {"Description": "moved"}, at=later)

    found, _ = load(account, change, memory=AnswerBuffer())
    assert sorted(found) == sorted(items)


def test_answers_out_of_order_are_refused_since_the_paging_stands_on_it(account: QuickBooksAccount) -> None:
    rows = ",".join(
        f'{{"Id":"{place}","MetaData":{{"LastUpdatedTime":"2026-01-0{9 - place}T00:00:00-08:00"}}}}'
        for place in range(5)
    )
    body = f'{{"QueryResponse":{{"Item":[{rows}]}},"time":"2026-01-10T00:00:00-08:00"}}'
    account.fault("internal_error", status=200, body=body, times=None)
    with pytest.raises(VendorContractError, match="no order by LastUpdatedTime"):
        load(account)


def test_a_row_without_an_id_is_left_out_and_told(account: QuickBooksAccount, caplog) -> None:
    body = '{"QueryResponse":{"Item":[{"Name":"x"},{"Id":"7","Name":"y"}]},"time":"2026-01-10T00:00:00-08:00"}'
    account.fault("internal_error", status=200, body=body, times=None)
    assert load(account) == (["7"], 1)
    assert "has no Id" in caplog.text

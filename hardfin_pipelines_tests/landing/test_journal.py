import asyncio
import os
import signal
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardfin_pipelines.landing.errors import JournalInUse, LandingError
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import journal_path, lock_path
from hardfin_pipelines_tests.landing.landing_cases import AWKWARD, lines_of, start, unit

if TYPE_CHECKING:
    from hardfin_pipelines.connectors.base import PageMemory


class Vendor:
    """Answers with what it is told and counts how often it is asked."""

    def __init__(self, answers=None):
        self.answers = answers or {}
        self.asked = []

    def fetch(self, key):
        async def answer():
            self.asked.append(key)
            await asyncio.sleep(0)
            return self.answers[key] if key in self.answers else f"answer to {key}".encode()

        return answer


def ask(journal, vendor, *keys):
    async def all_of_them():
        return [await journal.remember(key, vendor.fetch(key)) for key in keys]

    return asyncio.run(all_of_them())


async def never():
    raise AssertionError("the vendor was asked again")


def kept(root, work, *keys):
    async def all_of_them():
        with UnitJournal(root, work) as journal:
            return [await journal.remember(key, never) for key in keys]

    return asyncio.run(all_of_them())


def test_an_answer_is_fetched_once_and_served_after_reopening(tmp_path):
    vendor = Vendor()
    with UnitJournal(tmp_path, unit()) as journal:
        memory: PageMemory = journal  # mypy holds the contract
        assert ask(memory, vendor, "a", "b", "a") == [b"answer to a", b"answer to b", b"answer to a"]
        assert len(journal) == 2
        assert "a" in journal
        assert "c" not in journal
    assert vendor.asked == ["a", "b"]
    assert kept(tmp_path, unit(), "a", "b") == [b"answer to a", b"answer to b"]


@given(
    st.dictionaries(
        st.text(max_size=20) | st.text(alphabet=AWKWARD, max_size=4),
        st.binary(max_size=600) | st.binary(max_size=20).map(lambda part: part * 100),
        max_size=6,
    )
)
def test_any_keys_and_bytes_come_back_as_they_were(tmp_path_factory, answers):
    root = tmp_path_factory.mktemp("journal")
    with UnitJournal(root, unit(), fsync=False) as journal:
        assert ask(journal, Vendor(answers), *answers) == list(answers.values())
        assert kept_values(journal, answers) == list(answers.values())
    assert kept(root, unit(), *answers) == list(answers.values())


def kept_values(journal, keys):
    async def all_of_them():
        return [await journal.remember(key, never) for key in keys]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\0" * 300,
        "🙂 שלום \u202e\0".encode(),
        b"\xff\xfe\xed\xa0\x80",
        b'{"text": "' + b"x" * 1_048_576 + b'"}',
        os.urandom(5_000),
    ],
    ids=["empty", "nul", "emoji and right to left", "not UTF-8", "1 MB", "incompressible"],
)
def test_awkward_answers_come_back_as_they_were(tmp_path, value):
    with UnitJournal(tmp_path, unit()) as journal:
        assert ask(journal, Vendor({"k\ud800": value}), "k\ud800") == [value]
    assert kept(tmp_path, unit(), "k\ud800") == [value]


def test_text_that_repeats_itself_takes_little_room(tmp_path):
    with UnitJournal(tmp_path, unit()) as journal:
        ask(journal, Vendor({"k": b'{"name": "value"}' * 10_000}), "k")
        assert journal.path.stat().st_size < 2_000


def small_journal(root):
    """Three answers, and the size of the file before the first and after each."""
    work = unit()
    answers = {"first": b"1" * 10, "second": b"2" * 400, "third": bytes(range(256)) * 2}
    sizes = []
    with UnitJournal(root, work) as journal:
        sizes.append(journal.path.stat().st_size)
        for key, value in answers.items():
            ask(journal, Vendor({key: value}), key)
            sizes.append(journal.path.stat().st_size)
    return journal.path, answers, sizes


def test_cut_off_at_any_byte_it_serves_every_whole_answer_and_asks_for_the_others(tmp_path):
    path, answers, sizes = small_journal(tmp_path)
    whole = path.read_bytes()
    keys = list(answers)
    for length in range(len(whole) + 1):
        path.write_bytes(whole[:length])
        complete = max(0, sum(size <= length for size in sizes) - 1)
        vendor = Vendor(answers)
        with UnitJournal(tmp_path, unit(), fsync=False) as journal:
            assert len(journal) == complete, length
            assert ask(journal, vendor, *keys) == list(answers.values())
        assert vendor.asked == keys[complete:], length
        assert path.read_bytes() == whole, length


@pytest.mark.parametrize("tail", [b"\0" * 500, b"\xff" * 500, b"HFJRNL\0\1" * 20])
def test_whatever_follows_the_last_whole_answer_is_cut_off(tmp_path, tail, caplog):
    path, answers, _ = small_journal(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert kept(tmp_path, unit(), *answers) == list(answers.values())
    assert path.read_bytes() == whole
    assert f"cut off {len(tail)} bytes" in caplog.text


def test_a_changed_byte_is_noticed_and_only_answers_before_it_are_served(tmp_path):
    path, answers, sizes = small_journal(tmp_path)
    whole = path.read_bytes()
    for number, (begin, end) in enumerate(pairwise(sizes)):
        for position in range(begin, end, 7):
            changed = bytearray(whole)
            changed[position] ^= 0x10
            path.write_bytes(changed)
            with UnitJournal(tmp_path, unit(), fsync=False) as journal:
                assert len(journal) == number, position
                assert ask(journal, Vendor(answers), *answers) == list(answers.values())


def test_damage_done_while_it_is_open_is_never_served(tmp_path):
    path, answers, sizes = small_journal(tmp_path)
    with UnitJournal(tmp_path, unit()) as journal:
        with path.open("r+b") as file:
            file.seek(sizes[1] + 30)
            file.write(b"\xaa\xbb")
        with pytest.raises(LandingError, match=f"damaged at byte {sizes[1]}"):
            kept_values(journal, ["second"])
        assert kept_values(journal, ["third"]) == [answers["third"]]


def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path):
    path = journal_path(tmp_path, unit())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's notes")
    with pytest.raises(LandingError, match="is not a journal of this version"):
        UnitJournal(tmp_path, unit())
    assert path.read_bytes() == b"somebody's notes"
    path.unlink()
    UnitJournal(tmp_path, unit()).close()  # the refusal left nothing locked


def test_a_head_that_never_reached_the_disk_begins_the_journal_anew(tmp_path):
    path = journal_path(tmp_path, unit())
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\0" * 40)
    with UnitJournal(tmp_path, unit()) as journal:
        assert len(journal) == 0
        ask(journal, Vendor(), "a")
    assert kept(tmp_path, unit(), "a") == [b"answer to a"]


def test_the_same_key_asked_by_many_at_once_is_fetched_once(tmp_path):
    vendor = Vendor()

    async def many(journal):
        return await asyncio.gather(*(journal.remember(f"k{n % 5}", vendor.fetch(f"k{n % 5}")) for n in range(100)))

    with UnitJournal(tmp_path, unit()) as journal:
        answers = asyncio.run(many(journal))
    assert answers == [f"answer to k{n % 5}".encode() for n in range(100)]
    assert sorted(vendor.asked) == [f"k{n}" for n in range(5)]


def test_different_keys_are_fetched_at_the_same_time(tmp_path):
    async def both(journal):
        first_waits, second_ran = asyncio.Event(), asyncio.Event()

        async def first():
            first_waits.set()
            await second_ran.wait()
            return b"1"

        async def second():
            await first_waits.wait()
            second_ran.set()
            return b"2"

        return await asyncio.wait_for(asyncio.gather(journal.remember("1", first), journal.remember("2", second)), 10)

    with UnitJournal(tmp_path, unit()) as journal:
        assert asyncio.run(both(journal)) == [b"1", b"2"]


def test_a_failed_fetch_keeps_nothing_and_who_waits_fetches_for_itself(tmp_path):
    vendor = Vendor()

    async def fails():
        await asyncio.sleep(0)
        raise ConnectionError("gone")

    async def both(journal):
        return await asyncio.gather(
            journal.remember("a", fails), journal.remember("a", vendor.fetch("a")), return_exceptions=True
        )

    with UnitJournal(tmp_path, unit()) as journal:
        failure, answer = asyncio.run(both(journal))
    assert isinstance(failure, ConnectionError)
    assert answer == b"answer to a"
    assert vendor.asked == ["a"]


def test_a_cancelled_fetch_leaves_the_key_to_the_next(tmp_path):
    async def cancelled_then_asked(journal):
        begun = asyncio.Event()

        async def hangs():
            begun.set()
            await asyncio.Event().wait()
            return b""

        task = asyncio.create_task(journal.remember("a", hangs))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await journal.remember("a", Vendor().fetch("a"))

    with UnitJournal(tmp_path, unit()) as journal:
        assert asyncio.run(cancelled_then_asked(journal)) == b"answer to a"
    assert kept(tmp_path, unit(), "a") == [b"answer to a"]


def test_it_is_refused_while_open_elsewhere_and_free_after_that(tmp_path):
    with UnitJournal(tmp_path, unit()) as journal:
        with pytest.raises(JournalInUse, match="is open elsewhere: expected one process") as refused:
            UnitJournal(tmp_path, unit())
        assert "\n" not in str(refused.value)
        ask(journal, Vendor(), "a")
        UnitJournal(tmp_path, unit("tick-2")).close()
        UnitJournal(tmp_path, unit(org="beta")).close()
    assert kept(tmp_path, unit(), "a") == [b"answer to a"]


KEEPING = """
import asyncio, sys
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit

async def main():
    with UnitJournal(sys.argv[1], Unit("acme", "acme:hubspot", "tick-1"), fsync=False) as journal:
        print("open", flush=True)
        for number in range(100_000):
            async def fetch():
                return (b"%d " % number) * 3_000
            await journal.remember(f"page {number}", fetch)
            print(number, flush=True)

asyncio.run(main())
"""


def test_another_process_is_refused_and_a_killed_one_holds_nothing(tmp_path):
    process = start(KEEPING, str(tmp_path))
    assert lines_of(process).readline() == "open\n"
    with pytest.raises(JournalInUse):
        UnitJournal(tmp_path, unit())
    process.kill()
    process.communicate()
    UnitJournal(tmp_path, unit()).close()


@pytest.mark.parametrize("after", [0, 1, 3, 7, 20, 60, 150])
def test_killed_at_any_moment_every_answer_that_was_handed_out_is_kept(tmp_path, after):
    process = start(KEEPING, str(tmp_path))
    for line in lines_of(process):
        if line.strip() == str(after):
            process.kill()
            break
    rest, _ = process.communicate()
    assert process.returncode == -signal.SIGKILL
    handed_out = max([after, *(int(line) for line in rest.split("\n")[:-1])])
    keys = [f"page {number}" for number in range(handed_out + 1)]
    values = [(b"%d " % number) * 3_000 for number in range(handed_out + 1)]
    assert kept(tmp_path, unit(), *keys) == values


FULL_DISK = """
import asyncio, os, resource, sys
from hardfin_pipelines.landing.errors import LandingError
from hardfin_pipelines.landing.journal import UnitJournal
from hardfin_pipelines.landing.layout import Unit

async def small(): return b"small"
async def large(): return os.urandom(50_000)

async def main():
    import pyarrow
    with UnitJournal(sys.argv[1], Unit("acme", "acme:hubspot", "tick-1")) as journal:
        await journal.remember("before", small)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        try:
            await journal.remember("too large", large)
        except LandingError as error:
            print(error)
        print("too large" in journal, journal.path.stat().st_size < 100)
        await journal.remember("after", small)

asyncio.run(main())
"""


def test_an_answer_that_finds_no_room_is_refused_clearly_and_harms_no_other(tmp_path):
    process = start(FULL_DISK, str(tmp_path))
    output, _ = process.communicate()
    assert process.returncode == 0
    first, second = output.splitlines()
    assert first.startswith(f"could not write {journal_path(tmp_path, unit())}: File too large; give the landing root")
    assert second == "False True"
    assert kept(tmp_path, unit(), "before", "after") == [b"small", b"small"]


def test_discarding_removes_journal_and_lock_and_nothing_else(tmp_path):
    with UnitJournal(tmp_path, unit("tick-2")) as other:
        ask(other, Vendor(), "a")
    journal = UnitJournal(tmp_path, unit())
    ask(journal, Vendor(), "a")
    journal.discard()
    journal.discard()
    journal.close()
    assert not journal.path.exists()
    assert not lock_path(journal.path).exists()
    assert kept(tmp_path, unit("tick-2"), "a") == [b"answer to a"]
    with UnitJournal(tmp_path, unit()) as again:
        assert len(again) == 0


def test_a_closed_journal_says_so(tmp_path):
    journal = UnitJournal(tmp_path, unit())
    journal.close()
    journal.close()
    with pytest.raises(LandingError, match="is closed: expected an open journal"):
        ask(journal, Vendor(), "a")
    with pytest.raises(LandingError, match="discard before close"):
        journal.discard()
    assert journal.path.exists()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "org=acme").write_text("a file where a folder should be")
    with pytest.raises(LandingError, match=r"could not open .*tick-1\.journal: .*; give the landing root"):
        UnitJournal(tmp_path, unit())


def test_the_file_is_laid_out_as_documented(tmp_path):
    with UnitJournal(tmp_path, unit()) as journal:
        ask(journal, Vendor({"key": b"value"}), "key")
    entry = journal.path.read_bytes().removeprefix(b"HFJRNL\x00\x01")
    covered = b"\0" + (3).to_bytes(4, "little") + (5).to_bytes(8, "little") * 2 + b"key" + b"value"
    assert entry == zlib.crc32(covered).to_bytes(4, "little") + covered


@pytest.mark.parametrize(("fsync", "syncs"), [(True, 3), (False, 0)])
def test_every_answer_reaches_the_disk_before_it_is_handed_out_unless_switched_off(tmp_path, monkeypatch, fsync, syncs):
    synced = []
    real = os.fsync
    with UnitJournal(tmp_path, unit(), fsync=fsync) as journal:

        def sync(handle):
            real(handle)
            synced.append(os.fstat(handle).st_size)

        monkeypatch.setattr(os, "fsync", sync)
        ask(journal, Vendor(), "a", "b", "c", "a")
        assert len(synced) == syncs
        assert synced[-1:] in ([], [journal.path.stat().st_size])

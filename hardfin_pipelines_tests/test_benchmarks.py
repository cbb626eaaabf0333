"""The benchmarks' own parts: their rows, their bounds, and that each can be asked for."""

import importlib
import json
import pkgutil

import pytest

import benchmarks
from benchmarks import __main__ as command
from benchmarks.bounds import RateLimits, least_seconds
from benchmarks.measurement import Measurement
from benchmarks.process_costs import Meter, peak_memory_mb


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)])
def test_every_module_can_be_imported_without_measuring_anything(name, capsys):
    importlib.import_module(f"benchmarks.{name}")

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("value", "floor", "better", "holds"),
    [
        (8, 8, "less", True),
        (9, 8, "less", False),
        (0.9, 0.9, "more", True),
        (0.89, 0.9, "more", False),
        (9, None, "less", None),
    ],
)
def test_a_row_says_whether_its_promise_is_kept(value, floor, better, holds):
    row = Measurement("calls", value, "calls", 1, floor, better)

    assert row.holds is holds
    assert row.as_json() == {
        "name": "calls",
        "value": value,
        "unit": "calls",
        "bound": 1,
        "floor": floor,
        "holds": holds,
    }


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        # A search, an association call and one window of reads: three latencies.
        ({"search": 1, "associations": 2, "general": 110}, 0.45),
        # One read more waits for the window.
        ({"search": 1, "associations": 2, "general": 111}, 10.45),
        ({"search": 50, "associations": 20, "general": 465}, 40.45),
        # Page 46 is the first of the tenth second; four more follow it a latency apart; then the last deals are read.
        ({"search": 50, "associations": 2, "general": 10}, 9 + 4 * 0.15 + 3 * 0.15),
        ({"search": 1, "associations": 151, "general": 1}, 10.45),
    ],
)
def test_the_least_time_of_a_load_is_that_of_its_slowest_chain(calls, seconds):
    assert least_seconds(calls, 0.15) == pytest.approx(seconds)


def test_with_a_long_latency_the_search_is_a_chain_of_latencies():
    calls = {"search": 10, "associations": 2, "general": 10}

    assert least_seconds(calls, 1.0) == pytest.approx(9 + 3)
    assert least_seconds(calls, 1.0, RateLimits(search_per_second=1)) == pytest.approx(9 + 3)


def test_only_what_fits_the_pattern_is_measured_and_a_broken_promise_ends_with_1(monkeypatch, capsys):
    sizes = []

    def measure(size):
        sizes.append(size)
        yield Measurement("kept", 1, "calls", 1, 1)
        yield Measurement("broken", 2, "calls", 1, size)

    some = {name: command.Benchmark(measure, full, quick) for name, full, quick in [("a-load", 2, 1), ("tick", 20, 10)]}
    monkeypatch.setattr(command, "BENCHMARKS", some)

    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "*-load", "--json"])
    assert command.main() == 0
    assert [row["holds"] for row in json.loads(capsys.readouterr().out)] == [True, True]
    monkeypatch.setattr("sys.argv", ["benchmarks", "--quick"])
    assert command.main() == 1
    assert "NO" in capsys.readouterr().out
    assert sizes == [2, 1, 10]


def test_a_pattern_that_fits_nothing_is_refused_with_the_names_there_are(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "nothing"])

    with pytest.raises(SystemExit) as ended:
        command.main()

    assert ended.value.code == 2
    assert "--only nothing: fits none of initial-load, paced-load" in capsys.readouterr().err


def test_a_process_knows_what_it_cost():
    meter = Meter()
    held = bytearray(1_000_000)

    costs = meter.read()

    assert costs.cpu_seconds >= 0
    assert costs.seconds > 0
    assert peak_memory_mb() > len(held) / 1e6

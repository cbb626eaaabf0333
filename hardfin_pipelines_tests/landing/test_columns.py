"""Columns made from buffers are what Arrow itself makes of the same values, and need no pandas."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardfin_pipelines.landing.columns import arrow_array
from hardfin_pipelines.landing.parquet import landed_schema

NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001  # hypothesis puts the zones on
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=5, minutes=45))])
FIRST, LAST = NAIVE.replace(year=1, day=2), NAIVE.replace(year=9999, month=12, day=30)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)

VALUES = {
    "id": TEXT,
    "modified_at": st.datetimes(FIRST, LAST, timezones=ZONES),
    "archived": st.booleans(),
    "raw": st.binary(max_size=20),
    "merged_ids": st.lists(TEXT, max_size=3).map(tuple),
    "run_id": st.sampled_from(["run-1", "run-2", "läuft"]),
}


@pytest.mark.parametrize("column", VALUES)
@settings(deadline=None)
@given(data=st.data())
def test_a_column_is_what_arrow_makes_of_the_same_values(column, data):
    values = data.draw(st.lists(VALUES[column], min_size=1, max_size=30))
    kind = landed_schema().field(column).type

    made = arrow_array(values, kind)

    made.validate(full=True)
    assert made.type == kind
    assert made.null_count == 0
    assert made.equals(pa.array(values, type=kind))


def test_a_column_of_another_type_is_refused():
    with pytest.raises(TypeError, match="no columns of double"):
        arrow_array([1.5], pa.float64())


def test_half_a_surrogate_pair_is_written_out():
    values = ["whole", "half \ud83d of one"]
    assert arrow_array(values, pa.string()).to_pylist() == ["whole", "half \\ud83d of one"]


LANDS = """
import sys
from hardfin_pipelines_tests.landing.landing_cases import land, rich_record, unit
land(sys.argv[1], unit(), [rich_record()])
print("pandas" in sys.modules, "pyarrow" in sys.modules)
"""


def test_a_process_that_only_lands_does_without_pandas(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LANDS, str(tmp_path)], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == ["False", "True"]

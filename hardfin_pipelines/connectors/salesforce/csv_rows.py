"""The CSV of Bulk results as the rows that the query API would have sent (Salesforce docs: Bulk API 2.0 results).

Every value is quoted, and null and the empty text are alike; Salesforce keeps no empty texts, so both are null here.
Numbers and booleans stay the texts they came as, which is what records hold of the query API's rows too. A moment ends
in `Z` where the query API writes `+0000`: it is written as there, so that a record is the same whichever way it came.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
from pyarrow import csv as arrow_csv

from hardfin_pipelines.connectors.http import Answer
from hardfin_pipelines.connectors.json_reader import Row

COUNT_HEADER = "sforce-numberofrecords"

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3})Z")


def is_whole(answer: Answer) -> bool:
    """Whether an answer is CSV with as many rows as Salesforce says it has."""
    said = answer.headers.get(COUNT_HEADER, "")
    if answer.content_type != "text/csv" or not said.isdigit():
        return False
    if not answer.body:
        return int(said) == 0
    try:
        return bool(_table(answer.body).num_rows == int(said))
    except ValueError:
        return False


def rows_of(object_name: str, body: bytes) -> Iterator[Row]:
    """The rows of a page of results.

    Args:
        object_name: The object that was asked.
        body: CSV with its header line; nothing at all where there are no rows.

    Raises:
        ValueError: It is none.
    """
    if not body:
        return
    table = _table(body)
    paths = [name.split(".") for name in table.column_names]
    columns = [column.to_pylist() for column in table.columns]
    for values in zip(*columns, strict=True):
        document: dict[str, Any] = {"attributes": {"type": object_name}}
        for (*parents, name), value in zip(paths, values, strict=True):
            place = document
            for parent in parents:
                place = place.setdefault(parent, {"attributes": {"type": parent}})
            place[name] = value if value is None else _MOMENT.sub(_as_in_json, value, count=1)
        yield Row(document, orjson.dumps(document))


def _as_in_json(found: re.Match[str]) -> str:
    whole = found.start() == 0 and found.end() == len(found.string)
    return f"{found[1]}+0000" if whole else found[0]


def _table(body: bytes) -> pa.Table:
    """The CSV as columns of texts.

    Raises:
        ValueError: It is no CSV.
    """
    line = body.partition(b"\n")[0].decode()
    names = next(csv.reader([line.rstrip("\r")]), [])
    if not names:
        raise ValueError("the results have no header line")
    return arrow_csv.read_csv(
        io.BytesIO(body),
        # One block: a text may be longer than a block of the usual size.
        read_options=arrow_csv.ReadOptions(use_threads=False, block_size=max(len(body), 1)),
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )

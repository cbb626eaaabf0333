"""Columns of landed files as Arrow arrays, made from their buffers.

`pyarrow.array` loads pandas at its first call, to see whether what it is given is of pandas' types. A run is a process:
each would need a third of a CPU second and 45 MB for nothing. The layouts are those of the Arrow columnar format.
"""

from array import array
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import accumulate, chain
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_SECOND = 1_000_000
"""In microseconds, as the day."""


def valid_text(text: str) -> str:
    """The text with each lone surrogate, which UTF-8 cannot hold, written out as its escape (a backslash and code)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def arrow_array(values: Sequence[Any], kind: Any) -> Any:
    """Values, none of them None, as a `pyarrow.Array`; texts that UTF-8 cannot hold as `valid_text` has them.

    Args:
        values: As many as a row group has.
        kind: One of the types of the landed schema: texts, lists of texts, one of few texts, bytes, stamps, booleans.
    """
    import pyarrow as pa

    types = pa.types
    if types.is_string(kind):
        return _of_bytes(_encoded(values), kind, "i")
    if types.is_large_binary(kind):
        return _of_bytes(values, kind, "q")
    if types.is_timestamp(kind):
        return _of_numbers("q", map(_microseconds, values), kind)
    if types.is_boolean(kind):
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(_bits(values))])
    if types.is_list(kind):
        children = arrow_array(list(chain.from_iterable(values)), kind.value_type)
        return pa.Array.from_buffers(kind, len(values), [None, _offsets("i", values)], children=[children])
    if types.is_dictionary(kind):
        number = {value: at for at, value in enumerate(dict.fromkeys(values))}
        indices = _of_numbers("i", map(number.__getitem__, values), kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, arrow_array(list(number), kind.value_type))
    raise TypeError(f"landed files have no columns of {kind}")


def _encoded(texts: Sequence[str]) -> list[bytes]:
    try:
        return [text.encode() for text in texts]
    except UnicodeEncodeError:
        return [valid_text(text).encode() for text in texts]


def _of_bytes(values: Sequence[bytes], kind: Any, offset: str) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [None, _offsets(offset, values), pa.py_buffer(b"".join(values))])


def _of_numbers(code: str, numbers: Iterable[int], kind: Any) -> Any:
    import pyarrow as pa

    packed = array(code, numbers)
    return pa.Array.from_buffers(kind, len(packed), [None, pa.py_buffer(packed)])


def _offsets(code: str, values: Iterable[Sequence[Any]]) -> Any:
    """Where each value begins in what all of them make together, and at last where that ends."""
    import pyarrow as pa

    return pa.py_buffer(array(code, accumulate(map(len, values), initial=0)))


def _bits(values: Sequence[bool]) -> bytes:
    bits = bytearray(-(-len(values) // 8))
    for place, value in enumerate(values):
        if value:
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def _microseconds(stamp: datetime) -> int:
    since = stamp - _EPOCH
    return since.days * _DAY + since.seconds * _SECOND + since.microseconds

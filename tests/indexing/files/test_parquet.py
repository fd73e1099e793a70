"""A row of Parquet becomes JSON, or one bad record that names its field; a damaged file is a SourceError."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from connector.errors import SourceError
from connector.indexing.files import BadRecordError, Record, file_records


def read(path: Path, column: Any) -> list[Record]:
    table = pyarrow.table({"id": pyarrow.array([str(place) for place in range(len(column))]), "x": column})
    parquet.write_table(table, path / "a.parquet")
    return list(file_records(path / "a.parquet")())


def values(path: Path, column: Any) -> list[Any]:
    return [
        None if isinstance(record, BadRecordError) or record is None else record.get("x")
        for record in read(path, column)
    ]


@pytest.mark.parametrize(
    ("given", "kind", "expected"),
    [
        (1714564800_123456789, pyarrow.timestamp("ns"), "2024-05-01T12:00:00.123456789"),
        (1714564800_123456789, pyarrow.timestamp("ns", "UTC"), "2024-05-01T12:00:00.123456789+00:00"),
        (1714564800_000000007, pyarrow.timestamp("ns", "Europe/Berlin"), "2024-05-01T14:00:00.000000007+02:00"),
        (1714564800_123456000, pyarrow.timestamp("ns"), "2024-05-01T12:00:00.123456"),
        (-1, pyarrow.timestamp("ns"), "1969-12-31T23:59:59.999999999"),
        (1714564800, pyarrow.timestamp("s"), "2024-05-01T12:00:00"),
        (43200_123456789, pyarrow.time64("ns"), "12:00:00.123456789"),
        (43200_123456, pyarrow.time64("us"), "12:00:00.123456"),
        (19844, pyarrow.date32(), "2024-05-01"),
    ],
)
def test_times_are_iso_8601_to_the_last_nanosecond(tmp_path: Path, given: int, kind: Any, expected: str) -> None:
    assert values(
        tmp_path, pyarrow.array([given, None], pyarrow.int32() if kind == "date32[day]" else pyarrow.int64()).cast(kind)
    ) == [expected, None]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pyarrow.array([Decimal("1.50")]), "1.50"),
        (pyarrow.array([Decimal("12345678901234567890123.4567")]), "12345678901234567890123.4567"),
        (pyarrow.array([2**64 - 1], pyarrow.uint64()), 2**64 - 1),
        (pyarrow.array([b"bytes"]), "bytes"),
        (pyarrow.array([[1, None, 3]]), [1, None, 3]),
        (pyarrow.array([[]], pyarrow.list_(pyarrow.int64())), []),
        (pyarrow.array([[[1], [2, 3]]]), [[1], [2, 3]]),
        (pyarrow.array([{"a": 1, "b": [{"c": "d"}]}]), {"a": 1, "b": [{"c": "d"}]}),
        (
            pyarrow.array([[("k", 1), ("l", None)]], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
            {"k": 1, "l": None},
        ),
        (pyarrow.array([[1, 2]], pyarrow.list_(pyarrow.float32(), 2)), [1.0, 2.0]),
        (pyarrow.array([["2024"]]).cast(pyarrow.large_list(pyarrow.large_string())), ["2024"]),
        (pyarrow.array(["a"]).dictionary_encode(), "a"),
        (pyarrow.array([[1]], pyarrow.list_(pyarrow.timestamp("ns"))), ["1970-01-01T00:00:00.000000001"]),
        (pyarrow.array([True]), True),
    ],
)
def test_every_type_has_its_json(tmp_path: Path, column: Any, expected: Any) -> None:
    assert values(tmp_path, column) == [expected]


@pytest.mark.parametrize(
    "column",
    [
        pyarrow.array([0, 253402300800, 1], pyarrow.int64()).cast(pyarrow.timestamp("s")),
        pyarrow.array([0, 2932897, 1], pyarrow.int32()).cast(pyarrow.date32()),
        pyarrow.array([b"a", b"\xff\xfe", b"b"]),
        pyarrow.array([[("a", 1)], [("a", 1), ("a", 2)], []], pyarrow.map_(pyarrow.string(), pyarrow.int64())),
    ],
    ids=["year 10,000", "day of year 10,000", "bytes", "a key twice"],
)
def test_a_value_that_has_no_json_is_one_bad_record(tmp_path: Path, column: Any) -> None:
    first, bad, last = read(tmp_path, column)
    assert isinstance(first, dict)
    assert isinstance(last, dict)
    assert isinstance(bad, BadRecordError)
    assert "field 'x'" in str(bad)
    assert '"id": "1"' in bad.line


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pyarrow.Table.from_arrays([pyarrow.array([1]), pyarrow.array([2])], names=["x", "x"])
    parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(SourceError, match="two columns 'x'"):
        list(file_records(tmp_path / "a.parquet")())


@pytest.mark.parametrize("fault", ["cut", "corrupt", "none"])
def test_a_damaged_file_is_a_source_error(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"x": [f"text {number}" for number in range(5_000)]}), path, row_group_size=500)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-20], "corrupt": whole[:3_000] + bytes(4_000) + whole[7_000:], "none": b"x"}[fault])
    with pytest.raises(SourceError, match=r"a\.parquet can't be read to its end, at row"):
        list(file_records(path)())

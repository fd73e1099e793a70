"""Parquet files: a row becomes JSON, or a `BadRecordError` that names the field that can't be converted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.errors import SourceError
from connector.exact_json import text_of
from connector.indexing.files.packed import library
from connector.indexing.files.records import BadRecordError, Record

_ROWS = 200
_PER_SECOND = {"ms": 3, "us": 6, "ns": 9}


def parquet_records(path: Path) -> Iterator[Record]:
    """Read the rows of a Parquet file.

    Raises:
        SourceError: it is not a Parquet file, is damaged, or has two columns of the same name.
    """
    arrow, parquet = library("pyarrow", "parquet"), library("pyarrow.parquet", "parquet")
    done = 0
    try:
        with parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if twice := next((name for name in names if names.count(name) > 1), None):
                raise SourceError(f"{path} has two columns {twice!r}; rename one of them")
            for batch in file.iter_batches(batch_size=_ROWS):
                yield from _rows(batch, arrow, done)
                done += batch.num_rows
    except (OSError, arrow.ArrowException) as error:
        raise SourceError(
            f"{path} can't be read to its end, at row {done + 1:,} or soon after ({error}); write the file again, then "
            "start again"
        ) from error


def _rows(batch: Any, arrow: Any, before: int) -> Iterator[Record]:
    columns = list(zip(batch.schema.names, batch.columns, strict=True))
    for place in range(batch.num_rows):
        record: dict[str, Any] = {}
        faults = []
        for name, column in columns:
            try:
                value = _value(column[place], arrow)
            except (ValueError, OverflowError, ArithmeticError, arrow.ArrowException) as error:
                faults.append(f"field {name!r}: {error}")
                continue
            if column[place].is_valid:
                record[name] = value
        where = f"row {before + place + 1}"
        yield BadRecordError(text_of(record), "; ".join(faults), where) if faults else record


def _value(scalar: Any, arrow: Any) -> Any:
    """Return a Parquet value as JSON: times as ISO 8601, decimals and bytes as text, NaN as null."""
    if not scalar.is_valid:
        return None
    kind, types = scalar.type, arrow.types
    if types.is_dictionary(kind):
        return _value(scalar.value, arrow)
    if isinstance(scalar, arrow.ExtensionScalar):
        return str(scalar.as_py())
    if types.is_map(kind):
        pairs = [(_value(pair["key"], arrow), _value(pair["value"], arrow)) for pair in scalar.values]
        names = [str(name) for name, _ in pairs]
        if len(set(names)) != len(names):
            raise ValueError("a map has a key twice")
        return dict(zip(names, (value for _, value in pairs), strict=True))
    if types.is_struct(kind):
        return {name: _value(scalar[name], arrow) for name in (field.name for field in kind)}
    if hasattr(scalar, "values") and scalar.values is not None and types.is_nested(kind):
        return [_value(each, arrow) for each in scalar.values]
    if types.is_timestamp(kind) or types.is_time(kind):
        return _moment(scalar, arrow)
    return _json(scalar.as_py())


def _moment(scalar: Any, arrow: Any) -> str:
    """Return a time as ISO 8601, with the nanoseconds that Python's times can't hold."""
    kind = scalar.type
    digits = _PER_SECOND.get(kind.unit, 0)
    if kind.unit != "ns" or scalar.value % 1_000 == 0:
        exact: Any = scalar if kind.unit != "ns" else _cast(scalar, "us", arrow, lambda value: value // 1_000)
        return str(exact.as_py().isoformat())
    seconds, rest = divmod(scalar.value, 10**digits)
    whole: str = _cast(scalar, "s", arrow, lambda _: seconds).as_py().isoformat()
    clock = whole.find(":") + len("mm:ss") + 1  # after the seconds, before the offset
    return f"{whole[:clock]}.{rest:0{digits}d}{whole[clock:]}"


def _cast(scalar: Any, unit: str, arrow: Any, change: Callable[[int], int]) -> Any:
    kind = scalar.type
    is_time = arrow.types.is_time(kind)
    target = (arrow.time32 if unit == "s" else arrow.time64)(unit) if is_time else arrow.timestamp(unit, kind.tz)
    return arrow.scalar(change(scalar.value), type=target)


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Mapping):
        return {str(name): _json(each) for name, each in value.items()}
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

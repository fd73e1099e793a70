"""Files and iterables as a source: JSON lines (.gz, .zst), CSV, Parquet, read as a stream; a position is a count.

The reader stands after so many documents, so a file must stay as it is while its job is not done, and an iterable must
give the same documents again to a job that goes on.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from connector.errors import RequestError, SourceError
from connector.indexing.reindex.items import NO_SEQ_NO, DeadLetter, Item, Key, Page

PARTITION = "file"
BAD_LINE = -1
"""The place of a line that is no document, in whose key the id is `LINE` and its number."""
LINE = "line "
_PAGE = 200
_PAGE_BYTES = 4 * 1024 * 1024
_CSV_FIELD_BYTES = 128 * 1024 * 1024

Record = Mapping[str, Any] | ValueError | None
"""A document; a blank line; or why a line is none."""


class RecordSource:
    """Documents that come one after the other: see `Reader`; there is one partition and one pass.

    Args:
        records: opens the stream from its beginning.
        id_field: the field that holds a document's id; it stays in the source unless it is `_id`. A document without
            it gets an id made of its place and its content, the same each time.
    """

    sees = "nothing that changes after it was read"

    def __init__(self, records: Callable[[], Iterable[Record]], id_field: str) -> None:
        self._records = records
        self._id_field = id_field

    def partitions(self) -> list[str]:
        """See `Reader`."""
        return [PARTITION]

    def is_behind(self, positions: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """See `Reader`: a file is read once."""
        return False

    def close(self) -> None:
        """See `Reader`."""

    def pages(self, partition: str, position: Any) -> Iterator[Page]:
        """See `Reader`."""
        number = int(position or 0)
        records = islice(self._records(), number, None)
        page = Page(partition, number)
        size = 0
        for record in records:
            number += 1
            size += self.add(page, number, record)
            if len(page.items) + len(page.dead) >= _PAGE or size >= _PAGE_BYTES:
                yield Page(partition, number, page.items, page.dead)
                page, size = Page(partition, number), 0
        yield Page(partition, number, page.items, page.dead)

    def add(self, page: Page, number: int, record: Record) -> int:
        """Put the document at this place, counted from 1, into a page, or a dead letter; give its size, about."""
        if record is None:
            return 0
        if isinstance(record, ValueError):
            page.dead.append(DeadLetter(Key(BAD_LINE, f"{LINE}{number}", ""), "read", str(record), _line_of(record)))
            return len(str(_line_of(record)))
        try:
            item, size = self._item(number, record)
        except ValueError as error:
            shown = json.loads(json.dumps(record, default=str)) if isinstance(record, Mapping) else repr(record)
            page.dead.append(DeadLetter(Key(BAD_LINE, f"{LINE}{number}", ""), "read", str(error), shown))
            return len(str(shown))
        page.items.append(item)
        return size

    def _item(self, number: int, record: object) -> tuple[Item, int]:
        if not isinstance(record, Mapping):
            raise ValueError(f"must be a mapping from field names to values, not {type(record).__name__}")
        given = record.get(self._id_field)
        source = {name: value for name, value in record.items() if name not in ("_id", "_routing")}
        try:
            text = json.dumps(source, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"can't be written as JSON: {error}") from error
        if given is None or given == "":
            given = hashlib.sha256(f"{number}\n{text}".encode()).hexdigest()[:20]
        if isinstance(given, bool) or not isinstance(given, str | int):
            raise ValueError(f"field {self._id_field!r}: {given!r}: an id must be a string or a whole number")
        routing = record.get("_routing")
        key = Key(0, str(given), "" if routing is None else str(routing))
        "".join(key[1:]).encode()  # a lone surrogate is no part of an id; UnicodeEncodeError is a ValueError
        return Item(key, "", NO_SEQ_NO, 0, source), len(text)


def file_records(path: Path) -> Callable[[], Iterator[Record]]:
    """Choose how to read a file by its name.

    Raises: RequestError: no such file, a name that tells nothing, or a library that is not installed.
    """
    if not path.is_file():
        raise RequestError("source", str(path), "must be a file that is there")
    names = path.name.lower().removesuffix(".gz").removesuffix(".zst")
    if names.endswith((".jsonl", ".ndjson", ".json")):
        return lambda: _json_lines(path)
    if names.endswith((".csv", ".tsv")):
        return lambda: _csv_rows(path, "\t" if names.endswith(".tsv") else ",")
    if names.endswith((".parquet", ".pq")):
        _library("pyarrow.parquet", "parquet")
        return lambda: _parquet_rows(path)
    raise RequestError("source", str(path), "must end in .jsonl, .ndjson, .csv, .tsv (also .gz, .zst) or .parquet")


def is_file_name(name: str) -> bool:
    """Tell whether a source's name is a file's: a path, or an ending that no index would have."""
    lowered = name.lower().removesuffix(".gz").removesuffix(".zst")
    endings = (".jsonl", ".ndjson", ".csv", ".tsv", ".parquet", ".pq")
    return "/" in name or lowered.endswith(endings) or Path(name).is_file()


class _BadLineError(ValueError):
    """A line that is no document."""

    def __init__(self, line: str, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def _line_of(error: ValueError) -> str:
    return error.line if isinstance(error, _BadLineError) else ""


def record_of(line: str) -> Record:
    """Read one line of JSON."""
    if not line.strip():
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _BadLineError(line, f"is no JSON: {error}")
    return value if isinstance(value, dict) else _BadLineError(line, "must be a JSON object")


def _json_lines(path: Path) -> Iterator[Record]:
    with _opened(path) as stream:
        for line in stream:
            try:
                yield record_of(line.decode("utf-8").removeprefix("\ufeff"))
            except UnicodeDecodeError as error:
                yield _BadLineError(line.decode("utf-8", "replace"), f"is no UTF-8: {error}")


def _csv_rows(path: Path, delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(_CSV_FIELD_BYTES)
    with _opened(path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        rows = csv.reader(text, delimiter=delimiter)
        header = next(rows, [])
        if len(set(header)) != len(header) or not all(header):
            raise SourceError(f"{path}: the first line must name every column once, and is {header!r}")
        for row in rows:
            if not row:
                yield None
            elif len(row) != len(header):
                yield _BadLineError(delimiter.join(row), f"has {len(row)} cells, and the first line {len(header)}")
            else:
                yield {name: cell for name, cell in zip(header, row, strict=True) if cell != ""}


def _parquet_rows(path: Path) -> Iterator[Record]:
    parquet = _library("pyarrow.parquet", "parquet")
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_PAGE):
            for row in batch.to_pylist():
                yield {name: _json_value(value) for name, value in row.items() if value is not None}


def _json_value(value: Any) -> Any:
    """Give a value of Parquet as JSON has it: times as ISO 8601, decimals and bytes as text, NaN as null."""
    if isinstance(value, Mapping):
        return {str(name): _json_value(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file, unpacked, as a stream of bytes.

    Raises: SourceError: it can't be opened or unpacked.
    """
    try:
        if path.name.lower().endswith(".gz"):
            with gzip.open(path) as stream:
                yield stream
        elif path.name.lower().endswith(".zst"):
            zstandard = _library("zstandard", "zstd")
            with zstandard.open(path) as stream:
                yield io.BufferedReader(stream)
        else:
            with path.open("rb") as stream:
                yield stream
    except (OSError, EOFError) as error:
        raise SourceError(f"{path} can't be read to its end ({error}); see to the file, then resume the job") from error


def _library(name: str, extra: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise RequestError("source", name, f'must be installed: pip install "hybrid-connector[{extra}]"') from error

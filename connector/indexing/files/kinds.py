"""Chooses how to read a file by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from connector.errors import RequestError
from connector.indexing.files.csv_files import csv_records
from connector.indexing.files.json_files import json_records
from connector.indexing.files.packed import library, unpacked_name
from connector.indexing.files.parquet_files import parquet_records
from connector.indexing.files.records import Record, of_one_index
from connector.indexing.files.texts import check_encoding

_JSON = (".jsonl", ".ndjson", ".json")
_CSV = (".csv", ".tsv")
_PARQUET = (".parquet", ".pq")


def file_records(path: Path, encoding: str | None = None) -> Callable[[], Iterator[Record]]:
    """Return a function that reads a file, chosen by its name.

    Args:
        path: the file; JSON and CSV may be compressed (.gz, .zst).
        encoding: of JSON and CSV; None: taken from a byte order mark, else UTF-8.

    Raises:
        RequestError: no such file or encoding, an unknown ending, or a library that is not installed.
    """
    if not path.is_file():
        raise RequestError("source", str(path), "must be an existing file")
    check_encoding(encoding)
    names = unpacked_name(path)
    if path.name.lower().endswith(".zst"):
        library("zstandard", "zstd")
    if names.endswith(_JSON):
        return lambda: of_one_index(path, json_records(path, encoding))
    if names.endswith(_CSV):
        return lambda: of_one_index(path, csv_records(path, encoding))
    if path.name.lower().endswith(_PARQUET):
        library("pyarrow.parquet", "parquet")
        return lambda: of_one_index(path, parquet_records(path))
    raise RequestError(
        "source", str(path), "must end in .jsonl, .ndjson, .json, .csv, .tsv (also .gz, .zst) or .parquet"
    )


def is_file_name(name: str) -> bool:
    """True if a source is a file by its name: it is a path, or has an ending that no index would have."""
    return "/" in name or unpacked_name(Path(name)).endswith((*_JSON[:2], *_CSV, *_PARQUET)) or Path(name).is_file()

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
from connector.indexing.files.texts import TextFile, check_encoding

_JSON = (".jsonl", ".ndjson", ".json")
TABLES = (".csv", ".tsv")
_PARQUET = (".parquet", ".pq")
_MAGIC = {b"PAR1": ".parquet", b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst"}
_MAGIC_BYTES = 4


def file_records(path: Path, encoding: str | None = None) -> Callable[[], Iterator[Record]]:
    """Return a function that reads a file, chosen by its name.

    Args:
        path: the file; JSON and CSV may be compressed (.gz, .zst).
        encoding: of JSON and CSV; None: taken from a byte order mark, else UTF-8.

    Raises:
        RequestError: no such file or encoding, an unknown ending, or a library that is not installed.
    """
    if not path.is_file():
        wrong = "is a directory" if path.is_dir() else "does not exist"
        raise RequestError("source", str(path), f"{wrong}; it must be an existing file")
    check_encoding(encoding)
    names = unpacked_name(path)
    if path.name.lower().endswith(".zst"):
        library("zstandard", "zstd")
    if names.endswith(_JSON):
        return lambda: of_one_index(path, json_records(path, encoding))
    if names.endswith(TABLES):
        return lambda: of_one_index(path, csv_records(path, encoding))
    if path.name.lower().endswith(_PARQUET):
        library("pyarrow.parquet", "parquet")
        return lambda: of_one_index(path, parquet_records(path))
    raise RequestError(
        "source", str(path), "must end in .jsonl, .ndjson, .json, .csv, .tsv (also .gz, .zst) or .parquet"
    )


def is_table(path: Path) -> bool:
    """True if a file's cells are text, whose types are unknown: CSV and TSV."""
    return unpacked_name(path).endswith(TABLES)


def named_by_content(path: Path) -> Path:
    """Rename a file without an ending so that its name tells its kind, and return the new path.

    Raises:
        SourceError: the file can't be opened or decompressed.
        MissingExtraError: it is compressed by zstd, and the library for it is not installed.
    """
    with path.open("rb") as file:
        head = file.read(_MAGIC_BYTES)
    ending = next((ending for magic, ending in _MAGIC.items() if head.startswith(magic)), "")
    if ending in _PARQUET:
        return path.rename(path.with_suffix(ending))
    packed = path.rename(path.with_suffix(ending))
    is_json = TextFile(packed).head().lstrip().startswith(("{", "["))
    return packed.rename(path.with_suffix(f"{'.json' if is_json else '.csv'}{ending}"))


def is_file_name(name: str) -> bool:
    """True if a source is a file by its name: it is a path, or has an ending that no index would have."""
    return "/" in name or unpacked_name(Path(name)).endswith((*_JSON[:2], *TABLES, *_PARQUET)) or Path(name).is_file()

"""Reads the documents of a file as a stream; an invalid one is an error."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from connector.errors import RequestError
from connector.indexing.files import BadRecordError, file_records, unwrapped


def read_documents(path: Path, encoding: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield a file's documents; blank lines are skipped.

    Raises:
        RequestError: a line is not a document; it names the file and the line.
        SourceError: the file can't be read.
    """
    for number, record in enumerate(file_records(path, encoding)(), 1):
        if isinstance(record, BadRecordError):
            raise RequestError(f"{path}, line {number}", record.line, f"must be a JSON object; {record}")
        if record is not None:
            yield unwrapped(record)

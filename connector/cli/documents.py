"""The documents of a file, or of standard input, as a stream; an invalid one is an error."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from connector.errors import RequestError, SourceError
from connector.indexing.files import BadRecordError, content_id, file_records, named_by_content, unwrapped

STANDARD_INPUT = "-"
_CALLED = "standard input"


@contextmanager
def document_file(name: str) -> Iterator[Path]:
    """Provide the path of a file; `-` is standard input, which is kept in a temporary file.

    Raises:
        RequestError, SourceError: what is wrong with standard input, by that name instead of the temporary file's.
    """
    if name != STANDARD_INPUT:
        yield Path(name)
        return
    with TemporaryDirectory(prefix="connector-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            path = named_by_content(path)
            yield path
        except RequestError as error:
            value = error.value if not isinstance(error.value, str) else _renamed(error.value, path)
            raise RequestError(_renamed(error.path, path), value, _renamed(error.remedy, path)) from error
        except SourceError as error:
            raise SourceError(_renamed(str(error), path)) from error


def read_documents(path: Path, encoding: str | None = None) -> Iterator[Mapping[str, Any]]:
    """Yield a file's documents; blank lines are skipped.

    Raises:
        RequestError: a part of the file is not a document; it names the file and the place.
        SourceError: the file can't be read.
    """
    for number, record in enumerate(file_records(path, encoding)(), 1):
        if isinstance(record, BadRecordError):
            raise RequestError(f"{path}, {record.place or f'record {number}'}", record.line, record.reason)
        if record is not None:
            yield unwrapped(record)


def with_ids(documents: Iterator[Mapping[str, Any]], id_field: str) -> Iterator[Mapping[str, Any]]:
    """Yield documents that all have ids: one without gets that of its place and content.

    So a file that is indexed again, such as after an interruption, overwrites its documents instead of doubling them.
    """
    for number, document in enumerate(documents, 1):
        has_id = document.get(id_field, document.get("_id")) is not None
        yield document if has_id else {**document, "_id": content_id(number, document)}


def _renamed(text: str, path: Path) -> str:
    return re.sub(rf"{re.escape(str(path.with_suffix('')))}[.\w]*", _CALLED, text)

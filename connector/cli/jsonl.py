"""Documents from a file of JSON lines, read as they are needed."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from connector.errors import RequestError


def read_documents(path: Path) -> Iterator[dict[str, Any]]:
    """Read one JSON object a line, from a plain file or a `.gz`; blank lines are passed over.

    Raises: RequestError: a line that is no JSON object, naming file and line. OSError: the file can't be read.
    """
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                document = json.loads(line)
            except json.JSONDecodeError as error:
                raise RequestError(f"{path}, line {number}", line, f"must be a JSON object; {error}") from error
            if not isinstance(document, dict):
                raise RequestError(f"{path}, line {number}", document, "must be a JSON object")
            yield document

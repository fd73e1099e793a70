"""What a reader yields for each place in a file: a document, nothing, or why there is none. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from connector.errors import SourceError
from connector.exact_json import text_of

_OF_A_HIT = frozenset({"fields", "found", "highlight", "inner_hits", "matched_queries", "routing", "sort"})


class BadRecordError(ValueError):
    """A part of a file that is not a document.

    Args:
        line: its text, as far as it is text.
        reason: what is wrong.
        place: where in the file it is, such as `line 3`.

    """

    def __init__(self, line: str, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.line = line
        self.reason = reason
        self.place = place


Record = Mapping[str, Any] | BadRecordError | None
"""A document, why there is none, or None for a blank line."""


def is_hit(record: Mapping[str, Any]) -> bool:
    """True for a document in an envelope, as written by searches, elasticdump and the clients' bulk helpers."""
    return (
        isinstance(record.get("_source"), Mapping)
        and ("_id" in record or "_index" in record)
        and all(str(name).startswith("_") or name in _OF_A_HIT for name in record)
    )


def unwrapped(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document without its envelope, with `_id` and `_routing` as fields; others as they are.

    Raises:
        ValueError: the envelope asks for something other than indexing the document.
    """
    if not is_hit(record):
        return record
    if record.get("_op_type", "index") not in ("index", "create"):
        raise ValueError(f"asks for {record['_op_type']!r}, and only documents to index are read")
    routing = record.get("_routing", record.get("routing"))
    return {**record["_source"], "_id": record.get("_id"), "_routing": routing}


def content_id(number: int, document: Mapping[str, Any]) -> str:
    """Return an id made from a document's number and its content, which is the same whenever the file is read.

    Raises:
        TypeError, ValueError: it can't be written as JSON.
    """
    return hashlib.sha256(f"{number}\n{text_of(document)}".encode()).hexdigest()[:20]


def documents_in(records: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    """Yield the documents among records, without their envelopes; anything else is skipped."""
    for record in records:
        if isinstance(record, Mapping):
            with suppress(ValueError):
                yield unwrapped(record)


def of_one_index(path: Path, records: Iterable[Record]) -> Iterator[Record]:
    """Yield records, and refuse a file that holds more than the documents of one index.

    Raises:
        SourceError: hits of two indices, whose ids may clash, or the whole answer to a search.
    """
    first: object = None
    for record in records:
        if isinstance(record, Mapping):
            if "took" in record and isinstance(record.get("hits"), Mapping):
                raise SourceError(
                    f"{path} holds the answer to a search; write its hits, one per line: "
                    f"jq -c '.hits.hits[]' {path.name}"
                )
            index = record.get("_index") if is_hit(record) else None
            if index is not None and first not in (None, index):
                raise SourceError(
                    f"{path} holds documents of the indices {first!r} and {index!r}, whose ids may clash; make one "
                    "file for each"
                )
            first = first or index
        yield record

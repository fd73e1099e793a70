"""The first documents of a stream, looked at before anything is written: do they have the fields named? Pure."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any

from connector.documents.paths import values_at
from connector.documents.suggestions import is_misspelt, suggest_fields
from connector.documents.text_fields import ResolvedField
from connector.errors import RequestError
from connector.indexing.files import documents_in

FIRST = 1_000
"""How many documents are looked at: a field that none of them has is taken for a mistake."""
_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
_OWN_ID = "_id"


def is_mostly_without(without: int, total: int) -> bool:
    """True if most of some documents have no text, so that the wrong fields may be named."""
    return without * 2 > total


def checked_documents(
    documents: Iterable[Any], fields: Sequence[ResolvedField], id_field: str, mapped: Collection[str]
) -> Iterator[Any]:
    """Return documents as they come, the first of them once they were looked at.

    Args:
        documents: as users give them.
        fields: the text fields; of those that are mapped nothing is asked.
        id_field: the field that holds a document's id; `_id` may be missing.
        mapped: the text fields that are mapped, to name the nearest.

    Raises:
        RequestError: no document has text under a name that can't be meant.
    """
    stream = iter(documents)
    first = list(islice(stream, FIRST))
    with _explained(len(first), lambda: stream is documents):
        check_documents(first, fields, id_field, mapped)
    yield from chain(first, stream)


class Bare:
    """Counts the documents of a stream that have none of the text fields; an empty one is there on purpose.

    Args:
        paths: where `_source` has the text.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.total = self.bare = 0
        self._paths = paths

    def counted(self, documents: Iterable[Any]) -> Iterator[Any]:
        """Return documents as they come."""
        for document in documents:
            self.total += 1
            self.bare += not any(True for path in self._paths for _ in values_at(document, path))
            yield document


def check_documents(
    first: Sequence[Any], fields: Sequence[ResolvedField], id_field: str, mapped: Collection[str]
) -> None:
    """Refuse names that are in no mapping and in none of these documents, and warn of those that may yet come.

    Raises:
        RequestError: as `checked_documents`.
    """
    looked_at = [each for each in first if isinstance(each, Mapping)]
    if not looked_at:
        return
    names = [field.name for field in fields]
    missing = [field for field in fields if not field.is_mapped and not holds(looked_at, field.name)]
    there = {*mapped, *paths_in(looked_at)} if missing else set()
    for field in missing:
        if len(missing) == len(fields) or not field.may_exist or is_misspelt(field.name, there, names):
            remedy = f"is in no mapping and in none of the first {len(looked_at):,} documents"
            raise RequestError("text_fields", field.name, f"{remedy}; {suggest_fields(field.name, there)}")
    lacking = [field.name for field in missing]
    lacking += [] if _has_ids(looked_at, id_field) else [id_field]
    if lacking:
        warnings.warn(
            f"none of the first {len(looked_at):,} documents has {', '.join(map(repr, lacking))}; check the name",
            stacklevel=2,
        )


def check_file(first: Sequence[Any], names: Sequence[str], id_field: str, path: str) -> None:
    """Refuse a text field or an id field that none of a file's first records has.

    Raises:
        RequestError: naming the nearest fields, or the delimiter that the file seems to have.
    """
    looked_at = [each for each in first if isinstance(each, Mapping)]
    if not looked_at:
        return
    missing = [("text_fields", name) for name in names if not holds(looked_at, name)]
    missing += [] if _has_ids(looked_at, id_field) else [("id_field", id_field)]
    for argument, name in missing:
        there = paths_in(looked_at) if argument == "text_fields" else list({key for each in looked_at for key in each})
        remedy = _delimited(name, there) or suggest_fields(name, there)
        raise RequestError(argument, name, f"is in none of the first {len(looked_at):,} records of {path}; {remedy}")


def look_ahead(
    records: Callable[[], Iterable[Any]], names: Sequence[str], id_field: str, file: str | None
) -> Callable[[], Iterable[Any]]:
    """Look at the first records of a source, and give what opens it for the one reading that follows.

    Args:
        file: the file that is opened again each time; None: an iterable, which may be read once only.

    Raises:
        RequestError: as `check_file`, or for an iterable as `check_documents`.
    """
    stream = iter(records())
    first = list(islice(stream, FIRST))
    looked_at = list(documents_in(first))
    if file is not None:
        check_file(looked_at, names, id_field, file)
        return records
    with _explained(len(first), lambda: records() is stream):
        check_documents(looked_at, [ResolvedField(name, "", False, True, (name,)) for name in names], id_field, ())
    return lambda: chain(first, stream)


@contextmanager
def _explained(count: int, gives_nothing_twice: Callable[[], bool]) -> Iterator[None]:
    """Say in a refusal that an iterator, which gives nothing twice, has to be made again."""
    try:
        yield
    except RequestError as error:
        if not gives_nothing_twice():
            raise
        again = f"the first {count:,} documents have been read, so give the iterator again from its beginning"
        raise RequestError(error.path, error.value, f"{error.remedy}; {again}") from error


def paths_in(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the dotted paths of the values in documents, each once."""
    return list(dict.fromkeys(path for document in documents for path in _paths(document, "")))


def _paths(value: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, inner in value.items():
        path = f"{prefix}{name}"
        objects = [each for each in (inner if isinstance(inner, list) else [inner]) if isinstance(each, Mapping)]
        if not objects:
            yield path
        for each in objects:
            yield from _paths(each, f"{path}.")


def holds(documents: Sequence[Any], name: str) -> bool:
    """True if one of these documents has a value at a dotted path."""
    return any(value is not None for document in documents for value in values_at(document, name))


def _has_ids(documents: Sequence[Mapping[str, Any]], id_field: str) -> bool:
    """True if a document has an id, which is never inside an object; `_id` may be left out of all."""
    return id_field == _OWN_ID or any(document.get(id_field) is not None for document in documents)


def _delimited(name: str, there: Sequence[str]) -> str | None:
    """Say which delimiter a table has whose column names were not split; None: they were."""
    for column in there:
        for mark, called in _DELIMITERS.items():
            if mark in column and name in (part.strip(" \"'") for part in column.split(mark)):
                return (
                    f"its first line names {column!r}, so its columns seem to be separated by {called} ({mark!r}), "
                    "where .csv is read with commas and .tsv with tabs; write it so"
                )
    return None

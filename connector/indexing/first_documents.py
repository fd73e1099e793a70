"""Checks the first documents of a stream before anything is written: do they have the named fields? Pure."""

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
"""How many documents are checked; a field that none of them has is probably a mistake."""
_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}
_OWN_ID = "_id"


def is_mostly_without(without: int, total: int) -> bool:
    """True if most documents have no text, so that the wrong fields may be named."""
    return without * 2 > total


def checked_documents(
    documents: Iterable[Any], fields: Sequence[ResolvedField], id_field: str, mapped: Collection[str]
) -> Iterator[Any]:
    """Yield documents as they come, after a check of the first ones.

    Args:
        documents: as users give them.
        fields: the text fields; those that are mapped are not checked.
        id_field: the field that holds a document's id; `_id` may be missing.
        mapped: the mapped text fields, to suggest the nearest.

    Raises:
        RequestError: a field is probably misspelt, as no document has it.
    """
    stream = iter(documents)
    first = list(islice(stream, FIRST))
    with _ask_for_new_iterator(len(first), lambda: stream is documents):
        check_documents(first, fields, id_field, mapped)
    yield from chain(first, stream)


class Bare:
    """Counts the documents of a stream that lack all text fields; an empty field is there on purpose.

    Args:
        paths: where `_source` holds the text.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.total = self.bare = 0
        self._paths = paths

    def counted(self, documents: Iterable[Any]) -> Iterator[Any]:
        """Yield documents as they come, and count them."""
        for document in documents:
            self.total += 1
            self.bare += not any(True for path in self._paths for _ in values_at(document, path))
            yield document


def check_documents(
    first: Sequence[Any], fields: Sequence[ResolvedField], id_field: str, mapped: Collection[str]
) -> None:
    """Refuse fields that are in no mapping and none of these documents; warn about those that may come later.

    Args: see `checked_documents`; `first` are the first documents.

    Raises:
        RequestError: as for `checked_documents`.
    """
    documents = [each for each in first if isinstance(each, Mapping)]
    if not documents:
        return
    names = [field.name for field in fields]
    missing = [field for field in fields if not field.is_mapped and not holds(documents, field.name)]
    there = {*mapped, *paths_in(documents)} if missing else set()
    for field in missing:
        if len(missing) == len(fields) or not field.may_exist or is_misspelt(field.name, there, names):
            remedy = f"is in no mapping and in none of the first {len(documents):,} documents"
            raise RequestError("text_fields", field.name, f"{remedy}; {suggest_fields(field.name, there)}")
    lacking = [field.name for field in missing]
    lacking += [] if _has_ids(documents, id_field) else [id_field]
    if lacking:
        warnings.warn(
            f"none of the first {len(documents):,} documents has {', '.join(map(repr, lacking))}; check the name",
            stacklevel=2,
        )


def check_file(first: Sequence[Any], names: Sequence[str], id_field: str, path: str) -> None:
    """Refuse a text field or an id field that none of a file's first records has.

    Args:
        first: the first records.
        names, id_field: the text fields and the id field.
        path: the file, for the error.

    Raises:
        RequestError: with the nearest fields, or the delimiter that the file seems to have.
    """
    documents = [each for each in first if isinstance(each, Mapping)]
    if not documents:
        return
    missing = [("text_fields", name) for name in names if not holds(documents, name)]
    missing += [] if _has_ids(documents, id_field) else [("id_field", id_field)]
    for argument, name in missing:
        there = paths_in(documents) if argument == "text_fields" else list({key for each in documents for key in each})
        remedy = _delimited(name, there) or suggest_fields(name, there)
        raise RequestError(argument, name, f"is in none of the first {len(documents):,} records of {path}; {remedy}")


def look_ahead(
    records: Callable[[], Iterable[Any]], names: Sequence[str], id_field: str, file: str | None
) -> Callable[[], Iterable[Any]]:
    """Check the first records of a source, and return a function that opens it for the one read that follows.

    Args:
        records: opens the source.
        names, id_field: the text fields and the id field.
        file: the file, which is opened again each time; None: an iterable, which may be readable only once.

    Raises:
        RequestError: as for `check_file`, or for an iterable `check_documents`.
    """
    stream = iter(records())
    first = list(islice(stream, FIRST))
    documents = list(documents_in(first))
    if file is not None:
        check_file(documents, names, id_field, file)
        return records
    with _ask_for_new_iterator(len(first), lambda: records() is stream):
        check_documents(documents, [ResolvedField(name, "", False, True, (name,)) for name in names], id_field, ())
    return lambda: chain(first, stream)


@contextmanager
def _ask_for_new_iterator(count: int, is_read_once: Callable[[], bool]) -> Iterator[None]:
    """Add to an error that an iterator, which can be read only once, must be created again."""
    try:
        yield
    except RequestError as error:
        if not is_read_once():
            raise
        again = f"the first {count:,} documents have been read, so pass a new iterator that starts at the beginning"
        raise RequestError(error.path, error.value, f"{error.remedy}; {again}") from error


def paths_in(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the distinct dotted paths of the values in documents."""
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
    """True if a document has an id, which is never inside an object; `_id` may be missing everywhere."""
    return id_field == _OWN_ID or any(document.get(id_field) is not None for document in documents)


def _delimited(name: str, there: Sequence[str]) -> str | None:
    """Return which delimiter a table seems to have if its column names were not split; None if they were."""
    for column in there:
        for mark, called in _DELIMITERS.items():
            if mark in column and name in (part.strip(" \"'") for part in column.split(mark)):
                return (
                    f"its first line names {column!r}, so its columns seem to be separated by {called} ({mark!r}), "
                    "but .csv is read with commas and .tsv with tabs; write it so"
                )
    return None

"""Choose the text fields of a command: those the user names, else the usual ones that exist."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from connector.documents.suggestions import suggest_fields
from connector.documents.text_fields import parse_text_fields, resolve_fields, text_names
from connector.errors import RequestError
from connector.indexing.files import documents_in, file_records, is_file_name
from connector.indexing.first_documents import FIRST, check_file, holds

_USUAL = ["title", "body"]


def of_index(names: Sequence[str] | None, client: Any, index: str) -> list[str]:
    """Return the named text fields, or else the usual ones that an index has.

    Raises:
        RequestError: no field is named, and the index has none of the usual ones.
    """
    if names:
        return list(names)
    mappings = client.read_mappings(index)
    found = [each.name for each in resolve_fields(mappings, parse_text_fields(_USUAL)) if each.is_mapped]
    existing = text_names(mappings)
    if existing and not found:
        hint = suggest_fields(_USUAL[0], existing)
        raise RequestError(
            "--text-field", _USUAL, f"are not fields of index {index!r}; {hint}; name the fields that hold text"
        )
    return found or _USUAL


def of_documents(names: Sequence[str] | None, documents: Iterable[Any], id_field: str, path: Path) -> list[str]:
    """Return the named text fields, or else the usual ones that the first documents of a file have.

    Raises:
        RequestError: a named field, every usual one, or the id field is missing from all of these documents, or there
            are none.
    """
    first = list(islice(documents, FIRST))
    if not first:
        raise RequestError("source", str(path), "holds no documents")
    found = list(names or (name for name in _USUAL if holds(first, name)))
    check_file(first, [each.name for each in parse_text_fields(found or _USUAL)], id_field, str(path))
    return found or _USUAL


def of_source(
    names: Sequence[str] | None, client: Any, source: str, id_field: str, encoding: str | None = None
) -> list[str]:
    """Return the named text fields, or else the usual ones that an index or a file has.

    Raises:
        RequestError: no field is named, and the source has none of the usual ones.
    """
    if names:
        return list(names)
    if is_file_name(source):
        path = Path(source)
        return of_documents(None, documents_in(file_records(path, encoding)()), id_field, path)
    return of_index(None, client, source)

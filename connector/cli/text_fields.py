"""Which text fields a command takes where none are named: those of the usual ones that are there."""

from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from connector.cli.options import USUAL_TEXT_FIELDS
from connector.documents.suggestions import suggest_fields
from connector.documents.text_fields import parse_text_fields, resolve_fields, text_names
from connector.errors import RequestError
from connector.indexing.files import documents_in, file_records, is_file_name
from connector.indexing.first_documents import FIRST, check_file, holds


def of_index(given: Sequence[str] | None, client: Any, index: str) -> list[str]:
    """Return the text fields that are named, else those usual ones that an index has.

    Raises:
        RequestError: none are named, and it has none of them.
    """
    if given:
        return list(given)
    mappings = client.read_mappings(index)
    found = [each.name for each in resolve_fields(mappings, parse_text_fields(USUAL_TEXT_FIELDS)) if each.is_mapped]
    there = text_names(mappings)
    if there and not found:
        raise _none(f"no field of index {index!r}; {suggest_fields(USUAL_TEXT_FIELDS[0], there)}")
    return found or USUAL_TEXT_FIELDS


def of_documents(given: Sequence[str] | None, documents: Iterable[Any], id_field: str, path: Path) -> list[str]:
    """Return the text fields that are named, else those usual ones that the first documents of a file have.

    Raises:
        RequestError: a field that is named, or every usual one, or the id field is in none of them.
    """
    first = list(islice(documents, FIRST))
    found = list(given or (name for name in USUAL_TEXT_FIELDS if holds(first, name)))
    check_file(first, [each.name for each in parse_text_fields(found or USUAL_TEXT_FIELDS)], id_field, str(path))
    return found or USUAL_TEXT_FIELDS


def of_source(
    given: Sequence[str] | None, client: Any, source: str, id_field: str, encoding: str | None = None
) -> list[str]:
    """Return the text fields of an index or a file that are named, else the usual ones that it has.

    Raises:
        RequestError: none are named, and it has none of them.
    """
    if given:
        return list(given)
    if is_file_name(source):
        path = Path(source)
        return of_documents(None, documents_in(file_records(path, encoding)()), id_field, path)
    return of_index(None, client, source)


def _none(remedy: str) -> RequestError:
    return RequestError("--text-field", USUAL_TEXT_FIELDS, f"are {remedy}; name the fields that hold text")

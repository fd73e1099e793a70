"""What an index's mappings say about what to search: the text and vector fields, and how documents are split. Pure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from connector.documents.paths import outermost_nested
from connector.documents.suggestions import is_misspelt, suggest_fields
from connector.documents.text_fields import ResolvedField, TextField, has_analysed_text, resolve_fields, text_names
from connector.engines import Dialect
from connector.errors import IndexMismatchError, RequestError
from connector.facade.question import Target
from connector.indexing import Passages
from connector.indexing.encoder_meta import (
    check_encoder,
    check_not_semantic,
    check_searchable,
    fingerprint_in,
    passages_in,
    unsearchable,
    vector_fields,
)
from connector.models.encoder import Fingerprint


def find_target(
    mappings: Mapping[str, Any],
    text_fields: Sequence[TextField],
    vector_field: str | None,
    fingerprint: Fingerprint,
    dialect: Dialect,
) -> Target:
    """Find what is searched.

    Args:
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index; {} if it can't be read.
        text_fields: the fields that are searched as text.
        vector_field: the field that the user named; None finds it.
        fingerprint: the encoder's.
        dialect: the cluster's.

    Raises:
        RequestError: a field is a semantic_text or in no mapping, or several vector fields could be meant.
        EncoderMismatchError: the vectors are another encoder's.
        IndexMismatchError: some of the indices keep passages, and others do not.
    """
    check_not_semantic(mappings, [each.name for each in text_fields], "text_fields")
    found = resolve_fields(mappings, text_fields)
    _check_mapped(mappings, found)
    searched = tuple(each.name + each.boost for each in found)
    read = tuple(dict.fromkeys(path for each in found for path in each.shown))
    field = find_vector_field(mappings, vector_field, fingerprint, dialect)
    is_mapped = all(each.is_mapped for each in found)
    if field is None:
        return Target(searched, None, None, read, None, is_mapped)
    paths = {index: outermost_nested(body["mappings"], field) for index, body in mappings.items()}
    if len(set(paths.values())) > 1:
        raise IndexMismatchError(
            f"{field!r} is in nested objects in some of the indices and not in others, and a search over all of them "
            f"finds no vectors ({', '.join(f'{index}: {path}' for index, path in sorted(paths.items()))}). Search them "
            "separately, or index all documents in the same way"
        )
    path = next(iter(paths.values()), None)
    meta = next((each for body in mappings.values() if (each := passages_in(body["mappings"], field))), None)
    if path is None or meta is None:
        return Target(searched, field, path, read, field, is_mapped)
    passages = Passages.from_meta(meta)
    short = [each for each in read if each not in passages.fields]
    return Target(searched, field, path, (*short, passages.text_field), path, is_mapped)


def _check_mapped(mappings: Mapping[str, Any], fields: Sequence[ResolvedField]) -> None:
    """Reject names that find nothing, and warn about those that may yet be mapped.

    Raises:
        RequestError: a name is a misspelling of a mapped one, or none of the names is mapped but other fields are.
    """
    mapped = text_names(mappings)
    names = [each.name for each in fields]
    missing = [each for each in fields if not each.is_mapped]
    all_missing = len(missing) == len(fields) and has_analysed_text(mappings)
    for each in missing:
        remedy = f"is in no mapping of {', '.join(sorted(mappings)[:3])}; {suggest_fields(each.name, mapped)}"
        if all_missing or not each.may_exist or is_misspelt(each.name, mapped, names):
            raise RequestError("text_fields", each.name, remedy)
    if missing and has_analysed_text(mappings):
        named = ", ".join(repr(each.name) for each in missing)
        warnings.warn(f"text field {named} is in no mapping yet, so no search finds text in it", stacklevel=6)


def split_by(mappings: Mapping[str, Any], vector_field: str) -> Passages | None:
    """Return how an index splits its documents, as its mapping records it; None if it does not.

    Raises:
        IndexMismatchError: its vectors are in nested objects, and its mapping does not record how they are made.
    """
    for index, body in mappings.items():
        meta, path = passages_in(body["mappings"], vector_field), outermost_nested(body["mappings"], vector_field)
        if meta is not None:
            return Passages.from_meta(meta)
        if path is not None:
            raise IndexMismatchError(
                f"index {index!r} keeps the vectors of {vector_field!r} in nested objects {path!r}, and does not say "
                "how its documents are split. Write it as before, or create() a new index with passages"
            )
    return None


def find_vector_field(
    mappings: Mapping[str, Any], wanted: str | None, fingerprint: Fingerprint, dialect: Dialect
) -> str | None:
    """Return the field whose vectors are this encoder's: by `_meta`, else the only one of its dims; None if none is.

    If the mappings can't be read, the field that the user named is accepted unchecked.

    Raises:
        RequestError: several could be meant.
        EncoderMismatchError: the vectors are another encoder's.
        IndexMismatchError: the field that the user named can't be searched with an encoder's vectors.
    """
    if not mappings:
        return wanted
    if wanted is not None:
        check_searchable(mappings, wanted, dialect)
    candidates: set[str] = set()
    unfit: set[str] = set()
    for index, body in mappings.items():
        mapping = body["mappings"]
        rejected = unsearchable(mapping, dialect)
        unfit |= rejected.keys()
        dims = {field: dims for field, dims in vector_fields(mapping, dialect).items() if field not in rejected}
        written = {field: found for field in dims if (found := fingerprint_in(mapping, field)) is not None}
        matching = {field for field, found in written.items() if not found.differences(fingerprint)}
        if wanted is not None:
            candidates |= dims.keys() & {wanted}
            if wanted in written and wanted not in matching:
                check_encoder({index: body}, wanted, fingerprint, dialect)
        elif matching:
            candidates |= matching
        elif written:
            check_encoder({index: body}, next(iter(written)), fingerprint, dialect)
        else:
            candidates |= {field for field, found in dims.items() if found == fingerprint.dims}
    candidates -= unfit
    if len(candidates) > 1:
        raise RequestError("vector_field", None, f"must be one of {', '.join(sorted(candidates))}: name one")
    return next(iter(candidates), None)


def why_lexical(mappings: Mapping[str, Any], fingerprint: Fingerprint, dialect: Dialect) -> str:
    """Return why no vector field of an index can be searched with an encoder's vectors, field by field."""
    if not mappings:
        return "its mapping can't be read"
    reasons: dict[str, None] = {}
    for body in mappings.values():
        rejected = unsearchable(body["mappings"], dialect)
        for field, dims in vector_fields(body["mappings"], dialect).items():
            if field in rejected:
                reasons[f"{field!r} {rejected[field]}"] = None
            elif dims != fingerprint.dims:
                reasons[f"{field!r} has {dims} dims, the encoder {fingerprint.dims}"] = None
    return "; ".join(reasons) or "its mapping has none"

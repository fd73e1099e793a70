"""Which encoder wrote which vector field: stored in the mapping's `_meta`, and checked before a query. Pure."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from connector.documents.paths import definition_at, fields_of
from connector.engines import Dialect
from connector.errors import EncoderMismatchError, IndexMismatchError, RequestError
from connector.models.encoder import Fingerprint
from connector.request.base_types import QueryVector

META_KEY = "hybrid_connector"
"""The key of this package in a mapping's `_meta`."""


def meta_of(
    field: str, fingerprint: Fingerprint, text_fields: Sequence[str], passages: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the `_meta` of an index.

    Args:
        field: the vector field.
        fingerprint: of the encoder that makes its vectors.
        text_fields: the fields that are encoded.
        passages: how they are split into passages; None: one vector per document.
    """
    entry = {"encoder": fingerprint.to_meta(), "text_fields": list(text_fields)}
    if passages is not None:
        entry["passages"] = dict(passages)
    return {META_KEY: {"vectors": {field: entry}}}


def passages_in(mapping: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    """Return how the passages of a vector field were split, from `_meta`; None if it does not say."""
    found: Mapping[str, Any] | None = _entry(mapping, field).get("passages")
    return found


def fingerprint_in(mapping: Mapping[str, Any], field: str) -> Fingerprint | None:
    """Return the encoder of a vector field from `_meta`; None if it does not name one."""
    entry = _entry(mapping, field)
    return Fingerprint.from_meta(_part(entry, "encoder")) if entry else None


def text_fields_in(mapping: Mapping[str, Any], field: str) -> list[str]:
    """Return the text fields of a vector field from `_meta`; [] if it names none."""
    named = _entry(mapping, field).get("text_fields")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _entry(mapping: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    return _part(_part(_part(mapping.get("_meta"), META_KEY), "vectors"), field)


def _part(value: object, name: str) -> Mapping[str, Any]:
    """Return a part of `_meta`, which anybody may have written; {} if it is not an object."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def vector_fields(mapping: Mapping[str, Any], dialect: Dialect) -> dict[str, int]:
    """Return the dims of every vector field of a mapping, by dotted path."""
    found = ((path, dialect.vector_dims(dict(field))) for path, field in fields_of(mapping))
    return {path: dims for path, dims in found if dims is not None}


def unsearchable(mapping: Mapping[str, Any], dialect: Dialect) -> dict[str, str]:
    """Return why an encoder's vectors can't search some vector fields, by dotted path."""
    vectors = ((path, field) for path, field in fields_of(mapping) if dialect.vector_dims(dict(field)) is not None)
    return {path: reason for path, field in vectors if (reason := dialect.why_unsearchable(field)) is not None}


def check_searchable(mappings: Mapping[str, Any], field: str, dialect: Dialect) -> None:
    """Refuse a vector field that an encoder's vectors can't search.

    Raises:
        IndexMismatchError: with the reason.
    """
    for index, body in mappings.items():
        definition = definition_at(body["mappings"], field) or {}
        if dialect.vector_dims(dict(definition)) is not None and (reason := dialect.why_unsearchable(definition)):
            raise IndexMismatchError(
                f"index {index!r}, field {field!r}: it {reason}, so an encoder's vectors can't search it. Name an "
                "indexed field of floats, or pass a query vector that fits this one"
            )


def _dims_of(mapping: Mapping[str, Any], field: str, dialect: Dialect) -> int | None:
    definition = definition_at(mapping, field)
    return None if definition is None else dialect.vector_dims(dict(definition))


def check_not_semantic(mappings: Mapping[str, Any], fields: Sequence[str], path: str) -> None:
    """Refuse `semantic_text` fields, whose vectors are made by the cluster's own inference endpoint.

    Args:
        mappings: as for `check_encoder`.
        fields: the requested fields.
        path: what the error calls them.

    Raises:
        RequestError: with the field and what to use instead.
    """
    for index, body in mappings.items():
        for field in fields:
            if (definition_at(body["mappings"], field) or {}).get("type") == "semantic_text":
                raise RequestError(
                    path,
                    field,
                    f"is a semantic_text field of index {index!r}, whose vectors the cluster makes with an inference "
                    "endpoint of its own; put a match query on it into a standard retriever, or name a text field "
                    "here and a dense_vector field for the vectors",
                )


def check_encoder(mappings: Mapping[str, Any], field: str, fingerprint: Fingerprint, dialect: Dialect) -> None:
    """Refuse an encoder that did not write the field's vectors.

    If `_meta` names no encoder, only the dims are checked, with a warning; an unknown mapping is not checked.

    Args:
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index.
        field: the vector field.
        fingerprint: the encoder that embeds the query.
        dialect: the cluster's.

    Raises:
        EncoderMismatchError: another encoder wrote the vectors.
        IndexMismatchError: the field can't be searched with floats.
    """
    check_not_semantic(mappings, [field], "retriever...knn.field")
    check_searchable(mappings, field, dialect)
    for index, body in mappings.items():
        mapping = body["mappings"]
        dims = _dims_of(mapping, field, dialect)
        if dims is None:
            continue
        written_by = fingerprint_in(mapping, field)
        if written_by is not None:
            if different := written_by.differences(fingerprint):
                raise EncoderMismatchError(
                    f"index {index!r}, field {field!r}: its vectors were written by {_named(written_by)}, but the "
                    f"query would be embedded by {_named(fingerprint)}: they differ in {', '.join(different)}. "
                    f"Use the encoder that wrote the index, or index the documents again with this one"
                )
        elif dims not in (0, fingerprint.dims):
            raise EncoderMismatchError(
                f"index {index!r}, field {field!r}: its vectors have {dims} dims, but the query would be embedded by "
                f"{_named(fingerprint)}. Use the encoder that wrote the index"
            )
        else:
            warnings.warn(
                f"index {index!r} does not say which encoder wrote field {field!r}; it is searched with "
                f"{_named(fingerprint)}, whose dims are the same",
                stacklevel=2,
            )


def check_dims(mappings: Mapping[str, Any], field: str, vector: QueryVector, dialect: Dialect) -> None:
    """Refuse a query vector that fits no index; if it fits some, the cluster reports the others.

    A vector given as text is left to the cluster to read.

    Args:
        mappings: as for `check_encoder`; unknown mappings are not checked.
        field: the vector field.
        vector: the query vector.
        dialect: the cluster's.

    Raises:
        RequestError: with the field and its dims.
    """
    check_not_semantic(mappings, [field], "retriever...knn.field")
    if isinstance(vector, str):
        return
    found = ((index, definition_at(body["mappings"], field)) for index, body in mappings.items())
    known = {
        index: length for index, definition in found if definition and (length := dialect.vector_length(definition))
    }
    if known and len(vector) not in known.values():
        index, dims = next(iter(known.items()))
        raise RequestError(
            f"retriever...knn.query_vector for {field!r}",
            f"{len(vector)} numbers",
            f"must have {dims}, as the vectors of index {index!r}; embed the query with the encoder that wrote them",
        )


def _named(fingerprint: Fingerprint) -> str:
    revision = f", weights {fingerprint.revision}" if fingerprint.revision else ""
    return f"encoder {fingerprint.name!r} ({fingerprint.dims} dims{revision})"

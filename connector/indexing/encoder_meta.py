"""Which encoder wrote which vector field: kept in the mapping's `_meta`, checked before a query is sent. Pure."""

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
"""Our place in a mapping's `_meta`."""


def meta_of(
    field: str, fingerprint: Fingerprint, text_fields: Sequence[str], passages: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write the `_meta` of an index whose vector field this encoder fills from these text fields.

    `passages` says how they are split, where the vectors are those of passages.
    """
    said = {"encoder": fingerprint.to_meta(), "text_fields": list(text_fields)}
    if passages is not None:
        said["passages"] = dict(passages)
    return {META_KEY: {"vectors": {field: said}}}


def passages_in(mapping: Mapping[str, Any], field: str) -> Mapping[str, Any] | None:
    """Return what `_meta` says of how the passages of a vector field were split; None when it says nothing."""
    found: Mapping[str, Any] | None = _said_of(mapping, field).get("passages")
    return found


def fingerprint_in(mapping: Mapping[str, Any], field: str) -> Fingerprint | None:
    """Return the encoder that `_meta` names for a vector field; None when `_meta` says nothing of it."""
    said = _said_of(mapping, field)
    return Fingerprint.from_meta(_part(said, "encoder")) if said else None


def text_fields_in(mapping: Mapping[str, Any], field: str) -> list[str]:
    """Return the text fields that `_meta` names for a vector field; [] when it names none."""
    named = _said_of(mapping, field).get("text_fields")
    return [name for name in named if isinstance(name, str)] if isinstance(named, list) else []


def _said_of(mapping: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    return _part(_part(_part(mapping.get("_meta"), META_KEY), "vectors"), field)


def _part(value: object, name: str) -> Mapping[str, Any]:
    """Return a part of `_meta`, which anybody may have written; {} where it is no object."""
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def vector_fields(mapping: Mapping[str, Any], dialect: Dialect) -> dict[str, int]:
    """Return the dims of every vector field of a mapping, by dotted path."""
    found = ((path, dialect.vector_dims(dict(field))) for path, field in fields_of(mapping))
    return {path: dims for path, dims in found if dims is not None}


def unsearchable(mapping: Mapping[str, Any], dialect: Dialect) -> dict[str, str]:
    """Say of each vector field that an encoder's vectors can't search why that is, by dotted path."""
    vectors = ((path, field) for path, field in fields_of(mapping) if dialect.vector_dims(dict(field)) is not None)
    return {path: reason for path, field in vectors if (reason := dialect.why_unsearchable(field)) is not None}


def check_searchable(mappings: Mapping[str, Any], field: str, dialect: Dialect) -> None:
    """Refuse a vector field that an encoder's vectors can't search. Raises: IndexMismatchError: naming the reason."""
    for index, body in mappings.items():
        definition = definition_at(body["mappings"], field) or {}
        if dialect.vector_dims(dict(definition)) is not None and (reason := dialect.why_unsearchable(definition)):
            raise IndexMismatchError(
                f"index {index!r}, field {field!r}: it {reason}, so an encoder's vectors can't search it. Name a field "
                "of floats that is indexed, or give a query vector that fits this one"
            )


def _dims_of(mapping: Mapping[str, Any], field: str, dialect: Dialect) -> int | None:
    definition = definition_at(mapping, field)
    return None if definition is None else dialect.vector_dims(dict(definition))


def check_not_semantic(mappings: Mapping[str, Any], fields: Sequence[str], path: str) -> None:
    """Refuse `semantic_text` fields, whose vectors only the cluster's own inference endpoint makes.

    Args:
        mappings: as for `check_encoder`.
        fields: those that are asked for.
        path: what names them in the error.

    Raises:
        RequestError: naming the field and what to use.
    """
    for index, body in mappings.items():
        for field in fields:
            if (definition_at(body["mappings"], field) or {}).get("type") == "semantic_text":
                raise RequestError(
                    path,
                    field,
                    f"is a semantic_text field of index {index!r}, whose vectors the cluster makes with an inference "
                    "endpoint of its own; put a match query on it into a standard leg, or name a text field "
                    "here and a dense_vector field for the vectors",
                )


def check_encoder(mappings: Mapping[str, Any], field: str, fingerprint: Fingerprint, dialect: Dialect) -> None:
    """Refuse an encoder that did not write the field's vectors.

    Without our `_meta` only the dims are checked, with one warning; a mapping that is not known is not checked.

    Args:
        mappings: Elasticsearch's `GET INDEX/_mapping`, by index.
        field: the vector field.
        fingerprint: the encoder that embeds the query.
        dialect: the cluster's.

    Raises:
        EncoderMismatchError: naming the index, its encoder and the other.
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
    """Refuse a query vector that fits no index; where it fits some, the cluster says which it does not.

    A text is read by the cluster, as its version and the field's type have it.

    Args:
        mappings: as for `check_encoder`; what is not known is not checked.

    Raises:
        RequestError: naming the field and its dims.
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

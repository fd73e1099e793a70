"""Which encoder wrote which vector field: kept in the mapping's `_meta`, checked before a query is sent. Pure.

Comes in from `search` and `indexing`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connector.dialects import Dialect
from connector.errors import EncoderMismatchError, RequestError
from connector.models.encoder import Fingerprint

META_KEY = "hybrid_connector"
"""Our place in a mapping's `_meta`."""


def meta_of(field: str, fingerprint: Fingerprint, text_fields: Sequence[str]) -> dict[str, Any]:
    """Write the `_meta` of an index whose vector field this encoder fills from these text fields."""
    return {META_KEY: {"vectors": {field: {"encoder": fingerprint.to_meta(), "text_fields": list(text_fields)}}}}


def fingerprint_in(mapping: Mapping[str, Any], field: str) -> Fingerprint | None:
    """Give the encoder that `_meta` names for a vector field; None when `_meta` says nothing of it."""
    vectors = (mapping.get("_meta") or {}).get(META_KEY, {}).get("vectors", {})
    return Fingerprint.from_meta(vectors[field]["encoder"]) if field in vectors else None


def vector_fields(mapping: Mapping[str, Any], dialect: Dialect) -> dict[str, int]:
    """Give the dims of every vector field of a mapping, by dotted path."""
    found = ((path, dialect.vector_dims(field)) for path, field in _fields(mapping.get("properties", {}), ""))
    return {path: dims for path, dims in found if dims is not None}


def _fields(properties: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in properties.items():
        yield f"{prefix}{name}", field
        yield from _fields(field.get("properties", {}), f"{prefix}{name}.")


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
    """
    for index, body in mappings.items():
        mapping = body["mappings"]
        dims = vector_fields(mapping, dialect).get(field)
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


def check_dims(mappings: Mapping[str, Any], field: str, vector: Sequence[float], dialect: Dialect) -> None:
    """Refuse a query vector that fits no index; where it fits some, the cluster says which it does not.

    Args: mappings: as for `check_encoder`; what is not known is not checked.
    Raises: RequestError: naming the field and its dims.
    """
    known = {
        index: dims for index, body in mappings.items() if (dims := vector_fields(body["mappings"], dialect).get(field))
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

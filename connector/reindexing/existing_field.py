"""The vector field of a live index: added if it is missing, refused if it can't hold the vectors. Pure.

An existing field keeps its definition, whatever its index options; only its encoder is recorded in `_meta`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from connector.documents.paths import definition_at, definitions_along, outermost_nested
from connector.engines import Dialect
from connector.errors import EncoderMismatchError, IndexMismatchError
from connector.indexing.encoder_meta import META_KEY, fingerprint_in, vector_fields
from connector.indexing.mapping import index_body
from connector.models.encoder import Fingerprint
from connector.reindexing.request import JobRequest

_OTHERWISE = "choose another field with --vector-field, or leave out --in-place"


def check_field(
    index: str, mapping: Mapping[str, Any], request: JobRequest, fingerprint: Fingerprint, dialect: Dialect
) -> None:
    """Refuse a live index whose mapping can't hold the vectors at their place.

    Raises:
        IndexMismatchError: with the index, the field and the reason.
        EncoderMismatchError: another encoder wrote the vectors of the field.
    """
    field, around = request.vector_field, outermost_nested(mapping, request.vector_field)
    if request.passages and around is None and definition_at(mapping, request.passages.path) is not None:
        raise IndexMismatchError(
            f"index {index!r}: field {request.passages.path!r} exists and holds no nested objects; choose another "
            "path for the passages, or leave out --in-place"
        )
    if around is not None and not request.passages:
        raise IndexMismatchError(
            f"index {index!r}: field {field!r} is in nested objects {around!r}; choose another with --vector-field, or "
            "ask for passages"
        )
    dims = vector_fields(mapping, dialect).get(field)
    if dims is None:
        for path, definition in definitions_along(mapping, field):
            if path == field or definition.get("type", "object") not in ("object", "nested", "passthrough"):
                raise IndexMismatchError(
                    f"index {index!r}: field {path!r} exists and is not a vector field; choose another with "
                    "--vector-field"
                )
        return
    definition = definition_at(mapping, field) or {}
    if (reason := dialect.why_unsearchable(definition)) is not None:
        raise IndexMismatchError(f"index {index!r}: field {field!r} {reason}; {_OTHERWISE}")
    if dims not in (0, fingerprint.dims):
        raise IndexMismatchError(
            f"index {index!r}: field {field!r} has {dims} dims, the encoder {fingerprint.dims}; {_OTHERWISE}"
        )
    written_by = fingerprint_in(mapping, field)
    if written_by is not None and (different := written_by.differences(fingerprint)):
        raise EncoderMismatchError(
            f"index {index!r}: field {field!r} holds vectors of encoder {written_by.name!r}, which differs in "
            f"{', '.join(different)}; {_OTHERWISE}"
        )


def field_change(
    mapping: Mapping[str, Any], request: JobRequest, fingerprint: Fingerprint, dialect: Dialect
) -> dict[str, Any]:
    """Return the update to a live index's mapping: the missing fields, and all of `_meta`, which is replaced whole."""
    ours = index_body(dialect, (), request.vector_field, fingerprint, request.passages)["mappings"]
    meta = {"_meta": merged_meta(mapping.get("_meta") or {}, ours["_meta"], request)}
    is_there = definition_at(mapping, request.vector_field) is not None and not request.passages
    lacking = {} if is_there else _lacking(ours["properties"], mapping.get("properties") or {})
    return {"properties": lacking, **meta} if lacking else meta


def _lacking(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wanted fields that are missing, inside the objects that exist."""
    found: dict[str, Any] = {}
    for name, definition in wanted.items():
        held = there.get(name)
        if held is None:
            found[name] = definition
        elif below := _lacking(definition.get("properties") or {}, held.get("properties") or {}):
            kind = {"type": held["type"]} if "type" in held else {}
            found[name] = {**kind, "properties": below}
    return found


def merged_meta(held: Mapping[str, Any], ours: Mapping[str, Any], request: JobRequest) -> dict[str, Any]:
    """Return `_meta` with the vector field added, and everything else unchanged."""
    mine = json.loads(json.dumps(held.get(META_KEY) or {}))
    field = dict(ours[META_KEY]["vectors"][request.vector_field])
    field["text_fields"] = list(request.text_fields)
    mine.setdefault("vectors", {})[request.vector_field] = field
    return {**held, META_KEY: mine}

"""The body of a new index, made from the shipped templates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from connector.engines import Dialect
from connector.indexing.encoder_meta import meta_of
from connector.indexing.splitting import Passages
from connector.models.encoder import Fingerprint
from connector.resources import resource


def index_body(
    dialect: Dialect,
    text_fields: Sequence[str],
    vector_field: str,
    fingerprint: Fingerprint,
    passages: Passages | None = None,
) -> dict[str, Any]:
    """Return settings and mappings of an index that holds text and its vectors.

    Args:
        dialect: chooses the template, `mappings/<dialect>/hybrid.json`, whose `text` and `vector` fields are copied to
            the fields named here.
        text_fields: dotted paths of the analysed fields.
        vector_field: dotted path of the vector field.
        fingerprint: the encoder's, stored in `_meta`; its dims are those of the field.
        passages: how fields are split into passages, stored in `_meta` too; None: one vector per document.
    """
    body: dict[str, Any] = json.loads(resource(f"mappings/{dialect.name}/hybrid.json").read_text("utf-8"))
    template = body["mappings"].pop("properties")
    properties: dict[str, Any] = {}
    for path in text_fields:
        put_field(properties, path, template["text"])
    if passages is not None:
        offset, name = {"type": "integer", "index": False}, {"type": "keyword", "index": False}
        parts = {"field": name, "start": offset, "end": offset, "text": template["text"]}
        put_field(properties, passages.path, {"type": "nested", "dynamic": False, "properties": parts})
    put_field(properties, vector_field, {**template["vector"], dialect.dims_option: fingerprint.dims})
    body["mappings"]["properties"] = properties
    how = None if passages is None else passages.to_meta()
    body["mappings"]["_meta"] = meta_of(vector_field, fingerprint, text_fields, how)
    return body


def put_field(properties: dict[str, Any], path: str, definition: Any) -> None:
    """Set the definition of a field in a mapping's properties, and create the objects on its path."""
    head, _, rest = path.partition(".")
    if rest:
        put_field(properties.setdefault(head, {"properties": {}}).setdefault("properties", {}), rest, definition)
    else:
        properties[head] = definition

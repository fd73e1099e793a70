"""The body of a new index, from the shipped templates. Pure but for reading the template; comes in from `connector`."""

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
    """Write settings and mappings of an index that holds text and its vectors.

    Args:
        dialect: picks the template, `mappings/<dialect>/hybrid.json`, whose `text` and `vector` fields are the models
            of the fields named here.
        text_fields: dotted paths of the analysed fields.
        vector_field: dotted path of the vector field.
        fingerprint: the encoder's, kept in `_meta`; its dims are the field's.
        passages: where the vectors are those of passages: how these are split, kept in `_meta` too.
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
    """Set what a mapping's properties say of a field, making the objects on the way to it."""
    head, _, rest = path.partition(".")
    if rest:
        put_field(properties.setdefault(head, {"properties": {}}).setdefault("properties", {}), rest, definition)
    else:
        properties[head] = definition

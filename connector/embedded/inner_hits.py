"""The `inner_hits` of a `knn` section: which of a hit's nested objects came near, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from connector.embedded.failures import illegal, parsing, x_content
from connector.embedded.hit_fields import nested_fields, parse_fields
from connector.embedded.index import Index
from connector.embedded.query_options import read_whole
from connector.embedded.source_filter import SourceFilter, parse_source_filter
from connector.embedded.sources import Sources

_KNOWN = {"name", "size", "from", "_source", "fields"}
_MAX_WINDOW = 100


@dataclass(frozen=True)
class InnerHits:
    """What is shown of a hit's nested objects; `name` None is their path."""

    name: str | None
    start: int
    size: int
    source: SourceFilter
    fields: tuple[str, ...]

    def draw(
        self, index: Index, slot: int, path: str, found: Sequence[tuple[int, np.float32]], sources: Sources
    ) -> dict[str, Any]:
        """The inner hits of one document.

        Args:
            index: where it is.
            slot: which it is.
            path: the nested objects' path.
            found: offsets and scores, best first.
            sources: what their `_source` is read from.
        """
        shown = []
        for offset, score in found[self.start : self.start + self.size]:
            hit: dict[str, Any] = {"_index": index.name, "_id": index.ids[slot]}
            hit |= {"_nested": {"field": path, "offset": offset}, "_score": float(str(score))}
            if self.source.enabled:
                hit["_source"] = sources.read_nested(index, slot, path, offset, self.source)
            if self.fields and (fields := nested_fields(index, slot, sources, self.fields, path, offset)):
                hit["fields"] = fields
            shown.append(hit)
        total = {"value": len(found), "relation": "eq"}
        best = float(str(found[0][1])) if found and self.size else None
        return {"hits": {"total": total, "max_score": best, "hits": shown}}


def parse_inner_hits(body: Any) -> InnerHits:
    """Parse `inner_hits`. Raises: EngineError: 400; options that aren't known are named."""
    if not isinstance(body, dict):
        raise parsing("[inner_hits] malformed, must start with start_object")
    for key in body:
        if key not in _KNOWN:
            raise x_content(f"[inner_hits] unknown field [{key}]; the embedded engine knows {sorted(_KNOWN)}")
    name, size, start = body.get("name"), read_whole(body.get("size", 3)), read_whole(body.get("from", 0))
    if name is not None and not isinstance(name, str):
        raise x_content("[inner_hits] failed to parse field [name]")
    for key, value in (("size", size), ("from", start)):
        if value is None or value < 0:
            raise illegal(f"illegal {key} value, should be 0 or greater: [{body[key]}]")
    assert size is not None
    assert start is not None
    if start + size > _MAX_WINDOW:
        raise illegal(
            f"Inner result window is too large, the inner hit definition's [{name}]'s from + size must be less than or "
            f"equal to: [{_MAX_WINDOW}] but was [{start + size}]"
        )
    fields = parse_fields(body["fields"]) if body.get("fields") else ()
    return InnerHits(name, start, size, parse_source_filter(body.get("_source", True)), fields)

"""The `inner_hits` of a `knn` section: the nearest of a hit's nested objects, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from connector.embedded.failures import EngineError, illegal, x_content
from connector.embedded.queries.hit_fields import nested_fields, parse_fields
from connector.embedded.scalars import Fields, token_of
from connector.embedded.storage.index import Index
from connector.embedded.storage.source_filter import SourceFilter, parse_source_filter
from connector.embedded.storage.sources import Sources

_KNOWN = {"name", "size", "from", "_source", "fields"}
_MAX_WINDOW = 100


@dataclass(frozen=True)
class InnerHits:
    """How a hit's nested objects are shown; if `name` is None, it is their path."""

    name: str | None
    start: int
    size: int
    source: SourceFilter
    fields: tuple[str, ...]

    def draw(
        self, index: Index, slot: int, path: str, found: Sequence[tuple[int, np.float32]], sources: Sources
    ) -> dict[str, Any]:
        """Return the inner hits of a document.

        Args:
            index: the document's index.
            slot: the document's slot.
            path: the path of the nested objects.
            found: the offsets and scores of the nested objects, best first.
            sources: the stored sources.
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
    """Parse `inner_hits`.

    Raises:
        EngineError: 400; it names an unknown option.
    """
    if not isinstance(body, dict):
        raise x_content(f"[knn] inner_hits doesn't support values of type: {token_of(body)}")
    for key in body:
        if key not in _KNOWN:
            raise x_content(f"[inner_hits] unknown field [{key}]; the embedded engine knows {sorted(_KNOWN)}")
    scalars = Fields("inner_hits")
    name = scalars.text(body, "name", "") if "name" in body else None
    size, start = scalars.integer(body, "size", 3), scalars.integer(body, "from", 0)
    for key, value in (("size", size), ("from", start)):
        if value < 0:
            raise x_content(f"[knn] failed to parse field [inner_hits]: illegal {key} value [{value}]")
    if start + size > _MAX_WINDOW:
        raise illegal(
            f"Inner result window is too large, the inner hit definition's [{name}]'s from + size must be less than or "
            f"equal to: [{_MAX_WINDOW}] but was [{start + size}]"
        )
    try:
        fields = parse_fields(body["fields"]) if "fields" in body else ()
        return InnerHits(name, start, size, parse_source_filter(body.get("_source", True)), fields)
    except EngineError as fault:
        raise x_content(f"[knn] failed to parse field [inner_hits]: {fault.reason}") from fault

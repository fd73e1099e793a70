"""`rescore`: Elasticsearch's query rescorer, which applies another query's scores to the first hits of each index."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from connector.embedded.analysis.postings import Floats, Mask
from connector.embedded.failures import illegal, parsing, x_content
from connector.embedded.queries.knn import best_first
from connector.embedded.queries.queries import Query
from connector.embedded.queries.query_parser import parse_inner
from connector.embedded.scalars import Fields, Scalars
from connector.embedded.storage.index import Index

_MODES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "total": np.add,
    "multiply": np.multiply,
    "avg": lambda own, other: (own + other) / np.float32(2),
    "max": np.maximum,
    "min": np.minimum,
}


@dataclass(frozen=True)
class Rescore:
    """One step; the window applies to each index's hits."""

    query: Query
    window: int
    query_weight: float
    rescore_query_weight: float
    mode: str

    def apply(self, index: Index, mask: Mask, scores: Floats) -> Floats:
        """Return new scores of an index's hits; those past the window or without a match keep theirs x query_weight."""
        matched, other = self.query.evaluate(index, 1.0)
        found = np.flatnonzero(mask)
        first = found[best_first(scores[found], self.window)]
        first = first[matched[first]]
        own: Floats = scores * np.float32(self.query_weight)
        own[first] = _MODES[self.mode](own[first], other[first] * np.float32(self.rescore_query_weight))
        return own


def parse_rescore(value: Any, *, size: int) -> list[Rescore]:
    """Parse a search's `rescore`.

    Raises:
        EngineError: 400.
    """
    return [_parse(step, size) for step in (value if isinstance(value, list) else [value])]


def _parse(step: Any, size: int) -> Rescore:
    if not isinstance(step, dict) or set(step) - {"window_size", "query"} or not isinstance(step.get("query"), dict):
        raise parsing("rescore: the embedded engine knows [window_size, query]")
    query, fields = step["query"], Fields("query")
    window = Scalars("rescore").integer(step, "window_size", 10)
    if window < 0:
        raise illegal(f"[window_size] must not be negative, found [{window}]")
    known = {"rescore_query", "query_weight", "rescore_query_weight", "score_mode"}
    for key in query:
        if key not in known:
            raise x_content(f"[query] unknown field [{key}]")
    if "rescore_query" not in query:
        raise illegal("rescore_query cannot be null")
    mode = fields.text(query, "score_mode", "total").lower()
    if mode not in _MODES:
        raise x_content(f"[query] failed to parse field [score_mode]: illegal score_mode [{mode}]")
    weight, other = (fields.number(query, name, 1.0) for name in ("query_weight", "rescore_query_weight"))
    parsed = parse_inner("query", "rescore_query", query["rescore_query"], size=size)
    return Rescore(parsed, window, weight, other, mode)

"""The name that was meant by one that is not known: what others call the same, or the nearest spelling. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Collection

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "boost": ("weight",),
    "candidates": ("num_candidates",),
    "chunking": ("chunking_settings", "chunk_rescorer"),
    "chunks": ("size",),
    "depth": ("rank_window_size", "window_size"),
    "ef": ("num_candidates",),
    "ef_search": ("num_candidates",),
    "embedding": ("query_vector",),
    "excludes": ("_source",),
    "filters": ("filter", "post_filter"),
    "id": ("_id",),
    "includes": ("_source",),
    "index": ("_index",),
    "k": ("rank_constant", "rank_window_size", "size"),
    "knn": ("retriever",),
    "lambda_": ("lambda",),
    "legs": ("retrievers",),
    "limit": ("size", "k", "rank_window_size", "window_size"),
    "model": ("inference_id", "model_id"),
    "model_id": ("inference_id", "query_vector_builder"),
    "model_text": ("inference_text", "query_vector_builder"),
    "n": ("size", "k", "rank_window_size"),
    "name": ("_name",),
    "normalization": ("normalizer",),
    "offset": ("from",),
    "path": ("field",),
    "queries": ("retrievers",),
    "query": ("rescore_query", "inference_text", "retriever"),
    "query_text": ("inference_text", "model_text", "query_vector_builder", "query"),
    "rank": ("retriever",),
    "relevance_model": ("inference_id",),
    "score_threshold": ("min_score", "similarity"),
    "skip": ("from",),
    "sub_searches": ("retrievers", "retriever"),
    "text": ("inference_text", "model_text", "query_vector_builder", "query"),
    "threshold": ("min_score", "similarity"),
    "top_k": ("k", "rank_window_size", "size", "window_size"),
    "top_n": ("rank_window_size", "size", "k", "window_size"),
    "value": ("query",),
    "vector": ("query_vector",),
    "window": ("rank_window_size", "window_size"),
    "window_size": ("rank_window_size",),
}
"""What a name is elsewhere called here; the first that is allowed."""


def nearest(name: str, allowed: Collection[str]) -> str | None:
    """Return the allowed name that was likely meant; None where none is near."""
    same = next((each for each in _SYNONYMS.get(name.lower(), ()) if each in allowed), None)
    if same is not None:
        return same
    bare = {each.lower().strip("_").replace("_", ""): each for each in sorted(allowed)}
    found = difflib.get_close_matches(name.lower().strip("_").replace("_", ""), bare, n=1, cutoff=0.65)
    return bare[found[0]] if found else None


def suggestion(name: str, allowed: Collection[str], *, says: str = "is not known here") -> str:
    """Return an error's remedy for a name that is not known: the nearest, and all that are allowed."""
    near = nearest(name, allowed)
    meant = "" if near is None else f" (did you mean {near}?)"
    return f"{says}{meant}; allowed are {', '.join(sorted(allowed))}"

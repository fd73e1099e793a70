"""Suggestions for unknown names of options and fields: what the user probably meant. Pure."""

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
"""Names used elsewhere, and what they are called here; the first allowed one counts."""

_NEAR_OPTION, _NEAR_FIELD, _TYPO = 0.65, 0.6, 0.8
_MAX_SHOWN = 10


def nearest_option(name: str, allowed: Collection[str]) -> str | None:
    """Return the allowed name that was probably meant; None if none is close."""
    synonym = next((each for each in _SYNONYMS.get(name.lower(), ()) if each in allowed), None)
    if synonym is not None:
        return synonym
    by_bare = {_bare(each): each for each in sorted(allowed)}
    found = difflib.get_close_matches(_bare(name), by_bare, n=1, cutoff=_NEAR_OPTION)
    return by_bare[found[0]] if found else None


def _bare(name: str) -> str:
    return name.lower().replace("_", "")


def suggest_option(name: str, allowed: Collection[str], *, says: str = "is unknown") -> str:
    """Return an error's remedy for an unknown option: the nearest name, and all that are allowed."""
    near = nearest_option(name, allowed)
    meant = "" if near is None else f" (did you mean {near}?)"
    return f"{says}{meant}; allowed: {', '.join(sorted(allowed))}"


def suggest_fields(name: str, known: Collection[str]) -> str:
    """Return an error's remedy for an unknown field: the nearest names, or some of all known ones."""
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=_NEAR_FIELD)
    if near:
        return f"the nearest are {', '.join(by_lower[each] for each in near)}"
    shown = sorted(known)
    more = f" and {len(shown) - _MAX_SHOWN} more" if len(shown) > _MAX_SHOWN else ""
    return f"there are {', '.join(shown[:_MAX_SHOWN])}{more}" if shown else "there are no text fields"


def is_misspelt(name: str, known: Collection[str], others: Collection[str]) -> bool:
    """True if a name is almost one of the known names, and that one is not among the others requested."""
    free = {each.lower() for each in set(known) - set(others)}
    return bool(difflib.get_close_matches(name.lower(), free, n=1, cutoff=_TYPO))

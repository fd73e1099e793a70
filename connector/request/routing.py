"""Whether a search needs this package, and whether a licensed cluster may run it; decided before it is parsed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from connector.request.query_texts import embeds_text, text_to_embed
from connector.request.rank_bodies import is_ranked
from connector.request.retrievers import LICENSED

_OWN_RERANKER_OPTIONS = frozenset({"blend", "field_shares"})
_OWN_NORMALIZERS = ("zscore", "dbsf")


def needs_connector(body: object, models: Collection[str]) -> bool:
    """True if a search body holds a tree that a cluster with the free license can't run.

    At the root or below a `rescorer`, that is a licensed retriever, a `knn` retriever with `inner_hits` or with a text
    for one of the client's models, or a `standard` retriever with a `knn` query of such a text; also the older form
    `rank: {rrf}`.

    Args:
        body: a search body.
        models: the names of the models registered with the client.
    """
    tree = body.get("retriever") if isinstance(body, Mapping) else None
    if not isinstance(tree, Mapping) or len(tree) != 1:
        return is_ranked(body)
    ((kind, retriever),) = tree.items()
    if kind == "rescorer":
        return needs_connector(retriever, models)
    if kind == "standard":
        return embeds_text(retriever, models)
    if kind != "knn" or not isinstance(retriever, Mapping):
        return kind in LICENSED
    return "inner_hits" in retriever or text_to_embed(retriever, models) is not None


def cluster_may_run(tree: object, models: Collection[str]) -> bool:
    """True if a tree holds nothing that only this package knows, so that a licensed cluster may be able to run it.

    Args:
        tree: a request's `retriever`, as it came.
        models: the names of the models registered with the client.
    """
    if isinstance(tree, list | tuple):
        return all(cluster_may_run(part, models) for part in tree)
    if not isinstance(tree, Mapping):
        return True
    return not any(_is_extension(name, value, models) for name, value in tree.items()) and all(
        cluster_may_run(part, models) for part in tree.values()
    )


def _is_extension(name: str, value: Any, models: Collection[str]) -> bool:
    """True if an option of a tree only exists in this package, whatever is below it."""
    if name == "normalizer":
        return str(value).lower() in _OWN_NORMALIZERS
    if not isinstance(value, Mapping):
        return False
    if name == "text_similarity_reranker":
        field = value.get("field")
        return (
            value.get("inference_id") in (None, *models)
            or bool(_OWN_RERANKER_OPTIONS & value.keys())
            or isinstance(field, list)
            or "{" in str(field)
            or "score_mode" in (value.get("chunk_rescorer") or {})
        )
    if name == "text_embedding":
        return value.get("model_id") in (None, *models)
    return name == "knn" and "inner_hits" in value

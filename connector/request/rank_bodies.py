"""The older form of hybrid search, `rank: {rrf}` over `query`, `sub_searches` and `knn`, as a retriever tree. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.documents.suggestions import suggest_option
from connector.errors import RequestError
from connector.request.lenient_values import is_count, read_list, read_whole

_OPTIONS = frozenset({"rank_constant", "rank_window_size"})
_RENAMED = {"window_size": "rank_window_size"}
_FUSED = ("query", "sub_searches", "knn")
_DEFAULT_SIZE = 10


def is_ranked(body: object) -> bool:
    """True if a search body fuses by `rank: {rrf}`, which the free license does not include."""
    rank = body.get("rank") if isinstance(body, Mapping) else None
    return isinstance(rank, Mapping) and "rrf" in rank and "retriever" not in body  # type: ignore[operator]


def with_retriever(body: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite a body that `is_ranked` with an equivalent retriever.

    Raises:
        RequestError: there are fewer than two searches to fuse, or a part is not valid in Elasticsearch.
    """
    rank: Mapping[str, Any] = body["rank"]
    if not isinstance(rank["rrf"], Mapping):
        raise RequestError("rank.rrf", rank["rrf"], "must be an object, as {'rank_window_size': 50}")
    given: Mapping[str, Any] = rank["rrf"]
    options = {_RENAMED.get(name, name): value for name, value in given.items()}
    for name in options.keys() - _OPTIONS:
        raise RequestError(f"rank.rrf.{name}", options[name], suggest_option(name, _OPTIONS))
    for name in rank.keys() - {"rrf"}:
        raise RequestError(f"rank.{name}", rank[name], "must be rrf alone; leave it out")
    if "query" in body and "sub_searches" in body:
        raise RequestError("sub_searches", body["sub_searches"], "already holds the queries; put query into it")
    size = body.get("size", _DEFAULT_SIZE)
    queries = [{"query": body["query"]}] if "query" in body else read_list(body.get("sub_searches", []))
    legs = [{"standard": query} for query in _objects("sub_searches", queries)]
    legs += [{"knn": _retriever(knn, size)} for knn in _objects("knn", read_list(body.get("knn", [])))]
    if len(legs) < 2:
        raise RequestError(
            "rank", rank, "needs at least two searches to fuse: query or sub_searches, and knn; or leave rank out"
        )
    rest = {name: value for name, value in body.items() if name not in (*_FUSED, "rank")}
    return {**rest, "size": size, "retriever": {"rrf": {"retrievers": legs, **options}}}


def _objects(path: str, parts: Any) -> list[dict[str, Any]]:
    for part in parts if isinstance(parts, list) else [parts]:
        if not isinstance(part, dict):
            raise RequestError(path, part, "must be an object, or a list of them")
    return list(parts)


def _retriever(knn: Mapping[str, Any], size: object) -> dict[str, Any]:
    """Write a `knn` section as a retriever: its boost, which changes no rank, is dropped; a missing `k` is added."""
    rest = {name: value for name, value in knn.items() if name != "boost"}
    if "k" not in rest:
        counts = [read_whole(each) for each in (size, knn.get("num_candidates", size))]
        known = [each for each in counts if is_count(each) and each > 0]
        rest["k"] = min(known) if len(known) == len(counts) else size
    return rest

"""The older form of hybrid search, `rank: {rrf}` over `query`, `sub_searches` and `knn`, as a retriever tree. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.documents.nearest import suggestion
from connector.errors import RequestError
from connector.request.readings import listed, whole

_OPTIONS = frozenset({"rank_constant", "rank_window_size"})
_RENAMED = {"window_size": "rank_window_size"}
_FUSED = ("query", "sub_searches", "knn")
_DEFAULT_SIZE = 10


def is_ranked(body: object) -> bool:
    """True if a search body fuses by `rank: {rrf}`, which the free licence does not run."""
    rank = body.get("rank") if isinstance(body, Mapping) else None
    return isinstance(rank, Mapping) and "rrf" in rank and "retriever" not in body  # type: ignore[operator]


def with_retriever(body: Mapping[str, Any]) -> dict[str, Any]:
    """Write a body that `is_ranked` with the retriever that does the same.

    Raises:
        RequestError: less than two searches are to be fused, or something is not as Elasticsearch has it.
    """
    rank: Mapping[str, Any] = body["rank"]
    if not isinstance(rank["rrf"], Mapping):
        raise RequestError("rank.rrf", rank["rrf"], "must be an object, as {'rank_window_size': 50}")
    given: Mapping[str, Any] = rank["rrf"]
    options = {_RENAMED.get(name, name): value for name, value in given.items()}
    for name in options.keys() - _OPTIONS:
        raise RequestError(f"rank.rrf.{name}", options[name], suggestion(name, _OPTIONS))
    for name in rank.keys() - {"rrf"}:
        raise RequestError(f"rank.{name}", rank[name], "must be rrf alone; leave it out")
    if "query" in body and "sub_searches" in body:
        raise RequestError("sub_searches", body["sub_searches"], "already holds the queries; put query into it")
    size = body.get("size", _DEFAULT_SIZE)
    queries = [{"query": body["query"]}] if "query" in body else listed(body.get("sub_searches", []))
    legs = [{"standard": query} for query in _objects("sub_searches", queries)]
    legs += [{"knn": _retriever(knn, size)} for knn in _objects("knn", listed(body.get("knn", [])))]
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
    """Write a `knn` section as a retriever: its boost changes no rank, its `k` may be left out."""
    rest = {name: value for name, value in knn.items() if name != "boost"}
    if "k" not in rest:
        counts = [whole(each) for each in (size, knn.get("num_candidates", size))]
        rest["k"] = min(each for each in counts if isinstance(each, int)) if all(map(_is_count, counts)) else size
    return rest


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value > 0

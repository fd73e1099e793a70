"""`_search` and `_count`: the request parsed, run on each index, and its hits merged into Elasticsearch's response."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from connector.embedded.failures import (
    EngineError,
    ShardError,
    failed_search,
    illegal,
    parsing,
    unsupported,
    validation,
    x_content,
)
from connector.embedded.hit_fields import fields_of, parse_fields
from connector.embedded.index import Index
from connector.embedded.knn import Knn, best_first
from connector.embedded.postings import Floats, Mask
from connector.embedded.queries import MatchAll, Query, nothing
from connector.embedded.query_parser import parse_knn, parse_query
from connector.embedded.source_filter import SourceFilter, parse_source_filter

ReadSource = Callable[[Index, int, SourceFilter], dict[str, Any]]
_DEFAULT_TRACKED = 10_000
_ALL = 2**31 - 1
_FLAGS = ("version", "seq_no_primary_term")
_OFF_ONLY = ("explain", "profile")


@dataclass(frozen=True)
class SearchRequest:
    """A search body, parsed. `tracked`: up to how many hits are counted; 0 leaves the total out."""

    query: Query | None = None
    knn: list[Knn] = field(default_factory=list)
    post_filter: Query | None = None
    start: int = 0
    size: int = 10
    min_score: float | None = None
    tracked: int = _DEFAULT_TRACKED
    source: SourceFilter = field(default_factory=SourceFilter)
    fields: tuple[str, ...] = ()
    with_id: bool = True
    version: bool = False
    seq_no_primary_term: bool = False
    allow_partial: bool = True


def parse_search(body: dict[str, Any]) -> SearchRequest:
    """Parse a search body.

    Raises: EngineError: 400; keys that aren't known are named.
    """
    if "retriever" in body:
        body = _without_retriever(body)
    known = {
        "query",
        "knn",
        "post_filter",
        "from",
        "size",
        "min_score",
        "track_total_hits",
        "_source",
        "fields",
        "stored_fields",
        "timeout",
    }
    for key, value in body.items():
        if key in _OFF_ONLY and value is False:
            continue
        if key not in known and key not in _FLAGS:
            raise parsing(
                f"Unknown key in [{key}]: the embedded engine knows {sorted(known | set(_FLAGS) | {'retriever'})}."
            )
        if key in ("query", "post_filter") and not isinstance(value, dict):
            raise parsing(f"Unknown key for a {type(value).__name__} in [{key}].")
    size, start = _integer(body, "size", 10), _integer(body, "from", 0)
    if size < 0:
        raise illegal(f"[size] parameter cannot be negative, found [{size}]")
    if start < 0:
        raise illegal(f"[from] parameter cannot be negative but was [{start}]")
    sections = body.get("knn", [])
    source = parse_source_filter(body.get("_source", True))
    stored = body.get("stored_fields")
    if stored not in (None, "_none_", ["_none_"]):
        raise unsupported(f"[stored_fields] other than _none_: {stored}")
    if stored is not None:
        source = SourceFilter(enabled=False)
    return SearchRequest(
        query=parse_query(body["query"], size=size) if "query" in body else None,
        knn=[parse_knn(section, size=size) for section in (sections if isinstance(sections, list) else [sections])],
        post_filter=parse_query(body["post_filter"], size=size) if "post_filter" in body else None,
        start=start,
        size=size,
        min_score=_number(body, "min_score"),
        tracked=_tracked(body.get("track_total_hits", _DEFAULT_TRACKED)),
        source=source,
        fields=parse_fields(body["fields"]) if body.get("fields") else (),
        with_id=stored is None,
        version=_flag(body, "version"),
        seq_no_primary_term=_flag(body, "seq_no_primary_term"),
    )


def search(request: SearchRequest, indices: list[Index], read_source: ReadSource) -> dict[str, Any]:
    """Run a search over indices; equal scores come in the order of index names, then of insertion.

    Raises: EngineError: 400 search_phase_execution_exception: every index fails, or one where none may.
    """
    began = time.perf_counter()
    results, failures = _evaluate(request, indices)
    if failures and (not results or not request.allow_partial):
        raise failed_search(failures)
    owners = np.concatenate(
        [np.full(int(mask.sum()), place) for place, (_, mask, _) in enumerate(results)] or [np.zeros(0, int)]
    )
    slots = np.concatenate([np.flatnonzero(mask) for _, mask, _ in results] or [np.zeros(0, dtype=np.int64)])
    scores = np.concatenate([scores[mask] for _, mask, scores in results] or [np.zeros(0, dtype=np.float32)])
    page = best_first(scores, min(request.start + request.size, len(scores)))
    hits: dict[str, Any] = {}
    if request.tracked:
        is_exact = len(scores) <= request.tracked
        hits["total"] = {"value": min(len(scores), request.tracked), "relation": "eq" if is_exact else "gte"}
    hits["max_score"] = _shortest(scores[page[0]]) if len(page) and request.size else None if indices else 0.0
    chosen = page[request.start :]
    hits["hits"] = [
        _hit(request, results[owners[place]][0], int(slots[place]), scores[place], read_source) for place in chosen
    ]
    shards: dict[str, Any] = {"total": len(indices), "successful": len(results), "skipped": 0, "failed": len(failures)}
    if failures:
        shards["failures"] = failures
    return {"took": int(1000 * (time.perf_counter() - began)), "timed_out": False, "_shards": shards, "hits": hits}


def count(query: Query, indices: list[Index]) -> dict[str, Any]:
    """Count the documents of a query.

    Raises: EngineError: 400 search_phase_execution_exception when every index fails.
    """
    results, failures = _evaluate(SearchRequest(query=query), indices)
    if failures and not results:
        raise failed_search(failures)
    shards = {"total": len(indices), "successful": len(results), "skipped": 0, "failed": len(failures)}
    return {"count": sum(int(mask.sum()) for _, mask, _ in results), "_shards": shards}


Evaluated = tuple[Index, Mask, Floats]


def _evaluate(request: SearchRequest, indices: list[Index]) -> tuple[list[Evaluated], list[dict[str, Any]]]:
    """Mask and scores of each index that can answer, and the failures of those that can't."""
    results: list[Evaluated] = []
    failures: list[dict[str, Any]] = []
    neighbours: list[list[tuple[np.ndarray[Any, Any], Floats]]] = []
    for index in indices:
        try:
            _check_window(request, index)
            neighbours.append([section.neighbours(index) for section in request.knn])
            query = request.query or (None if request.knn else MatchAll())
            mask, scores = nothing(index) if query is None else query.evaluate(index, 1.0)
            if request.post_filter is not None:
                request.post_filter.evaluate(index, 1.0)
            results.append((index, mask & index.live(), scores))
        except ShardError as failure:
            del neighbours[len(results) :]
            failures.append(failure.shard(index.name, index.uuid))
    for number, section in enumerate(request.knn):
        _add_neighbours(section.k, [found[number] for found in neighbours], results)
    return [(index, _kept(request, index, mask, scores), scores) for index, mask, scores in results], failures


def _add_neighbours(k: int, found: list[tuple[np.ndarray[Any, Any], Floats]], results: list[Evaluated]) -> None:
    """Add the k best over all indices to their masks and scores."""
    if not found:
        return
    owners = np.concatenate([np.full(len(slots), place) for place, (slots, _) in enumerate(found)])
    slots = np.concatenate([slots for slots, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    for place in best_first(scores, min(k, len(scores))):
        _, mask, total = results[owners[place]]
        mask[slots[place]] = True
        total[slots[place]] += scores[place]


def _kept(request: SearchRequest, index: Index, mask: Mask, scores: Floats) -> Mask:
    if request.post_filter is not None:
        mask = mask & request.post_filter.evaluate(index, 1.0)[0]
    if request.min_score is not None:
        mask = mask & (scores >= np.float32(request.min_score))
    return mask


def _check_window(request: SearchRequest, index: Index) -> None:
    window = int(index.settings.get("max_result_window", 10_000))
    if request.start + request.size > window:
        raise ShardError(
            f"Result window is too large, from + size must be less than or equal to: [{window}] but was "
            f"[{request.start + request.size}].",
            is_query_fault=False,
        )


def _hit(request: SearchRequest, index: Index, slot: int, score: np.float32, read_source: ReadSource) -> dict[str, Any]:
    hit: dict[str, Any] = {"_index": index.name}
    if request.with_id:
        hit["_id"] = index.ids[slot]
    if request.version:
        hit["_version"] = index.versions[slot]
    if request.seq_no_primary_term:
        hit |= {"_seq_no": index.seq_nos[slot], "_primary_term": 1}
    hit["_score"] = _shortest(score)
    if slot in index.ignored and request.with_id:
        hit["_ignored"] = index.ignored[slot]
    if request.source.enabled:
        hit["_source"] = read_source(index, slot, request.source)
    if request.fields:
        whole = read_source(index, slot, SourceFilter(exclude_vectors=False))
        fields = fields_of(index.mapping, whole, index.ids[slot], request.fields)
        if fields:
            hit["fields"] = fields
    return hit


def _shortest(score: np.float32) -> float:
    """The shortest decimal that is this float32, as Java prints it."""
    return float(str(score))


def _without_retriever(body: dict[str, Any]) -> dict[str, Any]:
    """A body whose `standard` or `knn` retriever has become `query` or `knn`."""
    for key in ("query", "knn"):
        if key in body:
            raise validation(f"cannot specify [retriever] and [{key}]")
    retriever = body["retriever"]
    if not isinstance(retriever, dict) or len(retriever) != 1:
        raise parsing("[retriever] malformed, must be an object with one retriever")
    ((name, options),) = retriever.items()
    if name not in ("standard", "knn"):
        raise parsing(f"unknown retriever [{name}]")
    if not isinstance(options, dict):
        raise parsing(f"[{name}] retriever malformed, must start with start_object")
    rest = {key: value for key, value in body.items() if key != "retriever"}
    if name == "knn":
        if "k" not in options:
            raise illegal("Required [k]")
        if "boost" in options:
            raise x_content("[knn] unknown field [boost]")
        section = {key: value for key, value in options.items() if key != "min_score"}
        return {**rest, **_least(options), "knn": section}
    for key in options:
        if key not in ("query", "filter", "min_score"):
            raise parsing(
                f"[standard] retriever does not support [{key}]; the embedded engine knows [query, filter, min_score]"
            )
    query = options.get("query", {"match_all": {}})
    if "filter" in options:
        query = {"bool": {"must": [query], "filter": options["filter"]}}
    return {**rest, **_least(options), "query": query}


def _least(options: dict[str, Any]) -> dict[str, Any]:
    return {"min_score": options["min_score"]} if "min_score" in options else {}


def _integer(body: dict[str, Any], key: str, default: int) -> int:
    value = body.get(key, default)
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise EngineError(400, "number_format_exception", f'For input string: "{value}"') from error


def _number(body: dict[str, Any], key: str) -> float | None:
    value = body.get(key)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError) as error:
        raise EngineError(400, "number_format_exception", f'For input string: "{value}"') from error


def _flag(body: dict[str, Any], key: str) -> bool:
    value = str(body.get(key, False)).lower()
    if value not in ("true", "false"):
        raise illegal(f"Failed to parse value [{body[key]}] as only [true] or [false] are allowed.")
    return value == "true"


def _tracked(value: Any) -> int:
    text = str(value).lower()
    if text in ("true", "-1"):
        return _ALL
    if text == "false":
        return 0
    if not text.isdigit():
        raise illegal(f"[track_total_hits] parameter must be positive or equals to -1, got {value}")
    return int(text)


def without_partial(request: SearchRequest) -> SearchRequest:
    """The same request, failing when any index fails."""
    return replace(request, allow_partial=False)

"""`_search` and `_count`: run a request on each index, and merge the hits into Elasticsearch's response."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from connector.embedded.analysis.postings import Floats, Mask
from connector.embedded.failures import ShardError, failed_search, illegal
from connector.embedded.queries.aggregations import aggregate
from connector.embedded.queries.collapse import check_collapse, groups_of
from connector.embedded.queries.hit_fields import check_doc_values, doc_values_of, fields_of
from connector.embedded.queries.knn import best_first
from connector.embedded.queries.queries import MatchAll, Query, nothing
from connector.embedded.queries.search_request import SearchRequest
from connector.embedded.storage.index import Index
from connector.embedded.storage.sources import Sources

MAX_RESCORE_WINDOW = 10_000


def search(request: SearchRequest, indices: list[Index], sources: Sources) -> dict[str, Any]:
    """Run a search over indices; equal scores are ordered by index name, then by insertion.

    Raises:
        EngineError: 400 search_phase_execution_exception: every index fails, or one fails and partial results are
            not allowed.
    """
    began = time.perf_counter()
    matched, failures = _evaluate(request, indices)
    results: list[Evaluated] = []
    groups: list[dict[int, Any]] = []
    for index, mask, scores in matched:
        try:
            result = _post_process(request, index, mask, scores)
            groups.append(_checked_hits(request, index, result[1]))
            results.append(result)
        except ShardError as failure:
            failures.append(failure.shard(index.name, index.uuid))
    if failures and (not results or not request.allow_partial):
        raise failed_search(failures)
    owners = np.concatenate(
        [np.full(int(mask.sum()), place) for place, (_, mask, _) in enumerate(results)] or [np.zeros(0, int)]
    )
    slots = np.concatenate([np.flatnonzero(mask) for _, mask, _ in results] or [np.zeros(0, dtype=np.int64)])
    scores = np.concatenate([scores[mask] for _, mask, scores in results] or [np.zeros(0, dtype=np.float32)])
    page = best_first(scores, len(scores) if request.collapse else min(request.start + request.size, len(scores)))
    if request.collapse:
        firsts: dict[Any, int] = {}
        for place in page.tolist():
            firsts.setdefault(groups[owners[place]].get(int(slots[place])), place)
        page = np.array(list(firsts.values()), dtype=np.int64)[: request.start + request.size]
    hits: dict[str, Any] = {}
    if request.tracked:
        is_exact = len(scores) <= request.tracked
        hits["total"] = {"value": min(len(scores), request.tracked), "relation": "eq" if is_exact else "gte"}
    hits["max_score"] = _shortest(scores[page[0]]) if len(page) and request.size else None if indices else 0.0
    chosen = page[request.start :]
    hits["hits"] = [
        _hit(request, results[owners[place]][0], int(slots[place]), scores[place], sources) for place in chosen
    ]
    shards: dict[str, Any] = {"total": len(indices), "successful": len(results), "skipped": 0, "failed": len(failures)}
    if failures:
        shards["failures"] = failures
    body = {"took": 0, "timed_out": False, "_shards": shards, "hits": hits}
    if request.aggregations:
        over = [(index, mask) for index, mask, _ in matched]
        body["aggregations"] = aggregate(request.aggregations, over, typed_keys=request.typed_keys)
    return body | {"took": int(1000 * (time.perf_counter() - began))}


def count(query: Query, indices: list[Index]) -> dict[str, Any]:
    """Count the documents that a query matches.

    Raises:
        EngineError: 400 search_phase_execution_exception when every index fails.
    """
    results, failures = _evaluate(SearchRequest(query=query), indices)
    if failures and not results:
        raise failed_search(failures)
    shards = {"total": len(indices), "successful": len(results), "skipped": 0, "failed": len(failures)}
    return {"count": sum(int(mask.sum()) for _, mask, _ in results), "_shards": shards}


Evaluated = tuple[Index, Mask, Floats]


def _evaluate(request: SearchRequest, indices: list[Index]) -> tuple[list[Evaluated], list[dict[str, Any]]]:
    """Return the matches and scores in each index that can answer, and the failures of those that can't."""
    results: list[Evaluated] = []
    failures: list[dict[str, Any]] = []
    neighbours: list[list[tuple[np.ndarray[Any, Any], Floats]]] = []
    for index in indices:
        try:
            _check_window(request, index)
            if request.collapse is not None:
                check_collapse(index, request.collapse)
            _check_rescore(request)
            neighbours.append([section.neighbours(index) for section in request.knn])
            query = request.query or (None if request.knn else MatchAll())
            mask, scores = nothing(index) if query is None else query.evaluate(index, 1.0)
            for later in (request.post_filter, *(step.query for step in request.rescore)):
                if later is not None:
                    later.evaluate(index, 1.0)
            results.append((index, mask & index.live(), scores))
        except ShardError as failure:
            del neighbours[len(results) :]
            failures.append(failure.shard(index.name, index.uuid))
    for number, section in enumerate(request.knn):
        _add_neighbours(section.k, [found[number] for found in neighbours], results)
    return [(index, _above(request, mask, scores), scores) for index, mask, scores in results], failures


def _add_neighbours(k: int, found: list[tuple[np.ndarray[Any, Any], Floats]], results: list[Evaluated]) -> None:
    """Add the k best of all indices to their masks and scores."""
    if not found:
        return
    owners = np.concatenate([np.full(len(slots), place) for place, (slots, _) in enumerate(found)])
    slots = np.concatenate([slots for slots, _ in found])
    scores = np.concatenate([scores for _, scores in found])
    for place in best_first(scores, min(k, len(scores))):
        _, mask, total = results[owners[place]]
        mask[slots[place]] = True
        total[slots[place]] += scores[place]


def _above(request: SearchRequest, mask: Mask, scores: Floats) -> Mask:
    return mask if request.min_score is None else mask & (scores >= np.float32(request.min_score))


def _post_process(request: SearchRequest, index: Index, mask: Mask, scores: Floats) -> Evaluated:
    """Apply `post_filter` and `rescore`, which come after aggregations."""
    if request.post_filter is not None:
        mask = mask & request.post_filter.evaluate(index, 1.0)[0]
    return index, mask, _rescore(request, index, mask, scores) if request.rescore else scores


def _checked_hits(request: SearchRequest, index: Index, mask: Mask) -> dict[int, Any]:
    """Return the values that hits are collapsed by, by slot, if a page is requested.

    Raises:
        ShardError: a hit has several values, or a requested field can't be read.
    """
    if not request.size or not mask.any():
        return {}
    check_doc_values(index, request.doc_values)
    return groups_of(index, request.collapse, mask) if request.collapse is not None else {}


def _rescore(request: SearchRequest, index: Index, mask: Mask, scores: Floats) -> Floats:
    """Return new scores of the collected hits; the others can't be on the page."""
    found = np.flatnonzero(mask)
    collected = max(request.start + request.size, *(step.window for step in request.rescore))
    seen = np.zeros_like(mask)
    seen[found[best_first(scores[found], collected)]] = True
    for step in request.rescore:
        scores = step.apply(index, seen, scores)
    return np.where(seen, scores, np.float32(-np.inf))


def _check_window(request: SearchRequest, index: Index) -> None:
    window = int(index.settings.get("max_result_window", 10_000))
    if request.start + request.size > window:
        raise ShardError(
            f"Result window is too large, from + size must be less than or equal to: [{window}] but was "
            f"[{request.start + request.size}].",
            is_query_fault=False,
        )


def _check_rescore(request: SearchRequest) -> None:
    largest = max((step.window for step in request.rescore), default=0)
    if largest > MAX_RESCORE_WINDOW:
        raise ShardError(
            f"Rescore window [{largest}] is too large. It must be less than [{MAX_RESCORE_WINDOW}].",
            is_query_fault=False,
        )


def _hit(request: SearchRequest, index: Index, slot: int, score: np.float32, sources: Sources) -> dict[str, Any]:
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
        hit["_source"] = sources.read(index, slot, request.source)
    doc_values = (*request.doc_values, *([] if request.collapse is None else [request.collapse]))
    fields = doc_values_of(index, slot, sources, doc_values) if doc_values else {}
    fields |= fields_of(index, slot, sources, request.fields) if request.fields else {}
    if fields:
        hit["fields"] = fields
    if inner_hits := _inner_hits(request, index, slot, sources):
        hit["inner_hits"] = inner_hits
    return hit


def _inner_hits(request: SearchRequest, index: Index, slot: int, sources: Sources) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    for section in request.knn:
        path = index.mapping.nested_above(section.path)
        if section.inner_hits is None or not path:
            continue
        name = section.inner_hits.name or path
        if name in drawn:
            raise illegal(f"[inner_hits] already contains an entry for key [{name}]")
        drawn[name] = section.inner_hits.draw(index, slot, path, section.objects(index, slot), sources)
    return drawn


def _shortest(score: np.float32) -> float:
    """Return the shortest decimal of a float32, as Java prints it; JSON has no infinity."""
    return float(str(np.nan_to_num(score)))

"""The client's own time: a search on canned responses (no cluster, network or model), and fusing two long rankings.

python -m benchmarks.overhead            prints a table
python -m benchmarks.overhead --write    also writes it to benchmarks/RESULTS.md
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np
from elastic_transport import ApiResponseMeta, BaseNode, HttpHeaders
from elastic_transport._node import NodeApiResponse
from elasticsearch import Elasticsearch

from benchmarks.results import machine, write_section
from connector import HybridElasticsearch
from connector.search.fusion import rrf
from connector.search.ranking import Ranking

WINDOW, SIZE, LONG = 100, 10, 1000


def _hits(ids: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "_index": "articles",
            "_id": f"article-{number}",
            "_score": 30.0 - rank / 10,
            "_source": {"title": f"Article {number}", "body": "a passage of a few words " * 8, "year": 2020},
        }
        for rank, number in enumerate(ids)
    ]


def _leg(ids: list[int]) -> dict[str, Any]:
    total = {"value": len(ids), "relation": "eq"}
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    hits = {"total": total, "max_score": 30.0, "hits": _hits(ids)}
    return {"took": 1, "timed_out": False, "_shards": shards, "hits": hits, "status": 200}


def _canned() -> bytes:
    drawn = random.Random(20)
    legs = [_leg(drawn.sample(range(150), WINDOW)) for _ in range(2)]
    return json.dumps({"took": 2, "responses": legs}).encode()


class CannedNode(BaseNode):
    """Answers every search at once with the same bytes, and has no mappings."""

    _CLIENT_META_HTTP_CLIENT = ("cn", "1")
    answer = _canned()

    def perform_request(self, method: str, *_: Any, **__: Any) -> Any:
        """Return the canned answer."""
        headers = HttpHeaders({"x-elastic-product": "Elasticsearch", "content-type": "application/json"})
        meta = ApiResponseMeta(status=200, http_version="1.1", headers=headers, duration=0.0, node=self.config)
        return NodeApiResponse(meta, self.answer if method == "POST" else b"{}")

    def close(self) -> None:
        """Do nothing: there is no connection."""


def _timed(run: Callable[[], object], times_ms: list[float]) -> None:
    start = perf_counter()
    run()
    times_ms.append(1000 * (perf_counter() - start))


def _percentiles(times_ms: list[float]) -> str:
    cuts = statistics.quantiles(times_ms, n=20)
    return f"{statistics.median(times_ms):.2f} | {cuts[18]:.2f}"


def _search_times(rounds: int) -> tuple[list[float], list[float]]:
    """Time our search and, alternately, elasticsearch-py's own `msearch` of the same legs on the same bytes."""
    drawn = np.random.default_rng(20).normal(size=384).astype(np.float32)
    vector = (drawn / np.linalg.norm(drawn)).tolist()  # like an encoder's, each number has all its digits
    legs = [
        {"standard": {"query": {"match": {"body": "a few words"}}}},
        {"knn": {"field": "vector", "query_vector": vector, "k": WINDOW, "num_candidates": 150}},
    ]
    tree = {"rrf": {"retrievers": legs, "rank_window_size": WINDOW}}
    knn = {"field": "vector", "query_vector": vector, "k": WINDOW, "num_candidates": 150}
    searches: list[dict[str, Any]] = [
        {"index": "articles"},
        {"query": {"match": {"body": "a few words"}}, "size": WINDOW},
        {"index": "articles"},
        {"knn": knn, "size": WINDOW},
    ]
    ours: list[float] = []
    plain: list[float] = []
    with (
        HybridElasticsearch("http://canned:9200", node_class=CannedNode) as hybrid,
        Elasticsearch("http://canned:9200", node_class=CannedNode) as es,
    ):
        for _ in range(rounds):
            _timed(lambda: hybrid.search(index="articles", retriever=tree, size=SIZE), ours)
            _timed(lambda: es.msearch(searches=searches), plain)
    return ours, plain


def _fusion_times(rounds: int) -> list[float]:
    drawn = random.Random(20)
    rankings = [
        Ranking(
            [("articles", f"article-{number}") for number in drawn.sample(range(LONG * 3 // 2), LONG)],
            np.linspace(30, 1, LONG, dtype=np.float32),
        )
        for _ in range(2)
    ]
    times: list[float] = []
    for _ in range(rounds):
        _timed(lambda: rrf(rankings), times)
    return times


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/RESULTS.md")
    options = parser.parse_args()
    _search_times(50)
    ours, plain = _search_times(options.rounds)
    fusion = _fusion_times(options.rounds)
    difference = [a - b for a, b in zip(ours, plain, strict=True)]
    table = f"""`python -m benchmarks.overhead --write` on {machine()}; {options.rounds} interleaved
rounds, canned responses ({len(CannedNode.answer) // 1024} KiB), no network, no model.

| what | p50 ms | p95 ms |
| --- | --- | --- |
| search: 2 legs, window {WINDOW}, size {SIZE}, JSON parsing included | {_percentiles(ours)} |
| of it: elasticsearch-py's own `msearch` of the same legs, JSON parsing included | {_percentiles(plain)} |
| of it: ours (pair by pair) | {_percentiles(difference)} |
| RRF of 2 x {LONG:,} hits | {_percentiles(fusion)} |
"""
    print(table)
    if options.write:
        write_section("Client overhead", table)


if __name__ == "__main__":
    main()

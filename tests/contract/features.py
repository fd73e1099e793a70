"""What runs on which engine: one request per feature. `python -m tests.contract.features` prints the README's table.

With --write it is written into README.md; `test_features.py` holds every engine to it.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from tests.contract.corpora import ARTICLES
from tests.contract.test_hybrid import hybrid

README = Path(__file__).parents[2] / "README.md"
ENGINES = ("embedded", "Elasticsearch 8.19", "Elasticsearch 9.5", "OpenSearch 2.19")
_TABLE = re.compile(r"(?<=<!-- features -->\n).*?(?=<!-- /features -->)", re.DOTALL)

Body = dict[str, Any]

WORDS: Body = {"standard": {"query": {"match": {"body": "quick fox dog lazy"}}}}
KNN: Body = {"field": "vector", "query_vector": [0.7, 0.2, 0.1, 0.3], "k": 4, "num_candidates": 50}
NEAR: Body = {"knn": KNN}
STORY: Body = {"term": {"kind": "story"}}
STEP: Body = {"window_size": 10, "query": {"rescore_query": STORY}}


def rrf(*legs: Body, **options: Any) -> Body:
    return {"rrf": {"retrievers": list(legs or (WORDS, NEAR)), **options}}


def linear(*legs: Body, **options: Any) -> Body:
    return {"linear": {"retrievers": [{"retriever": leg} for leg in legs or (WORDS, NEAR)], **options}}


def reranked(retriever: Body, **options: Any) -> Body:
    body = {"retriever": retriever, "field": "body", "inference_text": "lazy dog", **options}
    return {"text_similarity_reranker": body}


def beside(**options: Any) -> Body:
    return {"retriever": rrf(), **options}


FEATURES: dict[str, Body] = {
    "`rrf`, weights, filters at every level": {
        "retriever": rrf({"retriever": WORDS, "weight": 2.0}, {"knn": {**KNN, "filter": STORY}}, filter=STORY)
    },
    "`rrf` and `linear` by `query` and `fields`": {"retriever": {"rrf": {"query": "fox", "fields": ["title^2"]}}},
    "`linear`: `none`, `minmax`, `l2_norm`, `zscore`, `dbsf`": {"retriever": linear(normalizer="zscore")},
    "fusions nested in one another": {"retriever": rrf(linear(), rrf(), WORDS)},
    "`text_similarity_reranker`, also nested, with `blend`": {
        "retriever": reranked(reranked(rrf(rank_window_size=20), rank_window_size=20), blend=0.5)
    },
    "`chunk_rescorer`": {"retriever": reranked(rrf(), field=["title", "body"], chunk_rescorer={"size": 2})},
    "`rescorer` over a leg": {"retriever": rrf({"rescorer": {"retriever": WORDS, "rescore": STEP}}, NEAR)},
    "`rescorer` over a fusion": {"retriever": {"rescorer": {"retriever": rrf(), "rescore": STEP}}},
    "`pinned`": {"retriever": {"pinned": {"ids": ["3"], "retriever": rrf()}}},
    "`diversify`": {"retriever": {"diversify": {"type": "mmr", "field": "vector", "lambda": 0.5, "retriever": rrf()}}},
    "leg: `min_score`": {"retriever": rrf({"standard": {**WORDS["standard"], "min_score": 0.1}})},
    "leg: `sort`": {"retriever": rrf({"standard": {**WORDS["standard"], "sort": ["year"]}})},
    "leg: `collapse`": {"retriever": rrf({"standard": {**WORDS["standard"], "collapse": {"field": "kind"}}})},
    "leg: `terminate_after`": {"retriever": rrf({"standard": {**WORDS["standard"], "terminate_after": 5}})},
    "leg: `similarity`": {"retriever": rrf({"knn": {**KNN, "similarity": 0.1}})},
    "`size`, `from`, `min_score`": beside(size=2, from_=1, min_score=0.001),
    "`_source`, `fields`": beside(source=["title"], fields=["title"]),
    "`version`, `seq_no_primary_term`": beside(version=True, seq_no_primary_term=True),
    "`post_filter`": beside(post_filter=STORY),
    "`track_total_hits`": beside(track_total_hits=True),
    "`collapse`": beside(collapse={"field": "kind"}),
    "`collapse` with `inner_hits`": beside(collapse={"field": "kind", "inner_hits": {"name": "more"}}),
    "aggregations": beside(aggs={"kinds": {"terms": {"field": "kind"}}}),
    "`highlight`": beside(highlight={"fields": {"body": {}}}),
    "`suggest`": beside(suggest={"typo": {"text": "quikc", "term": {"field": "body"}}}),
    "`explain`": beside(explain=True),
    "`profile`": beside(profile=True),
    "`docvalue_fields`": beside(docvalue_fields=["year"]),
    "`runtime_mappings`": beside(runtime_mappings={"year": {"type": "keyword"}}),
    "`indices_boost`": beside(indices_boost=[{"*": 2.0}]),
    "`preference`, `search_type`, `ignore_unavailable`": beside(
        preference="me", search_type="dfs_query_then_fetch", ignore_unavailable=True
    ),
    "`routing`": beside(routing="a"),
    "`include_named_queries_score`": beside(include_named_queries_score=True),
    "`rank: {rrf}` over `query` and `knn`": {"query": STORY, "knn": KNN, "rank": {"rrf": {}}},
    "`filter_path`, `typed_keys`, `rest_total_hits_as_int`": beside(
        filter_path="hits", typed_keys=True, rest_total_hits_as_int=True
    ),
}


def runs(client: Any, index: str, request: Body) -> bool:
    """True if an engine answers a request; it refuses what it does not know with 400."""
    ours = hybrid(client, reranker=lambda _, passages: [float(len(each)) for each in passages])
    try:
        ours.search(index=index, **request)
    except ApiError as error:
        if error.meta.status != 400:
            raise
        return False
    return True


def said(engine: str) -> dict[str, bool]:
    """What the README says of an engine, by feature."""
    rows = [line.strip("| ").split(" | ") for line in written().splitlines()[2:] if line]
    return {name: marks[ENGINES.index(engine)] == "yes" for name, *marks in rows}


def written() -> str:
    """The README's table. Raises: ValueError: there is no place for it."""
    found = _TABLE.search(README.read_text("utf-8"))
    if found is None:
        raise ValueError(f"{README} has no <!-- features --> ... <!-- /features -->")
    return found[0]


def drawn(found: Mapping[str, Mapping[str, bool]]) -> str:
    """The table, from what runs by engine."""
    lines = [f"| feature | {' | '.join(ENGINES)} |", f"| --- |{' --- |' * len(ENGINES)}"]
    for feature in FEATURES:
        marks = ["yes" if found[engine][feature] else "-" for engine in ENGINES]
        lines.append(f"| {feature} | {' | '.join(marks)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    from opensearchpy import OpenSearch

    from tests.conftest import embedded_engine
    from tests.contract.conftest import LoadedEngine, LoadedOpenSearch
    from tests.contract.opensearch import LikeElasticsearch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write it into README.md")
    parser.add_argument("urls", nargs=3, help="of an Elasticsearch 8.19, a 9.5 and an OpenSearch 2.19 node")
    given = parser.parse_args()
    clients = [embedded_engine().client(Elasticsearch), *map(Elasticsearch, given.urls[:2])]
    engines = [*map(LoadedEngine, clients), LoadedOpenSearch(LikeElasticsearch(OpenSearch(given.urls[2])))]
    found = {}
    for name, engine in zip(ENGINES, engines, strict=True):
        index = engine.index_of(ARTICLES)
        found[name] = {feature: runs(engine.client, index, request) for feature, request in FEATURES.items()}
        engine.close()
    table = drawn(found)
    if given.write:
        README.write_text(_TABLE.sub(lambda _: table, README.read_text("utf-8")), encoding="utf-8")
    sys.stdout.write(table)


if __name__ == "__main__":
    main()

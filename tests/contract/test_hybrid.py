"""The connector's client gives the same hits, order and scores over the embedded engine as over a real node."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from elasticsearch import ApiError

from connector.clients.elasticsearch import HybridElasticsearch
from connector.clients.opensearch.client import HybridOpenSearch
from tests.contract.conftest import LoadedEngine, Pair
from tests.contract.corpora import ARTICLES, GENERATED, VOCABULARY
from tests.contract.harness import Answer, Corpus, comparable, differences, error_type
from tests.contract.opensearch import LikeElasticsearch
from tests.contract.random_trees import random_knn, random_query

Body = dict[str, Any]


def shared_words(query: str, passages: list[str]) -> list[float]:
    """A reranker whose scores can be checked by hand: how many of the query's words the passage has."""
    return [float(len(set(query.lower().split()) & set(passage.lower().split()))) for passage in passages]


def directions(texts: list[str]) -> list[list[float]]:
    """An encoder of four dims whose vectors can be checked by hand."""
    return [[1.0, 0.5, 0.25, float(len(text) % 3)] for text in texts]


def hybrid(client: Any, **models: Any) -> Any:
    """Return the connector's client over this one's connections."""
    models = models or {"encoder": directions, "reranker": shared_words}
    if isinstance(client, LikeElasticsearch):
        return LikeElasticsearch(HybridOpenSearch.wrap(client.own, **models))
    return HybridElasticsearch.wrap(client, **models)


def answer(engine: LoadedEngine, corpus: Corpus, body: Body) -> Answer:
    index = engine.index_of(corpus)
    try:
        response = hybrid(engine.client).search(index=index, **body)
    except ApiError as error:
        return Answer(error.meta.status, error_type(error.body["error"]))
    return comparable(response.meta.status, response.body, index)


FOX = {"standard": {"query": {"multi_match": {"query": "quick fox dog", "fields": ["title^2", "body"]}}}}
DOG = {"standard": {"query": {"match": {"body": "dog"}}}}
NEAR = {"knn": {"field": "vector", "query_vector": [0.7, 0.2, 0.1, 0.3], "k": 8, "num_candidates": 50}}
STORY = {"term": {"kind": "story"}}


def rrf(*legs: Body, **options: Any) -> Body:
    return {"rrf": {"retrievers": list(legs), **options}}


def linear(*legs: tuple[Body, float, str | None], **options: Any) -> Body:
    drawn = [
        {"retriever": retriever, "weight": weight} | ({"normalizer": how} if how else {})
        for retriever, weight, how in legs
    ]
    return {"linear": {"retrievers": drawn, **options}}


def reranked(retriever: Body, **options: Any) -> Body:
    body = {"retriever": retriever, "field": ["title", "body"], "inference_text": "lazy quick dog", **options}
    return {"text_similarity_reranker": body}


def rescored(retriever: Body, **options: Any) -> Body:
    step = {"window_size": 10, "query": {"rescore_query": {"match": {"body": "lazy"}}, "query_weight": 2.0}}
    return {"rescorer": {"retriever": retriever, "rescore": step, **options}}


def diversified(retriever: Body, **options: Any) -> Body:
    return {"diversify": {"type": "mmr", "field": "vector", "lambda": 0.5, "retriever": retriever, **options}}


TREES: dict[str, Body] = {
    "standard alone": {"retriever": DOG},
    "standard alone, filtered": {"retriever": {"standard": {**DOG["standard"], "filter": STORY}}},
    "knn alone": {"retriever": NEAR},
    "knn alone, filtered": {"retriever": {"knn": {**NEAR["knn"], "filter": STORY}}},
    "rrf": {"retriever": rrf(FOX, NEAR)},
    "rrf of three": {"retriever": rrf(FOX, NEAR, DOG)},
    "rrf of one": {"retriever": rrf(DOG)},
    "rrf, rank_constant": {"retriever": rrf(FOX, NEAR, rank_constant=1)},
    "rrf, small window": {"retriever": rrf(FOX, NEAR, rank_window_size=3)},
    "rrf, weights": {"retriever": rrf({"retriever": FOX, "weight": 2.0}, {"retriever": NEAR, "weight": 0.25})},
    "rrf, filter": {"retriever": rrf(FOX, NEAR, filter=STORY)},
    "rrf, several filters": {"retriever": rrf(FOX, NEAR, filter=[STORY, {"range": {"year": {"gte": 2000}}}])},
    "rrf, filter inside and outside": {
        "retriever": rrf(
            {"standard": {**DOG["standard"], "filter": STORY}}, NEAR, filter={"exists": {"field": "title"}}
        )
    },
    "rrf, a leg that finds nothing": {"retriever": rrf({"standard": {"query": {"match_none": {}}}}, NEAR)},
    "rrf, no leg finds anything": {"retriever": rrf({"standard": {"query": {"match_none": {}}}})},
    "rrf, multi-field": {"retriever": {"rrf": {"query": "quick fox dog", "fields": ["title^2", "body"]}}},
    "linear": {"retriever": linear((FOX, 1.0, None), (NEAR, 1.0, None))},
    "linear, weights and normalizers": {"retriever": linear((FOX, 0.3, "minmax"), (NEAR, 2.0, "l2_norm"))},
    "linear, zscore and dbsf": {"retriever": linear((FOX, 1.0, "zscore"), (NEAR, 1.0, "dbsf"), (DOG, 1.0, "zscore"))},
    "linear, filter": {"retriever": linear((FOX, 1.0, "minmax"), (NEAR, 1.0, "minmax"), filter=STORY)},
    "linear, one hit alone": {
        "retriever": linear((DOG, 1.0, "minmax"), filter={"ids": {"values": ["1"]}}, rank_window_size=5)
    },
    "linear, multi-field": {
        "retriever": {"linear": {"query": "quick fox", "fields": ["title^2", "body"], "normalizer": "minmax"}}
    },
    "linear in rrf in linear": {
        "retriever": linear(
            (rrf(linear((FOX, 1.0, "minmax"), (DOG, 1.0, "minmax")), NEAR), 5.0, None), (DOG, 0.1, None)
        )
    },
    "linear, min_score": {"retriever": linear((FOX, 1.0, "minmax"), (NEAR, 1.0, "minmax"), min_score=0.5)},
    "linear under a reranker": {"retriever": reranked(linear((FOX, 1.0, "minmax"), (NEAR, 1.0, "minmax")))},
    "a reranker that blends": {"retriever": reranked(rrf(FOX, NEAR), blend=0.5)},
    "rrf, post_filter": {"retriever": rrf(FOX, NEAR), "post_filter": STORY},
    "rrf, collapse": {"retriever": rrf(FOX, NEAR), "collapse": {"field": "kind"}},
    "rrf, min_score": {"retriever": rrf(FOX, NEAR), "min_score": 0.02},
    "rrf, counted": {"retriever": rrf(FOX, NEAR), "track_total_hits": True},
    "rrf, counted, with filters": {"retriever": rrf(FOX, NEAR, filter=STORY), "track_total_hits": True},
    "rrf, not counted": {"retriever": rrf(FOX, NEAR), "track_total_hits": False},
    "reranked, post_filter, collapse": {
        "retriever": reranked(rrf(FOX, NEAR)),
        "post_filter": {"range": {"year": {"gte": 1995}}},
        "collapse": {"field": "kind"},
    },
    "rescored rrf": {"retriever": rescored(rrf(FOX, NEAR))},
    "rescored leg": {"retriever": rrf(rescored(FOX), NEAR)},
    "rescored vectors, filtered": {"retriever": rrf(FOX, rescored(NEAR, filter=STORY))},
    "rescored under a reranker": {"retriever": reranked(rescored(rrf(FOX, NEAR)), rank_window_size=5)},
    "rescored, min_score": {"retriever": rescored(rrf(FOX, NEAR), min_score=0.5)},
    "pinned": {"retriever": {"pinned": {"ids": ["7", "none", "3"], "retriever": rrf(FOX, NEAR)}}},
    "pinned under a filter": {
        "retriever": {"pinned": {"ids": ["2", "1"], "retriever": DOG, "filter": STORY, "rank_window_size": 4}}
    },
    "diversified": {"retriever": diversified(rrf(FOX, NEAR), size=4)},
    "diversified by a query vector": {
        "retriever": diversified(FOX, size=3, query_vector=[0.7, 0.2, 0.1, 0.3], **{"lambda": 0.9})
    },
    "diversified by a text": {
        "retriever": diversified(FOX, size=3, query_vector_builder={"text_embedding": {"model_text": "a quick fox"}})
    },
    "rrf in rrf": {"retriever": rrf(rrf(FOX, NEAR), DOG)},
    "rrf, page": {"retriever": rrf(FOX, NEAR, rank_window_size=8), "from": 2, "size": 3},
    "rrf, past its window": {"retriever": rrf(FOX, NEAR, rank_window_size=4), "from": 3, "size": 4},
    "rrf, numpy's vectors and numbers as texts": {
        "retriever": rrf(
            FOX,
            {
                "knn": {
                    "field": "vector",
                    "query_vector": np.array([0.7, 0.2, 0.1, 0.3], np.float32),
                    "k": "8",
                    "num_candidates": np.int64(50),
                }
            },
            rank_window_size="20",
        ),
        "size": 10.0,
        "from": "1",
    },
    "rank over query and knn": {"query": FOX["standard"]["query"], "knn": NEAR["knn"], "rank": {"rrf": {}}},
    "rrf, source filtering": {"retriever": rrf(FOX, NEAR), "source": ["title", "author.*"]},
    "rrf, no source": {"retriever": rrf(FOX, NEAR), "source": False},
    "rrf, text embedded by us": {
        "retriever": rrf(
            FOX,
            {
                "knn": {
                    "field": "vector",
                    "k": 5,
                    "query_vector_builder": {"text_embedding": {"model_text": "a quick fox"}},
                }
            },
        )
    },
    "reranked rrf": {"retriever": reranked(rrf(FOX, NEAR))},
    "reranked by a template": {"retriever": reranked(rrf(FOX, NEAR), field="{title}: {body} ({kind})")},
    "reranked standard": {"retriever": reranked(DOG)},
    "reranked knn": {"retriever": reranked(NEAR)},
    "reranked, small window": {"retriever": reranked(rrf(FOX, NEAR), rank_window_size=3)},
    "reranked, min_score": {"retriever": reranked(rrf(FOX, NEAR), min_score=2.5)},
    "reranked, page": {"retriever": reranked(rrf(FOX, NEAR)), "from": 1, "size": 2},
    "reranked, page without the read fields": {"retriever": reranked(rrf(FOX, NEAR)), "source": ["kind"]},
    "reranked in rrf": {"retriever": rrf(reranked(FOX), NEAR)},
    "reranked, filter": {"retriever": reranked(rrf(FOX, NEAR), filter=STORY)},
}
RESCORED_VECTORS = TREES["rescored vectors, filtered"]
REFUSED: dict[str, Body] = {
    "a leg of an unknown query": {"retriever": rrf({"standard": {"query": {"macth": {"body": "x"}}}}, NEAR)},
    "a leg that fails on the shard": {"retriever": rrf({"standard": {"query": {"term": {"year": "x"}}}}, NEAR)},
    "a filter of an unknown query": {"retriever": rrf(DOG, NEAR, filter={"macth": {}})},
}
SOURCE = {"source": {"excludes": ["vector"]}}


@pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")
@pytest.mark.parametrize("body", TREES.values(), ids=TREES.keys())
def test_a_tree_gives_the_same_hits_and_scores(any_pair: Pair, body: Body) -> None:
    request = {**SOURCE, **{"from_" if key == "from" else key: value for key, value in body.items()}}
    real, embedded = (answer(engine, ARTICLES, request) for engine in (any_pair.real, any_pair.embedded))
    assert real.status == 200
    if any_pair.real_name == "os2" and ("_hybrid" not in embedded.body or body is RESCORED_VECTORS):
        real, embedded = without_provenance(real), without_provenance(embedded)
    assert differences(real, embedded) == []


def without_provenance(answer: Answer) -> Answer:
    """The answer without `_hybrid`, equal scores by id: OpenSearch has no retrievers, so that we run all of them, and
    a rescorer over its vectors is run here, after the leg."""
    hits = [{name: value for name, value in hit.items() if name != "_hybrid"} for hit in answer.body["hits"]["hits"]]
    hits.sort(key=lambda hit: (-round(hit["_score"], 6), hit["_id"]))
    body = {name: value for name, value in answer.body.items() if name != "_hybrid"}
    return Answer(answer.status, {**body, "hits": {**body["hits"], "hits": hits}})


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_a_leg_s_error_is_the_same_error(any_pair: Pair, body: Body) -> None:
    real, embedded = (answer(engine, ARTICLES, body) for engine in (any_pair.real, any_pair.embedded))
    assert real.status == 400
    assert differences(real, embedded) == []


@pytest.mark.parametrize("seed", range(60))
def test_a_random_fusion_gives_the_same_hits_and_scores(any_pair: Pair, seed: int) -> None:
    chance = random.Random(seed)
    legs: list[Body] = [{"standard": {"query": random_query(chance, 2)}} for _ in range(chance.randint(1, 2))]
    legs.append({"knn": random_knn(chance)})
    window = chance.choice([10, 50])
    tree = rrf(*legs, rank_window_size=window)
    if chance.random() < 0.5:
        text = " ".join(chance.choices(VOCABULARY, k=3))
        tree = {
            "text_similarity_reranker": {
                "retriever": tree,
                "field": "body",
                "inference_text": text,
                "rank_window_size": window,
            }
        }
    body = {"retriever": tree, "size": window, "source": False}
    real, embedded = (answer(engine, GENERATED, body) for engine in (any_pair.real, any_pair.embedded))
    assert differences(real, embedded) == [], body


def test_rrf_is_the_formula_over_the_legs_own_searches(any_pair: Pair) -> None:
    """score(d) = sum over legs of 1 / (60 + rank), ranks from 1 over hits ordered by score, then id."""
    index = any_pair.real.index_of(ARTICLES)
    expected: dict[str, float] = {}
    for leg in (FOX, NEAR):
        hits = hybrid(any_pair.real.client).search(index=index, retriever=leg, size=10, source=False)["hits"]["hits"]
        for rank, hit in enumerate(sorted(hits, key=lambda hit: (-hit["_score"], hit["_id"])), start=1):
            expected[hit["_id"]] = expected.get(hit["_id"], 0.0) + 1 / (60 + rank)
    ordered = sorted(expected.items(), key=lambda item: (-round(item[1], 7), item[0]))[:10]
    found = hybrid(any_pair.real.client).search(index=index, retriever=rrf(FOX, NEAR), size=10)["hits"]["hits"]
    assert [hit["_id"] for hit in found] == [identifier for identifier, _ in ordered]
    assert [hit["_score"] for hit in found] == pytest.approx([score for _, score in ordered], abs=1e-6)

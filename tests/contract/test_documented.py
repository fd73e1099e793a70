"""The requests that Elastic's documentation of retrievers shows, over documents of the test: each is parsed, and
run unless it needs a model, a script engine or a rule set of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector.errors import RequestError
from connector.request.routing import needs_connector
from connector.request.search_request import parse_request
from tests.contract.conftest import Pair
from tests.contract.corpora import ARTICLES
from tests.contract.test_hybrid import hybrid

Body = dict[str, Any]

TEXT: Body = {"standard": {"query": {"query_string": {"query": "(quick fox) OR (lazy dog)", "default_field": "body"}}}}
MULTI: Body = {"standard": {"query": {"multi_match": {"query": "story", "fields": ["kind", "title"]}}}}
VECTOR: Body = {"knn": {"field": "vector", "query_vector": [0.2, 0.7, 0.9, 0.1], "k": 3, "num_candidates": 5}}
OLD: Body = {"standard": {"query": {"range": {"year": {"lt": 2000}}}}}
STORY: Body = {"standard": {"query": {"term": {"kind": "story"}}}}


def rrf(*legs: Body, **options: Any) -> Body:
    return {"rrf": {"retrievers": list(legs), "rank_window_size": 10, "rank_constant": 1, **options}}


def weighted(retriever: Body, weight: float, **options: Any) -> Body:
    return {"retriever": retriever, "weight": weight, **options}


def reranked(retriever: Body, **options: Any) -> Body:
    body = {"retriever": retriever, "field": "body", "inference_id": "mine", "inference_text": "lazy dog", **options}
    return {"text_similarity_reranker": body}


LOCAL: dict[str, Body] = {
    "query and knn with rrf": {"retriever": rrf(TEXT, VECTOR), "source": False},
    "hybrid, its own window": {"retriever": rrf(MULTI, VECTOR, rank_window_size=50)},
    "weights, wrapped": {"retriever": rrf(weighted(MULTI, 2.0), weighted(VECTOR, 1.0), rank_constant=60)},
    "weights, mixed with bare legs": {"retriever": rrf(MULTI, weighted(VECTOR, 2.0))},
    "linear with minmax": {
        "retriever": {
            "linear": {
                "retrievers": [weighted(TEXT, 2, normalizer="minmax"), weighted(VECTOR, 1.5, normalizer="minmax")],
                "rank_window_size": 10,
            }
        },
        "source": False,
    },
    "linear over a sorted leg": {
        "retriever": {
            "linear": {
                "retrievers": [
                    weighted(
                        {"standard": {**STORY["standard"], "sort": {"year": {"order": "asc"}}}}, 2, normalizer="minmax"
                    ),
                    weighted(VECTOR, 1.5),
                ]
            }
        }
    },
    "rrf over given fields": {"retriever": {"rrf": {"query": "lazy dog", "fields": ["title", "body"]}}},
    "rrf over boosted fields": {"retriever": {"rrf": {"query": "lazy dog", "fields": ["title^2", "body"]}}},
    "linear over given fields": {
        "retriever": {"linear": {"query": "lazy dog", "fields": ["title^2", "body"], "normalizer": "minmax"}}
    },
    "grouped by year with collapse": {
        "retriever": rrf(TEXT, VECTOR, filter={"bool": {"must_not": {"term": {"year": 2005}}}}),  # it has two years
        "collapse": {"field": "year", "inner_hits": {"name": "of this year", "_source": ["year"]}},
        "source": False,
    },
    "highlight of the lexical leg": {
        "retriever": rrf(TEXT, VECTOR),
        "highlight": {"fields": {"body": {"fragment_size": 150, "number_of_fragments": 3}}},
        "source": False,
    },
    "rrf and aggregations": {
        "retriever": rrf(OLD, STORY),
        "source": False,
        "aggs": {"kinds": {"terms": {"field": "kind"}}},
    },
    "explain": {
        "retriever": rrf({"standard": {**TEXT["standard"], "_name": "words"}}, VECTOR),
        "source": False,
        "size": 1,
        "explain": True,
    },
    "a reranker over rrf": {"retriever": reranked(rrf(TEXT, VECTOR), rank_window_size=10), "source": False},
    "rrf over two rerankers": {"retriever": rrf(reranked(TEXT), reranked(VECTOR)), "source": False},
    "a reranker, its least score": {"retriever": reranked(STORY, rank_window_size=100, min_score=0.5)},
    "a reranker over a reranker": {"retriever": reranked(reranked(TEXT, rank_window_size=50), rank_window_size=10)},
    "rrf with a filter for all legs": {"retriever": rrf(TEXT, VECTOR, filter={"term": {"kind": "story"}})},
    "pinned documents": {"retriever": {"pinned": {"docs": [{"_id": "3"}, {"_id": "1"}], "retriever": TEXT}}},
    "diversified": {
        "retriever": {
            "diversify": {
                "type": "mmr",
                "field": "vector",
                "lambda": 0.7,
                "size": 3,
                "query_vector": [0.1, 0.2, 0.3, 0.1],
                "retriever": {"standard": {"query": {"match": {"title": "fox"}}}},
            }
        }
    },
    "a rescorer over rrf": {
        "retriever": {
            "rescorer": {
                "rescore": {
                    "window_size": 10,
                    "query": {
                        "rescore_query": {"match": {"title": "fox"}},
                        "query_weight": 0.7,
                        "rescore_query_weight": 1.2,
                    },
                },
                "retriever": rrf(TEXT, VECTOR),
            }
        }
    },
}
OF_THE_CLUSTERS: dict[str, Body] = {
    "a sparse vector by an inference endpoint": {
        "standard": {"query": {"sparse_vector": {"field": "terms", "inference_id": "elser", "query": "depths"}}}
    },
    "a semantic query": {"standard": {"query": {"semantic": {"field": "text_semantic", "query": "depths"}}}},
    "a vector built by a model of the cluster's": {
        "knn": {
            "field": "vector",
            "k": 3,
            "num_candidates": 5,
            "query_vector_builder": {"text_embedding": {"model_id": "theirs", "model_text": "depths"}},
        }
    },
    "a score by a script": {
        "standard": {
            "query": {
                "function_score": {
                    "query": {"term": {"kind": "story"}},
                    "functions": [{"script_score": {"script": {"source": "doc['published'].value.millis"}}}],
                    "boost_mode": "replace",
                }
            },
            "sort": {"published": {"order": "asc"}},
        }
    },
    "a knn query": {"standard": {"query": {"knn": {"field": "vector", "query_vector": [1, 0, 0, 0], "k": 10}}}},
}
NOT_OURS: dict[str, Body] = {
    "rule": {"rule": {"match_criteria": {}, "ruleset_ids": ["r"], "retriever": TEXT}},
}


@pytest.mark.parametrize("body", LOCAL.values(), ids=LOCAL.keys())
def test_a_documented_request_runs_on_a_real_node(any_pair: Pair, body: Body) -> None:
    index = any_pair.real.index_of(ARTICLES)
    client = hybrid(
        any_pair.real.client,
        reranker=lambda query, passages: [float(len(each)) for each in passages],
        models={"mine": lambda query, passages: [-1.0 / len(each) for each in passages]},
    )
    response = client.search(index=index, **body)
    hits = response["hits"]["hits"]
    assert hits
    scores = [hit["_score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert response["_hybrid"]["degraded"] is None


@pytest.mark.parametrize("leg", OF_THE_CLUSTERS.values(), ids=OF_THE_CLUSTERS.keys())
def test_a_documented_leg_that_the_cluster_has_to_understand_is_passed_on(leg: Body) -> None:
    tree = rrf(leg, VECTOR)
    assert needs_connector({"retriever": tree}, set())
    request = parse_request({"retriever": tree}, {}, "articles", ())
    ((kind, asked),) = leg.items()
    found = request.tree.children[0].retriever.model_dump(by_alias=True, exclude_none=True)
    assert {name: found[name] for name in asked} == asked, kind


@pytest.mark.parametrize("leg", NOT_OURS.values(), ids=NOT_OURS.keys())
def test_a_documented_retriever_that_is_not_run_here_is_refused_inside_a_tree_and_passed_alone(leg: Body) -> None:
    assert not needs_connector({"retriever": leg}, set())
    with pytest.raises(RequestError, match="is unknown; allowed:"):
        parse_request({"retriever": rrf(leg, VECTOR)}, {}, "articles", ())


@pytest.fixture
def nested(pair: Pair) -> Iterator[tuple[Elasticsearch, str]]:
    index = f"{pair.real.index_of(ARTICLES)}-nested"
    vector = {"type": "dense_vector", "dims": 3, "similarity": "l2_norm", "index_options": {"type": "flat"}}
    properties = {"name": {"type": "keyword"}, "vector": vector}
    mappings = {"properties": {"topic": {"type": "keyword"}, "parts": {"type": "nested", "properties": properties}}}
    client = pair.real.client
    client.indices.create(index=index, mappings=mappings, settings={"number_of_shards": 1})
    parts = [{"name": "1a", "vector": [-1, -0.5, 0.8]}, {"name": "1b", "vector": [1, -1, 0]}]
    client.index(index=index, id="1", document={"topic": "ai", "parts": parts})
    client.index(index=index, id="2", document={"topic": "ir", "parts": [{"name": "2a", "vector": [0.2, 1.2, 0.6]}]})
    client.index(index=index, id="3", document={"topic": "ai"}, refresh=True)
    yield client, index
    client.indices.delete(index=index)


@pytest.mark.parametrize("window", [10, 200])
def test_inner_hits_of_a_leg_are_on_every_hit_of_the_page(nested: tuple[Elasticsearch, str], window: int) -> None:
    client, index = nested
    inner = {"name": "part", "_source": False, "fields": ["parts.name"]}
    near = {"knn": {"field": "parts.vector", "query_vector": [1, 0, 0.5], "k": 10, "num_candidates": 10}}
    legs: list[Body] = [
        {"standard": {"query": {"nested": {"path": "parts", "query": near, "inner_hits": inner}}}},
        {"standard": {"query": {"term": {"topic": "ai"}}}},
    ]
    found = hybrid(client).search(
        index=index, retriever=rrf(*legs, rank_window_size=window), source={"includes": ["topic"]}
    )
    names = {
        hit["_id"]: [part["fields"]["parts"][0]["name"] for part in hit["inner_hits"]["part"]["hits"]["hits"]]
        for hit in found["hits"]["hits"]
    }
    assert names == {"1": [["1b"], ["1a"]], "2": [["2a"]], "3": []}
    assert found["hits"]["hits"][0]["_source"] == {"topic": "ai"}

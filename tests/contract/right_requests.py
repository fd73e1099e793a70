"""Correct requests, documents and mappings, which `odd_requests` changes at random places."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Body = dict[str, Any]
DIMS = 3
MAPPINGS: Body = {
    "properties": {
        "title": {"type": "text", "fields": {"exact": {"type": "keyword", "ignore_above": 64}}},
        "body": {"type": "text"},
        "kind": {"type": "keyword"},
        "year": {"type": "integer"},
        "views": {"type": "long"},
        "price": {"type": "double"},
        "open": {"type": "boolean"},
        "published": {"type": "date"},
        "author": {"properties": {"name": {"type": "text"}}},
        "vector": {"type": "dense_vector", "dims": DIMS, "index": True, "similarity": "cosine"},
        "parts": {
            "type": "nested",
            "properties": {"vector": {"type": "dense_vector", "dims": DIMS, "index": True, "similarity": "cosine"}},
        },
    }
}
DOCUMENT: Body = {
    "_id": "1",
    "title": "a small fox",
    "body": "the fox runs past a lazy dog",
    "kind": "story",
    "year": 2001,
    "views": 5,
    "price": 1.5,
    "open": True,
    "published": "2001-05-06",
    "author": {"name": "Ann"},
    "new": {"deep": [{"er": "x"}, {"er": ["y"]}]},
}
SOURCES: list[Body] = [
    {**DOCUMENT, "_id": str(number), "vector": [1.0, number / 2, 0.5], "parts": [{"vector": [number, 1, 0.5]}]}
    for number in range(1, 7)
]
IRREGULAR: list[Body] = [
    {"_id": "7", "title": ["two", "titles of a fox"], "kind": ["a", "b"], "year": [1, 2], "body": None},
    {"_id": "8", "body": ["fox", ["dog"]], "author": [{"name": "x"}, {"name": ["y", "z"]}], "parts": []},
    {"_id": "9", "title": "", "vector": [0.1, 0.2, 0.3], "parts": [{}, {"vector": [1, 2, 3]}], "other": True},
    {"_id": "10", "title": 5, "body": True, "kind": "a", "new.deep.er": "fox"},
    {"_id": "11"},
]
"""Documents that are right, and unlike the others: values missing, several or empty, without vectors."""

FOX: Body = {"standard": {"query": {"multi_match": {"query": "fox dog", "fields": ["title^2", "body"]}}}}
STORY: Body = {"standard": {"query": {"term": {"kind": "story"}}, "filter": [{"range": {"year": {"gte": 1990}}}]}}
NEAR: Body = {"knn": {"field": "vector", "query_vector": [1.0, 0.5, 0.2], "k": 3, "num_candidates": 5}}
INNER: Body = {
    "knn": {
        "field": "parts.vector",
        "query_vector": [1.0, 0.5, 0.2],
        "k": 3,
        "num_candidates": 5,
        "inner_hits": {"size": 1, "_source": False},
    }
}
TEXTED: Body = {
    "knn": {
        "field": "vector",
        "query_vector_builder": {"text_embedding": {"model_text": "fox", "model_id": "mine"}},
        "k": 3,
    }
}
RRF: Body = {"rrf": {"retrievers": [FOX, NEAR], "rank_window_size": 5, "rank_constant": 20}}
WEIGHTED: Body = {"rrf": {"retrievers": [{"retriever": FOX, "weight": 2.0}, STORY], "filter": {"term": {"open": True}}}}
LINEAR: Body = {
    "linear": {
        "retrievers": [{"retriever": FOX, "weight": 1.5, "normalizer": "minmax"}, {"retriever": NEAR, "weight": 1}],
        "rank_window_size": 5,
        "min_score": 0.1,
    }
}
FIELDS: Body = {"linear": {"query": "fox", "fields": ["title^2", "body"], "normalizer": "minmax"}}
RERANKED: Body = {
    "text_similarity_reranker": {
        "retriever": RRF,
        "field": "body",
        "inference_text": "lazy dog",
        "inference_id": "pairs",
        "rank_window_size": 5,
        "min_score": -10,
        "blend": 0.5,
        "chunk_rescorer": {"size": 2, "chunking_settings": {"strategy": "sentence", "max_chunk_size": 50}},
    }
}
RESCORED: Body = {
    "rescorer": {
        "retriever": RRF,
        "rescore": {"window_size": 4, "query": {"rescore_query": {"match": {"body": "lazy"}}, "query_weight": 0.5}},
    }
}
PINNED: Body = {"pinned": {"ids": ["2", "1"], "retriever": RRF}}
DIVERSE: Body = {
    "diversify": {
        "type": "mmr",
        "field": "vector",
        "lambda": 0.5,
        "size": 3,
        "query_vector": [1.0, 0.5, 0.2],
        "retriever": FOX,
    }
}
TREES = [RRF, WEIGHTED, LINEAR, FIELDS, RERANKED, RESCORED, PINNED, DIVERSE, FOX, NEAR, INNER, TEXTED]
"""Retrievers that are right."""
BESIDE: Body = {
    "size": 3,
    "from": 1,
    "min_score": 0.001,
    "_source": {"includes": ["title", "kind"], "excludes": ["body"]},
    "fields": ["kind", {"field": "year"}],
    "aggs": {"kinds": {"terms": {"field": "kind", "size": 3}, "aggs": {"mean": {"avg": {"field": "price"}}}}},
    "post_filter": {"bool": {"must_not": [{"ids": {"values": ["9"]}}], "minimum_should_match": 0}},
    "track_total_hits": 100,
    "collapse": {"field": "kind"},
    "explain": False,
    "profile": False,
    "timeout": "10s",
    "version": True,
    "seq_no_primary_term": True,
}
"""What may be asked in addition to a retriever."""
QUERIES: list[Body] = [
    {"query": {"bool": {"must": [{"match": {"body": {"query": "fox", "boost": 2, "operator": "and"}}}], "boost": 1.0}}},
    {"query": {"dis_max": {"queries": [{"exists": {"field": "kind"}}, {"match_all": {}}], "tie_breaker": 0.3}}},
    {"query": {"constant_score": {"filter": {"terms": {"views": [5, 6]}}, "boost": 2}}},
    {"query": {"match": {"published": "2001-05-06"}}, "knn": NEAR["knn"]},
    {"query": {"range": {"published": {"gte": "2001-01-01", "lt": 1e12}}}, "rescore": RESCORED["rescorer"]["rescore"]},
    {"query": {"knn": {**NEAR["knn"], "similarity": 0.1, "filter": {"term": {"price": 1.5}}}}},
]
"""Searches that the cluster runs itself."""


def base_searches() -> st.SearchStrategy[Body]:
    """Correct searches: a tree with some options, or a plain query."""
    options = st.sets(st.sampled_from(sorted(BESIDE)), max_size=4)
    trees = st.builds(
        lambda tree, names: {"retriever": tree, **{name: BESIDE[name] for name in sorted(names)}},
        st.sampled_from(TREES),
        options,
    )
    plain = st.builds(
        lambda query, names: {**query, **{name: BESIDE[name] for name in sorted(names) if name != "collapse"}},
        st.sampled_from(QUERIES),
        options,
    )
    return st.one_of(trees, trees, plain)


CALL: Body = {
    "index": "odd",
    "text_fields": ["title", "body", "author.name"],
    "vector_field": "vector",
    "text": "small fox",
    "size": 3,
    "offset": 0,
    "filter": {"kind": "story", "year": {"gte": 1990}, "open": [True, None], "published": None},
    "depth": 3,
    "blend": 0.5,
    "source": ["title"],
}
"""Arguments of `Connector` and of its `search`."""

"""Searches by vector: top-level knn, knn as a query, several at once, with filters and beside a query."""

from __future__ import annotations

from typing import Any

Body = dict[str, Any]


def knn(vector: Any, k: int | str = 5, field: str = "vector", **rest: Any) -> Body:
    return {"field": field, "query_vector": vector, "k": k, "num_candidates": 50, **rest}


X, Y, TILTED = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.7, 0.2, 0.1, 0.3]
STORY, DOG = {"term": {"kind": "story"}}, {"match": {"body": "dog"}}


def body(**parts: Any) -> Body:
    return {"size": 20, **parts}


ARTICLES: dict[str, Body] = {
    "knn": body(knn=knn(X)),
    "knn, k 1": body(knn=knn(TILTED, 1)),
    "knn, k above the documents": body(knn=knn(TILTED, 50)),
    "knn, size below k": body(knn=knn(TILTED, 8), size=3),
    "knn, size above k": body(knn=knn(TILTED, 3), size=10),
    "knn, from": body(knn=knn(TILTED, 8), size=3, **{"from": 4}),
    "knn, vectors of equal direction tie": body(knn=knn(Y, 4)),
    "knn, long vector": body(knn=knn([30.0, 0.0, 0.0, 0.0], 4)),
    "knn, num_candidates left out": body(knn={"field": "vector", "query_vector": TILTED, "k": 4}),
    "knn, filter": body(knn=knn(TILTED, 3, filter=STORY)),
    "knn, several filters": body(knn=knn(TILTED, 5, filter=[STORY, {"range": {"year": {"gte": 2001}}}])),
    "knn, filter by match": body(knn=knn(TILTED, 5, filter=DOG)),
    "knn, filter that fits nothing": body(knn=knn(TILTED, 5, filter={"term": {"kind": "none"}})),
    "knn, filter must_not": body(knn=knn(TILTED, 5, filter={"bool": {"must_not": [STORY]}})),
    "knn, boost": body(knn=knn(TILTED, 5, boost=0.4)),
    "knn, similarity threshold": body(knn=knn(X, 10, similarity=0.8)),
    "knn, min_score": body(knn=knn(X, 10), min_score=0.6),
    "knn, total is k": body(knn=knn(X, 4), size=0),
    "several knn": body(knn=[knn(X, 3), knn(Y, 3)]),
    "several knn, boosts": body(knn=[knn(X, 3, boost=0.3), knn(TILTED, 4, boost=0.7)]),
    "several knn, one filtered": body(knn=[knn(X, 3, filter=STORY), knn(Y, 3)]),
    "knn beside query": body(knn=knn(X, 3), query=DOG),
    "knn beside query, boosts": body(
        knn=knn(X, 3, boost=0.2), query={"match": {"body": {"query": "dog", "boost": 0.8}}}
    ),
    "knn beside query, filtered": body(knn=knn(X, 3, filter=STORY), query=DOG),
    "knn beside query, post_filter": body(knn=knn(X, 5), query=DOG, post_filter=STORY),
    "knn beside a query that fits nothing": body(knn=knn(X, 3), query={"match_none": {}}),
    "knn beside match_all": body(knn=knn(X, 3), query={"match_all": {}}),
    "two knn beside query": body(knn=[knn(X, 2), knn(Y, 2)], query=DOG),
    "knn query": body(query={"knn": knn(TILTED, 4)}),
    "knn query, filter": body(query={"knn": knn(TILTED, 4, filter=STORY)}),
    "knn query, boost": body(query={"knn": knn(TILTED, 4, boost=2.0)}),
    "knn query, k left out": body(query={"knn": {"field": "vector", "query_vector": TILTED}}, size=4),
    "knn query in bool should": body(query={"bool": {"should": [{"knn": knn(TILTED, 4)}, DOG]}}),
    "knn query in bool must, filtered outside": body(
        query={"bool": {"must": [{"knn": knn(TILTED, 4)}], "filter": [STORY]}}
    ),
    "knn query in bool filter": body(query={"bool": {"must": [DOG], "filter": [{"knn": knn(Y, 3)}]}}),
    "knn query in bool must_not": body(query={"bool": {"must": [DOG], "must_not": [{"knn": knn(Y, 2)}]}}),
    "knn query under a query's knn": body(query={"knn": knn(X, 2)}, knn=knn(Y, 2)),
    "knn, unmapped field": body(knn=knn(X, 3, field="nowhere")),
}

VECTORS: dict[str, Body] = {
    "knn, flat index": {"knn": knn([1.0, 1.0, 1.0], 4, field="flat")},
    "knn, dot_product": {"knn": knn([0.6, 0.0, 0.8], 4, field="dot")},
    "knn, l2_norm": {"knn": knn([1.0, 1.0, 1.0], 5, field="l2")},
    "knn, l2_norm threshold": {"knn": knn([1.0, 1.0, 1.0], 5, field="l2", similarity=3.0)},
    "knn, max_inner_product": {"knn": knn([1.0, 1.0, 1.0], 5, field="product")},
    "knn, two fields": {"knn": [knn([1.0, 1.0, 1.0], 3, field="flat"), knn([1.0, 0.0, 0.0], 3, field="l2")]},
}


_BYTE_FIELDS = ("cosine", "dot", "l2", "product")
PACKED: dict[str, Body] = {
    **{f"knn, bytes, {field}": body(knn=knn([64, 10, -30], field=field)) for field in _BYTE_FIELDS},
    **{f"knn, bytes as hex, {field}": body(knn=knn("F60563", 3, field)) for field in _BYTE_FIELDS},
    "knn, bytes of zero": body(knn=knn([0, 0, 0], field="dot")),
    "knn, bytes, threshold": body(knn=knn([64, 10, -30], field="dot", similarity=1000)),
    "knn, bytes as texts": body(knn=knn(["64", "10.0", -30], "3", field="l2")),
    "knn, bits": body(knn=knn([127, -1], field="bits")),
    "knn, bits as hex": body(knn=knn("0000", field="bits")),
    "knn, bits, threshold": body(knn=knn([0, 0], field="bits", similarity=8)),
}
UNFIT: dict[str, Body] = {
    "bytes with a point": {"knn": knn([64.5, 0, 0], field="l2")},
    "bytes out of range": {"knn": knn([128, 0, 0], field="l2")},
    "bytes of zero under cosine": {"knn": knn([0, 0, 0], field="cosine")},
    "too few bytes": {"knn": knn("400a", field="l2") | {"query_vector": "40"}},
    "too many bits": {"knn": knn([0, 1] * 8, field="bits")},
    "k that is no number": {"knn": knn([64, 10, -30], field="l2") | {"k": "five"}},
    "k that is a bool": {"knn": knn([64, 10, -30], field="l2") | {"k": True}},
    "numbers that are bools": {"knn": knn([True, 0, 0], field="l2")},
    "a similarity that is no number": {"knn": knn([64, 10, -30], field="l2", similarity="near")},
    "a size that is no number": {"knn": knn([64, 10, -30], field="l2"), "size": "ten"},
    "a size that is a bool": {"knn": knn([64, 10, -30], field="l2"), "size": True},
}


def near(**options: Any) -> Body:
    knn = {"field": "parts.vector", "query_vector": [0.9, 0.3, 0.1], "k": 4, "num_candidates": 50}
    return {"knn": {**knn, **options}, "_source": {"excludes": ["parts"]}}


NESTED: dict[str, Body] = {
    "knn, nested: a document is as near as its nearest object": near(),
    "knn, nested: k counts documents": near(k=2),
    "knn, nested: a filter is on the documents": near(filter={"term": {"kind": "b"}}),
    "knn, nested: similarity": near(similarity=0.9),
    "knn, nested: inner_hits": near(inner_hits={"_source": {"excludes": ["parts.vector"]}}),
    "knn, nested: inner_hits, name, size, from": near(
        filter={"term": {"kind": "b"}}, inner_hits={"name": "best", "size": 1, "from": 1, "_source": ["parts.text"]}
    ),
    "knn, nested: inner_hits without _source": near(inner_hits={"_source": False}),
    "knn, nested: inner_hits of size 0": near(inner_hits={"size": 0}),
    "knn, nested: inner_hits with fields": near(inner_hits={"_source": False, "fields": ["parts.text", "parts.start"]}),
    "knn, nested: fields of the objects": {**near(), "fields": ["parts.text", "title"]},
    "knn, nested: fields by pattern": {**near(), "fields": ["p*.t*"]},
    "nested fields are no fields of the document": {"query": {"match": {"parts.text": "fox"}}},
    "nested fields do not exist in the document": {"query": {"exists": {"field": "parts"}}},
    "knn, nested: inner_hits past their window": near(inner_hits={"size": 90, "from": 11}),
    "knn, nested: two inner_hits of one name": {
        "knn": [near(inner_hits={"size": 1})["knn"], near(inner_hits={"size": 2})["knn"]]
    },
}

"""Requests, documents and calls with senseless values at random places: hypothesis strategies for "only documented
errors come out"."""

from __future__ import annotations

import copy
import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

Body = dict[str, Any]
Path = tuple[Any, ...]

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
    """Searches that are right: a tree with some options, or a plain query."""
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


ODD_JSON: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [None, True, False, 0, -1, 1, 3, 2**31, 2**63, -(2**63) - 1, 10**30, 10**400, 0.5, -0.0, 1e39, 1e300, 5e-324]
    ),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]),
    st.sampled_from(
        ["", " ", "x", "5", "2.0", "1e400", "NaN", "true", "fox", "\x00", "\ud800", "é" * 600, "*", "a..b"]
    ),
    st.sampled_from(
        ["-1", "75%", "2<-25%", "now-1d", "10s", "vector", "parts.vector", "body", "nowhere", "_id", "[x]"]
    ),
    st.sampled_from([[], {}, [[]], [{}], [None], {"": 1}, {"x": None}, [1, "a", None], {"a": {"b": {"c": []}}}]),
    st.sampled_from([[0, 0, 0], [1.0, 2.0], [1, 2, 3, 4], ["1", "2", "3"], [float("nan")] * 3, [1e39, 1, 1], "0102ff"]),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
        max_leaves=6,
    ),
)
"""Senseless values that JSON, or Python's reading of it, can hold."""


class _Opaque:
    """Something that no serializer knows."""


ODD: st.SearchStrategy[Any] = st.one_of(
    ODD_JSON,
    ODD_JSON,
    st.sampled_from(
        [
            (1, 2, 3),
            {1, 2},
            b"\xff\x00",
            np.float32(1.5),
            np.int64(-3),
            np.array([1.0, 0.5, 0.2], dtype=np.float32),
            np.array([[1, 2]]),
            np.array(["a"]),
            np.bool_(True),
            decimal.Decimal("1.10"),
            datetime.date(2020, 1, 2),
            datetime.datetime(2020, 1, 2, 3),
            range(3),
            _Opaque(),
            {1: 2},
            {None: 1},
            {("a",): 1},
        ]
    ),
)
"""Senseless values that a Python caller can pass."""


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    """Every place in a nested value, the whole of it excepted."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, member in value.items():
            found += paths_of(member, (*path, key))
    elif isinstance(value, list):
        for place, member in enumerate(value):
            found += paths_of(member, (*path, place))
    return found


def _holder(value: Any, path: Path) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


@st.composite
def changed(draw: st.DrawFn, base: st.SearchStrategy[Any], odd: st.SearchStrategy[Any] = ODD) -> Any:
    """A value that is right, changed at up to three places: replaced, left out, wrapped, unwrapped or added to."""
    value = copy.deepcopy(draw(base))
    for _ in range(draw(st.sampled_from([0, 1, 1, 1, 2, 3]))):
        places = paths_of(value)
        if not places:
            return value
        path = draw(st.sampled_from(places))
        holder, key = _holder(value, path), path[-1]
        _CHANGES[draw(st.sampled_from(sorted(_CHANGES)))](draw, odd, holder, key)
    return value


def _replace(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    holder[key] = copy.deepcopy(draw(odd))


def _remove(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    del holder[key]


def _wrap(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    holder[key] = draw(st.sampled_from([[holder[key]], {"x": holder[key]}, [holder[key], holder[key]]]))


def _swap(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    parts = [*TREES, *(query for each in QUERIES for query in each.values()), *BESIDE.values()]
    holder[key] = copy.deepcopy(draw(st.sampled_from(parts)))


def _add(draw: st.DrawFn, odd: st.SearchStrategy[Any], holder: Any, key: Any) -> None:
    if isinstance(holder, dict):
        name = draw(
            st.sampled_from(["x", "", "boost", "filter", "size", "k", "field", "query", "retrievers", "window"])
        )
        holder[name] = copy.deepcopy(draw(odd))
    else:
        holder.append(copy.deepcopy(draw(odd)))


_CHANGES: dict[str, Callable[[st.DrawFn, st.SearchStrategy[Any], Any, Any], None]] = {
    "0 replace": _replace,
    "1 replace": _replace,
    "2 replace": _replace,
    "3 remove": _remove,
    "4 wrap": _wrap,
    "5 add": _add,
    "6 swap": _swap,
}


def odd_searches() -> st.SearchStrategy[Any]:
    """Bodies of `_search`."""
    return changed(base_searches())


def odd_msearches() -> st.SearchStrategy[list[Any]]:
    """Lines of `_msearch`, headers and bodies, some of which are right."""
    header = st.one_of(
        st.just({"index": "odd"}),
        changed(st.just({"index": "odd", "preference": "_local", "ignore_unavailable": True})),
    )
    pairs = st.lists(st.tuples(header, st.one_of(base_searches(), odd_searches())), min_size=1, max_size=3)
    return pairs.map(lambda lines: [part for pair in lines for part in pair])


def odd_documents() -> st.SearchStrategy[Any]:
    """Documents for `Connector.index` and `_bulk`."""
    return changed(st.sampled_from([*SOURCES, *IRREGULAR]))


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


def odd_calls() -> st.SearchStrategy[Body]:
    """Arguments of `Connector` and of its `search`, one or more of them senseless."""
    needed = ["index", "text_fields", "text"]
    names = st.sets(st.sampled_from(sorted(CALL.keys() - set(needed))))
    return changed(names.map(lambda chosen: {name: CALL[name] for name in [*needed, *sorted(chosen)]}))


def odd_mappings() -> st.SearchStrategy[Any]:
    """Bodies that create an index."""
    settings = {"number_of_shards": 1, "index": {"max_result_window": 100, "mapping.total_fields.limit": 40}}
    return changed(st.just({"mappings": {**MAPPINGS, "dynamic": "strict"}, "settings": settings}), ODD_JSON)

"""Sequences of calls about indices themselves, and several searches in one call."""

from __future__ import annotations

from typing import Any

from tests.contract.corpora import ENGLISH, KEYWORD, TEXT, vector
from tests.contract.document_plays import BRIEF, CREATE, REFRESH, REFRESH_INDEX, THREE, put, search
from tests.contract.harness import Call

INDICES: dict[str, list[Call]] = {
    "create twice": [CREATE, CREATE],
    "exists": [Call("HEAD", "/{index}"), CREATE, Call("HEAD", "/{index}")],
    "delete": [CREATE, Call("DELETE", "/{index}"), Call("HEAD", "/{index}"), Call("DELETE", "/{index}")],
    "mapping comes back with _meta": [
        Call(
            "PUT",
            "/{index}",
            {"mappings": {"_meta": {"maker": {"dims": 2}}, "properties": {"t": ENGLISH, "k": KEYWORD}}},
        ),
        Call("GET", "/{index}/_mapping"),
    ],
    "mapping of an index that is not there": [Call("GET", "/{index}/_mapping")],
    "put mapping adds fields and changes _meta": [
        CREATE,
        Call("PUT", "/{index}/_mapping", {"_meta": {"a": 1}, "properties": {"extra": KEYWORD}}),
        put("1", {"extra": "x"}, **REFRESH),
        search({"term": {"extra": "x"}}),
    ],
    "put mapping can't change a type": [CREATE, Call("PUT", "/{index}/_mapping", {"properties": {"kind": TEXT}})],
    "name in capitals": [Call("PUT", "/{index}-CAPITALS", {})],
    "name that begins with an underscore": [Call("PUT", "/_{index}", {})],
    "unknown type": [Call("PUT", "/{index}", {"mappings": {"properties": {"a": {"type": "klingon"}}}})],
    "unknown option of a field": [
        Call("PUT", "/{index}", {"mappings": {"properties": {"a": {"type": "text", "colour": "red"}}}})
    ],
    "unknown analyzer": [
        Call("PUT", "/{index}", {"mappings": {"properties": {"a": {"type": "text", "analyzer": "klingon"}}}})
    ],
    "field without a type": [Call("PUT", "/{index}", {"mappings": {"properties": {"a": {"analyzer": "english"}}}})],
    "unknown key of mappings": [Call("PUT", "/{index}", {"mappings": {"colour": "red"}})],
    "unknown key of the body": [Call("PUT", "/{index}", {"colour": "red"})],
    **{
        f"vector field of {definition}": [
            Call("PUT", "/{index}", {"mappings": {"properties": {"v": {"type": "dense_vector", **definition}}}}),
            Call("GET", "/{index}/_mapping"),
        ]
        for definition in (
            {"element_type": "bit"},
            {"element_type": "bit", "dims": 16},
            {"element_type": "byte", "dims": 16, "index": False},
            {"element_type": "bit", "dims": 15},
            {"element_type": "bit", "dims": 40_000},
            {"element_type": "bit", "dims": 16, "similarity": "cosine"},
            {"element_type": "byte", "dims": 5000},
            {"element_type": "byte", "dims": 16, "index_options": {"type": "int8_hnsw"}},
            {"element_type": "int", "dims": 16},
        )
    },
    "vector with too many dims": [Call("PUT", "/{index}", {"mappings": {"properties": {"v": vector(5000)}}})],
    "vector with an unknown similarity": [
        Call("PUT", "/{index}", {"mappings": {"properties": {"v": vector(2, "near")}}})
    ],
    "refresh of an index that is not there": [REFRESH_INDEX],
    "search over two indices and a missing one": [CREATE, THREE, Call("POST", "/{index},{index}-no/_search", BRIEF)],
    "search with ignore_unavailable": [
        CREATE,
        THREE,
        Call("POST", "/{index},{index}-no/_search", BRIEF, {"ignore_unavailable": "true"}),
    ],
}


def lines(*bodies: dict[str, Any]) -> Call:
    return Call("POST", "/_msearch", [part for body in bodies for part in ({"index": "{index}"}, body)])


ALL = {"query": {"match_all": {}}, **BRIEF}
MSEARCH: dict[str, list[Call]] = {
    "two searches": [CREATE, THREE, lines(ALL, {"query": {"match": {"title": "fox"}}, **BRIEF})],
    "one bad line": [CREATE, THREE, lines(ALL, {"query": {"macth": {}}}, ALL)],
    "one line that fails on the shard": [CREATE, THREE, lines({"query": {"term": {"year": "x"}}}, ALL)],
    "one index that is not there": [
        CREATE,
        THREE,
        Call("POST", "/_msearch", [{"index": "{index}-no"}, ALL, {"index": "{index}"}, ALL]),
    ],
    "index in the path": [CREATE, THREE, Call("POST", "/{index}/_msearch", [{}, ALL, {}, {"size": 1, **BRIEF}])],
    "header options": [CREATE, THREE, Call("POST", "/_msearch", [{"index": "{index}", "preference": "_local"}, ALL])],
    "unknown header option": [CREATE, THREE, Call("POST", "/_msearch", [{"index": "{index}", "colour": "red"}, ALL])],
    "search_type in the header": [
        CREATE,
        THREE,
        Call("POST", "/_msearch", [{"index": ["{index}"], "search_type": "dfs_query_then_fetch"}, ALL]),
    ],
    "an empty body": [CREATE, Call("POST", "/{index}/_msearch", [])],
}

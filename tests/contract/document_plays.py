"""Sequences of calls on one index that starts out absent: writing, reading, counting, and what is refused there."""

from __future__ import annotations

from typing import Any

from tests.contract.corpora import ENGLISH, KEYWORD, TEXT, vector
from tests.contract.harness import Call
from tests.contract.vector_corpora import packed

MAPPINGS = {"properties": {"title": ENGLISH, "kind": KEYWORD, "year": {"type": "integer"}, "vector": vector(2)}}
SETTINGS = {"number_of_shards": 1}
REFRESH = {"refresh": "true"}
CREATE_PACKED = Call(
    "PUT",
    "/{index}",
    {
        "mappings": {
            "properties": {
                "bytes": packed("byte", 3, similarity="cosine"),
                "bits": packed("bit", 16),
                "any_bits": {"type": "dense_vector", "element_type": "bit"},
            }
        }
    },
)
BRIEF = {"_source": {"excludes": ["vector"]}}

CREATE = Call("PUT", "/{index}", {"mappings": MAPPINGS, "settings": SETTINGS})
REFRESH_INDEX = Call("POST", "/{index}/_refresh")
SEARCH_ALL = Call("POST", "/{index}/_search", {"query": {"match_all": {}}, **BRIEF})


def put(identifier: str, source: Any, **params: Any) -> Call:
    return Call("PUT", f"/{{index}}/_doc/{identifier}", source, params)


def get(identifier: str, **params: Any) -> Call:
    return Call("GET", f"/{{index}}/_doc/{identifier}", None, params)


def search(query: dict[str, Any]) -> Call:
    return Call("POST", "/{index}/_search", {"query": query, **BRIEF})


def bulk(*lines: dict[str, Any], **params: Any) -> Call:
    return Call("POST", "/{index}/_bulk", list(lines), params)


THREE = bulk(
    {"index": {"_id": "1"}},
    {"title": "one red fox", "kind": "a", "year": 1},
    {"index": {"_id": "2"}},
    {"title": "two red dogs", "kind": "b", "year": 2},
    {"index": {"_id": "3"}},
    {"title": "three red foxes and a fox", "kind": "a", "year": 3},
    refresh="true",
)
FOX = search({"match": {"title": "fox"}})

DOCUMENTS: dict[str, list[Call]] = {
    "index, get, replace, delete": [
        CREATE,
        put("1", {"title": "a"}),
        get("1"),
        put("1", {"title": "b"}),
        get("1"),
        Call("DELETE", "/{index}/_doc/1"),
        get("1"),
        Call("DELETE", "/{index}/_doc/1"),
        put("1", {"title": "c"}),
    ],
    "a document is found after a refresh, and read at once": [
        CREATE,
        put("1", {"title": "fox"}),
        get("1"),
        REFRESH_INDEX,
        FOX,
    ],
    "refresh=true makes it found": [CREATE, put("1", {"title": "fox"}, **REFRESH), FOX],
    "refresh=wait_for makes it found": [CREATE, put("1", {"title": "fox"}, refresh="wait_for"), FOX],
    "a deleted document is gone after a refresh": [
        CREATE,
        THREE,
        Call("DELETE", "/{index}/_doc/1"),
        REFRESH_INDEX,
        SEARCH_ALL,
    ],
    "create refuses an id that exists": [
        CREATE,
        Call("PUT", "/{index}/_create/1", {"title": "a"}),
        Call("PUT", "/{index}/_create/1", {"title": "b"}),
        get("1"),
    ],
    "op_type=create refuses too": [CREATE, put("1", {"title": "a"}), put("1", {"title": "b"}, op_type="create")],
    "exists": [CREATE, put("1", {}), Call("HEAD", "/{index}/_doc/1"), Call("HEAD", "/{index}/_doc/2")],
    "get with source filtering": [
        CREATE,
        put("1", {"title": "a", "kind": "k", "inner": {"x": 1, "y": 2}}),
        get("1", _source="false"),
        get("1", _source_includes="title,inner.x"),
        get("1", _source_excludes="inner"),
        get("1", _source="kind"),
    ],
    "get source alone": [CREATE, put("1", {"title": "a"}), Call("GET", "/{index}/_source/1")],
    "mget": [
        CREATE,
        THREE,
        Call("POST", "/{index}/_mget", {"ids": ["3", "nobody", "1"]}),
        Call("POST", "/{index}/_mget", {"docs": [{"_id": "2", "_source": ["kind"]}, {"_id": "1", "_source": False}]}),
        Call("POST", "/_mget", {"docs": [{"_index": "{index}", "_id": "2"}, {"_index": "{index}-no", "_id": "2"}]}),
        Call("POST", "/{index}/_mget", {"ids": []}),
        Call("POST", "/{index}/_mget", {}),
    ],
    "count": [
        CREATE,
        THREE,
        Call("GET", "/{index}/_count"),
        Call("POST", "/{index}/_count", {"query": {"match": {"title": "fox"}}}),
        Call("POST", "/{index}/_count", {"query": {"term": {"kind": "none"}}}),
    ],
    "replacing moves a document to the end of its ties": [
        CREATE,
        THREE,
        put("1", {"title": "no animals here", "kind": "a"}, **REFRESH),
        SEARCH_ALL,
        search({"terms": {"kind": ["a"]}}),
    ],
    "deleting leaves the order of the others": [
        CREATE,
        THREE,
        Call("DELETE", "/{index}/_doc/2", None, REFRESH),
        SEARCH_ALL,
        Call("GET", "/{index}/_count"),
    ],
    "an id of odd letters": [
        CREATE,
        put("%C3%A4%20b%2Fc", {"title": "fox"}, **REFRESH),
        get("%C3%A4%20b%2Fc"),
        FOX,
    ],
    "the index is made by the first document": [put("1", {"title": "Some fox", "n": 1}, **REFRESH), FOX],
    "an automatic index types its fields": [
        put("1", {"s": "x", "n": 1, "f": 1.5, "b": True, "d": "2020-01-01", "o": {"x": "y"}, "l": [1, 2], "z": None}),
        Call("GET", "/{index}/_mapping"),
    ],
}

BULK: dict[str, list[Call]] = {
    "index, create, delete": [
        CREATE,
        bulk(
            {"index": {"_id": "1"}},
            {"title": "a"},
            {"create": {"_id": "2"}},
            {"title": "b"},
            {"delete": {"_id": "1"}},
            {"delete": {"_id": "nobody"}},
            {"create": {"_id": "2"}},
            {"title": "c"},
            {"index": {"_id": "2"}},
            {"title": "d"},
            refresh="true",
        ),
        SEARCH_ALL,
    ],
    "an item that fails leaves the others": [
        CREATE,
        bulk(
            {"index": {"_id": "1"}},
            {"year": "not a number"},
            {"index": {"_id": "2"}},
            {"title": "good", "year": "7"},
            {"index": {"_id": "3"}},
            {"title": {"inner": "object for text"}},
            {"index": {"_id": "4"}},
            {"vector": [1.0, 2.0, 3.0]},
            {"index": {"_id": "5"}},
            {"vector": [0.0, 0.0]},
            {"index": {"_id": "6"}},
            {"vector": ["a", "b"]},
            {"index": {"_id": "7"}},
            {"kind": {"a": 1}},
            refresh="true",
        ),
        SEARCH_ALL,
    ],
    "to several indices": [
        CREATE,
        Call("POST", "/_bulk", [{"index": {"_index": "{index}", "_id": "1"}}, {"title": "a"}], {"refresh": "true"}),
        SEARCH_ALL,
    ],
    "unknown action": [CREATE, bulk({"upsert": {"_id": "1"}}, {"title": "a"})],
    "unknown key of an action": [CREATE, bulk({"index": {"_id": "1", "colour": "red"}}, {"title": "a"})],
    "no index anywhere": [Call("POST", "/_bulk", [{"index": {"_id": "1"}}, {"title": "a"}])],
    "the last source is missing": [CREATE, bulk({"index": {"_id": "1"}})],
    "update merges": [
        CREATE,
        THREE,
        bulk({"update": {"_id": "1"}}, {"doc": {"kind": "z"}}, {"update": {"_id": "nobody"}}, {"doc": {"kind": "z"}}),
        get("1"),
    ],
    "version conflict by sequence number": [
        CREATE,
        put("1", {"title": "a"}),
        bulk({"index": {"_id": "1", "if_seq_no": 7, "if_primary_term": 1}}, {"title": "b"}),
        put("1", {"title": "c"}, if_seq_no=7, if_primary_term=1),
        put("1", {"title": "d"}, if_seq_no=0, if_primary_term=1),
    ],
}

REFUSED: dict[str, list[Call]] = {
    "words for an integer": [CREATE, put("1", {"year": "many"})],
    "a fraction for an integer is cut": [CREATE, put("1", {"year": 3.7}, **REFRESH), search({"term": {"year": 3}})],
    "an integer out of range": [CREATE, put("1", {"year": 99999999999})],
    "a boolean for an integer": [CREATE, put("1", {"year": True})],
    "an object for text": [CREATE, put("1", {"title": {"a": 1}})],
    "a number for text becomes text": [CREATE, put("1", {"title": 42}, **REFRESH), search({"match": {"title": "42"}})],
    **{
        f"bytes and bits: {source}": [CREATE_PACKED, put("1", source)]
        for source in (
            {"bytes": "400ae2", "bits": "7fff"},
            {"bytes": [64.0, 10, -30], "bits": [127, -1]},
            {"bytes": [1.5, 1, 2]},
            {"bytes": [128, 1, 2]},
            {"bytes": [-129, 1, 2]},
            {"bytes": ["1", "2", "3"]},
            {"bytes": [0, 0, 0]},
            {"bytes": "40"},
            {"bytes": "zz"},
            {"bits": [1, 0] * 8},
            {"bits": [1]},
            {"bits": [0, 0]},
            {"bits": "7f"},
            {"any_bits": [1, 2, 3]},
        )
    },
    "a vector of the wrong length": [CREATE, put("1", {"vector": [1.0]})],
    "a zero vector under cosine": [CREATE, put("1", {"vector": [0, 0]})],
    "a vector of words": [CREATE, put("1", {"vector": ["x", "y"]})],
    "a vector that is a number": [CREATE, put("1", {"vector": 1.0})],
    "a document that is an array": [CREATE, put("1", "[1]")],
    "a document that is broken": [CREATE, put("1", '{"title": ')],
    "a document that is empty text": [CREATE, put("1", "")],
    "an unknown parameter": [CREATE, put("1", {"title": "a"}, colour="red")],
    "a strict mapping refuses new fields": [
        Call(
            "PUT", "/{index}", {"mappings": {"dynamic": "strict", "properties": {"title": TEXT}}, "settings": SETTINGS}
        ),
        put("1", {"title": "a", "other": 1}),
    ],
    "dynamic false keeps new fields in the source only": [
        Call("PUT", "/{index}", {"mappings": {"dynamic": False, "properties": {"title": TEXT}}, "settings": SETTINGS}),
        put("1", {"title": "a", "other": "fox"}, **REFRESH),
        search({"match": {"other": "fox"}}),
        search({"match": {"title": "a"}}),
    ],
    "a field that is text here and an object there": [
        put("1", {"a": "text"}),
        put("2", {"a": {"b": 1}}),
    ],
    "get from an index that is not there": [get("1")],
    "delete in an index that is not there": [Call("DELETE", "/{index}-no/_doc/1")],
    "count with a broken body": [CREATE, Call("POST", "/{index}/_count", "{")],
    "method that is not allowed": [CREATE, Call("PUT", "/{index}/_search", {})],
    "id that is too long": [CREATE, put("x" * 513, {"title": "a"})],
}

"""Searches that a server refuses: the status and the error's type are the contract."""

from __future__ import annotations

from typing import Any

from tests.contract.harness import Call
from tests.contract.knn_cases import X, knn


def search(body: dict[str, Any] | str | None, **params: Any) -> Call:
    return Call("POST", "/{index}/_search", body, params)


def query(node: dict[str, Any]) -> Call:
    return search({"query": node})


REFUSED: dict[str, Call] = {
    "unknown query": query({"macth": {"body": "fox"}}),
    "unknown key beside query": search({"querry": {"match_all": {}}}),
    "query is not an object": search({"query": "fox"}),
    "aggs of a text": search({"aggs": {"a": {"terms": {"field": "body"}}}}),
    "aggs inside numbers": search(
        {"aggs": {"a": {"min": {"field": "year"}, "aggs": {"b": {"max": {"field": "year"}}}}}}
    ),
    "aggs without a field": search({"aggs": {"a": {"min": {}}}}),
    "aggs of two types": search({"aggs": {"a": {"min": {"field": "year"}, "max": {"field": "year"}}}}),
    "aggs, a list": search({"aggs": []}),
    "terms of no size": search({"aggs": {"a": {"terms": {"field": "kind", "size": 0}}}}),
    "min of a keyword": search({"aggs": {"a": {"min": {"field": "kind"}}}}),
    "rescore is not an object": search({"rescore": 5}),
    "rescore without a query": search({"rescore": {"window_size": 5}}),
    "rescore, unknown mode": search({"rescore": {"query": {"rescore_query": {"match_all": {}}, "score_mode": "sum"}}}),
    "rescorer without a retriever": search(
        {"retriever": {"rescorer": {"rescore": {"query": {"rescore_query": {"match_all": {}}}}}}}
    ),
    "collapse by an unmapped field": search({"collapse": {"field": "nowhere"}}),
    "collapse by a text": search({"collapse": {"field": "body"}}),
    "collapse by a date": search({"collapse": {"field": "published"}}),
    "collapse by a boolean": search({"collapse": {"field": "open"}}),
    "collapse by a field of which a hit has several values": search({"collapse": {"field": "tags"}}),
    "docvalue_fields of a text": search({"docvalue_fields": ["body"]}),
    "query is an array": search({"query": [{"match_all": {}}]}),
    "query is empty": search({"query": {}}),
    "query with two names": search({"query": {"match_all": {}, "match_none": {}}}),
    "body is an array": search("[]"),
    "body is broken JSON": search('{"query": '),
    "body is text": search('"fox"'),
    "match with two fields": query({"match": {"title": "fox", "body": "fox"}}),
    "match without a query": query({"match": {"body": {"operator": "and"}}}),
    "match with an unknown option": query({"match": {"body": {"query": "fox", "colour": "red"}}}),
    "match with an unknown operator": query({"match": {"body": {"query": "fox", "operator": "xor"}}}),
    "match with an array": query({"match": {"body": ["fox", "dog"]}}),
    "match without a field": query({"match": {}}),
    "match words on an integer": query({"match": {"year": "fox"}}),
    "match words on a boolean": query({"match": {"open": "fox"}}),
    "match words on a date": query({"match": {"published": "fox"}}),
    "match on a vector": query({"match": {"vector": "fox"}}),
    "match, unknown analyzer": query({"match": {"body": {"query": "fox", "analyzer": "klingon"}}}),
    "match, broken minimum_should_match": query(
        {"match": {"body": {"query": "fox dog", "minimum_should_match": "two"}}}
    ),
    "match, negative boost": query({"match": {"body": {"query": "fox", "boost": -1}}}),
    "match, zero_terms_query unknown": query({"match": {"body": {"query": "the", "zero_terms_query": "some"}}}),
    "multi_match, unknown type": query({"multi_match": {"query": "fox", "fields": ["body"], "type": "worst_fields"}}),
    "multi_match, no query": query({"multi_match": {"fields": ["body"]}}),
    "multi_match, unknown option": query({"multi_match": {"query": "fox", "fields": ["body"], "colour": 1}}),
    "multi_match, boost is no number": query({"multi_match": {"query": "fox", "fields": ["body^much"]}}),
    "multi_match, words on a number": query({"multi_match": {"query": "fox", "fields": ["year", "body"]}}),
    "term with two fields": query({"term": {"kind": "a", "tags": "b"}}),
    "term with an array": query({"term": {"kind": ["a"]}}),
    "term with an unknown option": query({"term": {"kind": {"value": "a", "colour": 1}}}),
    "term without a value": query({"term": {"kind": {"boost": 1}}}),
    "term with null": query({"term": {"kind": None}}),
    "term words on an integer": query({"term": {"year": "fox"}}),
    "term words on a boolean": query({"term": {"open": "maybe"}}),
    "terms with one value": query({"terms": {"kind": "story"}}),
    "terms with two fields": query({"terms": {"kind": ["a"], "tags": ["b"]}}),
    "terms without a field": query({"terms": {"boost": 1}}),
    "terms with words on an integer": query({"terms": {"year": ["fox"]}}),
    "range with an unknown option": query({"range": {"year": {"above": 3}}}),
    "range with two fields": query({"range": {"year": {"gt": 1}, "views": {"gt": 1}}}),
    "range is no object": query({"range": {"year": 5}}),
    "range words on an integer": query({"range": {"year": {"gt": "fox"}}}),
    "range words on a date": query({"range": {"published": {"gt": "fox"}}}),
    "exists without a field": query({"exists": {}}),
    "exists with an unknown option": query({"exists": {"field": "kind", "colour": 1}}),
    "ids with an unknown option": query({"ids": {"values": ["1"], "colour": 1}}),
    "ids with one value": query({"ids": {"values": "1", "type": "x"}}),
    "bool, unknown clause": query({"bool": {"might": [{"match_all": {}}]}}),
    "bool, clause is text": query({"bool": {"must": "fox"}}),
    "bool is an array": query({"bool": [{"match_all": {}}]}),
    "bool, unknown query inside": query({"bool": {"must": [{"macth": {"body": "x"}}]}}),
    "match_all with an unknown option": query({"match_all": {"colour": 1}}),
    "size is negative": search({"size": -1}),
    "size is text": search({"size": "many"}),
    "from is negative": search({"from": -1}),
    "size beyond the window": search({"size": 10001}),
    "from and size beyond the window": search({"from": 9995, "size": 10}),
    "min_score is text": search({"min_score": "high"}),
    "track_total_hits is negative": search({"track_total_hits": -2}),
    "_source is a number": search({"_source": 5}),
    "unknown parameter of the URL": search({"query": {"match_all": {}}}, colour="red"),
    "knn, wrong dims": search({"knn": knn([1.0, 2.0])}),
    "knn, k 0": search({"knn": knn(X, 0)}),
    "knn, k above num_candidates": search({"knn": {**knn(X, 5), "num_candidates": 3}}),
    "knn, num_candidates above 10000": search({"knn": {**knn(X, 5), "num_candidates": 10001}}),
    "knn, no vector": search({"knn": {"field": "vector", "k": 3, "num_candidates": 5}}),
    "knn, no field": search({"knn": {"query_vector": X, "k": 3, "num_candidates": 5}}),
    "knn, zero vector under cosine": search({"knn": knn([0.0, 0.0, 0.0, 0.0])}),
    "knn, text field": search({"knn": knn(X, 3, field="body")}),
    "knn, unknown option": search({"knn": knn(X, 3, colour="red")}),
    "knn, words in the vector": search({"knn": knn(["a", "b", "c", "d"])}),
    "knn, negative boost": search({"knn": knn(X, 3, boost=-1)}),
    "knn, filter unknown": search({"knn": knn(X, 3, filter={"macth": {}})}),
    "knn query, wrong dims": query({"knn": knn([1.0, 2.0])}),
    "knn query, unknown option": query({"knn": knn(X, 3, colour="red")}),
    "knn query, zero vector under cosine": query({"knn": knn([0.0, 0.0, 0.0, 0.0])}),
    "index that is not there": Call("POST", "/{index}-nowhere/_search", {"query": {"match_all": {}}}),
    "count with an unknown query": Call("POST", "/{index}/_count", {"query": {"macth": {"body": "x"}}}),
    "count with a size": Call("POST", "/{index}/_count", {"query": {"match_all": {}}, "size": 3}),
    "count of an index that is not there": Call("POST", "/{index}-nowhere/_count", {"query": {"match_all": {}}}),
    "unknown retriever": search({"retriever": {"nonsense": {}}}),
}

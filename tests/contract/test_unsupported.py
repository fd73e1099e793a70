"""The embedded engine refuses what it does not have with errors of Elasticsearch's shape, and names itself."""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import BadRequestError

from tests.contract.conftest import LoadedEngine
from tests.contract.corpora import ARTICLES

SEARCHES: dict[str, dict[str, Any]] = {
    "match_phrase": {"query": {"match_phrase": {"body": "lazy dog"}}},
    "match_bool_prefix": {"query": {"match_bool_prefix": {"body": "lazy do"}}},
    "prefix": {"query": {"prefix": {"kind": "st"}}},
    "wildcard": {"query": {"wildcard": {"kind": "st*"}}},
    "fuzzy": {"query": {"fuzzy": {"body": "doh"}}},
    "regexp": {"query": {"regexp": {"kind": "s.*"}}},
    "query_string": {"query": {"query_string": {"query": "fox"}}},
    "simple_query_string": {"query": {"simple_query_string": {"query": "fox"}}},
    "more_like_this": {"query": {"more_like_this": {"fields": ["body"], "like": "fox"}}},
    "function_score": {"query": {"function_score": {"query": {"match_all": {}}}}},
    "script_score": {"query": {"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}}}},
    "boosting": {"query": {"boosting": {"positive": {"match_all": {}}, "negative": {"match_all": {}}}}},
    "nested": {"query": {"nested": {"path": "author", "query": {"match_all": {}}}}},
    "match with fuzziness": {"query": {"match": {"body": {"query": "doh", "fuzziness": "AUTO"}}}},
    "multi_match cross_fields": {"query": {"multi_match": {"query": "a", "fields": ["body"], "type": "cross_fields"}}},
    "sort": {"sort": ["year"]},
    "aggs over time": {"aggs": {"days": {"date_histogram": {"field": "published", "fixed_interval": "1d"}}}},
    "aggs of a date": {"aggs": {"first": {"min": {"field": "published"}}}},
    "aggs, a pattern of terms": {"aggs": {"kinds": {"terms": {"field": "kind", "include": "s.*"}}}},
    "highlight": {"highlight": {"fields": {"body": {}}}},
    "collapse with inner_hits": {"collapse": {"field": "kind", "inner_hits": {"name": "all"}}},
    "collapse beside rescore": {
        "collapse": {"field": "kind"},
        "rescore": {"query": {"rescore_query": {"match_all": {}}}},
    },
    "suggest": {"suggest": {"s": {"text": "fxo", "term": {"field": "body"}}}},
    "script_fields": {"script_fields": {"one": {"script": "1"}}},
    "runtime_mappings": {"runtime_mappings": {"r": {"type": "long"}}},
    "search_after": {"search_after": [1]},
    "pit": {"pit": {"id": "x"}},
    "explain": {"explain": True},
}
ENDPOINTS = [
    ("POST", "/{index}/_delete_by_query"),
    ("POST", "/{index}/_update_by_query"),
    ("POST", "/_reindex"),
    ("POST", "/{index}/_pit"),
    ("POST", "/_search/scroll"),
    ("PUT", "/_ingest/pipeline/p"),
    ("PUT", "/_index_template/t"),
    ("POST", "/_query"),
    ("GET", "/_cat/indices"),
]


@pytest.mark.parametrize("body", SEARCHES.values(), ids=SEARCHES.keys())
def test_a_search_it_does_not_know_is_a_400_that_names_the_engine(
    loaded_embedded: LoadedEngine, body: dict[str, Any]
) -> None:
    with pytest.raises(BadRequestError) as raised:
        loaded_embedded.client.search(index=loaded_embedded.index_of(ARTICLES), **body)
    assert "embedded engine" in str(raised.value.body)


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_an_endpoint_it_does_not_know_is_a_400_that_names_the_engine(
    loaded_embedded: LoadedEngine, method: str, path: str
) -> None:
    headers = {"accept": "application/json", "content-type": "application/json"}
    with pytest.raises(BadRequestError) as raised:
        loaded_embedded.client.perform_request(method, path.replace("{index}", "any"), headers=headers, body={})
    assert "embedded engine" in str(raised.value.body)

"""Totals, aggregations and filters over the union of the legs, and collapsing."""

from __future__ import annotations

from typing import Any

import pytest

from connector.search.needs import MultiSearch
from tests.flows import LEXICAL, RRF, Cluster, answer, ids


def test_aggregations_ride_along_as_one_more_search_over_the_union_of_the_legs() -> None:
    union = answer(aggregations={"kinds": {"buckets": []}}) | {
        "hits": {"total": {"value": 7, "relation": "eq"}, "hits": []}
    }
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5)), union])
    kinds = {"kinds": {"terms": {"field": "kind"}}}
    response = cluster.search(RRF, aggs=kinds)
    assert isinstance(cluster.needs[0], MultiSearch)
    *legs, counted = cluster.needs[0].bodies
    assert [sorted(leg) for leg in legs] == [["query", "size"], ["knn", "size"]]
    assert counted == {
        "query": {"bool": {"should": [{"match": {"body": "car"}}], "minimum_should_match": 1}},
        "knn": legs[1]["knn"],
        "size": 0,
        "aggs": kinds,
    }
    assert response["aggregations"] == {"kinds": {"buckets": []}}
    assert response["hits"]["total"] == {"value": 7, "relation": "eq"}
    assert ids(response) == ["a", "b"]


def test_hits_are_counted_over_the_union_only_where_that_is_asked_for() -> None:
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5))])
    assert cluster.search(RRF)["hits"]["total"] == {"value": 2, "relation": "gte"}
    counted = {"total": {"value": 9, "relation": "eq"}, "hits": []}
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5)), answer() | {"hits": counted}])
    assert cluster.search(RRF, track_total_hits=True)["hits"]["total"] == {"value": 9, "relation": "eq"}
    assert isinstance(cluster.needs[0], MultiSearch)
    assert [body["track_total_hits"] for body in cluster.needs[0].bodies] == [False, False, True]
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5))])
    assert "total" not in cluster.search(RRF, track_total_hits=False)["hits"]


def test_a_legs_min_score_holds_in_the_union() -> None:
    tree = {"rrf": {"retrievers": [{"standard": {**LEXICAL["standard"], "min_score": 2.0}}]}}
    cluster = Cluster([answer(("a", 2.0)), answer()])
    cluster.search(tree, aggs={"years": {"max": {"field": "year"}}})
    assert isinstance(cluster.needs[0], MultiSearch)
    scored = {"function_score": {"query": {"match": {"body": "car"}}, "min_score": 2.0}}
    assert cluster.needs[0].bodies[1]["query"] == {"bool": {"should": [scored], "minimum_should_match": 1}}


def test_a_post_filter_is_asked_after_fusion_and_leaves_ranks_as_they_were() -> None:
    legs = [answer(("a", 3.0), ("b", 2.0), ("c", 1.0)), answer()]
    counted = {"total": {"value": 2, "relation": "eq"}, "hits": []}
    cluster = Cluster([*legs, answer() | {"hits": counted}], [answer(("c", 0.0), ("a", 0.0))])
    lang = {"term": {"lang": "en"}}
    response = cluster.search(RRF, post_filter=lang, size=2)
    assert ids(response) == ["a", "c"]
    assert response["hits"]["hits"][1]["_hybrid"]["fused_rank"] == 3
    assert response["hits"]["total"] == {"value": 2, "relation": "eq"}
    legs_and_union, filtered = cluster.needs
    assert isinstance(legs_and_union, MultiSearch)
    assert [body.get("post_filter") for body in legs_and_union.bodies] == [None, None, lang]
    assert isinstance(filtered, MultiSearch)
    (body,) = filtered.bodies
    assert body["query"] == {"bool": {"filter": [{"ids": {"values": ["a", "b", "c"]}}, lang]}}


def test_collapse_keeps_the_best_hit_of_each_value_and_one_of_those_without() -> None:
    legs = [answer(("a", 5.0), ("b", 4.0), ("c", 3.0), ("d", 2.0), ("e", 1.0)), answer()]
    for hit, kind in zip(legs[0]["hits"]["hits"], ["news", "story", "news", None, None], strict=True):
        hit["fields"] = {} if kind is None else {"kind": [kind]}
    cluster = Cluster([answer(), *legs])
    response = cluster.search(RRF, collapse={"field": "kind"})
    assert ids(response) == ["a", "b", "d"]
    assert response["hits"]["hits"][0]["fields"] == {"kind": ["news"]}
    assert response["hits"]["total"]["value"] == 5
    assert isinstance(cluster.needs[0], MultiSearch)
    assert [body["docvalue_fields"] for body in cluster.needs[0].bodies[1:]] == [["kind"], ["kind"]]


def with_values(*kinds: list[str]) -> dict[str, Any]:
    """An answer of hits a, b, c... that have these values, best first."""
    found = answer(*(("abcdef"[place], 9.0 - place) for place in range(len(kinds))))
    for hit, values in zip(found["hits"]["hits"], kinds, strict=True):
        hit["fields"] = {"kind": values} if values else {}
    return found


def failed_on(index: str, kind: str = "illegal_argument_exception") -> dict[str, Any]:
    failure = {"shard": 0, "index": index, "reason": {"type": kind, "reason": "no mapping found"}}
    return answer() | {"_shards": {"total": 2, "successful": 1, "skipped": 0, "failed": 1, "failures": [failure]}}


def test_the_cluster_is_asked_in_the_same_round_trip_whether_it_collapses_by_the_field() -> None:
    cluster = Cluster([answer(), with_values(["x"]), answer()])
    cluster.search(RRF, collapse={"field": "kind"}, runtime_mappings={"r": {"type": "long"}})
    (need,) = cluster.needs
    assert isinstance(need, MultiSearch)
    assert need.bodies[0] == {
        "query": {"match_all": {}},
        "collapse": {"field": "kind"},
        "size": 0,
        "track_total_hits": False,
        "_source": False,
        "runtime_mappings": {"r": {"type": "long"}},
    }


def test_a_hit_of_several_values_is_left_to_the_cluster_to_refuse() -> None:
    cluster = Cluster([answer(), with_values(["x"], ["x", "y"]), answer()], [answer()])
    cluster.search(RRF, collapse={"field": "kind"})
    asked = cluster.needs[1]
    assert isinstance(asked, MultiSearch)
    assert asked.headers[0]["allow_partial_search_results"] is False
    assert asked.bodies[0]["collapse"] == {"field": "kind"}
    assert asked.bodies[0]["query"]["bool"]["should"][0]["bool"]["filter"][1] == {"ids": {"values": ["b"]}}


@pytest.mark.parametrize(
    "beside",
    [
        {"fields": ["kind"]},
        {"fields": [{"field": "k*"}]},
        {"docvalue_fields": [{"field": "kind", "format": "0"}]},
        {"script_fields": {"kind": {"script": "1"}}},
        {"stored_fields": "kind"},
    ],
)
def test_values_that_something_else_is_shown_under_are_read_apart(beside: dict[str, Any]) -> None:
    legs = [answer(), with_values(["1"], ["1"], ["1"]), answer()]
    cluster = Cluster(legs, [with_values(["1.1"], ["1.2"], ["1.1"])])
    assert ids(cluster.search(RRF, collapse={"field": "kind"}, **beside)) == ["a", "b"]


def test_hits_of_an_index_that_the_cluster_does_not_collapse_are_left_out() -> None:
    found = with_values([], ["x"], ["x"])
    found["hits"]["hits"][0]["_index"] = "drafts"
    response = Cluster([failed_on("drafts"), found, answer()]).search(RRF, collapse={"field": "kind"})
    assert ids(response) == ["b"]
    assert response["_shards"]["failed"] == 1
    assert response["_hybrid"]["degraded"] == "1 shards failed"
    broken = Cluster([failed_on("drafts", "circuit_breaking_exception"), found, answer()])
    assert ids(broken.search(RRF, collapse={"field": "kind"})) == ["a", "b"]


def test_no_fewer_hits_are_counted_than_are_shown() -> None:
    union = answer() | {"hits": {"total": {"value": 1, "relation": "eq"}, "hits": []}}
    legs = [answer(("a", 2.0), ("b", 1.0)), answer(("c", 0.5))]
    response = Cluster([*legs, union]).search(RRF, track_total_hits=True)
    assert response["hits"]["total"] == {"value": 3, "relation": "gte"}


@pytest.mark.parametrize("wrong", [failed_on("articles"), answer() | {"timed_out": True}])
def test_a_count_that_is_a_part_of_the_truth_is_a_lower_bound(wrong: dict[str, Any]) -> None:
    counted = {"total": {"value": 7, "relation": "eq"}, "hits": []}
    legs = [answer(("a", 2.0)), answer(("c", 0.5))]
    response = Cluster([*legs, wrong | {"hits": counted}]).search(RRF, track_total_hits=True)
    assert response["hits"]["total"] == {"value": 7, "relation": "gte"}
    alone = Cluster([wrong | {"hits": counted}]).search({"rrf": {"retrievers": [LEXICAL]}})
    assert alone["hits"]["total"] == {"value": 7, "relation": "gte"}

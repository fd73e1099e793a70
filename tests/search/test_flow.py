"""The search flow, driven by hand: no cluster, no model, every answer a literal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connector.engines import ElasticsearchDialect
from connector.errors import RequestError
from connector.request.search_request import parse_request
from connector.search.flow import search_flow
from connector.search.needs import MultiSearch, run
from connector.search.rerank import normalized_rerank_scores
from tests.flows import LEXICAL, RRF, VECTOR, Cluster, answer, ids, rerank


def test_all_legs_travel_in_one_round_trip() -> None:
    cluster = Cluster([answer(("a", 2.0), ("b", 1.0)), answer(("b", 0.9))])
    response = cluster.search(RRF)
    (need,) = cluster.needs
    assert isinstance(need, MultiSearch)
    assert [sorted(body) for body in need.bodies] == [["query", "size"], ["knn", "size"]]
    assert need.bodies[1]["knn"]["num_candidates"] == 5
    assert ids(response) == ["b", "a"]


def test_a_vector_that_fits_no_index_is_refused_and_nothing_is_sent() -> None:
    cluster = Cluster()
    cluster.mappings = vectors_of(articles=3)
    with pytest.raises(RequestError, match=r"query_vector for 'vector': '2 numbers': must have 3, as .* 'articles'"):
        cluster.search(RRF)
    assert cluster.needs == []


def test_a_vector_that_fits_some_index_is_for_the_cluster_to_judge() -> None:
    cluster = Cluster([answer(("a", 2.0)), answer()])
    cluster.mappings = vectors_of(articles=3, more=2)
    assert ids(cluster.search(RRF)) == ["a"]


def vectors_of(**dims: int) -> dict[str, Any]:
    return {
        index: {"mappings": {"properties": {"vector": {"type": "dense_vector", "dims": each}}}}
        for index, each in dims.items()
    }


def test_a_hit_says_what_each_stage_thought_of_it() -> None:
    cluster = Cluster([answer(("a", 2.0), ("b", 1.0)), answer(("b", 0.5))], scores=[-1.0, 2.0])
    response = cluster.search(rerank(RRF))
    first = response["hits"]["hits"][0]
    assert first["_id"] == "a"
    assert first["_score"] == 3.0
    assert first["_hybrid"] == {
        "legs": {"standard": {"rank": 1, "score": 2.0}},
        "fused_rank": 2,
        "fused_score": pytest.approx(1 / 61, rel=1e-6),
        "rerank_score": 2.0,
    }
    assert response["_hybrid"]["depth"] == 2
    assert response["_hybrid"]["model"] == "by hand"
    assert response["_hybrid"]["degraded"] is None
    assert "fields" not in first


def test_filters_of_outer_retrievers_reach_every_leg() -> None:
    tree = rerank({"rrf": {**RRF["rrf"], "filter": {"term": {"lang": "en"}}}}, filter=[{"exists": {"field": "body"}}])
    cluster = Cluster([answer(), answer()])
    cluster.search(tree)
    assert isinstance(cluster.needs[0], MultiSearch)
    filters = [{"exists": {"field": "body"}}, {"term": {"lang": "en"}}]
    lexical, vector = cluster.needs[0].bodies
    assert lexical["query"] == {"bool": {"must": [{"match": {"body": "car"}}], "filter": filters}}
    assert vector["knn"]["filter"] == filters


def test_a_failing_reranker_costs_the_search_nothing() -> None:
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5))], scores=MemoryError("no memory left"))
    response = cluster.search(rerank(RRF))
    assert ids(response) == ["a", "b"]
    assert response["_hybrid"]["degraded"] == "not reranked: MemoryError (see the log of connector.rerank)"


@pytest.mark.parametrize("scores", [[1.0], [1.0, float("nan")], [[1.0, 2.0]], ["a", "b"]])
def test_scores_that_can_not_be_used_leave_the_fused_order(scores: Any) -> None:
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5))], scores=None)
    cluster.scores = scores if scores != ["a", "b"] else ValueError("no numbers")
    response = cluster.search(rerank(RRF))
    assert ids(response) == ["a", "b"]
    assert "not reranked" in response["_hybrid"]["degraded"]


def test_a_failing_reranker_fails_the_search_where_that_was_asked_for() -> None:
    cluster = Cluster([answer(("a", 2.0)), answer(("b", 0.5))], scores=MemoryError("no memory left"))
    with pytest.raises(MemoryError):
        cluster.search(rerank(RRF, allow_rerank_failures=False))


def test_hits_without_text_follow_in_fused_order_with_score_zero() -> None:
    legs = [answer(("a", 3.0), ("b", 2.0), ("c", 1.0)), answer()]
    legs[0]["hits"]["hits"][0]["fields"] = {"body": ["  "]}
    del legs[0]["hits"]["hits"][1]["fields"]
    cluster = Cluster(legs, scores=[-5.0])
    response = cluster.search(rerank(RRF))
    assert ids(response) == ["c", "a", "b"]
    assert [hit["_score"] for hit in response["hits"]["hits"]][1:] == [0.0, 0.0]
    assert [hit["_hybrid"]["rerank_score"] for hit in response["hits"]["hits"]] == [-5.0, None, None]


def test_no_text_at_all_leaves_the_fused_order_and_says_so() -> None:
    legs = [answer(("a", 3.0)), answer()]
    del legs[0]["hits"]["hits"][0]["fields"]
    response = Cluster(legs).search(rerank(RRF))
    assert ids(response) == ["a"]
    assert response["_hybrid"]["degraded"] == "not reranked: no hit has text in body"


def test_min_score_of_the_reranker_applies_to_the_normalised_score() -> None:
    cluster = Cluster([answer(("a", 3.0), ("b", 2.0)), answer()], scores=[0.0, -1.0])
    assert ids(cluster.search(rerank(RRF, min_score=0.5))) == ["a"]


def test_blend_mixes_the_rerank_score_with_the_fused_rank() -> None:
    legs = [answer(("a", 3.0), ("b", 2.0), ("c", 1.0)), answer()]
    del legs[0]["hits"]["hits"][2]["fields"]
    response = Cluster(legs, scores=[0.0, 4.0]).search(rerank(RRF, blend=0.75))
    assert ids(response) == ["b", "a", "c"]
    log_odds = 0.75 * 4 - 0.25 * 2 * np.log(2)
    expected = [1 / (1 + np.exp(-log_odds)), 0.5, 0.0]
    assert [hit["_score"] for hit in response["hits"]["hits"]] == pytest.approx(expected)
    assert [hit["_hybrid"]["rerank_score"] for hit in response["hits"]["hits"]] == [4.0, 0.0, None]


@pytest.mark.parametrize(("weight", "expected"), [(0, ["a", "b"]), (1, ["b", "a"])])
def test_blend_goes_from_the_fused_order_to_the_rerankers(weight: float, expected: list[str]) -> None:
    cluster = Cluster([answer(("a", 3.0), ("b", 2.0)), answer()], scores=[30.0, 31.0])
    assert ids(cluster.search(rerank(RRF, blend=weight))) == expected


def test_normalised_rerank_scores_are_elastics() -> None:
    expected = [2.0 + 1.0, 0.0 + 1.0, 0.0 + np.exp(-1.0), 0.0 + np.exp(-50.0)]
    np.testing.assert_allclose(normalized_rerank_scores(np.array([2, 0, -1, -50], np.float32)), expected, rtol=1e-6)


def test_raw_scores_too_low_to_be_normalised_still_give_the_order() -> None:
    cluster = Cluster([answer(("a", 3.0), ("b", 2.0)), answer()], scores=[-2000.0, -1000.0])
    assert ids(cluster.search(rerank(RRF))) == ["b", "a"]


def test_size_left_out_means_the_whole_window() -> None:
    hits = [(f"{number:02}", 100.0 - number) for number in range(12)]
    response = Cluster([answer(*hits), answer()]).search({"rrf": {**RRF["rrf"], "rank_window_size": 12}})
    assert len(ids(response)) == 12


@pytest.mark.parametrize(("offset", "size", "expected"), [(5, 10, 7), (12, 5, 0), (20, 12, 0), (0, 0, 0)])
def test_a_page_past_the_window_gives_what_is_left(offset: int, size: int, expected: int) -> None:
    hits = [(f"{number:02}", 100.0 - number) for number in range(12)]
    tree = {"rrf": {**RRF["rrf"], "rank_window_size": 12}}
    response = Cluster([answer(*hits), answer()]).search(tree, size=size, **{"from": offset})
    assert len(ids(response)) == expected


def test_ties_of_a_leg_break_on_the_id_before_ranks_are_given() -> None:
    response = Cluster([answer(("b", 1.0), ("a", 1.0)), answer()]).search(RRF)
    assert ids(response) == ["a", "b"]


def test_a_large_window_fetches_the_page_in_a_second_trip() -> None:
    tree = {"rrf": {**RRF["rrf"], "rank_window_size": 101}}
    page = answer(("a", 1.0))
    page["hits"]["hits"][0]["_source"] = {"body": "whole"}
    cluster = Cluster([answer(("a", 2.0), ("b", 1.0)), answer()], [page])
    response = cluster.search(tree, size=2)
    first, second = cluster.needs
    assert isinstance(first, MultiSearch)
    assert isinstance(second, MultiSearch)
    assert [body["_source"] for body in first.bodies] == [False, False]
    assert second.bodies[0]["query"] == {"bool": {"filter": [{"ids": {"values": ["a", "b"]}}]}}
    assert response["hits"]["hits"][0]["_source"] == {"body": "whole"}
    assert "deleted between retrieval and page" in response["_hybrid"]["degraded"]


def test_a_partial_answer_is_never_silent() -> None:
    failure = {"shard": 0, "index": "articles", "reason": {"type": "oops"}}
    shards = {"total": 2, "successful": 1, "skipped": 0, "failed": 1, "failures": [failure]}
    response = Cluster([answer(("a", 1.0), _shards=shards), answer(timed_out=True)]).search(RRF)
    assert response["_shards"] == shards
    assert response["timed_out"] is True
    assert response["_hybrid"]["degraded"] == "1 shards failed, a leg timed out"


def test_the_total_of_several_legs_is_a_lower_bound() -> None:
    response = Cluster([answer(("a", 2.0), ("b", 1.0)), answer(("c", 0.5))]).search(RRF)
    assert response["hits"]["total"] == {"value": 3, "relation": "gte"}


def test_legs_of_one_kind_are_numbered_and_named_ones_keep_their_name() -> None:
    named = {"standard": {"query": {"match_all": {}}, "_name": "titles"}}
    cluster = Cluster([answer(), answer(), answer(), answer()])
    response = cluster.search({"rrf": {"retrievers": [LEXICAL, LEXICAL, named, VECTOR]}})
    assert list(response["_hybrid"]["legs"]) == ["standard", "standard_2", "titles", "knn"]


def test_a_sorted_leg_keeps_its_own_order() -> None:
    leg = {"standard": {"query": {"match_all": {}}, "sort": [{"year": "desc"}]}}
    response = Cluster([answer(("b", 0.0), ("a", 0.0)), answer()]).search({"rrf": {"retrievers": [leg, VECTOR]}})
    assert ids(response) == ["b", "a"]


def test_a_reranker_may_stand_under_a_fusion() -> None:
    tree = {"rrf": {"retrievers": [rerank(LEXICAL), VECTOR], "rank_window_size": 10}}
    cluster = Cluster([answer(("a", 2.0), ("b", 1.0)), answer(("c", 1.0))], scores=[0.0, 1.0])
    response = cluster.search(tree)
    assert ids(response) == ["b", "c", "a"]


def test_provenance_can_be_left_out() -> None:
    request = parse_request({"retriever": RRF}, {}, "articles", ())
    flow = search_flow(request, ElasticsearchDialect(), with_provenance=False)
    leg = answer(("a", 1.0))
    del leg["hits"]["hits"][0]["fields"]
    response = run(flow, Cluster([leg, answer()]).perform)
    assert response.keys() == {"took", "timed_out", "_shards", "hits"}
    assert response["hits"]["hits"][0].keys() == {"_index", "_id", "_score"}


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


def test_min_score_applies_to_the_final_score() -> None:
    cluster = Cluster([answer(("a", 2.0), ("b", 1.0)), answer(("b", 0.5))])
    response = cluster.search(RRF, min_score=0.02)
    assert ids(response) == ["b"]  # a has 1/61 alone, b 1/62 + 1/61
    assert response["hits"]["total"] == {"value": 1, "relation": "gte"}


def test_a_hit_of_vectors_alone_is_highlighted_by_the_text_query() -> None:
    cluster = Cluster([answer(), answer()])
    cluster.search(RRF, highlight={"fields": {"body": {}}})
    assert isinstance(cluster.needs[0], MultiSearch)
    query = {"bool": {"should": [{"match": {"body": "car"}}]}}
    assert [body["highlight"]["highlight_query"] for body in cluster.needs[0].bodies] == [query, query]
    cluster = Cluster([answer(), answer()])
    own = {"fields": {"body": {}}, "highlight_query": {"term": {"body": "bus"}}}
    cluster.search(RRF, highlight=own)
    assert isinstance(cluster.needs[0], MultiSearch)
    assert [body["highlight"] for body in cluster.needs[0].bodies] == [own, own]


def test_matched_queries_are_those_of_all_legs() -> None:
    legs = [answer(("a", 2.0)), answer(("a", 0.5), ("b", 0.4))]
    legs[0]["hits"]["hits"][0]["matched_queries"] = ["text"]
    legs[1]["hits"]["hits"][0]["matched_queries"] = ["near", "text"]
    response = Cluster(legs).search(RRF)
    assert response["hits"]["hits"][0]["matched_queries"] == ["text", "near"]


def test_linear_adds_up_the_legs_scores() -> None:
    tree = {
        "linear": {
            "retrievers": [
                {"retriever": LEXICAL, "weight": 0.5, "normalizer": "minmax"},
                {"retriever": VECTOR, "weight": 2},
            ]
        }
    }
    response = Cluster([answer(("a", 8.0), ("b", 4.0)), answer(("b", 0.5), ("c", 0.125))]).search(tree)
    assert [(hit["_id"], hit["_score"]) for hit in response["hits"]["hits"]] == [("b", 1.0), ("a", 0.5), ("c", 0.25)]


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

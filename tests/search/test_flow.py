"""The search flow, driven with literals: no cluster and no model."""

from __future__ import annotations

from typing import Any

import pytest

from connector.engines import ElasticsearchDialect
from connector.errors import RequestError
from connector.request.search_request import parse_request
from connector.search.flow import search_flow
from connector.search.needs import MultiSearch, run
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


def test_provenance_can_be_left_out() -> None:
    request = parse_request({"retriever": RRF}, {}, "articles", ())
    flow = search_flow(request, ElasticsearchDialect(), with_provenance=False)
    leg = answer(("a", 1.0))
    del leg["hits"]["hits"][0]["fields"]
    response = run(flow, Cluster([leg, answer()]).perform)
    assert response.keys() == {"took", "timed_out", "_shards", "hits"}
    assert response["hits"]["hits"][0].keys() == {"_index", "_id", "_score"}


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

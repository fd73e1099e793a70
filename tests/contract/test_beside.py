"""Options next to a compound retriever, compared with `rescorer`, which every licence runs natively.

OpenSearch has no retrievers: there they are compared with the leg as a plain search.
"""

from __future__ import annotations

from typing import Any

import pytest
from elasticsearch import ApiError, BadRequestError

from tests.contract.conftest import Pair
from tests.contract.corpora import ARTICLES
from tests.contract.test_hybrid import hybrid, rrf

Body = dict[str, Any]

WORDS: Body = {"standard": {"query": {"multi_match": {"query": "quick fox dog lazy", "fields": ["title", "body"]}}}}
NEAR: Body = {"knn": {"field": "vector", "query_vector": [0.7, 0.2, 0.1, 0.3], "k": 4, "num_candidates": 50}}
STORY: Body = {"term": {"kind": "story"}}
KINDS: Body = {"kinds": {"terms": {"field": "kind", "order": {"_key": "asc"}}}, "last": {"max": {"field": "year"}}}

BESIDE: dict[str, Body] = {
    "size": {"size": 3},
    "from and size past the window": {"from_": 4, "size": 4},
    "no size is the whole window": {},
    "post_filter": {"post_filter": STORY},
    "post_filter and a page": {"post_filter": STORY, "from_": 1, "size": 1},
    "collapse": {"collapse": {"field": "kind"}},
    "collapse and a page": {"collapse": {"field": "kind"}, "size": 2},
    "collapse after post_filter": {"collapse": {"field": "kind"}, "post_filter": STORY},
    "collapse by numbers": {"collapse": {"field": "rating"}},
    "collapse by numbers that are shown alike": {
        "collapse": {"field": "rating"},
        "docvalue_fields": [{"field": "rating", "format": "0"}],
    },
    "collapse by a field that is asked for": {"collapse": {"field": "kind"}, "fields": ["k*"]},
    "collapse with inner hits": {
        "collapse": {"field": "kind", "inner_hits": {"name": "others", "size": 4, "_source": ["title"]}}
    },
    "collapse with inner hits, a page of them": {
        "collapse": {
            "field": "kind",
            "inner_hits": [
                {"name": "next", "from": 1, "size": 2, "_source": False},
                {"name": "old", "size": 2, "sort": ["year"], "_source": ["year"]},
            ],
        },
        "size": 2,
    },
    "collapse with inner hits under a post_filter": {
        "collapse": {"field": "kind", "inner_hits": {"name": "others", "_source": False}},
        "post_filter": STORY,
    },
    "min_score": {"min_score": 1.5},
    "aggregations": {"aggs": KINDS, "size": 2},
    "aggregations under a post_filter": {"aggs": KINDS, "post_filter": STORY},
    "totals": {"track_total_hits": True, "size": 1},
    "totals not counted": {"track_total_hits": False},
    "highlight": {"highlight": {"fields": {"body": {}, "title": {}}}},
    "fields": {"fields": ["title", "year"], "source": False},
    "version and sequence numbers": {"version": True, "seq_no_primary_term": True},
    "docvalue_fields": {"docvalue_fields": ["year"]},
    "suggest": {"suggest": {"typo": {"text": "quikc", "term": {"field": "body", "min_word_length": 3}}}},
    "filter_path": {"filter_path": "hits.hits._id,hits.total,hits.hits._source.t*", "track_total_hits": True},
    "filter_path that leaves out": {"filter_path": "-hits.hits._source,-took,-_shards"},
    "rest_total_hits_as_int": {"rest_total_hits_as_int": True, "track_total_hits": True},
    "typed_keys": {"typed_keys": True, "aggs": KINDS},
    "runtime_mappings": {"runtime_mappings": {"year": {"type": "keyword"}}, "fields": ["year"]},
}
NOT_ON_OPENSEARCH = {
    "runtime_mappings": "fields computed in a search are called `derived` there, and written otherwise"
}


def _rounded(value: Any) -> Any:
    """Round scores to four places, inner hits' too: a sum of floats depends on its order.

    Without `sort`: under a native compound retriever it ends with the place in the point in time that was opened.
    """
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items() if key != "sort"}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def natively(leg: Body, window: int) -> Body:
    """Return the leg under a `rescorer` that changes nothing, run by the cluster."""
    unchanged = {"rescore_query": {"match_all": {}}, "query_weight": 1.0, "rescore_query_weight": 0.0}
    return {"rescorer": {"retriever": leg, "rescore": {"window_size": window, "query": unchanged}}}


def searched_natively(any_pair: Pair, leg: Body, window: int, **beside: Any) -> Body:
    """Return the cluster's answer to a leg of which the first `window` hits count."""
    client, index = any_pair.real.client, any_pair.real.index_of(ARTICLES)
    if any_pair.real_name != "os2":
        found: Body = client.search(index=index, retriever=natively(leg, window), **beside).body
        return found
    found = client.search(index=index, **plain(leg), **{"size": window, **beside}).body
    if "hits" in found.get("hits", {}):
        found["hits"]["hits"] = found["hits"]["hits"][: max(0, window - beside.get("from_", 0))]
    return found


def plain(leg: Body) -> Body:
    """Return a leg as OpenSearch's own search."""
    if "standard" in leg:
        return {"query": leg["standard"]["query"]}
    near = leg["knn"]
    return {"query": {"knn": {near["field"]: {"vector": near["query_vector"], "k": near["k"]}}}}


def by_us(leg: Body, window: int) -> Body:
    """Return the leg under a `linear` that changes nothing, run by the connector."""
    return {"linear": {"retrievers": [{"retriever": leg}], "rank_window_size": window}}


@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE.keys())
def test_what_stands_beside_does_what_it_does_beside_a_native_compound_retriever(any_pair: Pair, beside: Body) -> None:
    index = any_pair.real.index_of(ARTICLES)
    if any_pair.real_name == "os2" and (reason := NOT_ON_OPENSEARCH.keys() & beside.keys()):
        with pytest.raises(BadRequestError, match=f"Unknown key for a START_OBJECT in .{reason.pop()}"):
            hybrid(any_pair.real.client).search(index=index, retriever=by_us(WORDS, 6), **beside)
        return
    source: Body = {} if "source" in beside else {"source": {"excludes": ["vector"]}}
    window = 10 if "collapse" in beside else 6  # a rescorer's window does not bound what is collapsed
    native = searched_natively(any_pair, WORDS, window, **beside, **source)
    ours = hybrid(any_pair.real.client).search(index=index, retriever=by_us(WORDS, window), **beside, **source).body
    for hit in ours["hits"]["hits"]:
        hit.pop("_hybrid", None)
    assert ours.get("aggregations") == native.get("aggregations")
    assert ours.get("suggest") == native.get("suggest")
    if "min_score" not in beside:  # ours counts in the window only, and says so
        assert ours["hits"].get("total") == native["hits"].get("total")
    assert len(ours["hits"]["hits"]) == len(native["hits"]["hits"])
    assert _rounded(ours["hits"]["hits"]) == _rounded(native["hits"]["hits"])


@pytest.mark.parametrize(
    "field", ["nowhere", "author", "title", "published", "open", "vector", "year", "tags", "author.id"]
)
def test_what_the_cluster_does_not_collapse_by_is_refused_in_its_own_words(any_pair: Pair, field: str) -> None:
    client, index = any_pair.real.client, any_pair.real.index_of(ARTICLES)
    with pytest.raises(ApiError) as native:
        client.search(index=index, query={"match_all": {}}, collapse={"field": field})
    has_several_values = field in ("year", "tags", "author.id")  # in some hits: over none there is nothing to refuse
    for query in ("match_all",) if has_several_values else ("match_all", "match_none"):
        tree = rrf({"standard": {"query": {query: {}}}})
        with pytest.raises(ApiError) as ours:
            hybrid(client).search(index=index, retriever=tree, collapse={"field": field})
        assert ours.value.meta.status == native.value.meta.status
        causes = [error.value.body["error"]["root_cause"][0] for error in (ours, native)]
        assert causes[0]["type"] == causes[1]["type"]
        assert causes[0]["reason"].split("doc:")[0] == causes[1]["reason"].split("doc:")[0]


def test_hits_of_an_index_that_can_not_be_collapsed_are_left_out_as_the_cluster_does(any_pair: Pair) -> None:
    client, index = any_pair.real.client, any_pair.real.index_of(ARTICLES)
    other = f"{index}-bare"
    any_pair.real.made.add(other)
    client.index(index=other, id="bare", document={"body": "fox"}, refresh=True)
    asked: Body = {"collapse": {"field": "kind"}, "source": False}
    native = client.search(index=f"{index},{other}", query=WORDS["standard"]["query"], **asked).body
    ours = hybrid(client).search(index=f"{index},{other}", retriever=rrf(WORDS), **asked).body
    assert [hit["_id"] for hit in ours["hits"]["hits"]] == [hit["_id"] for hit in native["hits"]["hits"]]
    assert ours["_shards"]["failed"] == native["_shards"]["failed"] == 1
    assert ours["_hybrid"]["degraded"] == "1 shards failed"


RESCORES: dict[str, list[Body]] = {
    "total": [{"rescore_query": {"match": {"title": "dog"}}, "rescore_query_weight": 2.0}],
    "multiply": [{"rescore_query": {"match": {"body": "fox"}}, "score_mode": "multiply", "query_weight": 0.5}],
    "max": [{"rescore_query": {"term": {"kind": "story"}}, "score_mode": "max"}],
    "min": [{"rescore_query": {"exists": {"field": "title"}}, "score_mode": "min"}],
    "avg": [{"rescore_query": {"match": {"body": "lazy"}}, "score_mode": "avg", "rescore_query_weight": 3.0}],
    "two steps": [{"rescore_query": {"match": {"body": "lazy"}}}, {"rescore_query": STORY, "score_mode": "multiply"}],
}


@pytest.mark.parametrize("queries", RESCORES.values(), ids=RESCORES.keys())
@pytest.mark.parametrize("leg", [WORDS, NEAR], ids=["lexical", "vectors"])
def test_a_rescorer_in_a_tree_scores_as_the_clusters_own(any_pair: Pair, leg: Body, queries: list[Body]) -> None:
    index = any_pair.real.index_of(ARTICLES)
    steps = [{"window_size": 6, "query": query} for query in queries]
    rescorer = {"retriever": {"rescorer": {"retriever": leg, "rescore": steps}}}
    asked = {**plain(leg), "rescore": steps, "size": 6} if any_pair.real_name == "os2" else rescorer
    native = any_pair.real.client.search(index=index, source=False, **asked)
    expected = {hit["_id"]: hit["_score"] for hit in native["hits"]["hits"]}
    for below in (leg, by_us(leg, 6)):  # the cluster rescores a leaf, the connector a fusion
        tree = by_us({"rescorer": {"retriever": below, "rescore": steps}}, 6)
        ours = hybrid(any_pair.real.client).search(index=index, retriever=tree, source=False)
        assert {hit["_id"]: hit["_score"] for hit in ours["hits"]["hits"]} == pytest.approx(expected, abs=1e-4)


def test_explain_draws_a_leg_as_the_cluster_does(any_pair: Pair) -> None:
    index, client = any_pair.real.index_of(ARTICLES), hybrid(any_pair.real.client)
    leg = plain(WORDS) if any_pair.real_name == "os2" else {"retriever": WORDS}
    native = any_pair.real.client.search(index=index, explain=True, size=10, **leg)["hits"]["hits"]
    ours = client.search(index=index, retriever=rrf(WORDS, NEAR), explain=True)["hits"]["hits"]
    of_leg = {hit["_id"]: hit["_explanation"] for hit in native}
    for hit in ours:
        legs = hit["_explanation"]["details"]
        assert hit["_explanation"]["value"] == pytest.approx(hit["_score"])
        assert hit["_shard"] == native[0]["_shard"]
        places = hit["_hybrid"]["legs"]
        for leg, name in zip(legs, ("standard", "knn"), strict=True):
            assert leg["value"] == places.get(name, {"rank": 0})["rank"]
        if "standard" in places:
            assert legs[0]["details"] == [of_leg[hit["_id"]]]


def test_profile_shows_the_shards_of_every_leg(any_pair: Pair) -> None:
    index, client = any_pair.real.index_of(ARTICLES), hybrid(any_pair.real.client)
    shards = client.search(index=index, retriever=rrf(WORDS, NEAR), profile=True)["profile"]["shards"]
    assert len(shards) == 2
    assert "KnnFloatVectorQuery" in str(shards[1]) if any_pair.real_name == "os2" else "knn" in shards[1]["dfs"]


def test_the_union_of_a_lexical_and_a_vector_leg_is_counted_and_aggregated_over(any_pair: Pair) -> None:
    index = any_pair.real.index_of(ARTICLES)
    client = any_pair.real.client
    found: set[str] = set()
    for leg in (WORDS, NEAR):
        hits = hybrid(client).search(index=index, retriever=leg, size=100)["hits"]["hits"]
        found |= {hit["_id"] for hit in hits}
    expected = client.search(index=index, query={"ids": {"values": sorted(found)}}, aggs=KINDS, size=0)
    ours = hybrid(client).search(index=index, retriever=rrf(WORDS, NEAR), aggs=KINDS, track_total_hits=True)
    assert ours["hits"]["total"] == {"value": len(found), "relation": "eq"}
    assert ours["aggregations"] == expected["aggregations"]


def test_a_hit_of_vectors_alone_is_highlighted(any_pair: Pair) -> None:
    index = any_pair.real.index_of(ARTICLES)
    nothing = {"standard": {**WORDS["standard"], "filter": {"match_none": {}}}}
    response = hybrid(any_pair.real.client).search(
        index=index, retriever=rrf(nothing, NEAR), highlight={"fields": {"body": {}, "title": {}}}
    )
    assert any(hit.get("highlight") for hit in response["hits"]["hits"])
    assert all("standard" not in hit["_hybrid"]["legs"] for hit in response["hits"]["hits"])


@pytest.mark.parametrize("window", [10, 200], ids=["page from the legs", "page by ids"])
def test_a_point_in_time_sees_what_was_there_when_it_was_opened(any_pair: Pair, window: int) -> None:
    client = hybrid(any_pair.real.client)
    index = f"{any_pair.real.index_of(ARTICLES)}-pit"
    any_pair.real.made.add(index)
    for number in range(4):
        client.index(index=index, id=str(number), document={"body": f"car number {number}"}, refresh=True)
    pit = client.open_point_in_time(index=index, keep_alive="1m")["id"]
    client.delete(index=index, id="0", refresh=True)
    leg = {"standard": {"query": {"match": {"body": "car"}}}}
    tree = rrf(leg, rank_window_size=window)
    post_filter = {"bool": {"must_not": {"match": {"body": "3"}}}}
    found = client.search(retriever=tree, pit={"id": pit, "keep_alive": "1m"}, post_filter=post_filter)
    assert sorted(hit["_id"] for hit in found["hits"]["hits"]) == ["0", "1", "2"]
    assert all(hit["_source"] for hit in found["hits"]["hits"])
    assert found["_hybrid"]["degraded"] is None
    client.close_point_in_time(id=found["pit_id"])
    assert sorted(hit["_id"] for hit in client.search(index=index, retriever=tree)["hits"]["hits"]) == ["1", "2", "3"]

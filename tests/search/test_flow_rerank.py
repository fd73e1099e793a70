"""Reranking in the search flow: scores, failures, hits without text, blending."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connector.search.rerank import normalized_rerank_scores
from tests.flows import LEXICAL, RRF, VECTOR, Cluster, answer, ids, rerank


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


def test_a_reranker_may_stand_under_a_fusion() -> None:
    tree = {"rrf": {"retrievers": [rerank(LEXICAL), VECTOR], "rank_window_size": 10}}
    cluster = Cluster([answer(("a", 2.0), ("b", 1.0)), answer(("c", 1.0))], scores=[0.0, 1.0])
    response = cluster.search(tree)
    assert ids(response) == ["b", "c", "a"]

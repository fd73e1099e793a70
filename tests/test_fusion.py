"""Fusion: numbers worked out by hand, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.fusion import Ranking, rank, rrf


def ranking(*ids: str) -> Ranking:
    return Ranking([("articles", identifier) for identifier in ids], np.arange(len(ids), 0, -1, dtype=np.float32))


def ids(fused: Ranking) -> list[str]:
    return [identifier for _, identifier in fused.keys]


def test_a_hit_of_both_legs_scores_the_sum_of_reciprocal_ranks() -> None:
    fused = rrf([ranking("a", "b"), ranking("c", "a")])
    assert ids(fused) == ["a", "c", "b"]
    assert fused.scores.dtype == np.float32
    np.testing.assert_allclose(fused.scores, [1 / 61 + 1 / 62, 1 / 61, 1 / 62], rtol=1e-6)


def test_weights_multiply_and_are_not_normalised() -> None:
    fused = rrf([ranking("a"), ranking("b")], rank_constant=1, weights=[1.0, 3.0])
    assert ids(fused) == ["b", "a"]
    np.testing.assert_allclose(fused.scores, [3 / 2, 1 / 2])


def test_ties_are_broken_by_index_then_id() -> None:
    legs = [
        Ranking([(index, identifier)], np.ones(1, np.float32))
        for index, identifier in [("b", "1"), ("a", "2"), ("a", "1")]
    ]
    assert rrf(legs).keys == [("a", "1"), ("a", "2"), ("b", "1")]


def test_ranks_inside_a_leg_break_ties_the_same_way() -> None:
    keys = [("articles", identifier) for identifier in "dbca"]
    ordered = rank(keys, np.array([1, 2, 1, 1], np.float32))
    assert ids(ordered) == ["b", "a", "c", "d"]


def test_no_rankings_and_empty_rankings_give_no_hits() -> None:
    assert rrf([]).keys == []
    assert rrf([ranking(), ranking()]).keys == []


def test_a_wrong_number_of_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="give one for each"):
        rrf([ranking("a")], weights=[1.0, 1.0])


def test_a_rank_constant_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        rrf([ranking("a")], rank_constant=0)


rankings = st.lists(
    st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8).map(lambda found: ranking(*found)), max_size=5
)


@given(rankings, st.randoms(use_true_random=False))
def test_rrf_does_not_depend_on_the_order_of_the_legs(legs: list[Ranking], random: object) -> None:
    shuffled = list(legs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ours, theirs = rrf(legs), rrf(shuffled)
    assert ours.keys == theirs.keys
    np.testing.assert_array_equal(ours.scores, theirs.scores)


@given(rankings)
def test_rrf_gives_every_hit_once_with_the_sum_of_its_parts(legs: list[Ranking]) -> None:
    fused = rrf(legs)
    expected = {
        key: sum(1 / (61 + leg.keys.index(key)) for leg in legs if key in leg.keys)
        for key in {key for leg in legs for key in leg.keys}
    }
    assert sorted(fused.keys) == sorted(expected)
    np.testing.assert_allclose(fused.scores, [expected[key] for key in fused.keys], rtol=1e-6)
    assert list(fused.scores) == sorted(fused.scores, reverse=True)

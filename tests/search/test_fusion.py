"""Fusion: numbers computed by hand, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.request.rescoring import RescoreQuery
from connector.request.retrievers import Normalizer
from connector.search.fusion import blend, linear, normalized, probabilities, rescored, rrf
from connector.search.ranking import Ranking, rank


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


def scored(**scores: float) -> Ranking:
    return Ranking([("articles", identifier) for identifier in scores], np.array(list(scores.values()), np.float32))


def test_linear_sums_weighted_scores_and_lacking_hits_add_nothing() -> None:
    fused = linear([scored(a=4, b=2), scored(b=0.5, c=0.25)], weights=[1.0, 10.0])
    assert ids(fused) == ["b", "a", "c"]
    np.testing.assert_allclose(fused.scores, [2 + 5, 4, 2.5])


def test_each_leg_has_its_own_normalizer() -> None:
    fused = linear([scored(a=4, b=2), scored(b=0.5, a=0.1)], normalizers=["minmax", "none"])
    np.testing.assert_allclose(fused.scores, [1 + 0.1, 0 + 0.5])


def test_a_hit_that_a_zscored_leg_lacks_counts_as_its_lowest() -> None:
    # mean 2, deviation 1: a +1, b -1; c is lacking there and counts -1, so that it is not above b
    fused = linear([scored(a=3, b=1), scored(b=1, c=1)], normalizers=["zscore", "none"])
    assert dict(zip(ids(fused), fused.scores.tolist(), strict=True)) == {"a": 1.0, "b": 0.0, "c": 0.0}


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("none", [3, 1, 2]),
        ("minmax", [1, 0, 0.5]),
        ("l2_norm", [3 / 14**0.5, 1 / 14**0.5, 2 / 14**0.5]),
        ("zscore", [1.5**0.5, -(1.5**0.5), 0]),  # the deviation is the root of 2 / 3
        ("dbsf", [0.5 + 1.5**0.5 / 6, 0.5 - 1.5**0.5 / 6, 0.5]),
    ],
)
def test_normalizers(how: Normalizer, expected: list[float]) -> None:
    np.testing.assert_allclose(normalized(np.array([3, 1, 2], np.float32), how), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("how", "expected"), [("none", 7.0), ("minmax", 7.0), ("l2_norm", None), ("zscore", 0.0), ("dbsf", 0.5)]
)
@pytest.mark.parametrize("count", [1, 3])
def test_equal_scores_and_one_hit_alone_are_defined(how: Normalizer, expected: float | None, count: int) -> None:
    found = normalized(np.full(count, 7, np.float32), how)
    np.testing.assert_allclose(found, [count**-0.5 if expected is None else expected] * count)


@pytest.mark.parametrize("how", ["none", "minmax", "l2_norm", "zscore", "dbsf"])
def test_no_scores_and_all_zeros_are_defined(how: Normalizer) -> None:
    assert normalized(np.empty(0, np.float32), how).tolist() == []
    assert normalized(np.zeros(2, np.float32), how).tolist() == [0.5 if how == "dbsf" else 0.0] * 2


def test_an_unknown_normalizer_and_a_wrong_count_are_refused() -> None:
    with pytest.raises(ValueError, match="must be one of none, minmax"):
        normalized(np.ones(1, np.float32), "softmax")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give one for each"):
        linear([scored(a=1)], weights=[1.0, 2.0])


def test_blend_adds_the_rank_to_the_log_odds() -> None:
    blended = blend(ranking("a", "b"), np.array([0.0, 3.0], np.float32), 0.5)
    # b: (3 - 2 ln 2) / 2 = 0.807; a: 0
    assert ids(blended) == ["b", "a"]
    np.testing.assert_allclose(blended.scores, [1 / (1 + np.exp(-(1.5 - np.log(2)))), 0.5], rtol=1e-6)
    with pytest.raises(ValueError, match="between 0 and 1"):
        blend(ranking("a"), np.zeros(1, np.float32), 1.5)


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_hits_that_were_not_read_come_last_in_the_rankings_order(weight: float) -> None:
    blended = blend(ranking("d", "c", "b", "a"), np.array([-np.inf, -9, -np.inf, -np.inf], np.float32), weight)
    assert ids(blended) == ["c", "d", "b", "a"]
    assert blended.scores.tolist()[1:] == pytest.approx([0, 0, 0])


def test_extreme_logits_are_certain_and_no_warning() -> None:
    assert probabilities(np.array([-np.inf, -5000, 0, 5000], np.float32)).tolist() == pytest.approx([0, 0, 0.5, 1])


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


def test_a_score_past_what_a_float_holds_is_the_greatest_there_is() -> None:
    pinned = Ranking([("articles", "1"), ("articles", "2")], np.array([1.8e38, 1.7e38], dtype=np.float32))
    most = np.finfo(np.float32).max
    found = linear([pinned], weights=[4.0], normalizers=["none"])
    assert found.scores.tolist() == [most, most]
    how = RescoreQuery(rescore_query={}, query_weight=4.0, rescore_query_weight=1.0, score_mode="total")
    assert rescored(pinned, {("articles", "2"): 1e38}, how).scores.tolist() == [most, most]

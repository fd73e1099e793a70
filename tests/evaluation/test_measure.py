import math

import pytest

from connector.evaluation.measure import holm, measure, paired_test


def test_measures_equal_hand_calculated_values() -> None:
    qrels = {"q1": {"a": 1, "b": 1}, "q2": {"c": 1}}
    result = measure(qrels, {"q1": ["x", "a", "y", "b"], "q2": ["x", "y"]}, ["nDCG@10", "RR@10", "R@3"])
    # q1: gains at ranks 2 and 4, ideal at ranks 1 and 2; the first hit at rank 2; one of two within three.
    ndcg = (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    assert result.per_query["nDCG@10"] == pytest.approx({"q1": ndcg, "q2": 0.0})
    assert result.per_query["RR@10"] == pytest.approx({"q1": 1 / 2, "q2": 0.0})
    assert result.per_query["R@3"] == pytest.approx({"q1": 1 / 2, "q2": 0.0})
    assert result.mean("nDCG@10") == pytest.approx(ndcg / 2)


def test_mrr_is_cut_after_ten() -> None:
    ranking = [f"x{i}" for i in range(10)]
    result = measure({"q": {"a": 1}}, {"q": [*ranking, "a"]}, ["RR@10", "R@11"])
    assert result.mean("RR@10") == 0.0
    assert result.mean("R@11") == 1.0


def test_the_order_given_is_the_order_measured_also_for_ids_that_sort_otherwise() -> None:
    assert measure({"q": {"z": 1}}, {"q": ["z", "a"]}, ["RR@10"]).mean("RR@10") == 1.0
    assert measure({"q": {"a": 1}}, {"q": ["a", "z"]}, ["RR@10"]).mean("RR@10") == 1.0


def test_a_query_missing_from_the_run_counts_as_zero_and_an_unjudged_one_not_at_all() -> None:
    result = measure({"q1": {"a": 1}, "q2": {"a": 1}}, {"q1": ["a"], "unjudged": ["b"]}, ["nDCG@10"])
    assert result.per_query["nDCG@10"] == {"q1": 1.0, "q2": 0.0}


def test_an_empty_run_measures_zero() -> None:
    assert measure({"q1": {"a": 1}}, {}, ["nDCG@10", "RR@10"]).mean("RR@10") == 0.0


def test_a_document_twice_in_a_ranking_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        measure({"q": {"a": 1}}, {"q": ["a", "a"]}, ["nDCG@10"])


def test_measuring_without_judgments_is_refused() -> None:
    with pytest.raises(ValueError, match="no judged queries"):
        measure({}, {"q": ["a"]}, ["nDCG@10"])


def test_three_equal_gains_have_an_exact_p_value_of_a_quarter() -> None:
    # Of 8 sign patterns, +++ and --- are as extreme as +++.
    before = {"a": 0.0, "b": 0.1, "c": 0.2}
    test = paired_test(before, {key: value + 0.5 for key, value in before.items()})
    assert test.p_value == 2 / 8
    assert test.difference == pytest.approx(0.5)
    assert (test.improved, test.harmed, test.unchanged) == (3, 0, 0)
    assert test.interval == pytest.approx((0.5, 0.5))


def test_gains_of_three_two_and_minus_one_have_an_exact_p_value_of_a_half() -> None:
    # Sums of +-3 +-2 +-1: 6, 4, 2, 0, 0, -2, -4, -6; at least 4 away from 0: 4 of 8.
    test = paired_test({"a": 0, "b": 0, "c": 1}, {"a": 3, "b": 2, "c": 0})
    assert test.p_value == 4 / 8
    assert (test.improved, test.harmed, test.unchanged) == (2, 1, 0)


def test_no_difference_at_all_has_p_value_one() -> None:
    test = paired_test({"a": 0.3, "b": 0.7}, {"a": 0.3, "b": 0.7})
    assert (test.difference, test.p_value, test.interval, test.unchanged) == (0.0, 1.0, (0.0, 0.0), 2)


def test_many_queries_are_tested_by_random_flips_close_to_the_normal_approximation() -> None:
    # 60 of 100 queries gain 1, 40 lose 1; for B binomial (100, 1/2), P(|B - 50| >= 10) = 0.0569.
    before = {str(i): 0.0 for i in range(100)}
    test = paired_test(before, {str(i): 1.0 if i < 60 else -1.0 for i in range(100)})
    assert test.p_value == pytest.approx(0.0569, abs=0.01)
    # The bootstrap's standard error: sqrt((1 - 0.2^2) / 100) = 0.098.
    assert test.interval == pytest.approx((0.2 - 1.96 * 0.098, 0.2 + 1.96 * 0.098), abs=0.03)


def test_the_same_seed_gives_the_same_result() -> None:
    before = {str(i): (i * 7 % 13) / 13 for i in range(50)}
    after = {str(i): (i * 5 % 11) / 11 for i in range(50)}
    assert paired_test(before, after, seed=3) == paired_test(before, after, seed=3)


def test_swapping_the_runs_mirrors_the_difference_and_keeps_an_exact_p_value() -> None:
    one, other = {"a": 0.1, "b": 0.9, "c": 0.4}, {"a": 0.6, "b": 0.5, "c": 0.4}
    forth, back = paired_test(one, other), paired_test(other, one)
    assert forth.p_value == back.p_value
    assert forth.difference == pytest.approx(-back.difference)


def test_a_paired_test_needs_the_same_queries() -> None:
    with pytest.raises(ValueError, match="same queries"):
        paired_test({"a": 1.0}, {"b": 1.0})


def test_holm_multiplies_the_smallest_by_the_number_of_tests_and_never_falls() -> None:
    # sorted: 0.01 x 3, 0.02 x 2 = 0.04, 0.03 x 1 = 0.03 but not below 0.04
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_single_difference_is_never_more_than_chance() -> None:
    test = paired_test({"a": 0.0, "b": 0.5}, {"a": 1.0, "b": 0.5})
    assert (test.p_value, test.improved, test.unchanged) == (1.0, 1, 1)

"""Texts scored by the words of a query."""

from __future__ import annotations

import math

import pytest

from connector.documents.lexical_scores import best_first, lexical_scores


def test_a_rare_word_counts_more_than_a_frequent_one() -> None:
    texts = ["the car and the car", "the battery", "nothing here"]
    scores = lexical_scores("car the", texts)
    assert best_first(scores, 2) == [0, 1]
    assert scores[2] == 0
    rare = lexical_scores("battery", texts)[1]
    assert rare == pytest.approx(math.log(1 + 2.5 / 1.5) * 1 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3)))


def test_equal_scores_keep_their_order() -> None:
    assert best_first([1.0, 2.0, 2.0, 1.0], 3) == [1, 2, 0]
    assert lexical_scores("", []) == []

"""Maximal Marginal Relevance, compared with a direct computation of the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.search.diversity import mmr

VECTORS = np.array([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.7, 0.7]])
RELEVANCE = np.array([1.0, 0.9, 0.5, 0.2])


@pytest.mark.parametrize(
    ("weight", "count", "expected"),
    [(1.0, 2, [0, 1]), (0.5, 2, [0, 2]), (0.2, 3, [0, 2, 3]), (0.0, 2, [0, 2]), (0.5, 9, [0, 1, 2, 3]), (0.5, 1, [0])],
)
def test_the_next_hit_is_relevant_and_not_like_those_that_are_chosen(
    weight: float, count: int, expected: list[int]
) -> None:
    assert mmr(RELEVANCE, VECTORS, weight, count).tolist() == expected


def test_a_hit_without_a_vector_is_like_no_other() -> None:
    vectors = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert mmr(np.array([1.0, 1.0, 0.5]), vectors, 0.5, 2).tolist() == [0, 2]


def test_nothing_is_chosen_of_nothing() -> None:
    assert mmr(np.zeros(0), np.zeros((0, 0)), 0.5, 3).tolist() == []


def slowly(relevance: list[float], vectors: list[list[float]], weight: float, count: int) -> list[int]:
    def cosine(a: list[float], b: list[float]) -> float:
        lengths = (sum(x * x for x in a) * sum(x * x for x in b)) ** 0.5
        return sum(x * y for x, y in zip(a, b, strict=True)) / lengths if lengths else 0.0

    chosen: list[int] = []
    while len(chosen) < min(count, len(relevance)):
        gains = {
            place: weight * relevance[place]
            - (1 - weight) * max((cosine(vectors[place], vectors[other]) for other in chosen), default=0.0)
            for place in range(len(relevance))
            if place not in chosen
        }
        best = max(gains.values())
        chosen.append(min(place for place, gain in gains.items() if gain > best - 1e-9))
    return sorted(chosen)


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.lists(st.integers(0, 2), min_size=3, max_size=3)), max_size=8),
    weight=st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    count=st.integers(1, 6),
)
def test_it_is_what_the_formula_says(rows: list[tuple[int, list[int]]], weight: float, count: int) -> None:
    relevance = [row[0] / 3 for row in rows]
    vectors = [[float(value) for value in row[1]] for row in rows]
    found = mmr(np.array(relevance), np.array(vectors).reshape(len(rows), 3), weight, count)
    expected = slowly(relevance, vectors, weight, count)
    assert found.tolist() == expected  # of gains that are equal but for rounding the first one's

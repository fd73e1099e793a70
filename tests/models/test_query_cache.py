from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from connector.models.query_cache import QueryCache


class Counting:
    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        self.asked.append(texts)
        return np.array([[len(text), 1.0] for text in texts], dtype=np.float32).reshape(len(texts), 2)


def test_a_query_is_encoded_once() -> None:
    encoder, cache = Counting(), QueryCache()
    assert cache.vectors(["a", "bb", "a"], encoder.encode)[:, 0].tolist() == [1, 2, 1]
    assert cache.vectors(["bb"], encoder.encode)[:, 0].tolist() == [2]
    assert encoder.asked == [["a", "bb"]]


def test_who_changes_a_vector_changes_no_other_ones() -> None:
    encoder, cache = Counting(), QueryCache()
    cache.vectors(["a"], encoder.encode)[:] = 7
    cache.vectors(["a"], encoder.encode)[:] = 8
    assert cache.vectors(["a"], encoder.encode)[0, 0] == 1


def test_those_not_asked_for_the_longest_go() -> None:
    encoder, cache = Counting(), QueryCache(most=2)
    for text in ("a", "bb", "a", "ccc", "a", "bb"):
        cache.vectors([text], encoder.encode)
    assert encoder.asked == [["a"], ["bb"], ["ccc"], ["bb"]]


def test_no_queries_give_no_rows_of_the_right_width() -> None:
    assert QueryCache().vectors([], Counting().encode).shape == (0, 2)


def test_a_very_long_query_is_not_kept() -> None:
    encoder, cache = Counting(), QueryCache()
    for _ in range(2):
        cache.vectors(["x" * 3_000], encoder.encode)
    assert len(encoder.asked) == 2

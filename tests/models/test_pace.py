"""A reranker's pace is learned from what it has read; chunks are chosen to fit the time that is left."""

from collections.abc import Sequence
from time import monotonic

import numpy as np
import pytest
from numpy.typing import NDArray

from connector.models.pace import Pace
from connector.models.stopping import Stop

TEXT = "x" * 850  # 1,000 characters with what a pair costs in addition to its passage
LONG_S = 1_000.0


def paced(per_pair_s: float = 0.25) -> Pace:
    pace = Pace(10_000)
    for pairs in (1, 2, 8, 4):
        pace.observe(1_000 * pairs, per_pair_s * pairs)
    return pace


def test_time_is_in_proportion_to_size() -> None:
    assert paced().predict_s(16_000) == pytest.approx(0.25 * 16)


def test_nothing_observed_predicts_nothing() -> None:
    assert Pace(100).predict_s(1_000) is None


def test_recent_observations_count_more() -> None:
    pace = Pace(10_000)
    for _ in range(10):
        pace.observe(1_000, 1.0)
    for _ in range(40):
        pace.observe(1_000, 2.0)
    assert pace.predict_s(1_000) == pytest.approx(2.0, rel=0.02)


def test_readers_share_the_machine() -> None:
    pace = paced()
    alone = pace.predict_s(4_000)
    assert alone is not None
    with pace.reading(), pace.reading(), pace.reading():
        assert pace.predict_s(4_000) == pytest.approx(3 * alone)
        pace.observe(4_000, 3 * alone)
    assert pace.predict_s(4_000) == pytest.approx(alone)


def test_a_long_passage_costs_no_more_than_what_is_read_of_it() -> None:
    assert Pace(500).size(["x" * 100_000]) == Pace(500).size(["x" * 500])


def test_chunks_fit_into_the_time_left() -> None:
    chunks: list[int] = []

    def score(texts: Sequence[str]) -> NDArray[np.float32]:
        chunks.append(len(texts))
        return np.arange(len(texts), dtype=np.float32)

    pace = paced(per_pair_s=10.0)
    scores = pace.read([TEXT] * 20, Stop(monotonic() + 105.0), score)
    assert chunks[0] == 7
    assert np.isfinite(scores).all()
    assert sum(chunks) == 20


def test_a_chunk_that_was_not_read_in_time_slows_the_pace() -> None:
    pace = paced()
    before = pace.predict_s(4_000)
    scores = pace.read([TEXT] * 4, Stop(monotonic() + LONG_S), lambda texts: np.full(len(texts), np.nan, np.float32))
    assert np.isnan(scores).all()
    assert pace.predict_s(4_000) != before


def test_a_pace_that_allows_nothing_is_tried_again_in_time() -> None:
    pace, read = paced(per_pair_s=4.0), 0
    for _ in range(20):
        scores = pace.read([TEXT], Stop(monotonic() + 1.0), lambda texts: np.ones(len(texts), np.float32))
        read += int(np.isfinite(scores).sum())
    assert read > 0


def test_too_little_time_for_one_passage_reads_none() -> None:
    def score(texts: Sequence[str]) -> NDArray[np.float32]:
        raise AssertionError("there is no time")

    assert np.isnan(paced(per_pair_s=100.0).read([TEXT] * 4, Stop(monotonic() + 1.0), score)).all()


def test_without_a_deadline_everything_is_read_at_once() -> None:
    chunks: list[int] = []

    def score(texts: Sequence[str]) -> NDArray[np.float32]:
        chunks.append(len(texts))
        return np.zeros(len(texts), np.float32)

    Pace(100).read([TEXT] * 50, Stop(), score)
    assert chunks == [50]


def test_what_was_read_after_a_gap_does_not_count() -> None:
    def score(texts: Sequence[str]) -> NDArray[np.float32]:
        found = np.arange(len(texts), dtype=np.float32)
        found[2] = np.nan
        return found

    scores = Pace(100).read([TEXT] * 5, Stop(), score)
    assert np.isfinite(scores).tolist() == [True, True, False, False, False]

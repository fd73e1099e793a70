from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from connector.errors import RequestError
from connector.models.cascade import CascadeOptions, CascadeReranker, merge_scores, page_is_settled, with_order
from connector.models.readings import Reading
from connector.models.stopping import Stop


class Numbers:
    """Scores passages that are numbers, and records them."""

    def __init__(self, scale: float = 1.0) -> None:
        self.name = "numbers"
        self.source = ""
        self.asked: list[str] = []
        self._scale = scale

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        self.asked += passages
        return np.array([self._scale * float(passage) for passage in passages], dtype=np.float32)


WINDOW = [str(number) for number in range(100)]
NEVER = CascadeOptions(survivors=20, page=5, step=10, sigmas=math.inf, order=0)


def test_only_survivors_are_read_by_the_expensive_score() -> None:
    expensive = Numbers()
    CascadeReranker(Numbers(), expensive, NEVER).score("q", WINDOW)
    assert sorted(expensive.asked, key=int) == WINDOW[80:]


def test_the_order_is_the_expensive_ones_where_it_has_read_then_the_cheap_ones() -> None:
    scores = CascadeReranker(Numbers(), Numbers(scale=-1.0), NEVER).score("q", WINDOW)
    order = [int(place) for place in np.argsort(-scores, kind="stable")]
    assert order == [*range(80, 100), *range(79, -1, -1)]


def test_it_stops_when_the_page_is_settled() -> None:
    expensive = Numbers(scale=2.0)  # the cheap score predicts it exactly
    options = CascadeOptions(survivors=80, page=5, step=10, order=0)
    CascadeReranker(Numbers(), expensive, options).score("q", WINDOW)
    assert len(expensive.asked) == 20  # ten are too few to draw a line through, twenty settle it


def test_a_score_that_foretells_nothing_never_settles_the_page() -> None:
    rng = np.random.default_rng(3)
    cheap, expensive = np.sort(rng.normal(size=60))[::-1], rng.normal(size=40)
    assert not page_is_settled(cheap.astype(np.float32), expensive.astype(np.float32), CascadeOptions(sigmas=3))


def test_a_window_no_longer_than_a_page_is_read_whole_and_the_cheap_score_not_asked() -> None:
    cheap, expensive = Numbers(), Numbers()
    scores = CascadeReranker(cheap, expensive, NEVER).score("q", ["3", "1", "2"])
    assert (scores.tolist(), cheap.asked) == ([3, 1, 2], [])


def test_equal_passages_have_equal_scores_though_the_expensive_score_reads_only_some() -> None:
    expensive = Numbers(scale=-1.0)
    scores = CascadeReranker(Numbers(), expensive, CascadeOptions(survivors=20, page=5, step=10)).score("q", WINDOW * 2)
    assert scores[:100].tolist() == scores[100:].tolist()
    assert len(expensive.asked) == len(set(expensive.asked))


def test_no_passages_give_no_scores() -> None:
    assert CascadeReranker(Numbers(), Numbers()).score("q", []).shape == (0,)


def test_the_order_of_the_passages_counts_in_addition_to_the_cheap_score() -> None:
    even = np.zeros(4, dtype=np.float32)
    assert np.argsort(-with_order(even, 0.5), kind="stable").tolist() == [0, 1, 2, 3]
    assert with_order(np.array([0.0, 1.0], dtype=np.float32), 0.0).tolist() == [-1.0, 1.0]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.one_of(st.none(), st.floats(-1e3, 1e3))), min_size=2, max_size=30))
@example([(0.0, None), (0.0, -4.0), (1.0, None), (1.175494351e-38, 0.0)])
def test_what_was_read_keeps_its_score_and_comes_before_the_rest(rows: list[tuple[float, float | None]]) -> None:
    cheap = np.array([row[0] for row in rows], dtype=np.float32)
    expensive = np.array([np.nan if row[1] is None else row[1] for row in rows], dtype=np.float32)
    was_read = ~np.isnan(expensive)
    if was_read.any():
        scores = merge_scores(cheap, expensive)
        assert np.isfinite(scores).all()
        np.testing.assert_array_equal(scores[was_read], expensive[was_read])
        assert was_read.all() or scores[~was_read].max() < scores[was_read].min()


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"survivors": 0}, "cascade.survivors"),
        ({"survivors": 5, "page": 10}, "cascade.survivors"),
        ({"step": True}, "cascade.step"),
        ({"sigmas": -1.0}, "cascade.sigmas"),
        ({"sigmas": math.nan}, "cascade.sigmas"),
        ({"order": math.inf}, "cascade.order"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(options: dict[str, float], path: str) -> None:
    with pytest.raises(RequestError, match=path):
        CascadeOptions(**options)  # type: ignore[arg-type]


def test_the_bundled_cascade_puts_the_answer_first() -> None:
    from connector.models.load import load_cascade

    cascade = load_cascade(backend="torch", device="cpu", options=CascadeOptions(survivors=4, page=2, step=2))
    passages = ["Ships sail.", "Rain falls.", "Bread is baked in a hot oven.", "Stones are hard.", "Birds fly.", "Hm."]
    assert int(np.argmax(cascade.score("how do I bake bread", passages))) == 2


def test_the_bundled_embeddings_are_a_first_stage_for_any_model() -> None:
    from connector.models.load import load_cascade

    given_first = load_cascade(backend="torch", device="cpu", first=Numbers(), options=NEVER)
    assert given_first.score("q", WINDOW[:30]).shape == (30,)


def test_texts_stay_as_they_are_if_the_expensive_rerankers_limit_is_unknown() -> None:
    sources = [{"title": ["a long title"]}]
    assert CascadeReranker(Numbers(), Numbers()).shorten("q", sources, ["title"], {"title": 0.5}) == sources


class Part(Numbers):
    """Reads the first `most` passages of a call only, as if there were no time for more."""

    def __init__(self, most: int, scale: float = 1.0) -> None:
        super().__init__(scale)
        self._most = most

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        scores = self.score(query, passages)
        scores[self._most :] = np.nan
        return Reading(scores)


def test_each_stage_tells_how_much_it_has_read() -> None:
    assert CascadeReranker(Numbers(), Numbers(), NEVER).read_until("q", WINDOW, Stop()).stages == {
        "first": 100,
        "second": 20,
    }


def test_a_second_stage_without_time_leaves_the_rest_to_the_first() -> None:
    reading = CascadeReranker(Numbers(), Part(3, scale=-1.0), NEVER).read_until("q", WINDOW, Stop())
    assert reading.stages == {"first": 100, "second": 3}
    order = [int(place) for place in np.argsort(-reading.scores, kind="stable")]
    assert order == [97, 98, 99, *range(96, -1, -1)]


def test_what_neither_stage_has_read_has_no_score() -> None:
    reading = CascadeReranker(Part(30), Numbers(), NEVER).read_until("q", WINDOW, Stop())
    assert np.isfinite(reading.scores).tolist() == [True] * 30 + [False] * 70
    assert reading.stages == {"first": 30, "second": 20}


def test_a_second_stage_that_reads_nothing_leaves_everything_unread() -> None:
    reading = CascadeReranker(Numbers(), Part(0), NEVER).read_until("q", WINDOW, Stop())
    assert reading.read == 0

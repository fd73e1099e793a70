"""Scores of a service become logits without losing their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.models.remote.services import COHERE, JINA, TEI
from tests.models.remote.misbehaving import SHAPES


def logits(*scores: float) -> list[float]:
    return JINA.scores(SHAPES["jina"].answer(*enumerate(scores)), len(scores))


def test_a_probability_becomes_its_logit() -> None:
    assert logits(0.5, 0.75) == pytest.approx([0.0, np.log(3.0)])


def test_logits_and_cosines_keep_their_order() -> None:
    """As llama.cpp's server, and Jina's third reranker, answer in the same shape."""
    assert np.argsort(logits(7.74, 3.85, -2.3, -11.0)).tolist() == [3, 2, 1, 0]
    assert np.argsort(np.array(logits(-0.1, 0.3, -0.2, 0.0), np.float32)).tolist() == [2, 0, 3, 1]


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=2, max_size=10))
def test_a_higher_score_never_becomes_a_lower_logit(scores: list[float]) -> None:
    found = logits(*sorted(scores))
    assert np.isfinite(found).all()
    assert found == sorted(found)


def test_raw_scores_stay_as_they_are() -> None:
    assert TEI.scores(SHAPES["tei"].answer((1, -3), (0, 0.25)), 2) == [0.25, -3.0]


def test_a_request_has_as_many_passages_as_a_service_accepts_by_default() -> None:
    assert (TEI.most_passages, COHERE.most_passages) == (32, 100)

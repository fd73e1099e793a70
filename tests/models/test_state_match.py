"""A cascade's first stage that compares states: what it reads, the second stage does not read again."""

from collections.abc import Sequence

import numpy as np
import pytest

from connector.models import CascadeOptions, load_cascade, load_reranker
from connector.models.reranker import InteractionReranker
from connector.models.state_match import StateMatch
from connector.models.stopping import Stop
from connector.models.tokenizing import TokenRow

QUERY = "remove limescale from a kettle"
PASSAGES = ["Descale a kettle with vinegar.", "Sharpen a knife on a stone.", "Boil water in a kettle.", "Bread rests."]


@pytest.fixture
def reranker() -> InteractionReranker:
    found = load_reranker(backend="onnx")
    assert isinstance(found, InteractionReranker)
    found.forget()
    return found


def test_what_answers_the_query_is_nearest(reranker: InteractionReranker) -> None:
    scores = StateMatch(reranker).score(QUERY, PASSAGES)
    assert scores.shape == (4,)
    assert (np.abs(scores) <= 1.0001).all()
    assert int(scores.argmax()) == 0
    assert int(scores.argmin()) in (1, 3)


def test_equal_passages_have_equal_scores_and_a_query_without_tokens_has_none(reranker: InteractionReranker) -> None:
    scores = StateMatch(reranker).score(QUERY, [PASSAGES[0], PASSAGES[1], PASSAGES[0]])
    assert scores[0] == scores[2] != scores[1]
    assert StateMatch(reranker).score(" ", PASSAGES).tolist() == [0.0] * 4
    assert StateMatch(reranker).score(QUERY, []).shape == (0,)


def test_after_the_deadline_nothing_is_read(reranker: InteractionReranker) -> None:
    stop = Stop()
    stop.cancel()
    assert StateMatch(reranker).read_until(QUERY, PASSAGES, stop).read == 0


def test_the_second_stage_reads_no_text_again(reranker: InteractionReranker, monkeypatch: pytest.MonkeyPatch) -> None:
    cascade = load_cascade(first="states", options=CascadeOptions(survivors=2, page=2), backend="onnx")
    apart = reranker.halves._apart
    read: list[int] = []
    run = apart.run

    def counted(rows: Sequence[TokenRow], stop: Stop | None = None) -> list[object]:
        read.append(len(rows))
        return run(rows, stop)

    monkeypatch.setattr(apart, "run", counted)
    reading = cascade.read_until(QUERY, PASSAGES, Stop())
    assert reading.stages == {"first": 4, "second": 2}
    assert read == [5, 0]
    assert int(reading.scores.argmax()) == 0
    assert np.isfinite(reading.scores).all()

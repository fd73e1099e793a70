"""Any reranker that can't stop by itself, such as a function, called so that a search does not wait for it too long."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from time import perf_counter
from typing import Any

import numpy as np

from connector.errors import DeadlineError
from connector.models.late_calls import LateCalls
from connector.models.pace import Pace
from connector.models.readings import Reading, Stoppable
from connector.models.stopping import Stop
from connector.models.texts import checked_scores

_LONGEST = 10_000


class CalledReranker:
    """Calls a reranker once, for as many passages as it will probably read in time: see `Stoppable`.

    A call without a deadline runs on the calling thread.

    Args:
        reranker: has `name` and `score`.
    """

    def __init__(self, reranker: Any) -> None:
        self._reranker = reranker
        self.pace = Pace(_LONGEST)
        self.calls = LateCalls(reranker.name)

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """See `Stoppable`.

        Raises:
            DeadlineError: the call was late, or even one passage would be.
            CircuitOpenError: calls before this one were late.
        """
        if stop.left_s == inf:
            return Reading(checked_scores(self._score(query, passages), len(passages), self._reranker.name))
        predicted_s = self.pace.predict_s(self.pace.size(passages))
        read = passages[: self.pace.fitting(passages, stop.left_s)]
        if not read:
            self.pace.refuse()
            raise DeadlineError(f"reranker {self._reranker.name!r} can't read a passage in time")
        scores = np.full(len(passages), np.nan, dtype=np.float32)
        found = self.calls.run(lambda: self._score(query, read), stop)
        scores[: len(read)] = checked_scores(found, len(read), self._reranker.name)
        return Reading(scores, None if predicted_s is None else 1000 * predicted_s)

    def _score(self, query: str, passages: Sequence[str]) -> Any:
        began = perf_counter()
        scores = self._reranker.score(query, list(passages))
        self.pace.observe(self.pace.size(passages), perf_counter() - began)
        return scores


def stoppable(reranker: Any) -> Stoppable:
    """Return a reranker that can stop: the given one, or one that calls it."""
    return reranker if isinstance(reranker, Stoppable) else CalledReranker(reranker)

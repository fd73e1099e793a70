"""A cascade's first stage that compares states: both texts as the lower layers read them, each on its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from connector.models.readings import Reading
from connector.models.reranker import InteractionReranker
from connector.models.states import Side
from connector.models.stopping import Stop
from connector.models.texts import checked_scores, checked_text, checked_texts, each_once

_SHORTEST = np.float32(1e-9)
_NOTHING = -1.0


class StateMatch:
    """Late interaction of states: the mean, by idf, of the query tokens' best cosines in the passage: see `Stoppable`.

    The reranker keeps the states, so the second stage of a cascade does not read its passages again.

    Args:
        reranker: whose lower layers read.

    Source: MaxSim from Khattab and Zaharia, SIGIR 2020.
    """

    def __init__(self, reranker: InteractionReranker) -> None:
        self.name = f"{reranker.name}, states"
        self.source = ""
        self._reranker = reranker

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), from -1 to 1; all 0 for a query without tokens."""
        return checked_scores(self.read_until(query, passages, Stop()).scores, len(passages), self.name)

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """See `Stoppable`."""
        query, (texts, places) = checked_text(query, "query"), each_once(checked_texts(passages, "passages"))
        scores = np.full(len(texts), np.nan, dtype=np.float32)
        own, sides = self._reranker.halves.read(query, texts, self.name, stop)
        read = {place: side for place, side in enumerate(sides) if side is not None}
        if own is not None and read:
            ids = own.ids[1:-1]
            weights = self._reranker.static.weights(ids) if len(ids) else None
            scores[list(read)] = compare_states(own, list(read.values()), weights)
        return Reading(scores[places])


def compare_states(query: Side, passages: Sequence[Side], weights: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return the weighted mean of the query tokens' best cosines among each passage's states, (n,).

    Args:
        query: the query as it was read.
        passages: the passages as they were read.
        weights: of the query's tokens without the special ones, (tokens,), 1 in total; None: it has no tokens.
    """
    if weights is None:
        return np.zeros(len(passages), dtype=np.float32)
    own, *others = (_unit(side.states[1:-1]) for side in (query, *passages))
    best = np.stack([(own @ each.T).max(axis=1, initial=_NOTHING) for each in others])
    scores: NDArray[np.float32] = (best @ weights).astype(np.float32)
    return scores


def _unit(states: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), _SHORTEST)
    return unit

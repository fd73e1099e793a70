"""A reranker for texts that another framework found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from connector.clients.query_models import RerankerLike
from connector.errors import RequestError
from connector.facade.connector import BUNDLED_BLEND
from connector.models.folders import BUNDLED
from connector.models.load import as_reranker
from connector.models.once import Once
from connector.models.texts import checked_scores, own_errors
from connector.search.fusion import blend
from connector.search.ranking import Ranking
from connector.search.rerank import normalized_rerank_scores


@dataclass(frozen=True)
class RerankedText:
    """A text's original position, its new score, and the reranker's raw score; None for a blank text."""

    place: int
    score: float
    rerank_score: float | None


class TextReranker:
    """Orders texts by a cross-encoder's scores, blended with their original ranks as in a search.

    Args:
        reranker: a model's name or path, a `Reranker`, or a function (query, passages) -> (n,); loaded on first use.
        blend: the weight of the score against the original rank, from 0 to 1. None is 0.8 for the bundled reranker, and
            the score alone for any other.

    Raises:
        RequestError: an argument is wrong.
    """

    def __init__(self, reranker: RerankerLike = BUNDLED, blend: float | None = None) -> None:
        if blend is not None and (isinstance(blend, bool) or not isinstance(blend, int | float) or not 0 <= blend <= 1):
            raise RequestError("blend", blend, "must be a number between 0 and 1, or None")
        self._reranker = Once(lambda: as_reranker(reranker))
        if not isinstance(reranker, str):
            self._reranker.get()
        self._blend = BUNDLED_BLEND if blend is None and reranker == BUNDLED else blend

    def load(self) -> None:
        """Load the model now, instead of in the first call of `order`."""
        self._reranker.get()

    def order(self, query: str, texts: Sequence[str], kept: int | None = None) -> list[RerankedText]:
        """Order texts, best first; blank texts are last, in their original order.

        Args:
            query: the query, never truncated.
            texts: the texts in their original order.
            kept: how many to return; None returns all.

        Raises:
            RequestError: the query is too long for the model.
            ModelError: the model failed.
        """
        read = [place for place, text in enumerate(texts) if text.strip()]
        reranker = self._reranker.get()
        with own_errors("the reranker"):
            raw = checked_scores(reranker.score(query, [texts[place] for place in read]), len(read), reranker.name)
        logits = np.full(len(texts), -np.inf, dtype=np.float32)
        logits[read] = raw
        if self._blend is None:
            order = np.argsort(-logits, kind="stable").tolist()
            scores = normalized_rerank_scores(logits)[order].tolist()
        else:
            places = [("", str(place)) for place in range(len(texts))]
            blended = blend(Ranking(places, np.zeros(len(texts), np.float32)), logits, self._blend)
            order, scores = [int(place) for _, place in blended.keys], blended.scores.tolist()
        raw_scores = dict(zip(read, raw.tolist(), strict=True))
        ranked = zip(order, scores, strict=True)
        return [RerankedText(place, score, raw_scores.get(place)) for place, score in ranked][:kept]

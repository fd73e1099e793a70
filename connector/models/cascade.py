"""A cascade: a cheap score for the whole window, an expensive one for the passages that may still reach the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from connector.errors import RequestError
from connector.models.called import stoppable
from connector.models.readings import Reading
from connector.models.stopping import Stop
from connector.models.texts import checked_text, checked_texts, each_once
from connector.models.token_budgets import Shortener

_FEWEST_TO_PREDICT = 12
_GAP = 1e-3
_STEEPEST = 1e6
"""The steepest allowed line from cheap to expensive scores: through nearly equal cheap scores it may have any slope."""
_RANK_CONSTANT = 10


class Scorer(Protocol):
    """What a cascade needs of a reranker; `source` is the folder of its weights."""

    @property
    def name(self) -> str:
        """Its name in responses and errors."""

    @property
    def source(self) -> str:
        """The folder of its weights."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), higher is better."""


@dataclass(frozen=True)
class CascadeOptions:
    """When a cascade stops reading.

    Attributes:
        survivors: how many passages the expensive score reads at most.
        page: how many passages must be in their final order.
        step: how many passages are read at a time, best first by the cheap score.
        sigmas: reading stops once no unread passage is expected within this many residual standard deviations of the
            page's last one, by a line through the scores read so far; inf never stops early.
        order: the weight of the order in which the passages come, relative to the cheap score; 0 ignores that order.

    Examples:
        >>> from connector import Connector, connect
        >>> from connector.models import CascadeOptions, load_cascade
        >>> thorough = load_cascade(options=CascadeOptions(survivors=100, sigmas=float("inf")))
        >>> articles = Connector(connect("embedded:"), "articles", text_fields=["title"], reranker=thorough)
    """

    survivors: int = 40
    page: int = 10
    step: int = 16
    sigmas: float = 2.0
    order: float = 0.5

    def __post_init__(self) -> None:
        for name in ("survivors", "page", "step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise RequestError(f"cascade.{name}", value, "must be a whole number of at least 1")
        if self.survivors < self.page:
            raise RequestError("cascade.survivors", self.survivors, f"must be at least page ({self.page})")
        if not self.sigmas >= 0:
            raise RequestError("cascade.sigmas", self.sigmas, "must be at least 0; inf never stops early")
        if not 0 <= self.order < np.inf:
            raise RequestError("cascade.order", self.order, "must be at least 0 and finite; 0 ignores the order")


class CascadeReranker:
    """A cheap and an expensive reranker as one.

    Passages that the expensive one has read keep its score.
    The others come after all of them, in the order of the cheap score.

    Args:
        first: the cheap reranker.
        second: the expensive one.
        options: when it stops reading.
    """

    def __init__(self, first: Scorer, second: Scorer, options: CascadeOptions | None = None) -> None:
        self.name = second.name
        self.source = second.source
        self._first_stage = stoppable(first)
        self._second = second
        self._second_stage = stoppable(second)
        self._options = options or CascadeOptions()

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), higher is better.

        Raises:
            ConnectorError: whatever the two rerankers raise.
        """
        return self.read_until(query, passages, Stop()).scores

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """Score passages until it is time to stop: see `Stoppable`.

        The stages are `first` and `second`. If the second has not read any passage, none was read.
        """
        query, (texts, places) = checked_text(query, "query"), each_once(checked_texts(passages, "passages"))
        if len(texts) <= self._options.page:
            reading = self._second_stage.read_until(query, texts, stop)
            return replace(reading, scores=reading.scores[places], stages={"first": 0, "second": reading.read})
        first = self._first_stage.read_until(query, texts, stop)
        is_unread = np.isnan(first.scores)
        if is_unread.all():
            return Reading(first.scores[places], stages={"first": 0, "second": 0})
        last = first.scores[~is_unread].min() - 1
        cheap = with_order(np.where(is_unread, last, first.scores), self._options.order)
        expensive = self._expensive(query, texts, cheap, stop)
        read = int(np.isfinite(expensive).sum())
        scores = merge_scores(cheap, expensive) if read else expensive
        scores[is_unread & np.isnan(expensive)] = np.nan
        return Reading(scores[places], stages={"first": first.read, "second": read})

    def _expensive(self, query: str, texts: list[str], cheap: NDArray[np.float32], stop: Stop) -> NDArray[np.float32]:
        """Return the second stage's scores, NaN for texts that it did not read."""
        options = self._options
        order = np.argsort(-cheap, kind="stable")
        expensive = np.full(len(texts), np.nan, dtype=np.float32)
        most = min(options.survivors, len(texts))
        read = 0
        while read < most and not stop.is_over:
            end = min(max(read + options.step, options.page), most)
            places = order[read:end]
            reading = self._second_stage.read_until(query, [texts[place] for place in places], stop)
            expensive[places] = reading.scores
            read = end
            if reading.read < len(places):
                break
            if read < most and page_is_settled(cheap[order], expensive[order[:read]], options):
                break
        return expensive

    def shorten(
        self, query: str, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
    ) -> Sequence[Mapping[str, Any]]:
        """Cut fields' texts to what the expensive reranker reads; if its limit is unknown, return them as they are."""
        if not isinstance(self._second, Shortener):
            return sources
        return self._second.shorten(query, sources, fields, shares)


def with_order(cheap: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Return the cheap score plus `weight` times minus the logarithm of the rank, both standardised."""
    rank = -np.log(_RANK_CONSTANT + np.arange(len(cheap)))
    both: NDArray[np.float32] = (_standardised(cheap) + weight * _standardised(rank)).astype(np.float32)
    return both


def page_is_settled(cheap: NDArray[np.float32], expensive: NDArray[np.float32], options: CascadeOptions) -> bool:
    """True if no unread passage is expected to reach the page.

    Args:
        cheap: the cheap scores of all passages, best first.
        expensive: the expensive scores of the first of them, which were read.
        options: the page and the margin.
    """
    if len(expensive) < max(_FEWEST_TO_PREDICT, options.page) or not np.isfinite(options.sigmas):
        return False
    slope, offset, deviation = line_through(cheap[: len(expensive)], expensive)
    last_on_page = float(np.sort(expensive)[-options.page])
    return offset + slope * float(cheap[len(expensive)]) + options.sigmas * deviation < last_on_page


def line_through(cheap: NDArray[np.float32], expensive: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return slope (at least 0), offset and residual standard deviation of a line from cheap to expensive scores."""
    centred = cheap.astype(np.float64) - cheap.mean()
    spread = float((centred**2).sum())
    slope = max(float((centred * (expensive - expensive.mean())).sum()) / spread, 0.0) if spread > 0 else 0.0
    offset = float(expensive.mean()) - slope * float(cheap.mean())
    residuals = expensive - (offset + slope * cheap.astype(np.float64))
    return slope, offset, float(np.sqrt((residuals**2).sum() / max(len(expensive) - 2, 1)))


def merge_scores(cheap: NDArray[np.float32], expensive: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the expensive scores; passages without one (nan) come below, by their cheap score on the same scale."""
    was_read = ~np.isnan(expensive)
    scores: NDArray[np.float32] = expensive.copy()
    if was_read.all():
        return scores
    slope, _, _ = line_through(cheap[was_read], expensive[was_read])
    rest = cheap[~was_read].astype(np.float64)
    below = float(expensive[was_read].min()) - max(abs(float(expensive[was_read].min())), 1.0) * _GAP
    scores[~was_read] = below - np.clip(slope, _GAP, _STEEPEST) * (rest.max() - rest)
    return scores


def _standardised(values: NDArray[np.floating]) -> NDArray[np.float64]:
    centred: NDArray[np.float64] = values.astype(np.float64) - values.mean()
    return centred / max(float(centred.std()), 1e-9)

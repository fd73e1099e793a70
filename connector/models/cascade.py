"""A cascade: a cheap score for the whole window, the dear one for those that may still reach the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from connector.errors import RequestError
from connector.models.shares import Shortener
from connector.models.texts import checked_text, checked_texts, each_once

_FEWEST_TO_PREDICT = 12
_GAP = 1e-3
_STEEPEST = 1e6
"""Dear score by cheap: a line through cheap scores that are all but equal may be as steep as it likes."""
_RANK_CONSTANT = 10


class Scorer(Protocol):
    """What a cascade needs of a reranker; `source` is the folder of its weights."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def source(self) -> str:
        """Where its weights lie."""

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), higher is better."""


@dataclass(frozen=True)
class CascadeOptions:
    """How a cascade saves.

    `survivors` is how many passages the dear score reads at most. It reads `step` at a time, best first by the cheap
    score, and stops when the first `page` can't change any more: when no passage left is expected, by a line through
    what was read, to come within `sigmas` residual standard deviations of the page's last. inf never stops early.
    `order` is how much the order in which the passages come, best first as a search gives them, counts beside the
    cheap score; 0 where it says nothing.
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
            raise RequestError("cascade.order", self.order, "must be at least 0 and finite; 0 passes over the order")


class CascadeReranker:
    """Two scores as one reranker.

    Passages that the dear score has read keep it. The others come after all of them, in the order of the cheap score.

    Args:
        first: the cheap score.
        second: the dear one.
    """

    def __init__(self, first: Scorer, second: Scorer, options: CascadeOptions | None = None) -> None:
        self.name = second.name
        self.source = second.source
        self._first = first
        self._second = second
        self._options = options or CascadeOptions()

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Return a score for each passage, float32 (n,), higher is better. Raises: as the two scores do."""
        query, (texts, places) = checked_text(query, "query"), each_once(checked_texts(passages, "passages"))
        return self._scores(query, texts)[places]

    def _scores(self, query: str, texts: list[str]) -> NDArray[np.float32]:
        options = self._options
        if len(texts) <= options.page:
            return self._second.score(query, texts)
        cheap = with_order(self._first.score(query, texts), options.order)
        order = np.argsort(-cheap, kind="stable")
        dear = np.full(len(texts), np.nan, dtype=np.float32)
        most = min(options.survivors, len(texts))
        read = 0
        while read < most:
            end = min(max(read + options.step, options.page), most)
            places = order[read:end]
            dear[places] = self._second.score(query, [texts[place] for place in places])
            read = end
            if read < most and page_is_settled(cheap[order], dear[order[:read]], options):
                break
        return merged(cheap, dear)

    def shorten(
        self, query: str, sources: Sequence[Mapping[str, Any]], fields: Sequence[str], shares: Mapping[str, float]
    ) -> Sequence[Mapping[str, Any]]:
        """Cut fields' texts to what the dear score reads, as it does; as they come where its limit is not known."""
        if not isinstance(self._second, Shortener):
            return sources
        return self._second.shorten(query, sources, fields, shares)


def with_order(cheap: NDArray[np.float32], weight: float) -> NDArray[np.float32]:
    """Return the cheap score and, so much weighted, minus the logarithm of the rank, both standardised."""
    rank = -np.log(_RANK_CONSTANT + np.arange(len(cheap)))
    both: NDArray[np.float32] = (_standardised(cheap) + weight * _standardised(rank)).astype(np.float32)
    return both


def page_is_settled(cheap: NDArray[np.float32], dear: NDArray[np.float32], options: CascadeOptions) -> bool:
    """True if what the dear score hasn't read is not expected on the page any more.

    Args:
        cheap: of all, best first.
        dear: of the first of them, those that were read.
    """
    if len(dear) < max(_FEWEST_TO_PREDICT, options.page) or not np.isfinite(options.sigmas):
        return False
    slope, offset, deviation = line_through(cheap[: len(dear)], dear)
    last_on_page = float(np.sort(dear)[-options.page])
    return offset + slope * float(cheap[len(dear)]) + options.sigmas * deviation < last_on_page


def line_through(cheap: NDArray[np.float32], dear: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return slope (at least 0), offset and residual standard deviation of the dear score by the cheap one."""
    apart = cheap.astype(np.float64) - cheap.mean()
    spread = float((apart**2).sum())
    slope = max(float((apart * (dear - dear.mean())).sum()) / spread, 0.0) if spread > 0 else 0.0
    offset = float(dear.mean()) - slope * float(cheap.mean())
    residuals = dear - (offset + slope * cheap.astype(np.float64))
    return slope, offset, float(np.sqrt((residuals**2).sum() / max(len(dear) - 2, 1)))


def merged(cheap: NDArray[np.float32], dear: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the dear scores, and below all of them, on the same scale, the cheap ones of what has none (nan)."""
    was_read = ~np.isnan(dear)
    scores: NDArray[np.float32] = dear.copy()
    if was_read.all():
        return scores
    slope, _, _ = line_through(cheap[was_read], dear[was_read])
    rest = cheap[~was_read].astype(np.float64)
    below = float(dear[was_read].min()) - max(abs(float(dear[was_read].min())), 1.0) * _GAP
    scores[~was_read] = below - np.clip(slope, _GAP, _STEEPEST) * (rest.max() - rest)
    return scores


def _standardised(values: NDArray[np.floating]) -> NDArray[np.float64]:
    apart: NDArray[np.float64] = values.astype(np.float64) - values.mean()
    return apart / max(float(apart.std()), 1e-9)

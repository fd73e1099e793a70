"""What a reranker has read of the passages that it was given, when it may have to stop before the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from connector.models.stopping import Stop


@dataclass(frozen=True)
class Reading:
    """Scores of passages, as far as they were read.

    Attributes:
        scores: a raw logit for each passage, float32 (n,), NaN for one that was not read.
        predicted_ms: how many milliseconds all passages were predicted to take; None if nobody can say.
        stages: how many passages each stage of a cascade has read, by its name.
        cache_hits: how many of the scores were known already.
    """

    scores: NDArray[np.float32]
    predicted_ms: float | None = None
    stages: Mapping[str, int] = field(default_factory=dict)
    cache_hits: int = 0

    @property
    def read(self) -> int:
        """How many passages were read."""
        return int(np.isfinite(self.scores).sum())


@runtime_checkable
class Stoppable(Protocol):
    """A reranker that can stop between passages.

    Examples:
        >>> from time import monotonic
        >>> from connector import load_reranker
        >>> from connector.models.stopping import Stop
        >>> reading = load_reranker().read_until("limescale", ["Descaling a kettle"], Stop(monotonic() + 60))
        >>> reading.read
        1
    """

    def read_until(self, query: str, passages: Sequence[str], stop: Stop) -> Reading:
        """Score passages in their order, best first, until it is time to stop.

        Raises:
            RequestError: these are not strings, or the query leaves no room for a passage.
            ModelError: the model failed, or nothing can be read before the deadline.
        """

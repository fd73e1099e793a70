"""What reranking costs on this machine: milliseconds by pairs and tokens, with nobody else computing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from connector.atomic_files import replacing

_DEPTHS = (1, 2, 4, 8, 16, 24)
_SHORT_WORDS = 25
_SECONDS = 1.0


@dataclass(frozen=True)
class Sample:
    """A rerank that was timed: its pairs, their tokens together, and its milliseconds."""

    pairs: int
    tokens: int
    ms: float


@dataclass(frozen=True)
class Cost:
    """A rerank's milliseconds as a linear function of its pairs and tokens.

    Attributes:
        fixed_ms: what any rerank costs.
        pair_ms: what a pair costs.
        token_ms: what a token of a pair costs, query and special tokens included.
        samples: how many reranks it was fitted to.

    Examples:
        >>> from connector.models.cost import Cost
        >>> Cost(fixed_ms=2.0, pair_ms=0.5, token_ms=0.05).predict_ms(pairs=50, tokens=50 * 150)
        402.0
    """

    fixed_ms: float
    pair_ms: float
    token_ms: float
    samples: int = 0

    def predict_ms(self, pairs: int, tokens: float) -> float:
        """Return the milliseconds of a rerank."""
        return self.fixed_ms + self.pair_ms * pairs + self.token_ms * tokens

    def depth_within(self, budget_ms: float, tokens_per_pair: float) -> int:
        """Return how many pairs can be read in a time; 0 if not even one."""
        return max(int((budget_ms - self.fixed_ms) / max(self.predict_ms(1, tokens_per_pair) - self.fixed_ms, 1e-9)), 0)


def fit_cost(samples: Sequence[Sample]) -> Cost:
    """Fit a cost to timed reranks by least squares of the relative errors; no part is negative.

    Args:
        samples: at least one, of different depths and lengths.

    Source: Lawson and Hanson, Solving Least Squares Problems (1974), NNLS.
    """
    from scipy.optimize import nnls  # slow to import

    rows = np.array([[1.0, sample.pairs, sample.tokens] for sample in samples])
    weights = 1 / np.array([sample.ms for sample in samples])
    (fixed_ms, pair_ms, token_ms), _ = nnls(rows * weights[:, None], np.ones(len(samples)))
    return Cost(float(fixed_ms), float(pair_ms), float(token_ms), len(samples))


def time_reranks(
    score: Callable[[str, list[str]], object],
    count_tokens: Callable[[str, list[str]], Sequence[int]],
    query: str,
    passages: Sequence[str],
    seconds: float = _SECONDS,
) -> list[Sample]:
    """Time reranks of several depths, of whole and of shortened passages, for about this long.

    Args:
        score: scores a query's passages, and keeps nothing for the next time.
        count_tokens: returns how many tokens each pair has.
        query: any query.
        passages: at least one.
        seconds: after how many seconds to stop; every depth is timed at least once.
    """
    score(query, [passages[0]])
    samples: list[Sample] = []
    end = perf_counter() + seconds
    turn = 0
    while not samples or perf_counter() < end or turn < len(_DEPTHS):
        depth = min(_DEPTHS[turn % len(_DEPTHS)], len(passages))
        first = turn * 7 % max(len(passages) - depth + 1, 1)
        texts = list(passages[first : first + depth])
        if turn % 2:
            texts = [" ".join(text.split()[:_SHORT_WORDS]) for text in texts]
        began = perf_counter()
        score(query, texts)
        ms = 1000 * (perf_counter() - began)
        samples.append(Sample(depth, int(sum(count_tokens(query, texts))), ms))
        turn += 1
    return samples


def read_cost(path: Path, machine: str) -> Cost | None:
    """Return the cost in a file for a machine; None if there is none, or it can't be read."""
    try:
        return Cost(**json.loads(path.read_text(encoding="utf-8"))[machine])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_cost(path: Path, machine: str, cost: Cost) -> None:
    """Store a cost in a file, next to those of other machines."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(json.dumps({**known, machine: asdict(cost)}, indent=2) + "\n", encoding="utf-8")

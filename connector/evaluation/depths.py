"""What each depth of reranking is worth and costs: how deep retrieval must go, and how deep reranking may. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from connector.models.backends.agreement import Window, ndcg
from connector.models.cost import Cost


@dataclass(frozen=True)
class Depth:
    """One depth.

    Attributes:
        depth: how many hits are reranked.
        ms: what that costs, predicted.
        recall: the share of the relevant passages that are among them; None without judgments, as the next two.
        oracle: nDCG@10 if they were in the best order.
        ndcg: nDCG@10 in the reranker's order.
    """

    depth: int
    ms: float
    recall: float | None = None
    oracle: float | None = None
    ndcg: float | None = None


def depth_curve(
    depths: Sequence[int],
    cost: Cost,
    tokens_per_pair: float,
    windows: Sequence[Window] = (),
    score: Callable[[str, Sequence[str]], ArrayLike] | None = None,
) -> list[Depth]:
    """Return what each depth costs, and with judged windows what it is worth, mean over the windows.

    Args:
        depths: the depths, 0 for no reranking.
        cost: what a rerank costs.
        tokens_per_pair: how long a pair is.
        windows: judged passages, in the order of retrieval.
        score: the reranker; needed with windows.
    """
    if not windows or score is None:
        return [Depth(depth, cost.predict_ms(depth, depth * tokens_per_pair) if depth else 0.0) for depth in depths]
    scored = [(np.asarray(score(each.query, each.passages), np.float64), np.asarray(each.grades)) for each in windows]
    return [
        Depth(
            depth,
            cost.predict_ms(depth, depth * tokens_per_pair) if depth else 0.0,
            float(np.mean([_recall(grades, depth) for _, grades in scored])),
            float(np.mean([_ndcg(np.maximum(grades, 0).astype(np.float64), grades, depth) for _, grades in scored])),
            float(np.mean([_ndcg(scores, grades, depth) for scores, grades in scored])),
        )
        for depth in depths
    ]


def best_depth(curve: Sequence[Depth], budget_ms: float) -> Depth | None:
    """Return the depth with the best nDCG@10 within a budget, the deepest without judgments; None if none fits."""
    within = [each for each in curve if each.ms <= budget_ms]
    return max(within, key=lambda each: (each.ndcg or 0.0, each.depth if each.ndcg is None else -each.ms), default=None)


def _recall(grades: np.ndarray, depth: int) -> float:
    relevant = grades > 0
    return float(relevant[:depth].sum() / relevant.sum()) if relevant.any() else 0.0


def _ndcg(scores: np.ndarray, grades: np.ndarray, depth: int) -> float:
    """Return nDCG@10 if the first `depth` passages are ordered by these scores and the others follow."""
    head = np.argsort(-scores[:depth], kind="stable")
    order = np.concatenate([head, np.arange(min(depth, len(scores)), len(scores))])
    places = np.empty(len(order))
    places[order] = np.arange(len(order))
    return ndcg(-places, grades.astype(np.float64))

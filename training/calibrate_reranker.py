"""Calibrates a reranker: `python -m training.calibrate_reranker --work DIR MODEL`.

Afterwards sigmoid(score) is the probability that a candidate of the window is relevant; the order does not change.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from connector.models.folders import BUNDLED, ModelFolder, bundled_encoder
from connector.models.network.interaction import InteractionModel
from connector.models.network.interaction_files import load_interaction, save_interaction
from connector.models.network.reranker import load
from connector.models.network.torch_session import open_sessions
from connector.models.reranker import reranker_from
from training.judged import make_candidates, read_collection

COLLECTIONS = ("feedbackqa", "squad_dev")
DEPTH, SEED = 50, 11
_STEPS = 50


def fit_platt(scores: NDArray[np.float64], is_relevant: NDArray[np.bool_]) -> tuple[float, float]:
    """Return slope and offset of the logistic regression of relevance on the score, by Newton's method.

    Args:
        scores: (n,).
        is_relevant: (n,), with both values among them.

    Raises:
        ValueError: all are relevant, or none is.

    Source: Platt, Advances in Large Margin Classifiers, 1999, with his smoothed targets.
    """
    positives, negatives = int(is_relevant.sum()), int((~is_relevant).sum())
    if not positives or not negatives:
        raise ValueError(f"{positives} relevant and {negatives} other pairs: calibration needs both")
    target = np.where(is_relevant, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack([scores, np.ones_like(scores)], axis=1)
    weights = np.array([0.0, np.log((positives + 1) / (negatives + 1))])
    for _ in range(_STEPS):
        predicted = 1 / (1 + np.exp(-np.clip(design @ weights, -500, 500)))
        curvature = design.T @ (design * (predicted * (1 - predicted) + 1e-9)[:, None])
        weights -= np.linalg.solve(curvature, design.T @ (predicted - target))
    return float(weights[0]), float(weights[1])


def fold(model: InteractionModel, slope: float, offset: float) -> None:
    """Change the model so that its logit becomes slope x logit + offset.

    Raises:
        ValueError: the slope is not above 0, so the order would be reversed.
    """
    if slope <= 0:
        raise ValueError(f"slope {slope:.3f}: higher scores are not more often relevant; the model is not fit to ship")
    with torch.no_grad():
        model.scale.mul_(slope)
        model.relations.weight.mul_(slope)
        model.cls_term.weight.mul_(slope)
        model.cls_term.bias.mul_(slope).add_(offset)


def main() -> None:
    """Score windows of the dev splits, fit the calibration, and write the model back."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", type=Path, help="the folder that training exported; it is overwritten")
    parser.add_argument("--work", type=Path, required=True, help="folder where embeddings are cached")
    parser.add_argument("--queries", type=int, default=40, help="questions per collection")
    options = parser.parse_args()
    backbone = bundled_encoder().folder
    found = ModelFolder(BUNDLED, options.model, (options.model / "model.safetensors",))
    reranker = reranker_from(open_sessions(load(found, None)), name=found.name, source=str(found.folder))
    scores, relevant = [], []
    for name in COLLECTIONS:
        whole = read_collection(name, "dev")
        rows = np.random.default_rng(SEED).choice(len(whole.questions), options.queries, replace=False).tolist()
        candidates = make_candidates(whole.only(rows), backbone, options.work)
        for row, question in enumerate(candidates.collection.questions):
            window = candidates.fused[row][:DEPTH].tolist()
            scores.append(reranker.score(question, [whole.passages[place] for place in window]).astype(np.float64))
            relevant.append(np.isin(window, candidates.collection.positives[row]))
        print(f"{name}: {options.queries} questions", flush=True)
    slope, offset = fit_platt(np.concatenate(scores), np.concatenate(relevant))
    print(f"slope {slope:.3f}, offset {offset:.3f}, over {sum(map(len, scores))} pairs")
    model = load_interaction(options.model, backbone)
    fold(model, slope, offset)
    save_interaction(model, options.model)


if __name__ == "__main__":
    main()

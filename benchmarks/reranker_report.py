"""benchmarks/RERANKER.md, written from the measurements of `benchmarks.reranker`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.results import machine
from connector.evaluation.measure import PairedTest, holm

CLOSE = 0.005
TRAINED_ON = ("feedbackqa", "squad_dev", "nq_qed", "medquad", "msrd_movies")


@dataclass(frozen=True)
class Row:
    """One collection's figures: nDCG@10 and MRR@10 by stage, recall and oracle by depth, and the tests of the lifts."""

    name: str
    count: int
    ndcg: dict[str, float]
    mrr: dict[str, float]
    ceiling: dict[str, float]
    lift: PairedTest
    blended_lift: PairedTest
    curve: dict[float, float]


def report(
    rows: Sequence[Row], binding: str, probe: str, error: float, *, arguments: str, seed: int, blend: float
) -> str:
    """Return the page."""
    stages, ceilings = list(rows[0].ndcg), list(rows[0].ceiling)
    adjusted = {kind: holm([getattr(row, kind).p_value for row in rows]) for kind in ("lift", "blended_lift")}
    weights = list(rows[0].curve)
    mark = {row.name: f"{row.name}{' *' if row.name in TRAINED_ON else ''}" for row in rows}
    quality = [
        [
            mark[row.name],
            str(row.count),
            *(f"{row.ndcg[s]:.3f}" for s in stages),
            *(f"{row.ceiling[s]:.3f}" for s in ceilings),
        ]
        for row in rows
    ]
    reciprocal = [[mark[row.name], *(f"{row.mrr[s]:.3f}" for s in stages)] for row in rows]
    tests = [
        [mark[row.name], *_test(row.lift, adjusted["lift"][at]), *_test(row.blended_lift, adjusted["blended_lift"][at])]
        for at, row in enumerate(rows)
    ]
    chosen = {row.name: _chosen_elsewhere(row, rows) for row in rows}
    curve = [
        [mark[row.name], *(f"{row.curve[weight]:.3f}" for weight in weights), f"{chosen[row.name]:.1f}"] for row in rows
    ]
    curve.append(["mean", *(f"{np.mean([row.curve[weight] for row in rows]):.3f}" for weight in weights), ""])
    return f"""# The quality of the bundled reranker

`python -m benchmarks.reranker {arguments}` wrote this on {machine()}.
The window is the RRF of BM25's and kNN's first 100; questions are sampled with seed {seed}; `blend` is {blend}.
`*`: the model was trained on this collection's training split. feedbackqa_uk shares no page with the training data.

## nDCG@10

recall is the share of the relevant documents in the window; oracle is nDCG@10 of the window in a perfect order.

{table(["collection", "n", *stages, *ceilings], quality)}

## MRR@10

{table(["collection", *stages], reciprocal)}

## The lift over RRF in nDCG@10

95 % bootstrap interval; p of the paired randomization test, corrected by Holm over the collections; b / w: questions
that got better / worse.

{table(["collection", "rerank@50", "interval", "p", "b / w", "blend@50", "interval", "p", "b / w"], tests)}

## nDCG@10 by blend

0 is RRF's order, 1 the reranker's; depth 50.
The last column is the smallest blend whose mean over all other collections is within
{CLOSE} of the best there.
Closer to the fused order, less is lost where reranking does not help.

{table(["collection", *(str(weight) for weight in weights), "left out"], curve)}

## Calibration

sigmoid(score) against relevance, over all pairs of the windows of 50: expected calibration error {error:.3f} (10 bins).

## With the questions shuffled

How often a right passage beats a wrong one of its window under another question, half the sample away.
A share far from 50 % was learned about passages, not about questions.

{probe}

## Minimal pairs

{binding}
"""


def _chosen_elsewhere(row: Row, rows: Sequence[Row]) -> float:
    """Return the smallest blend close to the best mean of the other collections; without others, of the row's own."""
    others = [other.curve for other in rows if other is not row] or [row.curve]
    means = {weight: float(np.mean([curve[weight] for curve in others])) for weight in row.curve}
    return min(weight for weight, mean in means.items() if mean >= max(means.values()) - CLOSE)


def card_figures(rows: Sequence[Row], binding: str, error: float) -> str:
    """Return the model card's figures: of the minimal pairs, only the families."""
    families = binding.partition("\n\n")[0]
    stages = [stage for stage in rows[0].ndcg if not stage.endswith("@100")]
    quality = [
        [f"{row.name}{' *' if row.name in TRAINED_ON else ''}", str(row.count), *(f"{row.ndcg[s]:.3f}" for s in stages)]
        for row in rows
    ]
    return f"""nDCG@10 (`*`: trained on its training split):

{table(["collection", "n", *stages], quality)}

Minimal pairs, percent right (words and templates that training has not seen):

{families}

Expected calibration error {error:.3f}.
"""


def _test(test: PairedTest, p_value: float) -> list[str]:
    low, high = test.interval
    return [
        f"{test.difference:+.3f}",
        f"{low:+.3f} to {high:+.3f}",
        f"{p_value:.3f}",
        f"{test.improved} / {test.harmed}",
    ]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines)

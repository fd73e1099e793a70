"""How the stages of a search compare, in figures and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from connector.evaluation.measure import NDCG_AT_10, Evaluation, PairedTest, holm, paired_test
from connector.evaluation.report import SIGNIFICANT

FEW_QUERIES = 50
_CLEARLY_LESS = 0.005
_MUCH = 0.9
"""Less of what is relevant in the window is worth a word."""


@dataclass(frozen=True)
class Comparison:
    """One stage compared with another, by nDCG@10.

    Attributes:
        stage: the stage.
        other: what it is compared with.
        test: the difference, with its interval.
        adjusted_p: the p-value, adjusted for all comparisons that were made.
    """

    stage: str
    other: str
    test: PairedTest
    adjusted_p: float

    @property
    def is_significant(self) -> bool:
        """True if the difference is more than chance."""
        return self.adjusted_p < SIGNIFICANT

    def sentence(self) -> str:
        """Return the comparison in words."""
        low, high = self.test.interval
        figures = f"{self.test.difference:+.3f} nDCG@10 ({low:+.3f} to {high:+.3f}, p {self.adjusted_p:.3f} by Holm)"
        if not self.is_significant:
            return f"{self.stage} against {self.other}: {figures}: not more than chance"
        return f"{self.stage} is {'better' if self.test.difference > 0 else 'worse'} than {self.other}: {figures}"


def compare(stages: Mapping[str, Evaluation], pairs: Sequence[tuple[str, str]]) -> list[Comparison]:
    """Compare stages pair by pair, with Holm's correction over all pairs.

    Args:
        stages: the measures of each stage, of the same queries.
        pairs: a stage and what it is compared with, each.
    """
    values = {name: evaluation.per_query[NDCG_AT_10] for name, evaluation in stages.items()}
    tests = [paired_test(values[other], values[stage]) for stage, other in pairs]
    adjusted = holm([test.p_value for test in tests])
    return [Comparison(stage, other, test, p) for (stage, other), test, p in zip(pairs, tests, adjusted, strict=True)]


def warnings_about(
    stages: Mapping[str, Evaluation], legs: Sequence[str], fused: str, reranked: str, recall: str
) -> list[str]:
    """Return what is wrong with these figures, or with the search, in words.

    Args:
        stages: the measures of each stage.
        legs: the names of the retrievers that are fused.
        fused, reranked: the names of the fusion and of the reranked fusion.
        recall: the name of the measure that tells how much of what is relevant the window holds.
    """
    found = []
    ndcg = {name: evaluation.mean(NDCG_AT_10) for name, evaluation in stages.items()}
    count = len(stages[fused].per_query[NDCG_AT_10])
    if count < FEW_QUERIES:
        found.append(f"{count} judged questions are few: only large differences can be told from chance")
    better = [leg for leg in legs if ndcg[leg] > ndcg[fused] + _CLEARLY_LESS]
    found += [
        f"the fusion ({ndcg[fused]:.3f}) is below one of its legs, {leg} ({ndcg[leg]:.3f}): weigh that leg more, or "
        "search with it alone"
        for leg in better
    ]
    found += [
        f"the reranked fusion ({ndcg[reranked]:.3f}) is below a leg by itself, {leg} ({ndcg[leg]:.3f}): that leg alone "
        "is better and cheaper here"
        for leg in legs
        if ndcg[leg] > ndcg[reranked] + _CLEARLY_LESS
    ]
    if ndcg[reranked] < ndcg[fused] - _CLEARLY_LESS:
        found.append(f"reranking makes the order worse here ({ndcg[fused]:.3f} to {ndcg[reranked]:.3f}): leave it off")
    window = stages[fused].mean(recall)
    if window < _MUCH:
        found.append(
            f"the window holds {window:.0%} of what is relevant, which bounds every reranker: retrieve deeper, or "
            "better"
        )
    return found

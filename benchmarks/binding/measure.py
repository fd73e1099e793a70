"""How often a scorer ranks the right passage of a minimal pair first.

report = measure_binding(make_suite(), reranker.score)
print(binding_markdown({"reranker": report}))
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import SupportsFloat, TypeAlias

from benchmarks.binding.suite import MinimalPair, make_suite

__all__ = ["BindingReport", "MinimalPair", "PairScorer", "binding_markdown", "make_suite", "measure_binding"]

PairScorer: TypeAlias = Callable[[str, Sequence[str]], Sequence[SupportsFloat]]
"""A function (query, passages) -> one score per passage, higher is better, such as a reranker's `score`."""

_RELATIVE_TIE = 1e-6


@dataclass(frozen=True)
class BindingReport:
    """Each pair's result: 1 if the right passage came first, 0.5 for a tie, 0 if the wrong one did."""

    pairs: tuple[MinimalPair, ...]
    credits: tuple[float, ...]

    @property
    def percent(self) -> float:
        """The percentage over all pairs; chance is 50."""
        return _percent(self.credits)

    @property
    def families(self) -> dict[str, float]:
        """Family -> percent, in the suite's order."""
        return {key: _percent(values) for (key,), values in self._grouped(lambda pair: (pair.family,)).items()}

    @property
    def templates(self) -> dict[tuple[str, str], float]:
        """Family and template -> percent, in the suite's order."""
        grouped = self._grouped(lambda pair: (pair.family, pair.template))
        return {(family, template): _percent(values) for (family, template), values in grouped.items()}

    def _grouped(self, key_of: Callable[[MinimalPair], tuple[str, ...]]) -> dict[tuple[str, ...], list[float]]:
        groups: dict[tuple[str, ...], list[float]] = {}
        for pair, credit in zip(self.pairs, self.credits, strict=True):
            groups.setdefault(key_of(pair), []).append(credit)
        return groups


def measure_binding(suite: Sequence[MinimalPair], score: PairScorer) -> BindingReport:
    """Score both passages of every pair, and record which comes first.

    Scores equal to six digits are a tie: sums over two passages of the same words differ only by rounding.

    Raises:
        ValueError: there are no pairs, or the scorer does not return two scores for two passages.
    """
    if not suite:
        raise ValueError("there are no minimal pairs to measure")
    return BindingReport(tuple(suite), tuple(_credit(pair, score) for pair in suite))


def binding_markdown(reports: Mapping[str, BindingReport]) -> str:
    """Return two tables of percent right: one row per family or template, one column per scorer.

    Args:
        reports: the scorer's name -> its report, all over the same suite, at least one.
    """
    suite = next(iter(reports.values())).pairs
    families = list(next(iter(reports.values())).families)
    rows = [
        [
            family,
            str(sum(pair.family == family for pair in suite)),
            *(f"{each.families[family]:.1f}" for each in reports.values()),
        ]
        for family in families
    ]
    rows.append(["all", str(len(suite)), *(f"{each.percent:.1f}" for each in reports.values())])
    templates = list(next(iter(reports.values())).templates)
    split = [
        [
            family,
            template,
            str(sum((pair.family, pair.template) == (family, template) for pair in suite)),
            *(f"{each.templates[family, template]:.1f}" for each in reports.values()),
        ]
        for family, template in templates
    ]
    by_family = _table(["family", "pairs", *reports], rows, named=1)
    return f"{by_family}\n\n{_table(['family', 'template', 'pairs', *reports], split, named=2)}\n"


def _credit(pair: MinimalPair, score: PairScorer) -> float:
    scores = [float(each) for each in score(pair.query, [pair.right, pair.wrong])]
    if len(scores) != 2:
        raise ValueError(f"the scorer gave {len(scores)} scores for the two passages of {pair.query!r}")
    right, wrong = scores
    if math.isclose(right, wrong, rel_tol=_RELATIVE_TIE, abs_tol=1e-9):
        return 0.5
    return float(right > wrong)


def _percent(values: Sequence[float]) -> float:
    return 100 * sum(values) / len(values)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, named: int) -> str:
    marks = ["---"] * named + ["---:"] * (len(header) - named)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows))

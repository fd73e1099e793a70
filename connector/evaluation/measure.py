"""How good a run is, by ir_measures, and whether the difference between two runs is more than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

NDCG_AT_10 = "nDCG@10"
MRR_AT_10 = "RR@10"


def recall_at(depth: int) -> str:
    """Return ir_measures' name of recall at `depth`."""
    return f"R@{depth}"


@dataclass(frozen=True)
class Evaluation:
    """Measures of one run: `per_query[measure][query id]`, each from 0 to 1, for every query of the qrels."""

    per_query: Mapping[str, Mapping[str, float]]

    def mean(self, measure: str) -> float:
        """Return the mean over all queries."""
        return float(np.mean(list(self.per_query[measure].values())))

    def means(self) -> dict[str, float]:
        """Return each measure's mean over all queries."""
        return {name: self.mean(name) for name in self.per_query}


def measure(
    qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Sequence[str]], measures: Sequence[str]
) -> Evaluation:
    """Measure ranked document ids against judgments.

    Args:
        qrels: query id -> document id -> grade.
        run: query id -> document ids, best first. A query missing from the run scores 0; one without judgments is
            left out.
        measures: ir_measures' names, such as "nDCG@10", "RR@10", "R@50".

    Raises:
        ValueError: there are no judged queries, a ranking names a document twice, or a measure is unknown.

    Source: ir_measures (MacAvaney, Macdonald and Ounis, ECIR 2022); nDCG as trec_eval computes it.
    """
    import ir_measures

    if not qrels:
        raise ValueError("there are no judged queries to measure")
    for query_id, ranking in run.items():
        if len(set(ranking)) != len(ranking):
            raise ValueError(f"the ranking of query {query_id!r} names a document twice")
    # Strictly decreasing scores, because trec_eval breaks ties by document id.
    scores = {
        q: {d: float(len(ranking) - i) for i, d in enumerate(ranking)} for q, ranking in run.items() if q in qrels
    }
    parsed = {name: ir_measures.parse_measure(name) for name in measures}
    per_query = {name: dict.fromkeys(qrels, 0.0) for name in measures}
    for metric in ir_measures.iter_calc(
        list(parsed.values()), {q: dict(grades) for q, grades in qrels.items()}, scores
    ):
        for name, wanted in parsed.items():
            if wanted == metric.measure:
                per_query[name][metric.query_id] = float(metric.value)
    return Evaluation(per_query)


@dataclass(frozen=True)
class PairedTest:
    """Whether one run beats another on the same queries."""

    difference: float
    p_value: float
    interval: tuple[float, float]
    improved: int
    harmed: int
    unchanged: int


def paired_test(
    before: Mapping[str, float],
    after: Mapping[str, float],
    *,
    samples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> PairedTest:
    """Test the mean of `after - before` over the queries, two-sided.

    The p-value is the share of sign flips of the differences whose mean is at least as far from 0 as the observed one:
    over all flips if there are at most `samples`, else over `samples` random flips and the observed one.
    The interval is the percentile bootstrap's.

    Args:
        before: query id -> value.
        after: query id -> value, for the same queries.
        samples: the number of random sign flips, and of bootstrap resamples.
        confidence: of the interval.
        seed: of the random numbers; the same seed returns the same result.

    Raises:
        ValueError: the queries differ, or there are none.

    Source: Smucker, Allan and Carterette, CIKM 2007 (randomization test); Phipson and Smyth, 2010 (counting the
    observed one); Efron and Tibshirani, 1993 (bootstrap).
    """
    if before.keys() != after.keys() or not before:
        raise ValueError("a paired test needs the same queries on both sides, at least one")
    from scipy.stats import bootstrap, permutation_test  # slow to import

    differences = np.array([after[query_id] - before[query_id] for query_id in sorted(before)])
    changed = differences[differences != 0]
    random = np.random.default_rng(seed)
    p_value, interval = 1.0, (float(differences[0]), float(differences[0]))
    if len(changed) > 1:  # both flips of a single difference are as far from 0
        flips = permutation_test((changed,), np.sum, permutation_type="samples", n_resamples=samples, rng=random)
        p_value = float(flips.pvalue)
    if len(differences) > 1:
        resampled = bootstrap(
            (differences,),
            np.mean,
            n_resamples=samples,
            confidence_level=confidence,
            method="percentile",
            rng=random,
        )
        interval = float(resampled.confidence_interval.low), float(resampled.confidence_interval.high)
    return PairedTest(
        difference=float(differences.mean()),
        p_value=p_value,
        interval=interval,
        improved=int((differences > 0).sum()),
        harmed=int((differences < 0).sum()),
        unchanged=int((differences == 0).sum()),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values of several tests, adjusted so that they bound the probability of any false alarm among all.

    Source: Holm, Scandinavian Journal of Statistics, 1979.
    """
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for place, test in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - place) * p_values[test]))
        adjusted[test] = highest
    return adjusted

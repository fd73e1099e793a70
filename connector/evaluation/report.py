"""Measurements as a table and as a verdict in words, for the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from rich.table import Table

from connector.evaluation.measure import MRR_AT_10, NDCG_AT_10, Evaluation, PairedTest, recall_at

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Stage:
    """One way to answer the queries: its name, its measures, and the time of each query."""

    name: str
    evaluation: Evaluation
    took_ms: Sequence[float]


def stage_table(stages: Sequence[Stage], depth: int, title: str | None = None) -> Table:
    """Return a table with one row per stage: nDCG@10, MRR@10, recall at `depth`, median ms per query."""
    table = Table(title=title, title_justify="left")
    table.add_column("stage")
    for column in ("nDCG@10", "MRR@10", f"recall@{depth}", "p50 ms"):
        table.add_column(column, justify="right")
    for stage in stages:
        means = [stage.evaluation.mean(name) for name in (NDCG_AT_10, MRR_AT_10, recall_at(depth))]
        table.add_row(stage.name, *(f"{value:.3f}" for value in means), f"{median(stage.took_ms):.1f}")
    return table


def verdict(test: PairedTest, cost_ms: float, what: str = "reranking", measure: str = "nDCG@10") -> str:
    """Return two sentences: the paired test's result, and whether it is worth `cost_ms` more per query here."""
    low, high = test.interval
    figures = (
        f"{measure} {test.difference:+.3f} (95% interval {low:+.3f} to {high:+.3f}, p {_p(test.p_value)}; "
        f"{test.improved} queries better, {test.harmed} worse, {test.unchanged} the same)."
    )
    if test.p_value >= SIGNIFICANT:
        return f"{figures} That does not show that {what} helps or harms here; it costs {cost_ms:.0f} ms per query."
    if test.difference < 0:
        return f"{figures} Here {what} makes the ranking worse: leave it off."
    return f"{figures} Here {what} is worth it, if you can afford {cost_ms:.0f} ms more per query."


def _p(value: float) -> str:
    return f"= {value:.3f}" if value >= 0.001 else "< 0.001"

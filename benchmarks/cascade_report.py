"""The tables and the plot of `benchmarks.cascade`: depths and cascades, computed from the scores of every pair."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from connector.evaluation.measure import NDCG_AT_10, measure, paired_test
from connector.models.backends.agreement import overlap, tau
from connector.models.cascade import CascadeOptions, CascadeReranker

STATIC, STATES = "static", "states"
"""First stages: token embeddings alone; the states of the reranker's own lower layers."""
DEPTHS = (10, 20, 50, 100)
DEFAULT = CascadeOptions()
CASCADES = [CascadeOptions(survivors=survivors) for survivors in (10, 20, 30, 40, 60)] + [
    CascadeOptions(survivors=survivors, sigmas=sigmas) for survivors, sigmas in ((60, 1.0), (40, math.inf))
]
ORDERS = [CascadeOptions(order=order) for order in (0.0, 0.25, 0.5, 1.0, 2.0)]
Point = tuple[str, float, float]
"""A label, milliseconds per rerank, nDCG@10."""


@dataclass(frozen=True)
class JudgedWindow:
    """A question's window and every scorer's scores of it."""

    key: str
    ids: list[str]
    texts: list[str]
    grades: Mapping[str, int]
    scores: Mapping[str, NDArray[np.float32]]


@dataclass
class Costs:
    """Seconds over all pairs by scorer: for reading passages, and for what depends on the query."""

    pairs: int = 0
    apart_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    joint_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def add(self, name: str, *, apart_s: float = 0.0, joint_s: float = 0.0) -> None:
        """Add a window's seconds."""
        self.apart_s[name] += apart_s
        self.joint_s[name] += joint_s

    def pair_ms(self, name: str, *, known: bool = False) -> float:
        """Return milliseconds per pair; `known` if the passages were read before."""
        return 1e3 * (self.joint_s[name] + (0.0 if known else self.apart_s[name])) / self.pairs

    def cascade_ms(self, first: str, backend: str, window: float, read: float, *, known: bool = False) -> float:
        """Return milliseconds of a cascade that reads `read` passages of a window.

        The states of the first stage are the backend's own: passages it has read are not read again.
        """
        if first == STATES:
            apart = 0.0 if known else 1e3 * window * self.apart_s[backend] / self.pairs
            return apart + window * self.pair_ms(STATES) + read * self.pair_ms(backend, known=True)
        return window * self.pair_ms(first, known=known) + read * self.pair_ms(backend, known=known)


class Known:
    """A reranker that looks scores up, and counts the passages it is given."""

    name, source = "known", ""

    def __init__(self, texts: Sequence[str], scores: NDArray[np.float32]) -> None:
        self._scores = dict(zip(texts, scores, strict=True))
        self.read = 0

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002
        self.read += len(passages)
        return np.array([self._scores[passage] for passage in passages], dtype=np.float32)


def report(
    windows: Sequence[JudgedWindow], costs: Costs, backends: Sequence[str], students: Sequence[str], *, conditions: str
) -> tuple[str, list[Point]]:
    """Return the section of RESULTS.md and the points of the plot."""
    fused = mean_of(ndcg_of(windows, {each.key: np.arange(len(each.ids)) for each in windows}))
    rows, points = _alone(windows, costs, [*backends, *students, STATIC, STATES], backends[0])
    cascades, more = _cascades(windows, costs, [STATIC, STATES, *students], backends)
    orders = [_cascade(windows, costs, STATIC, backends[-1], options, backends[0])[0] for options in ORDERS]
    counts = Counter(each.key.split("/")[0] for each in windows)
    numbers = ", ".join(f"{name} {count}" for name, count in counts.items())
    options = f"{STATIC}, {backends[-1]}, {DEFAULT.survivors} survivors, sigmas {DEFAULT.sigmas:g}"
    text = f"""{conditions} The bundled reranker on {len(windows)} questions
({numbers}); windows of {_window(windows):.0f} passages on average, read for the first time.
RRF has {fused:.4f}. Tests are paired by question against {backends[0]}, which reads the whole window.

Each scorer alone, on the whole window. `{STATIC}` compares token embeddings, `{STATES}` the states of the reranker's
lower layers (its time is that of the comparison only){"; others are students" if students else ""}.

{table(_ALONE, rows)}

Cascades (order {DEFAULT.order:g}; sigmas inf never stops early).
The last column is for passages that were read before, whose states are cached.

{table(_CASCADES, cascades)}

The effect of the order in which passages come (`order`; {options}):

{table(_CASCADES, orders)}

![nDCG@10 by milliseconds](cascade.png)
"""
    return text, [*points, *more, ("RRF", 1.0, fused)]


_ALONE = ("scorer", "nDCG@10", "difference", "95 %", "p", "tau", "top 10 kept", "ms a window", "pairs/s")
_CASCADES = (
    "first", "then", "survivors", "sigmas", "order", "pairs read", "nDCG@10", "difference", "95 %", "p", "top 10 kept",
    "ms", "times as fast", "ms, known",
)  # fmt: skip


def ndcg_of(windows: Sequence[JudgedWindow], orders: Mapping[str, NDArray[np.intp]]) -> dict[str, float]:
    """Return nDCG@10 by question."""
    qrels = {each.key: each.grades for each in windows}
    run = {each.key: [each.ids[place] for place in orders[each.key]] for each in windows}
    return dict(measure(qrels, run, [NDCG_AT_10]).per_query[NDCG_AT_10])


def mean_of(values: Mapping[str, float]) -> float:
    """Return the mean over the questions."""
    return float(np.mean(list(values.values())))


def order_of(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return positions, best first."""
    return np.argsort(-scores, kind="stable")


def _window(windows: Sequence[JudgedWindow]) -> float:
    return float(np.mean([len(each.ids) for each in windows]))


def _full(windows: Sequence[JudgedWindow], name: str) -> dict[str, float]:
    return ndcg_of(windows, {each.key: order_of(each.scores[name]) for each in windows})


def _tested(reference: Mapping[str, float], found: Mapping[str, float]) -> list[str]:
    test = paired_test(reference, found)
    low, high = test.interval
    return [f"{mean_of(found):.4f}", f"{test.difference:+.4f}", f"{low:+.4f} to {high:+.4f}", f"{test.p_value:.3f}"]


def _alone(
    windows: Sequence[JudgedWindow], costs: Costs, names: Sequence[str], base: str
) -> tuple[list[list[str]], list[Point]]:
    """Return a row for each scorer, and its points at several depths."""
    reference, window = _full(windows, base), _window(windows)
    rows, points = [], []
    for name in names:
        both = [(each.scores[base], each.scores[name]) for each in windows]
        agreement = [f"{np.mean([compare(*scores) for scores in both]):.3f}" for compare in (tau, overlap)]
        ms = costs.pair_ms(name)
        rows.append(
            [name, *_tested(reference, _full(windows, name)), *agreement, f"{window * ms:.0f}", f"{1e3 / ms:.0f}"]
        )
        for depth in DEPTHS if name not in (STATIC, STATES) else ():
            cut = {each.key: order_of(each.scores[name][:depth]) for each in windows}
            points.append((name, min(depth, window) * ms, mean_of(ndcg_of(windows, cut))))
    return rows, points


def _cascades(
    windows: Sequence[JudgedWindow], costs: Costs, firsts: Sequence[str], backends: Sequence[str]
) -> tuple[list[list[str]], list[Point]]:
    """Return a row for each first stage and cascade on the last backend, and the default one on the others."""
    results = [_cascade(windows, costs, STATIC, backend, DEFAULT, backends[0]) for backend in backends[:-1]]
    results += [
        _cascade(windows, costs, first, backends[-1], each, backends[0]) for first in firsts for each in CASCADES
    ]
    return [row for row, _ in results], [point for _, point in results]


def _cascade(
    windows: Sequence[JudgedWindow], costs: Costs, first: str, backend: str, options: CascadeOptions, base: str
) -> tuple[list[str], Point]:
    orders, read, kept = {}, [], []
    for each in windows:
        expensive = Known(each.texts, each.scores[backend])
        scores = CascadeReranker(Known(each.texts, each.scores[first]), expensive, options).score("q", each.texts)
        orders[each.key] = order_of(scores)
        read.append(expensive.read)
        kept.append(overlap(each.scores[backend], scores))
    found, window, mean_read = ndcg_of(windows, orders), _window(windows), float(np.mean(read))
    ms, known = (costs.cascade_ms(first, backend, window, mean_read, known=each) for each in (False, True))
    shown = [first, backend, str(options.survivors), f"{options.sigmas:g}", f"{options.order:g}", f"{mean_read:.1f}"]
    shown += [*_tested(_full(windows, base), found), f"{np.mean(kept):.3f}"]
    row = [*shown, f"{ms:.0f}", f"{window * costs.pair_ms(base) / ms:.1f}x", f"{known:.0f}"]
    return row, (f"{first}, then {backend}", ms, mean_of(found))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw(points: Sequence[Point], path: Path) -> None:
    """Plot nDCG@10 against milliseconds; a line joins the points that nothing beats in both."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(9, 5.5), layout="constrained")
    for label in dict.fromkeys(label for label, _, _ in points):
        own = sorted((ms, ndcg) for each, ms, ndcg in points if each == label)
        style = "o" if ", then " in label or label == "RRF" else "o-"
        axes.plot([max(ms, 1) for ms, _ in own], [ndcg for _, ndcg in own], style, label=label, markersize=4)
    front: list[tuple[float, float]] = []
    for _, ms, ndcg in sorted(points, key=lambda point: (point[1], -point[2])):
        if not front or ndcg > front[-1][1]:
            front.append((max(ms, 1), ndcg))
    axes.plot(*zip(*front, strict=True), "k--", linewidth=0.8, label="nothing is better and faster", zorder=0)
    axes.set_xscale("log")
    axes.set_xlabel(f"ms per rerank (depths {', '.join(map(str, DEPTHS))} as lines; cascades of the window as points)")
    axes.set_ylabel("nDCG@10")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)

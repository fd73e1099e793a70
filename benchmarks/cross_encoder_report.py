"""The tables and the plot of `benchmarks.cross_encoders`, from what was measured so far; "-" if nothing was."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.cross_encoder_models import LENGTHS
from connector.models.backends.agreement import overlap, tau

BASE, BUNDLED = "sentence-transformers 6, torch", "bundled, torch"
_OURS = ("ours", "bundled")


def pairs_of(kind: str, pairs: int) -> int:
    """Return how many passages of a kind are reranked when rates are compared: half as many of long ones."""
    return pairs // 2 if kind == "long" else pairs


@dataclass
class Figures:
    """One way's results: seconds by kind of passage and depth, last scores by kind, why it failed ("" otherwise)."""

    name: str
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    scores: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    first_result_s: float = float("nan")
    peak_mb: float = float("nan")
    failed: str = ""

    def median(self, kind: str, depth: int) -> float:
        """Return the median of its seconds; nan if there are none."""
        times = self.seconds.get((kind, depth))
        return statistics.median(times) if times else float("nan")


def report(
    ways: Sequence[Figures], lengths: Sequence[str], depths: Sequence[int], pairs: int, *, conditions: str
) -> str:
    """Return the section of RESULTS.md."""
    able = [way for way in ways if way.seconds]
    base = next((way for way in able if way.name == BASE), None)
    against = [
        f"{way.name} {base.median('mixed', pairs) / way.median('mixed', pairs):.2f}x"
        for way in able
        if base is not None and way.name.startswith(_OURS)
    ]
    unable = "".join(f"\n- {way.name}: {way.failed}" for way in ways if way.failed)
    rounds = sorted({(*plan, len(times)) for way in able for plan, times in way.seconds.items()})
    return f"""{conditions}

All but `bundled` have the same weights: MiniLM-L6 with a plain head, which is random, because no hub could be reached.
So `tau` and `top 10` show how far a way's order is from that of sentence-transformers (for `bundled`: from its own in
torch); a random head makes this the hardest case for int8.
For nDCG@10 of the bundled reranker's backends see "Quality and speed".
`bundled` forgets what it has read before each rerank, and reads at most 256 tokens of a pair, the others 512.
Words per passage: {", ".join(f"{kind} {fewest}-{most}" for kind, (fewest, most) in LENGTHS.items())}.
Rounds: {", ".join(f"{kind} {depth}: {count}" for kind, depth, count in rounds)}.

Speed relative to sentence-transformers 6's `CrossEncoder.predict` (torch), mixed, {pairs} pairs:
{", ".join(against)}.

{f"What could not be run:{chr(10)}{unable}" if unable else "Every peer could load the weights."}

Pairs per second at {pairs} per rerank (long: {pairs_of("long", pairs)}), agreement with torch's
order, time to the first score in a fresh process (already exported), peak memory:

{_speed_table(able, lengths, pairs)}

Milliseconds per rerank, by number of mixed passages:

{_latency_table(able, depths)}

![pairs per second of each, milliseconds by depth](cross_encoders.png)
"""


def _speed_table(ways: Sequence[Figures], lengths: Sequence[str], pairs: int) -> str:
    by_name = {way.name: way for way in ways}
    rows = []
    for way in ways:
        counts = {kind: pairs_of(kind, pairs) for kind in lengths}
        rates = [_shown(count / way.median(kind, count), "{:.1f}") for kind, count in counts.items()]
        figures = (way.first_result_s, way.peak_mb)
        ends = [_shown(value, shape) for value, shape in zip(figures, ("{:.1f}", "{:.0f}"), strict=True)]
        rows.append([way.name, *rates, *_order_against(way, by_name, pairs), *ends])
    return _table(["way", *lengths, "tau", "top 10", "first result s", "peak MB"], rows)


def _order_against(way: Figures, by_name: Mapping[str, Figures], pairs: int) -> list[str]:
    reference = by_name.get(BUNDLED if way.name.startswith("bundled") else BASE)
    plan = ("mixed", pairs)
    if reference is None or plan not in reference.scores or plan not in way.scores:
        return ["-", "-"]
    both = [np.array(each.scores[plan], dtype=np.float64) for each in (reference, way)]
    return [f"{tau(*both):.3f}", f"{overlap(*both):.2f}"]


def _latency_table(ways: Sequence[Figures], depths: Sequence[int]) -> str:
    rows = []
    for way in ways:
        cells = []
        for depth in depths:
            times = [1_000 * value for value in way.seconds.get(("mixed", depth), [])]
            cells += [f"{np.percentile(times, share):.0f}" if times else "-" for share in (50, 95)]
        rows.append([way.name, *cells])
    return _table(["way", *(f"{depth}: {share}" for depth in depths for share in ("p50", "p95"))], rows)


def _shown(value: float, shape: str) -> str:
    return shape.format(value) if np.isfinite(value) else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw(ways: Sequence[Figures], path: Path, depths: Sequence[int], pairs: int) -> None:
    """Write a PNG with two panels: pairs per second, and milliseconds by depth."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rates = {way.name: pairs / way.median("mixed", pairs) for way in ways if ("mixed", pairs) in way.seconds}
    names = sorted(rates, key=lambda name: rates[name])
    height = 0.3 * max(len(names), 8) + 1
    figure, (bars, lines) = pyplot.subplots(1, 2, figsize=(15, height), layout="constrained")
    colours = ["#2a6f97" if name.startswith(_OURS) else "#adb5bd" for name in names]
    drawn = bars.barh(names, [rates[name] for name in names], color=colours)
    bars.bar_label(drawn, fmt="%.0f", padding=3)
    bars.set_xlabel(f"pairs per second, passages of {'-'.join(map(str, LENGTHS['mixed']))} words, {pairs} per rerank")
    for way in ways:
        measured = [depth for depth in depths if ("mixed", depth) in way.seconds]
        style = "o-" if way.name.startswith(_OURS) else "o:"
        lines.plot(measured, [1e3 * way.median("mixed", depth) for depth in measured], style, label=way.name)
    lines.set(xlabel="passages per rerank", ylabel="ms, median", xscale="log", yscale="log")
    lines.legend(frameon=False, fontsize=6)
    for panel in (bars, lines):
        panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)

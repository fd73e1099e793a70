"""What int8 and the cascade cost and save on real judged windows: nDCG@10 beside milliseconds.

python -m benchmarks.cascade --work DIR            prints the tables
python -m benchmarks.cascade --work DIR --write    and writes them, with a plot, beside benchmarks/RESULTS.md

Windows are those of `benchmarks.reranker`: the RRF of BM25's and kNN's first hundred, vectors cached in DIR. Each
backend scores every pair once; depths and cascades are read off those scores, and a rerank's time is the time of the
pairs that it reads, at the backend's rate over all windows, and the first stage's own.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import RESULTS, machine, write_section
from connector.errors import RequestError
from connector.evaluation.measure import NDCG_AT_10, measure, paired_test
from connector.models.agreement import overlap, tau
from connector.models.cascade import CascadeOptions, CascadeReranker
from connector.models.folders import bundled_encoder
from connector.models.reranker import InteractionReranker, load_reranker
from training.evaluation_sets import Judged, read_judged
from training.judged import make_candidates

COLLECTIONS = ("feedbackqa_uk", "stackfaq", "cacm", "cisi", "squad_dev", "vaswani_npl", "nq_qed")
SEED, DEPTH = 7, 100
CASCADES = [
    CascadeOptions(survivors=survivors, sigmas=sigmas, order=order)
    for survivors in (20, 30, 40, 60)
    for sigmas in (2.0, math.inf)
    for order in (0.0, 0.5, 1.0)
]


@dataclass(frozen=True)
class Asked:
    """A question's window and each backend's scores of it."""

    key: str
    collection: str
    ids: list[str]
    texts: list[str]
    grades: Mapping[str, int]
    scores: Mapping[str, NDArray[np.float32]]


class Known:
    """A reranker that looks scores up, and counts what it is asked."""

    name, source = "known", ""

    def __init__(self, texts: Sequence[str], scores: NDArray[np.float32]) -> None:
        self._scores = dict(zip(texts, scores, strict=True))
        self.read = 0

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:  # noqa: ARG002
        self.read += len(passages)
        return np.array([self._scores[passage] for passage in passages], dtype=np.float32)


def ask(
    judged: Mapping[str, Judged], backends: Sequence[str], count: int, work: Path
) -> tuple[list[Asked], dict[str, float]]:
    """Score every window with every backend; return the questions, and each backend's seconds a pair."""
    rerankers = {name: load_reranker("bundled", backend=name, device="cpu") for name in backends}
    seconds: dict[str, float] = dict.fromkeys([*backends, "static"], 0.0)
    pairs, asked = 0, []
    for name, each in judged.items():
        collection = each.collection
        total = len(collection.questions)
        rows = sorted(np.random.default_rng(SEED).choice(total, min(count, total), replace=False).tolist())
        candidates = make_candidates(collection.only(rows), bundled_encoder().folder, work)
        for row, question in enumerate(candidates.collection.questions):
            key = candidates.collection.question_ids[row]
            places = each.window(key, candidates.fused[row])[:DEPTH]
            texts = [collection.passages[place] for place in places]
            scores = {}
            try:
                for backend, reranker in rerankers.items():
                    assert isinstance(reranker, InteractionReranker)
                    reranker.forget()
                    start = time.perf_counter()
                    scores[backend] = reranker.score(question, texts)
                    seconds[backend] += time.perf_counter() - start
                static = rerankers[backends[0]]
                assert isinstance(static, InteractionReranker)
                start = time.perf_counter()
                scores["static"] = static.static.score(question, texts)
                seconds["static"] += time.perf_counter() - start
            except RequestError:  # a question too long for the reranker keeps the fused order, in any backend
                continue
            pairs += len(texts)
            ids = [collection.passage_ids[place] for place in places]
            asked.append(Asked(f"{name}/{key}", name, ids, texts, each.qrels[key], scores))
        print(name, len(asked), flush=True)
    return asked, {name: value / pairs for name, value in seconds.items()}


def ndcg_of(asked: Sequence[Asked], orders: Mapping[str, NDArray[np.intp]]) -> dict[str, float]:
    """Return nDCG@10 by question."""
    qrels = {each.key: each.grades for each in asked}
    run = {each.key: [each.ids[place] for place in orders[each.key]] for each in asked}
    return dict(measure(qrels, run, [NDCG_AT_10]).per_query[NDCG_AT_10])


def order_of(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return positions, best first."""
    return np.argsort(-scores, kind="stable")


def cascaded(asked: Sequence[Asked], backend: str, options: CascadeOptions) -> tuple[dict[str, float], float, float]:
    """Return nDCG@10 by question, how many pairs were read in the mean, and how many of the full top 10 were kept."""
    orders, read, kept = {}, [], []
    for each in asked:
        dear = Known(each.texts, each.scores[backend])
        scores = CascadeReranker(Known(each.texts, each.scores["static"]), dear, options).score("q", each.texts)
        orders[each.key] = order_of(scores)
        read.append(dear.read)
        kept.append(overlap(each.scores[backend], scores))
    return ndcg_of(asked, orders), float(np.mean(read)), float(np.mean(kept))


Point = tuple[str, float, float]
"""A label, milliseconds a rerank, nDCG@10."""
_BACKENDS_HEAD = ("backend", "nDCG@10", "less torch", "p", "tau", "top-10 overlap", "pairs/s")
_CASCADES_HEAD = (
    "backend", "survivors", "sigmas", "order", "pairs read", "nDCG@10", "less torch", "interval", "p", "top 10 kept",
    "ms", "against torch",
)  # fmt: skip


def mean_of(values: Mapping[str, float]) -> float:
    """Return the mean over the questions."""
    return float(np.mean(list(values.values())))


def backend_rows(
    asked: Sequence[Asked], backends: Sequence[str], pair_s: Mapping[str, float]
) -> tuple[list[list[str]], list[Point]]:
    """Return a row for each backend, torch first, and its points at several depths."""
    reference = ndcg_of(asked, {each.key: order_of(each.scores[backends[0]]) for each in asked})
    rows, points = [], []
    for backend in backends:
        found = ndcg_of(asked, {each.key: order_of(each.scores[backend]) for each in asked})
        test = paired_test(reference, found)
        both = [(each.scores[backends[0]], each.scores[backend]) for each in asked]
        agreement = [np.mean([compare(*scores) for scores in both]) for compare in (tau, overlap)]
        figures = [mean_of(found), test.difference, test.p_value, *agreement]
        shapes = ("{:.4f}", "{:+.4f}", "{:.3f}", "{:.3f}", "{:.3f}")
        cells = [shape.format(value) for shape, value in zip(shapes, figures, strict=True)]
        rows.append([backend, *cells, f"{1 / pair_s[backend]:.1f}"])
        for depth in (10, 20, 50, DEPTH):
            cut = {each.key: order_of(each.scores[backend][:depth]) for each in asked}
            ms = 1e3 * pair_s[backend] * float(np.mean([min(depth, len(each.ids)) for each in asked]))
            points.append((backend, ms, mean_of(ndcg_of(asked, cut))))
    return rows, points


def cascade_rows(
    asked: Sequence[Asked], backends: Sequence[str], pair_s: Mapping[str, float]
) -> tuple[list[list[str]], list[Point]]:
    """Return a row for each cascade on the first and the last backend, and its point."""
    reference = ndcg_of(asked, {each.key: order_of(each.scores[backends[0]]) for each in asked})
    window = float(np.mean([len(each.ids) for each in asked]))
    rows, points = [], []
    for backend in (backends[0], backends[-1]):
        for options in CASCADES:
            found, read, kept = cascaded(asked, backend, options)
            test = paired_test(reference, found)
            ms = 1e3 * (read * pair_s[backend] + window * pair_s["static"])
            points.append((f"{backend}, cascade", ms, mean_of(found)))
            low, high = test.interval
            ratio = 1e3 * window * pair_s[backends[0]] / ms
            shown = [backend, str(options.survivors), f"{options.sigmas:g}", f"{options.order:g}", f"{read:.1f}"]
            shown += [f"{mean_of(found):.4f}", f"{test.difference:+.4f}", f"{low:+.4f} to {high:+.4f}"]
            rows.append([*shown, f"{test.p_value:.3f}", f"{kept:.3f}", f"{ms:.0f}", f"{ratio:.1f}x"])
    return rows, points


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw(points: Sequence[tuple[str, float, float]], path: Path) -> None:
    """Draw nDCG@10 against milliseconds."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    for label in dict.fromkeys(label for label, _, _ in points):
        own = sorted((ms, ndcg) for each, ms, ndcg in points if each == label)
        style = "o" if "cascade" in label or label == "RRF" else "o-"
        axes.plot([max(ms, 1) for ms, _ in own], [ndcg for _, ndcg in own], style, label=label, markersize=4)
    axes.set_xscale("log")
    axes.set_xlabel("ms a rerank of 100 (depths 10, 20, 50, 100 where a line; cascades: points)")
    axes.set_ylabel("nDCG@10")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    """Measure, print, and write when asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder where vectors are cached")
    parser.add_argument("--queries", type=int, default=15, help="questions a collection at most")
    parser.add_argument("--collections", nargs="*", default=list(COLLECTIONS))
    parser.add_argument("--backends", nargs="*", default=["torch", "onnx", "onnx-int8"], help="torch first")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/RESULTS.md")
    options = parser.parse_args()
    started = machine()
    judged = {name: read_judged(name) for name in options.collections}
    asked, pair_s = ask(judged, options.backends, options.queries, options.work)
    fused = mean_of(ndcg_of(asked, {each.key: np.arange(len(each.ids)) for each in asked}))
    rows, points = backend_rows(asked, options.backends, pair_s)
    cascades, more = cascade_rows(asked, options.backends, pair_s)
    text = f"""`python -m benchmarks.cascade --queries {options.queries} --write` on {started} at the start,
{machine().rpartition(", ")[2]} at the end. The bundled reranker on {len(asked)} questions of
{", ".join(options.collections)}; windows of at most {DEPTH}, states forgotten before each.
RRF has {fused:.4f}. `static` is the first stage: {1e3 * DEPTH * pair_s["static"]:.0f} ms for {DEPTH} passages.

{table(_BACKENDS_HEAD, rows)}

Cascades of `static` and the backend (sigmas inf: never early):

{table(_CASCADES_HEAD, cascades)}

![nDCG@10 by milliseconds](cascade.png)
"""
    print(text)
    if options.write:
        write_section("Quality beside speed: int8 and the cascade", text)
        draw([*points, *more, ("RRF", 1.0, fused)], RESULTS.with_name("cascade.png"))


if __name__ == "__main__":
    main()

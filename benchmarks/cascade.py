"""What int8 and the cascade cost and save on real judged windows: nDCG@10 and milliseconds.

python -m benchmarks.cascade --work DIR            prints the tables
python -m benchmarks.cascade --work DIR --write    also writes them, with a plot, to benchmarks/RESULTS.md

Windows are those of `benchmarks.reranker`: the RRF of the first hundred of BM25 and of kNN, with vectors cached in DIR.
Each backend and each first stage scores every pair once; depths and cascades are computed from those scores, and a
rerank's time is the time of what it reads, at each part's mean rate over all windows.
Questions come from the collections in turn, until the time is up or the run is interrupted; then the results so far are
reported.
`--first FOLDER` adds a student.
"""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cascade_report import STATES, STATIC, Costs, JudgedWindow, draw, report
from benchmarks.results import RESULTS, machine, write_section
from connector.errors import RequestError
from connector.models.folders import bundled_encoder
from connector.models.load import load_reranker
from connector.models.reranker import InteractionReranker
from connector.models.state_match import compare_states
from training.evaluation_sets import Judged, read_judged
from training.judged import Collection, make_candidates

COLLECTIONS = ("feedbackqa_uk", "stackfaq", "cacm", "cisi", "squad_dev", "vaswani_npl", "nq_qed")
SEED, DEPTH = 7, 100

Window = tuple[str, str, Judged, Collection, NDArray[np.int64]]
"""A question's id and text, its collection with grades and without, and the places of its window."""


def windows_of(name: str, judged: Judged, count: int, work: Path) -> Iterator[Window]:
    """Yield a sample of a collection's questions with their windows."""
    total = len(judged.collection.questions)
    rows = sorted(np.random.default_rng(SEED).choice(total, min(count, total), replace=False).tolist())
    candidates = make_candidates(judged.collection.only(rows), bundled_encoder().folder, work)
    for row, question in enumerate(candidates.collection.questions):
        key = candidates.collection.question_ids[row]
        yield key, question, judged, judged.collection, judged.window(key, candidates.fused[row])[:DEPTH]
    print(name, "is through", flush=True)


def score_window(
    question: str, texts: list[str], rerankers: Mapping[str, InteractionReranker], costs: Costs
) -> dict[str, NDArray[np.float32]]:
    """Return every scorer's scores of a window, and add each part's seconds; the first one's states are compared."""
    scores = {}
    for name, reranker in rerankers.items():
        reranker.forget()
        start = time.perf_counter()
        query, read_sides = reranker.halves.read(question, texts, name)
        sides = [side for side in read_sides if side is not None]
        assert query is not None
        read = time.perf_counter()
        scores[name] = reranker.halves.join(query, sides)
        costs.add(name, apart_s=read - start, joint_s=time.perf_counter() - read)
        if STATIC not in scores:
            start = time.perf_counter()
            scores[STATIC] = reranker.static.score(question, texts)
            static = time.perf_counter()
            ids = query.ids[1:-1]
            scores[STATES] = compare_states(query, sides, reranker.static.weights(ids) if len(ids) else None)
            costs.add(STATIC, joint_s=static - start)
            costs.add(STATES, joint_s=time.perf_counter() - static)
    costs.pairs += len(texts)
    return scores


def ask(
    judged: Mapping[str, Judged], rerankers: Mapping[str, InteractionReranker], count: int, work: Path, end: float
) -> tuple[list[JudgedWindow], Costs]:
    """Score windows of the collections in turn until `end` (time.monotonic); return the questions and the times."""
    costs, windows = Costs(), list[JudgedWindow]()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for turn in zip_longest(*(windows_of(name, each, count, work) for name, each in judged.items())):
            for name, window in zip(judged, turn, strict=True):
                if window is None:
                    continue
                if time.monotonic() > end:
                    return windows, costs
                key, question, grades, collection, places = window
                texts = [collection.passages[place] for place in places]
                try:
                    scores = score_window(question, texts, rerankers, costs)
                except RequestError:  # a question too long for the reranker keeps the fused order, in any backend
                    continue
                ids = [collection.passage_ids[place] for place in places]
                windows.append(JudgedWindow(f"{name}/{key}", ids, texts, grades.qrels[key], scores))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    return windows, costs


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder where vectors are cached")
    parser.add_argument("--queries", type=int, default=15, help="at most this many questions per collection")
    parser.add_argument("--minutes", type=float, default=10.0, help="no question starts later")
    parser.add_argument("--collections", nargs="*", default=list(COLLECTIONS))
    parser.add_argument("--backends", nargs="*", default=["torch", "onnx-int8"], help="torch first")
    parser.add_argument("--first", nargs="*", default=[], help="students, as NAME=FOLDER, on the last backend")
    parser.add_argument("--write", action="store_true", help="write the tables to benchmarks/RESULTS.md")
    options = parser.parse_args()
    started, end = machine(), time.monotonic() + 60 * options.minutes
    backends: list[str] = options.backends
    students = dict(each.split("=", 1) for each in options.first)
    rerankers = {name: _interaction("bundled", name) for name in backends}
    rerankers |= {name: _interaction(folder, backends[-1]) for name, folder in students.items()}
    judged = {name: read_judged(name) for name in options.collections}
    windows, costs = ask(judged, rerankers, options.queries, options.work, end)
    limits = f"--queries {options.queries} --minutes {options.minutes:g}"
    conditions = f"`python -m benchmarks.cascade {limits} --write` on {started} at the start,\n"
    conditions += f"{machine().rpartition(', ')[2]} at the end."
    text, points = report(windows, costs, backends, list(students), conditions=conditions)
    print(text)
    if options.write:
        write_section("Quality and speed: int8 and the cascade", text)
        draw(points, RESULTS.with_name("cascade.png"))


def _interaction(name: str, backend: str) -> InteractionReranker:
    reranker = load_reranker(name, backend=backend, device="cpu")
    if not isinstance(reranker, InteractionReranker):
        raise SystemExit(f"{name} is not an interaction reranker")
    return reranker


if __name__ == "__main__":
    main()

"""Many concurrent searches on one reranker: shared batches against each search computing on its own.

python -m benchmarks.concurrent_searches            prints the table
python -m benchmarks.concurrent_searches --write    also writes it to benchmarks/RESULTS.md

The bundled reranker runs on ONNX Runtime in int8, and a search reranks 20 passages.
"each on its own" is what a server does without shared batches: every search's thread computes its own pairs, and the
batches of one search run after another's.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.models import QUERY, mixed_passages
from benchmarks.results import machine, write_section
from connector.models import load_reranker
from connector.models.compute_pool import cores
from connector.models.reranker import InteractionReranker

LOADS = (1, 4, 16)
DEPTH = 20
TITLE = "Concurrent searches"
Run = Callable[[Sequence[str]], None]
Round = tuple[list[float], float]
"""Each search's milliseconds, and searches per second over all."""


def measured(run: Run, windows: Sequence[Sequence[str]], at_once: int) -> Round:
    """Search each window, so many at the same time."""

    def one(window: Sequence[str]) -> float:
        start = time.perf_counter()
        run(window)
        return 1e3 * (time.perf_counter() - start)

    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        each = list(threads.map(one, windows))
    return each, len(windows) / (time.perf_counter() - start)


def windows_of(searches: int) -> list[list[str]]:
    """Return this many windows without common passages, so that no search profits from what another has read."""
    passages = mixed_passages(searches * DEPTH)
    return [passages[start : start + DEPTH] for start in range(0, len(passages), DEPTH)]


def report(found: Mapping[tuple[int, str], Sequence[Round]], conditions: str) -> str:
    """Return the section of RESULTS.md."""
    rows = []
    for (at_once, name), rounds in found.items():
        every = np.concatenate([each for each, _ in rounds])
        p50, p95 = np.percentile(every, [50, 95])
        rate = statistics.median(rate for _, rate in rounds)
        rows.append(f"| {at_once} | {name} | {len(rounds)} | {rate:.2f} | {p50:.0f} | {p95:.0f} | {every.max():.0f} |")
    return f"""{conditions}
A search reranks {DEPTH} mixed passages that were never read before.

| at once | way | rounds | searches/s | p50 ms | p95 ms | slowest ms |
| --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}
"""


def main() -> None:
    """Measure in interleaved rounds until the time is up; after each, print and, if requested, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="onnx-int8")
    parser.add_argument("--searches", type=int, default=16, help="searches per round, at least two per concurrent one")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each")
    parser.add_argument("--minutes", type=float, default=4.0, help="no round starts later")
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    started = machine()
    reranker = load_reranker("bundled", backend=arguments.backend, device="cpu")
    assert isinstance(reranker, InteractionReranker)
    lock = threading.Lock()

    def shared(window: Sequence[str]) -> None:
        reranker.score(QUERY, window)

    def alone(window: Sequence[str]) -> None:
        with lock:
            shared(window)

    ways: dict[str, Run] = {"shared batches": shared, "each on its own": alone}
    plans = [(at_once, name) for at_once in LOADS for name in ways]
    found: dict[tuple[int, str], list[Round]] = {plan: [] for plan in plans}
    windows = windows_of(max(arguments.searches, 2 * max(LOADS)))
    measured(shared, windows[:4], 2)  # not counted
    text = ""
    for _ in range(arguments.rounds):
        if text and time.monotonic() > end:
            break
        for at_once, name in plans:
            reranker.forget()
            searches = max(arguments.searches, 2 * at_once)
            found[at_once, name].append(measured(ways[name], windows[:searches], at_once))
        conditions = f"`python -m benchmarks.concurrent_searches --write` on {started} at the start,\n"
        conditions += f"{cores()} compute threads, {arguments.backend}; "
        conditions += f"interleaved rounds of {arguments.searches} searches or more."
        text = report(found, conditions)
        if arguments.write:
            write_section(TITLE, text)
    print(text)


if __name__ == "__main__":
    main()

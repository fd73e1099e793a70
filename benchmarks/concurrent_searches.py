"""Many searches at once on one reranker: shared batches against each search computing on its own.

python -m benchmarks.concurrent_searches            prints the table
python -m benchmarks.concurrent_searches --write    and puts it into benchmarks/RESULTS.md

The bundled reranker on ONNX Runtime in int8; a search reranks 20 passages. "each on its own" is what a server does
without shared batches: every search's thread computes its own pairs, one search's batches after the other.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from benchmarks.models import QUERY, mixed_passages
from benchmarks.results import machine, write_section
from connector.models import load_reranker
from connector.models.lanes import cores

LOADS = (1, 4, 16)
DEPTH = 20
Run = Callable[[Sequence[str]], None]


def milliseconds(run: Run, searches: int, at_once: int) -> tuple[list[float], float]:
    """Return each search's milliseconds, and searches a second over all."""
    windows = [mixed_passages(DEPTH * (place % 3 + 1))[-DEPTH:] for place in range(searches)]

    def one(window: Sequence[str]) -> float:
        start = time.perf_counter()
        run(window)
        return 1e3 * (time.perf_counter() - start)

    start = time.perf_counter()
    with ThreadPoolExecutor(at_once) as threads:
        each = list(threads.map(one, windows))
    return each, searches / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", default="onnx-int8")
    parser.add_argument("--searches", type=int, default=32, help="searches of a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, after one that is not counted")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    from connector.models.reranker import InteractionReranker

    reranker = load_reranker("bundled", backend=arguments.backend, device="cpu")
    assert isinstance(reranker, InteractionReranker)
    turn = threading.Lock()

    def shared(window: Sequence[str]) -> None:
        reranker.forget()
        reranker.score(QUERY, window)

    def alone(window: Sequence[str]) -> None:
        with turn:
            shared(window)

    ways: dict[str, Run] = {"shared batches": shared, "each on its own": alone}
    rows = []
    for at_once in LOADS:
        found: dict[str, list[tuple[list[float], float]]] = {name: [] for name in ways}
        for number in range(arguments.rounds + 1):
            for name, run in ways.items():
                measured = milliseconds(run, arguments.searches, at_once)
                if number:
                    found[name].append(measured)
        for name, rounds in found.items():
            every = np.concatenate([each for each, _ in rounds])
            rate = statistics.median(rate for _, rate in rounds)
            p50, p95 = np.percentile(every, [50, 95])
            rows.append(f"| {at_once} | {name} | {rate:.1f} | {p50:.0f} | {p95:.0f} |")
    table = f"""`python -m benchmarks.concurrent_searches --write` on {machine()}, {cores()} lanes, {arguments.backend};
{arguments.rounds} interleaved rounds of {arguments.searches} searches; {DEPTH} mixed passages each, as if never read.

| at once | way | searches/s | p50 ms | p95 ms |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}
"""
    print(table)
    if arguments.write:
        write_section("Concurrent searches", table)


if __name__ == "__main__":
    main()

"""Pairs a second of our backends beside sentence-transformers' `CrossEncoder.predict`, on passages of mixed lengths.

python -m benchmarks.models            prints a table
python -m benchmarks.models --write    and puts it into benchmarks/RESULTS.md

All run the same network: the offline extra's MiniLM with a plain head of random weights, which costs what a trained
one costs. Rounds are interleaved and their order is shuffled, so that a busy machine harms all alike; processor
time is told beside the clock's, as other work on the machine moves it less. `benchmarks.cross_encoders` has more peers.
"""

from __future__ import annotations

import argparse
import functools
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import machine, write_section
from connector.models import load_cascade, load_reranker
from connector.models.backends.registry import installed
from connector.models.folders import bundled_encoder

QUERY = "how does a heat pump work in winter"
FEWEST_WORDS, MOST_WORDS = 20, 250


def write_model(folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    torch.manual_seed(0)
    backbone = str(bundled_encoder().folder)
    BertForSequenceClassification.from_pretrained(backbone, num_labels=1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(backbone).save_pretrained(folder)


def mixed_passages(count: int) -> list[str]:
    words = Path(bundled_encoder().folder, "vocab.txt").read_text(encoding="utf-8").split()
    plain = [word for word in words if word.isascii() and word.isalpha() and len(word) > 2]
    chance = random.Random(7)
    return [" ".join(chance.choices(plain, k=chance.randint(FEWEST_WORDS, MOST_WORDS))) for _ in range(count)]


def measure(
    ways: dict[str, Callable[[], NDArray[np.float32]]], rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Return each way's seconds by round: the clock's, and the processor's over all threads."""
    clock: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    chance = random.Random(7)
    for _ in range(rounds):
        chance.shuffle(order)
        for name in order:
            start, used = time.perf_counter(), time.process_time()
            ways[name]()
            clock[name].append(time.perf_counter() - start)
            processor[name].append(time.process_time() - used)
    return clock, processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=100, help="passages scored in a round")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, after one that is not counted")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/RESULTS.md")
    arguments = parser.parse_args()

    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers import __version__ as peer_version

    passages = mixed_passages(arguments.pairs)
    pairs = [(QUERY, passage) for passage in passages]
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder))
        backends = ["torch", *(name for name in ("onnx", "onnx-int8", "openvino") if name in installed())]
        ours = {name: load_reranker(folder, backend=name, device="cpu") for name in backends}
        cascade = load_cascade(folder, backend="onnx-int8" if "onnx-int8" in backends else "torch", device="cpu")
        peer = CrossEncoder(folder, device="cpu", local_files_only=True)
        plain = torch.nn.Identity()
        ways: dict[str, Callable[[], NDArray[np.float32]]] = {
            f"sentence-transformers {peer_version} CrossEncoder.predict, batch 32": lambda: np.asarray(
                peer.predict(pairs, batch_size=32, activation_fn=plain, show_progress_bar=False)
            ),
            **{f"connector, {name}": functools.partial(each.score, QUERY, passages) for name, each in ours.items()},
            "connector, cascade, onnx-int8 (torch without it)": lambda: cascade.score(QUERY, passages),
        }
        scores = [way() for way in ways.values()]
        seconds, used = measure(ways, arguments.rounds)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    peer_s = next(iter(medians.values()))
    rows = []
    for (name, times), found in zip(seconds.items(), scores, strict=True):
        rates = [arguments.pairs / value for value in (medians[name], max(times), min(times))]
        apart = "-" if "cascade" in name else f"{float(np.corrcoef(found, scores[0])[0, 1]):.4f}"
        cpu = [statistics.median(used[each]) for each in (next(iter(used)), name)]
        shown = [f"{rate:.1f}" for rate in (*rates, arguments.pairs / cpu[1])]
        ratios = [f"{peer_s / medians[name]:.2f}x", f"{cpu[0] / cpu[1]:.2f}x", apart]
        rows.append(f"| {' | '.join([name, *shown, *ratios])} |")
    table = f"""`python -m benchmarks.models --pairs {arguments.pairs} --write` on {machine()},
{torch.get_num_threads()} threads, torch {torch.__version__}; passages of {FEWEST_WORDS}-{MOST_WORDS} words;
{arguments.rounds} interleaved rounds. The last column is the correlation of the scores with the first row's; the head's
weights are random, which is the hardest case for int8.

| path | pairs/s, median | slowest | fastest | pairs a CPU second | times as fast | by CPU time | correlation |
| --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}
"""
    print(table)
    if arguments.write:
        write_section("Pairs a second", table)


if __name__ == "__main__":
    main()

"""Pairs a second of our torch path beside sentence-transformers' `CrossEncoder.predict`, on passages of mixed lengths.

python -m benchmarks.models            prints a table
python -m benchmarks.models --write    and puts it into benchmarks/RESULTS.md

Both run the same network: the offline extra's MiniLM with a plain head of random weights, which costs what a trained
one costs. The rounds of the two are interleaved and their order is shuffled, so that a busy machine harms both alike.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.results import machine, write_section
from connector.models import load_reranker
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


def measure(ways: dict[str, Callable[[], NDArray[np.float32]]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    order = list(ways)
    chance = random.Random(7)
    for _ in range(rounds):
        chance.shuffle(order)
        for name in order:
            start = time.perf_counter()
            ways[name]()
            seconds[name].append(time.perf_counter() - start)
    return seconds


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
        ours = load_reranker(folder, device="cpu")
        peer = CrossEncoder(folder, device="cpu", local_files_only=True)
        plain = torch.nn.Identity()
        ways: dict[str, Callable[[], NDArray[np.float32]]] = {
            "connector, torch, 2,048-token batches": lambda: ours.score(QUERY, passages),
            f"sentence-transformers {peer_version} CrossEncoder.predict, batch 32": lambda: np.asarray(
                peer.predict(pairs, batch_size=32, activation_fn=plain)
            ),
        }
        scores = [way() for way in ways.values()]
        seconds = measure(ways, arguments.rounds)
    rows = []
    for name, times in seconds.items():
        rates = [arguments.pairs / value for value in (statistics.median(times), max(times), min(times))]
        rows.append(f"| {name} | {rates[0]:.1f} | {rates[1]:.1f} | {rates[2]:.1f} |")
    ours_s, peer_s = (statistics.median(times) for times in seconds.values())
    apart = float(np.abs(scores[0] - scores[1]).max())
    table = f"""`python -m benchmarks.models --write` on {machine()}, {torch.get_num_threads()} threads,
torch {torch.__version__}, fp32; {arguments.pairs} pairs, passages of {FEWEST_WORDS}-{MOST_WORDS} words;
{arguments.rounds} interleaved rounds.
Ours is {peer_s / ours_s:.2f} times as fast; the largest difference of two scores is {apart:.1e}.

| path | pairs/s, median | slowest | fastest |
| --- | --- | --- | --- |
{chr(10).join(rows)}
"""
    print(table)
    if arguments.write:
        write_section("Pairs a second", table)


if __name__ == "__main__":
    main()

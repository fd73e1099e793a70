"""The rerankers that a Python user can pick on a CPU, side by side: pairs a second, latency, memory, first result.

python -m benchmarks.cross_encoders            prints the tables
python -m benchmarks.cross_encoders --write    and writes them, with plots, beside benchmarks/RESULTS.md

All run the same weights: the offline extra's MiniLM with a plain head of random weights, which costs what a trained one
costs. The bundled reranker, which has another head, stands beside them. Each way is a process of its own; rounds are
interleaved, their order is shuffled. Peers whose requirements differ from ours run in an environment of their own:
`--peers PYTHON` names it, `make bench` makes it.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import QUERY, write_model
from benchmarks.results import RESULTS, machine, write_section
from connector.models.folders import bundled_encoder

WORKER = Path(__file__).with_name("cross_encoder_worker.py")
LENGTHS = {"short": (5, 30), "mixed": (20, 250), "long": (200, 400)}
DEPTHS = (10, 50, 100, 200)
PEER_BACKENDS = (
    "torch",
    "onnx+onnx/model.onnx",
    "onnx+onnx/model_qint8_avx2.onnx",
    "openvino+openvino/openvino_model.xml",
)
PEER_EXPORTS = """
import sys
from sentence_transformers import CrossEncoder, export_dynamic_quantized_onnx_model
from sentence_transformers import export_static_quantized_openvino_model
folder = sys.argv[1]
model = CrossEncoder(folder, device="cpu", backend="onnx", local_files_only=True)
model.save_pretrained(folder)
export_dynamic_quantized_onnx_model(model, "avx2", folder)
CrossEncoder(folder, device="cpu", backend="openvino", local_files_only=True).save_pretrained(folder)
"""


@dataclass
class Way:
    """One way of scoring: how its worker is started, and what it has done."""

    name: str
    command: list[str]
    first_result_s: float = float("nan")
    peak_mb: float = float("nan")
    scores: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    failed: str = ""
    process: Any = None
    said: Any = None

    @property
    def is_exported(self) -> bool:
        return self.command[2] == "ours" and not self.command[3].startswith("torch")

    def start(self) -> None:
        self.said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - a pipe that nobody reads fills up
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True
        )
        line = self.process.stdout.readline()
        if not line:
            self.said.seek(0)
            lines = self.said.read().strip().splitlines()
            self.failed = lines[-1][:160] if lines else "it ended without a word"
            return
        self.first_result_s = json.loads(line)["first_result_s"]

    def ask(self, **asked: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def median(self, kind: str, depth: int) -> float:
        return statistics.median(self.seconds[kind, depth])

    def end(self) -> None:
        if not self.failed:
            self.peak_mb = self.ask(memory=True)["peak_mb"]
        self.process.stdin.close()
        self.process.wait(timeout=60)


def passages_of(kind: str, count: int) -> list[str]:
    words = Path(bundled_encoder().folder, "vocab.txt").read_text(encoding="utf-8").split()
    plain = [word for word in words if word.isascii() and word.isalpha() and len(word) > 2]
    chance = random.Random(7)
    fewest, most = LENGTHS[kind]
    return [" ".join(chance.choices(plain, k=chance.randint(fewest, most))) for _ in range(count)]


def ways_of(plain: Path, peers: str | None) -> list[Way]:
    def way(name: str, python: str, kind: str, backend: str, folder: str) -> Way:
        return Way(name, [python, str(WORKER), kind, backend, folder])

    own = sys.executable
    ways = [way("sentence-transformers 6, torch", own, "sentence-transformers", "torch", str(plain))]
    for backend in ("torch", "onnx", "onnx-int8", "openvino", "openvino-int8"):
        ways.append(way(f"ours, {backend}", own, "ours", backend, str(plain)))
    ways.append(way("ours, onnx-int8, cascade", own, "ours", "onnx-int8+cascade", str(plain)))
    for backend in ("torch", "onnx", "onnx-int8", "onnx-int8+cascade"):
        ways.append(way(f"bundled, {backend.replace('+', ', ')}", own, "ours", backend, "bundled"))
    if peers:
        for backend in PEER_BACKENDS:
            name = backend.partition("+")[0] + (" int8" if "qint8" in backend else "")
            ways.append(way(f"sentence-transformers 5, {name}", peers, "sentence-transformers", backend, str(plain)))
        for kind in ("flashrank", "fastembed", "rerankers"):
            ways.append(way(kind, peers, kind, "-", str(plain)))
    return ways


def run_rounds(ways: list[Way], plans: list[tuple[str, int]], rounds: int) -> None:
    chance = random.Random(7)
    for kind, depth in plans:
        passages = passages_of(kind, depth)
        for number in range(rounds + 1):
            for way in chance.sample(ways, len(ways)):
                answer = way.ask(query=QUERY, passages=passages)
                if number:  # the first is not counted
                    way.seconds.setdefault((kind, depth), []).append(answer["seconds"])
                way.scores[kind] = answer["scores"]
        print(kind, depth, {way.name: round(way.median(kind, depth), 3) for way in ways}, flush=True)


def speed_table(ways: list[Way], kinds: list[str], depth: int) -> str:
    head = f"| way | {' | '.join(f'{kind}' for kind in kinds)} | first result s | peak MB |"
    rows = []
    for way in ways:
        rates = [f"{depth / statistics.median(way.seconds[kind, depth]):.1f}" for kind in kinds]
        rows.append(f"| {way.name} | {' | '.join(rates)} | {way.first_result_s:.1f} | {way.peak_mb:.0f} |")
    return "\n".join([head, "| --- |" + " --- |" * (len(kinds) + 2), *rows])


def latency_table(ways: list[Way], depths: list[int]) -> str:
    head = f"| way | {' | '.join(f'{depth}: p50 | p95' for depth in depths)} |"
    rows = []
    for way in ways:
        cells = []
        for depth in depths:
            times = [1_000 * value for value in way.seconds["mixed", depth]]
            cells += [f"{statistics.median(times):.0f}", f"{np.percentile(times, 95):.0f}"]
        rows.append(f"| {way.name} | {' | '.join(cells)} |")
    return "\n".join([head, "| --- |" + " --- |" * (2 * len(depths)), *rows])


def draw(ways: list[Way], path: Path, depth: int) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rates = {way.name: depth / statistics.median(way.seconds["mixed", depth]) for way in ways}
    names = sorted(rates, key=lambda name: rates[name])
    figure, axes = pyplot.subplots(figsize=(8, 0.35 * len(names) + 1))
    colours = ["#2a6f97" if name.startswith(("ours", "bundled")) else "#adb5bd" for name in names]
    bars = axes.barh(names, [rates[name] for name in names], color=colours)
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set_xlabel(f"pairs a second, passages of {LENGTHS['mixed'][0]}-{LENGTHS['mixed'][1]} words, {depth} a rerank")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each, after one that is not counted")
    parser.add_argument("--depths", type=int, nargs="+", default=list(DEPTHS))
    parser.add_argument("--pairs", type=int, default=100, help="pairs a rerank where rates are compared")
    parser.add_argument("--lengths", nargs="+", default=list(LENGTHS), choices=list(LENGTHS))
    parser.add_argument("--peers", help="the interpreter of an environment that has the other libraries")
    parser.add_argument("--write", action="store_true", help="put the tables into benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    started = machine()
    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch) / "cross-encoder"
        write_model(plain)
        if arguments.peers:
            subprocess.run([arguments.peers, "-c", PEER_EXPORTS, str(plain)], check=True, stdout=subprocess.DEVNULL)
        ways = ways_of(plain, arguments.peers)
        for way in ways:
            if way.is_exported:  # now, not when it is timed
                subprocess.run(way.command, input="", capture_output=True, text=True, check=False)
            way.start()
            print(way.name, way.failed or f"{way.first_result_s:.1f} s", flush=True)
        able = [way for way in ways if not way.failed]
        plans = [("mixed", depth) for depth in arguments.depths]
        plans += [(kind, arguments.pairs) for kind in arguments.lengths if (kind, arguments.pairs) not in plans]
        run_rounds(able, plans, arguments.rounds)
        for way in able:
            way.end()
    pairs = arguments.pairs
    base = next(way for way in able if way.name.startswith("sentence-transformers 6"))
    times = {way.name: base.median("mixed", pairs) / way.median("mixed", pairs) for way in able}
    against = ", ".join(f"{name} {ratio:.2f}x" for name, ratio in times.items() if name.startswith(("ours", "bundled")))
    unable = "".join(f"\n- {way.name} can't: {way.failed}" for way in ways if way.failed)
    text = f"""`python -m benchmarks.cross_encoders --write` on {started} at the start,
{machine().rpartition(", ")[2]} at the end; {arguments.rounds} interleaved rounds, medians. The same weights, MiniLM-L6
with a plain head; `bundled` is the bundled reranker, whose states are forgotten before each rerank. Words a passage:
{LENGTHS}.

Against sentence-transformers 6's `CrossEncoder.predict` (torch), mixed, {pairs} pairs:
{against}.
{unable}

Pairs a second at {pairs} a rerank, time to the first score in a fresh process (exported before), peak memory:

{speed_table(able, arguments.lengths, pairs)}

Milliseconds a rerank of so many mixed passages:

{latency_table(able, arguments.depths)}

![pairs a second of each](cross_encoders.png)
"""
    print(text)
    if arguments.write:
        write_section("Rerankers on a CPU", text)
        draw(able, RESULTS.with_name("cross_encoders.png"), pairs)


if __name__ == "__main__":
    main()

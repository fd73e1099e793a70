"""Compares the rerankers that a Python user can run on a CPU: pairs per second, latency, memory, time to first result.

python -m benchmarks.cross_encoders --minutes 20            prints the tables
python -m benchmarks.cross_encoders --minutes 20 --write    also writes them, with a plot, to benchmarks/RESULTS.md

All run the same weights: the bundled MiniLM with a plain head of random weights, which costs as much as a
trained one.
The bundled reranker, which has another head, is measured too.
Each way is its own process; rounds are interleaved in random order.
Peers whose requirements conflict with ours run in their own environment: `--peers PYTHON` names its interpreter, and
`make bench` creates it.
Exports stay in the work folder.
The results are written after every plan, so an interrupted run leaves its figures; each answer is in the work folder's
answers.jsonl.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.cross_encoder_models import FLASHRANK, LENGTHS, passages_of, plain_model
from benchmarks.cross_encoder_report import BASE, Figures, draw, pairs_of, report
from benchmarks.models import QUERY
from benchmarks.results import RESULTS, machine, write_section

WORKER = Path(__file__).with_name("cross_encoder_worker.py")
TITLE = "Rerankers on a CPU"
DEPTHS = (10, 50, 100, 200)
_MOST_SAID = 200
Plan = tuple[str, int]
"""A kind of passages, and how many per rerank."""


class Way:
    """One way of scoring: how its worker is started, and its results."""

    def __init__(self, name: str, command: list[str], failed: str = "") -> None:
        self.figures = Figures(name, failed=failed)
        self.command = command
        self._process: Any = None
        self._said: Any = None

    @property
    def name(self) -> str:
        """Its name."""
        return self.figures.name

    def export(self) -> None:
        """Let one of our workers export its model now, so that the export is not timed."""
        if self.command[2] == "ours" and not self.command[3].startswith("torch"):
            subprocess.run(self.command, input="", capture_output=True, text=True, check=False)

    def start(self) -> None:
        """Start the worker, and time its first score."""
        if self.figures.failed:
            return
        self._said = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - a pipe that nobody reads fills up
        began = time.perf_counter()
        self._process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said, text=True
        )
        if self._answer() is not None:
            self.figures.first_result_s = time.perf_counter() - began

    def ask(self, **request: Any) -> dict[str, Any] | None:
        """Return the worker's answer; None if it failed, which is recorded."""
        if self.figures.failed:
            return None
        with suppress(OSError):  # it ended, so no answer will come
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        return self._answer()

    def end(self) -> None:
        """End the worker."""
        if self._process is not None:
            with suppress(OSError):
                self._process.stdin.close()
            self._process.wait(timeout=60)

    def _answer(self) -> dict[str, Any] | None:
        if line := self._process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._said.seek(0)
        lines = self._said.read().strip().splitlines() or ["it ended without a word"]
        self.figures.failed = lines[-1][:_MOST_SAID]
        return None


def ways_of(work: Path, peers: str | None) -> list[Way]:
    """Return every way, with its weights exported."""
    folder, failed = plain_model(work, peers)
    own = sys.executable
    ways = []

    def add(name: str, python: str, kind: str, backend: str, path: Path | str = folder, file: str = "") -> None:
        ways.append(Way(name, [python, str(WORKER), kind, backend, str(path)], failed.get(file, "")[:_MOST_SAID]))

    add(BASE, own, "sentence-transformers", "torch")
    for backend in ("torch", "onnx", "onnx-int8", "openvino"):
        add(f"ours, {backend}", own, "ours", backend)
    add("ours, onnx-int8, cascade", own, "ours", "onnx-int8+cascade")
    for backend in ("torch", "onnx", "onnx-int8", "openvino", "onnx-int8+cascade"):
        add(f"bundled, {backend.replace('+', ', ')}", own, "ours", backend, "bundled")
    if peers is None:
        return ways
    for name, file in (
        ("onnx", "onnx/model.onnx"),
        ("onnx int8", "onnx/model_quint8_avx2.onnx"),
        ("openvino", "openvino/openvino_model.xml"),
        ("openvino int8", "openvino/openvino_model_qint8_quantized.xml"),
    ):
        kind = name.partition(" ")[0]
        add(f"sentence-transformers 5, {name}", peers, "sentence-transformers", f"{kind}+{file}", file=file)
    for kind, (model, _, file) in FLASHRANK.items():
        add(f"FlashRank, {kind}", peers, "flashrank", "-", work / "flashrank" / kind / model, file)
    for kind, file in (("fp32", "onnx/model.onnx"), ("int8", "onnx/model_quint8_avx2.onnx")):
        add(f"fastembed, {kind}", peers, "fastembed", file, file=file)
    add("rerankers, torch", peers, "rerankers", "-")
    return ways


def plans_of(lengths: Sequence[str], depths: Sequence[int], pairs: int) -> list[Plan]:
    """Return what is measured: the most important first, then the cheapest."""
    plans = (
        {("mixed", depth) for depth in depths}
        | {(kind, pairs_of(kind, pairs)) for kind in lengths}
        | {("mixed", pairs)}
    )
    return sorted(plans, key=lambda plan: (plan != ("mixed", pairs), words(plan)))


def words(plan: Plan) -> float:
    """Return how many words a rerank reads."""
    return plan[1] * sum(LENGTHS[plan[0]]) / 2


def rounds_of(plan: Plan, later: Sequence[Plan], wanted: int, left_s: float, s_a_word: float) -> int:
    """Return how many rounds fit: the requested number, more of shallow ones, leaving time for every later plan."""
    wanted = max(wanted, 100 // plan[1]) if wanted > 1 else wanted
    kept_s = sum(words(each) * s_a_word for each in later)
    most = int((left_s - kept_s) / (words(plan) * s_a_word))
    return max(min(wanted, most), 1)


def run_round(ways: Sequence[Way], plan: Plan, chance: random.Random) -> Iterator[dict[str, Any]]:
    """Query every working way in random order; yield each answer with the way."""
    passages = passages_of(*plan)
    for way in chance.sample(list(ways), len(ways)):
        answer = way.ask(query=QUERY, passages=passages)
        if answer is not None:
            way.figures.seconds.setdefault(plan, []).append(answer["seconds"])
            way.figures.scores[plan] = answer["scores"]
            way.figures.peak_mb = answer["peak_mb"]
            yield {"way": way.name, "kind": plan[0], "depth": plan[1], "seconds": answer["seconds"]}


def run(
    ways: Sequence[Way], plans: Sequence[Plan], rounds: int, end: float, answers: Path, show: Callable[[], None]
) -> None:
    """Run the plans until the time is up (`end`, by time.monotonic); show the results so far after each."""
    chance = random.Random(7)
    for way in ways:
        for kind in LENGTHS:  # not counted
            way.ask(query=QUERY, passages=passages_of(kind, 4))
    spent_s, read = 0.0, 0.0
    with answers.open("w", encoding="utf-8") as file:
        for place, plan in enumerate(plans):
            began, number = time.monotonic(), 0
            while not number or number < rounds_of(plan, plans[place + 1 :], rounds, end - began, spent_s / read):
                start = time.monotonic()
                for answer in run_round(ways, plan, chance):
                    file.write(json.dumps({**answer, "round": number, "load": os.getloadavg()[0]}) + "\n")
                    file.flush()
                spent_s, read, number = spent_s + time.monotonic() - start, read + words(plan), number + 1
            print(f"{plan[0]} {plan[1]}: {number} rounds, {time.monotonic() - began:.0f} s", flush=True)
            show()


def main() -> None:
    """Measure, and show or write the results so far after each plan."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each, more of shallow ones")
    parser.add_argument("--minutes", type=float, default=20.0, help="fewer rounds if they would take longer in total")
    parser.add_argument("--depths", type=int, nargs="+", default=list(DEPTHS))
    parser.add_argument("--pairs", type=int, default=50, help="pairs per rerank when rates are compared")
    parser.add_argument("--lengths", nargs="+", default=list(LENGTHS), choices=list(LENGTHS))
    parser.add_argument("--only", nargs="+", default=[""], help="only ways whose names contain one of these")
    parser.add_argument("--peers", help="the interpreter of an environment with the other libraries")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="folder for exports")
    parser.add_argument("--write", action="store_true", help="write the tables to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    end = time.monotonic() + 60 * arguments.minutes
    started = machine()
    work: Path = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    ways = [way for way in ways_of(work, arguments.peers) if any(part in way.name for part in arguments.only)]
    for way in ways:
        way.export()
        way.start()
        print(way.name, way.figures.failed or f"{way.figures.first_result_s:.1f} s", flush=True)
    figures = [way.figures for way in ways]

    def show() -> None:
        limits = f"--rounds {arguments.rounds} --minutes {arguments.minutes:g}"
        conditions = (
            f"`python -m benchmarks.cross_encoders {limits} --write`\n"
            f"on {started} at the start, {machine().rpartition(', ')[2]} at the end; interleaved rounds, medians."
        )
        text = report(figures, arguments.lengths, arguments.depths, arguments.pairs, conditions=conditions)
        if arguments.write:
            write_section(TITLE, text)
            draw(figures, RESULTS.with_name("cross_encoders.png"), arguments.depths, arguments.pairs)
        (work / "cross_encoders.md").write_text(text, encoding="utf-8")

    try:
        plans = plans_of(arguments.lengths, arguments.depths, arguments.pairs)
        run(ways, plans, arguments.rounds, end, work / "answers.jsonl", show)
    finally:
        for way in ways:
            way.end()
    print((work / "cross_encoders.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()

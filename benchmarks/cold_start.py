"""How long a first answer takes and how much memory: `connector search` and `import connector` in a fresh process.

python -m benchmarks.cold_start            prints the table
python -m benchmarks.cold_start --write    also writes it to benchmarks/RESULTS.md

Alongside: a fresh process that scores the pairs of that search by the bundled reranker, sentence-transformers'
`CrossEncoder`, FlashRank and fastembed, each a worker of `benchmarks.cross_encoders`, already exported.
Peers run in their own environment: `--peers PYTHON` names its interpreter, and `make bench` creates it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cross_encoder_models import LENGTHS, passages_of
from benchmarks.cross_encoders import WORKER, ways_of
from benchmarks.install_size import build_wheel, install_wheel
from benchmarks.models import QUERY
from benchmarks.results import machine, write_section

TITLE = "Cold start"
DOCUMENTS, DEPTH = 200, 50
IMPORTS = ("pass", "import connector", "from connector import Connector, connect")
SEARCH, BUNDLED = "`connector search`", "bundled reranker"
PEERS = (
    "sentence-transformers 6, torch",
    "sentence-transformers 5, onnx",
    "sentence-transformers 5, onnx int8",
    "FlashRank, fp32",
    "FlashRank, int8",
    "fastembed, fp32",
    "fastembed, int8",
)
"""The ways of `benchmarks.cross_encoders` that are measured here."""
_NOT_A_USERS = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")
# Linux counts the memory of the process that forks towards its child's peak, so a small one starts the command.
_PROBE = """
import json, resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - start
peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([seconds, peak_mb, done.returncode, done.stdout, done.stderr]))
"""


class FailedError(Exception):
    """A command failed; the message is the last line of its output."""


@dataclass
class Cold:
    """A command that is run in a fresh process, and the seconds and peak memory of each run."""

    name: str
    command: Sequence[str]
    entered: str = ""
    seconds: list[float] = field(default_factory=list)
    peak_mb: list[float] = field(default_factory=list)
    failed: str = ""

    def run(self) -> str:
        """Run the command once, keep its figures, and return its output.

        Raises:
            FailedError: it failed.
        """
        probe = [sys.executable, "-S", "-c", _PROBE, *self.command]
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_A_USERS}
        done = subprocess.run(
            probe, input=self.entered, capture_output=True, text=True, check=True, env=environment
        ).stdout
        seconds, peak_mb, code, output, errors = json.loads(done)
        if code:
            raise FailedError((errors.strip().splitlines() or [f"exit code {code}"])[-1][:200])
        self.seconds.append(seconds)
        self.peak_mb.append(peak_mb)
        return str(output)

    def row(self) -> str:
        """Return its row of the table."""
        if self.failed:
            return f"| {self.name} | failed: {self.failed} | | |"
        fastest, slowest = min(self.seconds), max(self.seconds)
        return (
            f"| {self.name} | {statistics.median(self.seconds):.2f} | {fastest:.2f} to {slowest:.2f} "
            f"| {max(self.peak_mb):.0f} |"
        )


def run_rounds(ways: Iterable[Cold], rounds: int) -> None:
    """Run the ways in turns, so that a busy machine slows all equally; a first round, which fills caches, not counted.

    A way that fails is recorded as failed and not run again.
    """
    left = list(ways)
    for number in range(rounds + 1):
        for way in list(left):
            try:
                way.run()
            except FailedError as error:
                way.failed = str(error)
                left.remove(way)
        if number == 0:
            for way in left:
                way.seconds.clear()
                way.peak_mb.clear()


def index_documents(folder: Path, kind: str, python: Path) -> list[str]:
    """Index the documents in an embedded engine in a folder; return the command that searches it.

    Args:
        folder: an existing folder.
        kind: the length of the documents.
        python: the interpreter of the environment in which the package is installed.
    """
    connector = str(python.with_name("connector"))
    lines = [json.dumps({"_id": str(place), "body": text}) for place, text in enumerate(passages_of(kind, DOCUMENTS))]
    (folder / "documents.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    index = ["--index", "documents", "--url", f"embedded:{folder / 'store'}", "--text-field", "body"]
    Cold("index", [connector, "index", str(folder / "documents.jsonl"), *index]).run()
    search = ["documents", QUERY, "--url", f"embedded:{folder / 'store'}", "--text-field", "body"]
    return [connector, "search", *search, "--depth", str(DEPTH), "--size", str(DEPTH), "--json"]


def reranked_by(search: Sequence[str]) -> list[str]:
    """Return the passages that a search reranks.

    Raises:
        FailedError: the search failed or was degraded.
    """
    response = json.loads(Cold("search", search).run())
    if response["_hybrid"]["degraded"] is not None:
        raise FailedError(f"the search was degraded: {response['_hybrid']['degraded']}")
    return [hit["_source"]["body"] for hit in response["hits"]["hits"]]


def peers_of(work: Path, peers: str | None, python: Path, pairs: str) -> list[Cold]:
    """Return the peers, exported; those that this package depends on run in its environment."""
    ways = [way for way in ways_of(work, peers) if way.name in PEERS]
    commands = {way.name: [str(python) if word == sys.executable else word for word in way.command] for way in ways}
    return [Cold(way.name, commands[way.name], pairs, failed=way.figures.failed) for way in ways]


def report(ways: Sequence[Cold], passages: Sequence[str], kind: str, rounds: int, conditions: str) -> str:
    """Return the section for benchmarks/RESULTS.md."""
    fewest, most = LENGTHS[kind]
    return f"""`python -m benchmarks.cold_start --rounds {rounds} --write` {conditions};
{rounds} interleaved rounds, each a fresh process from its start to its exit; bytecode and the disk's cache are warm.
The wheel is installed without extras in a new environment.

{SEARCH} embeds the question, searches {DOCUMENTS} documents of {fewest}-{most} words in a folder of the embedded
engine by BM25 and kNN, fuses, and reranks {len(passages)}, with the models that are the default.
The rows below it only score these {len(passages)} pairs: the bundled reranker, and peers with MiniLM-L6 weights from
disk, already exported.

| in a fresh process | median s | fastest to slowest | peak MB |
| --- | --- | --- | --- |
{chr(10).join(way.row() for way in ways)}
"""


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="rounds that count")
    parser.add_argument("--kind", choices=list(LENGTHS), default="short", help="the length of the documents")
    parser.add_argument("--peers", help="the interpreter of an environment with the other libraries")
    parser.add_argument("--work", type=Path, default=Path(".bench"), help="folder for exports")
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    work: Path = arguments.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    started = machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONNECTOR_CACHE"] = folder  # as for a new user: no backend was chosen before
        python = install_wheel(build_wheel(Path(folder) / "wheel"), Path(folder) / "environment")
        search = index_documents(Path(folder), arguments.kind, python)
        passages = reranked_by(search)
        pairs = json.dumps({"query": QUERY, "passages": passages}) + "\n"
        ways = [
            *(Cold(f"`{code}`", [str(python), "-c", code]) for code in IMPORTS),
            Cold(SEARCH, search),
            Cold(BUNDLED, [str(python), str(WORKER), "ours", "", "bundled"], pairs),
            *peers_of(work, arguments.peers, python, pairs),
        ]
        run_rounds([way for way in ways if not way.failed], arguments.rounds)
    conditions = f"on {started} at the start,{machine().rpartition(',')[2]} at the end"
    text = report(ways, passages, arguments.kind, arguments.rounds, conditions)
    print(text)
    if arguments.write:
        write_section(TITLE, text)


if __name__ == "__main__":
    main()

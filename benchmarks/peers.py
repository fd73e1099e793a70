"""Hybrid search on one node, index and models: this client, the frameworks' own ways, and one written by hand.

python -m benchmarks.peers --url http://localhost:9200            prints a table
python -m benchmarks.peers --url http://localhost:9200 --write    also writes benchmarks/RESULTS.md and peers.png

It needs the group `bench` (`make bench-peers`) and the judged collections (CONNECTOR_DATA).
Every way runs in its own process, so that none shares another's memory or patched event loop.
The ways take turns question by question in random order, so that a busy machine slows all equally.
The questions are feedbackqa's on the UK's pages, which the bundled reranker has not seen; the index holds the whole
collection.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch
from elasticsearch.helpers import bulk
from numpy.typing import NDArray

from benchmarks.peer_outcome import Outcome
from benchmarks.peer_report import write_report
from benchmarks.peer_worker import PEERS
from connector import load_encoder
from connector.evaluation.judgments import read_qrels
from connector.evaluation.measure import NDCG_AT_10, measure
from training.judged import data_folder, read_folder

COLLECTION, PREFIX, SEED, WARM_UPS = "feedbackqa", "UK-", 9, 5


class Worker:
    """A way in its own process: a question in, an answer out, one line of JSON each."""

    def __init__(self, name: str, url: str, index: str) -> None:
        command = [sys.executable, "-m", "benchmarks.peer_worker", name, url, index]
        environment = {**os.environ, "HAYSTACK_TELEMETRY_ENABLED": "False"}
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def ask(self, question: str, depth: int) -> dict[str, Any]:
        """Search once, and rerank `depth` hits; raises RuntimeError if the process has ended."""
        self.send(question, depth)
        return self.receive()

    def send(self, question: str, depth: int) -> None:
        """Send the question."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([question, depth]) + "\n")
        self._process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """Return its answer; raises RuntimeError if the process has ended."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the worker ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def vectors_of(passages: Sequence[str], work: Path) -> NDArray[np.float32]:
    """Embed the passages, or read the vectors of an earlier run."""
    encoder = load_encoder()
    key = hashlib.sha256("\0".join([encoder.fingerprint.revision, *passages]).encode()).hexdigest()[:16]
    kept = work / f"vectors-{key}.npy"
    if not kept.is_file():
        work.mkdir(parents=True, exist_ok=True)
        np.save(kept, encoder.encode(passages))
    vectors: NDArray[np.float32] = np.load(kept)
    return vectors


def write_index(es: Elasticsearch, index: str, passages: Sequence[str], ids: Sequence[str], work: Path) -> None:
    """Write an index that every way can read: `content`, `embedding`, Haystack's `id`, and empty `metadata`."""
    vector = {"type": "dense_vector", "dims": 384, "index": True, "similarity": "cosine"}
    fields = {
        "content": {"type": "text"},
        "embedding": {**vector, "index_options": {"type": "hnsw"}},
        "id": {"type": "keyword"},
        "metadata": {"type": "object"},
    }
    es.indices.create(index=index, mappings={"properties": fields}, settings={"number_of_shards": 1})
    rows = vectors_of(passages, work).tolist()
    bulk(
        es,
        (
            {"_index": index, "_id": key, "id": key, "content": text, "embedding": row, "metadata": {}}
            for key, text, row in zip(ids, passages, rows, strict=True)
        ),
    )
    es.indices.forcemerge(index=index, max_num_segments=1)
    es.indices.refresh(index=index)


def run_mode(
    workers: dict[str, Worker],
    depth: int,
    questions: Sequence[tuple[str, str]],
    warm_ups: Sequence[str],
) -> dict[str, Outcome]:
    """Search every question once in every way, interleaved; a way that fails a warm-up is dropped.

    Each question is searched once, because the encoder caches query vectors: a second round would not be the same.
    """
    outcomes = {name: Outcome() for name in workers}
    for question in warm_ups:
        for worker in workers.values():
            worker.send(question, depth)
        for name, worker in workers.items():
            outcomes[name].refusal = worker.receive().get("error")
    for name in [name for name in workers if outcomes[name].refusal is not None]:
        workers.pop(name).close()
    running = [name for name in workers if outcomes[name].refusal is None]
    chance = random.Random(SEED)
    for question_id, question in questions:
        chance.shuffle(running)
        for name in running:
            outcomes[name].add(workers[name].ask(question, depth), question_id)
    return outcomes


def keep(outcomes: Mapping[str, Outcome], path: Path) -> None:
    """Write the measurements to a file, search by search."""
    path.write_text(json.dumps({name: asdict(outcome) for name, outcome in outcomes.items()}), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True, help="the node")
    parser.add_argument(
        "--work", type=Path, default=Path(".bench"), help="folder for the passages' vectors and the measurements"
    )
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--reranked", type=int, help="how many of them also with rerank; by default all")
    parser.add_argument("--depth", type=int, default=20, help="how many hits are fused and reranked")
    parser.add_argument("--note", default="", help="a note on the machine")
    parser.add_argument("--write", action="store_true", help="write benchmarks/RESULTS.md and peers.png")
    arguments = parser.parse_args()

    collection = read_folder(data_folder() / COLLECTION, "test", name=COLLECTION, with_title=True)
    all_questions = [
        (key, question)
        for key, question in zip(collection.question_ids, collection.questions, strict=True)
        if key.startswith(PREFIX)
    ]
    random.Random(SEED).shuffle(all_questions)
    questions = all_questions[: arguments.questions]
    warm_ups = [question for _, question in all_questions[-WARM_UPS:]]
    whole = read_qrels(data_folder() / COLLECTION / "qrels" / "test.tsv")
    qrels = {key: whole[key] for key, _ in questions}

    index = f"bench-peers-{uuid.uuid4().hex[:8]}"
    with Elasticsearch(arguments.url) as es:
        version = es.info()["version"]["number"]
        workers: dict[str, Worker] = {}
        try:
            write_index(es, index, collection.passages, collection.passage_ids, arguments.work)
            workers = {name: Worker(name, arguments.url, index) for name in PEERS}
            plain = run_mode(workers, 0, questions, warm_ups)
            keep(plain, arguments.work / "plain.json")
            reranked = run_mode(workers, arguments.depth, questions[: arguments.reranked], warm_ups[:1])
            keep(reranked, arguments.work / "reranked.json")
        finally:
            for worker in workers.values():
                worker.close()
            es.options(ignore_status=404).indices.delete(index=index)
    for outcomes in (plain, reranked):
        for outcome in outcomes.values():
            if outcome.ranked:
                judged = {key: qrels[key] for key in outcome.ranked}
                outcome.ndcg = measure(judged, outcome.ranked, [NDCG_AT_10]).mean(NDCG_AT_10)
    conditions = (
        f"Elasticsearch {version}, {len(collection.passages):,} passages (feedbackqa), {len(questions)} questions on "
        f"the UK's,\npages of 10; windows of 10 without rerank, of {arguments.depth} "
        f"with it ({arguments.reranked or len(questions)} questions)"
    )
    write_report(plain, reranked, conditions, arguments.note, write=arguments.write)


if __name__ == "__main__":
    main()

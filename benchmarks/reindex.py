"""Documents per second of a reindex job, of the encoder alone, and of what people write by hand; and peak memory.

python -m benchmarks.reindex --url URL                          prints the tables
python -m benchmarks.reindex --url URL --write                  also writes them to benchmarks/RESULTS.md
python -m benchmarks.reindex --url URL --documents 2000 --memory 10000 100000 1000000
OMP_NUM_THREADS=1 python -m benchmarks.reindex ...              leaves the other cores to the node and the rest of a job

Every way reads the same index, encodes with the same model and writes to an index with the same mapping.
Memory is the peak of a separate process (VmHWM) that writes synthetic documents with synthetic vectors to a new index.
LangChain's and Haystack's indexing are measured if langchain-elasticsearch and elasticsearch-haystack are installed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from elasticsearch import Elasticsearch, helpers
from numpy.typing import NDArray

from benchmarks.results import machine, write_section
from connector.models.compute_pool import cores
from connector.models.encoder import Encoder
from connector.models.load import load_encoder
from connector.reindexing import JobOptions, reindex

_WORDS = (
    "alpha",
    "beta",
    "river",
    "mountain",
    "kettle",
    "search",
    "vector",
    "index",
    "shard",
    "bread",
    "morning",
    "cloud",
)
_SYNTHETIC_DIMS = 64


def documents(count: int) -> Iterator[dict[str, Any]]:
    """Return different documents of 10 to 80 words."""
    draw = random.Random(11)
    for number in range(count):
        words = draw.choices(_WORDS, k=draw.randint(10, 80))
        yield {"_id": str(number), "title": f"{number} {' '.join(words[:8])}", "body": " ".join(words)}


def text_of(source: dict[str, Any]) -> str:
    """Return the text that every way encodes."""
    return f"{source['title']}\n\n{source['body']}"


def by_encoder_alone(es: Elasticsearch, source: str, target: str, encoder: Encoder) -> None:
    """Encode, and do nothing else: the upper bound."""
    del es, source, target
    encoder.encode([text_of(document) for document in documents(_count)])


def by_job(es: Elasticsearch, source: str, target: str, encoder: Encoder) -> None:
    """Run a reindex job with all its safety measures."""
    with tempfile.TemporaryDirectory() as state:
        options = JobOptions(state=state)
        reindex(es, source, alias=target, text_fields=["title", "body"], encoder=encoder, options=options)


def by_hand(es: Elasticsearch, source: str, target: str, encoder: Encoder) -> None:
    """Scan, encode a hundred at a time, and write with `helpers.bulk`, as people do by hand."""
    dims = encoder.fingerprint.dims
    es.indices.create(index=target, mappings={"properties": {"vector": {"type": "dense_vector", "dims": dims}}})
    batch: list[dict[str, Any]] = []

    def flush() -> None:
        vectors = encoder.encode([text_of(hit["_source"]) for hit in batch])
        helpers.bulk(
            es,
            (
                {"_index": target, "_id": hit["_id"], **hit["_source"], "vector": vector.tolist()}
                for hit, vector in zip(batch, vectors, strict=True)
            ),
        )
        batch.clear()

    for hit in helpers.scan(es, index=source):
        batch.append(hit)
        if len(batch) == 100:
            flush()
    if batch:
        flush()
    es.indices.refresh(index=target)


def by_langchain(es: Elasticsearch, source: str, target: str, encoder: Encoder) -> None:
    """Index with LangChain's ElasticsearchStore.add_texts."""
    from langchain_core.embeddings import Embeddings  # type: ignore[import-not-found,unused-ignore]
    from langchain_elasticsearch import ElasticsearchStore  # type: ignore[import-not-found,unused-ignore]

    class Ours(Embeddings):  # type: ignore[misc,unused-ignore]
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            vectors: list[list[float]] = encoder.encode(texts).tolist()
            return vectors

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    hits = list(helpers.scan(es, index=source))
    store = ElasticsearchStore(index_name=target, embedding=Ours(), client=es)
    store.add_texts([text_of(hit["_source"]) for hit in hits], ids=[hit["_id"] for hit in hits])


def by_haystack(es: Elasticsearch, source: str, target: str, encoder: Encoder) -> None:
    """Index Haystack's documents with embeddings with its ElasticsearchDocumentStore."""
    from haystack import Document  # type: ignore[import-not-found,unused-ignore]
    from haystack_integrations.document_stores.elasticsearch import (  # type: ignore[import-not-found,unused-ignore]
        ElasticsearchDocumentStore,
    )

    store = ElasticsearchDocumentStore(hosts=_url, index=target)
    hits = list(helpers.scan(es, index=source))
    for start in range(0, len(hits), 32):
        part = hits[start : start + 32]
        vectors = encoder.encode([text_of(hit["_source"]) for hit in part])
        store.write_documents(
            [
                Document(id=hit["_id"], content=text_of(hit["_source"]), embedding=vector.tolist())
                for hit, vector in zip(part, vectors, strict=True)
            ]
        )


Way = Callable[[Elasticsearch, str, str, Encoder], None]
WAYS: dict[str, tuple[Way, str | None]] = {
    "the encoder alone": (by_encoder_alone, None),
    "connector reindex": (by_job, None),
    "scan + encode + helpers.bulk": (by_hand, None),
    "LangChain ElasticsearchStore": (by_langchain, "langchain_elasticsearch"),
    "Haystack ElasticsearchDocumentStore": (by_haystack, "haystack_integrations"),
}
_count = 0
_url = ""


def rates(es: Elasticsearch, count: int, rounds: int) -> dict[str, list[float]]:
    """Return documents per second of every way, with the rounds interleaved."""
    global _count
    _count = count
    encoder = load_encoder()
    encoder.encode(["warm"])
    name = f"bench-reindex-{uuid.uuid4().hex[:8]}"
    es.indices.create(index=f"{name}-source", settings={"number_of_replicas": 0})
    helpers.bulk(es, ({"_index": f"{name}-source", **document} for document in documents(count)), refresh=True)
    found: dict[str, list[float]] = {}
    try:
        for number in range(rounds):
            for label, (way, needs) in WAYS.items():
                if needs is not None and find_spec(needs) is None:
                    continue
                began = perf_counter()
                way(es, f"{name}-source", f"{name}-{number}-{len(label)}", encoder)
                found.setdefault(label, []).append(count / (perf_counter() - began))
    finally:
        for index in es.indices.get(index=f"{name}*").body:
            es.indices.delete(index=index)
    return found


def synthetic(texts: list[str]) -> NDArray[np.float32]:
    """An encoder whose vectors cost nothing."""
    seeds = np.array([hash(text) % 9973 for text in texts], np.float32).reshape(-1, 1)
    rows = np.sin(seeds + np.arange(_SYNTHETIC_DIMS, dtype=np.float32))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def memory_of(url: str, count: int) -> None:
    """Write synthetic documents to a new index, and print this process's peak memory in bytes."""
    name = f"bench-reindex-{uuid.uuid4().hex[:8]}"
    with Elasticsearch(url, request_timeout=120) as es, tempfile.TemporaryDirectory() as state:
        began = perf_counter()
        try:
            report = reindex(
                es,
                _Documents(count),
                alias=name,
                text_fields=["title", "body"],
                encoder=synthetic,
                verify=False,
                options=JobOptions(state=state, keeps_vectors=False),
            )
        finally:
            for index in es.indices.get(index=f"{name}*").body:
                es.indices.delete(index=index)
        peak = peak_bytes()
        line = {"written": report.written, "peak_bytes": peak, "docs_per_s": count / (perf_counter() - began)}
        sys.stdout.write(json.dumps(line) + "\n")


def peak_bytes() -> int:
    """Return this process's peak memory since it was executed; ru_maxrss would start with the parent's (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


class _Documents:
    """Documents that can be read again from the start."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return documents(self._count)


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    global _url
    _url = arguments.url
    if arguments.memory_of is not None:
        memory_of(arguments.url, arguments.memory_of)
        return
    with Elasticsearch(arguments.url, request_timeout=120) as es:
        found = rates(es, arguments.documents, arguments.rounds)
        version = es.info()["version"]["number"]
    cores_left = f", the encoder on {cores()} of the cores" if "OMP_NUM_THREADS" in os.environ else ""
    median = {label: float(np.median(each)) for label, each in found.items()}
    bound = median["the encoder alone"]
    lines = [
        f"`python -m benchmarks.reindex --write` on {machine()};",
        f"Elasticsearch {version} on the same machine{cores_left};",
        f"{arguments.documents} documents of 20-90 words, all-MiniLM-L6-v2, "
        f"{arguments.rounds} interleaved rounds, medians.",
        "",
        "| way | documents/s | of the encoder alone | slowest | fastest |",
        "| --- | --- | --- | --- | --- |",
    ]
    for label, each in found.items():
        shares = f"{median[label] / bound:.2f} | {min(each):.1f} | {max(each):.1f}"
        lines.append(f"| {label} | {median[label]:.1f} | {shares} |")
    missing = [label for label in WAYS if label not in found]
    if missing:
        lines += ["", f"Not installed, so not measured: {', '.join(missing)}."]
    if arguments.memory:
        lines += ["", f"Synthetic vectors of {_SYNTHETIC_DIMS} dims, an iterable into a new index:", ""]
        lines += ["| documents | peak memory, MiB | documents/s |", "| --- | --- | --- |"]
        for count in arguments.memory:
            command = [sys.executable, "-m", "benchmarks.reindex", "--url", arguments.url, "--memory-of", str(count)]
            result = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            lines.append(f"| {count:,} | {result['peak_bytes'] / 2**20:,.0f} | {result['docs_per_s']:,.0f} |")
    text = "\n".join(lines)
    sys.stdout.write(text + "\n")
    if arguments.write:
        write_section(f"Reindex{cores_left}", text)


if __name__ == "__main__":
    main()

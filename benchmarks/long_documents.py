"""Compares passages with whole documents on medquad, and measures what diversity costs and gains on feedbackqa.

python -m benchmarks.long_documents --url URL            prints the tables
python -m benchmarks.long_documents --url URL --write    also writes them to benchmarks/RESULTS.md
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.results import machine, write_section
from connector import Connector, HybridElasticsearch, Passages
from connector.evaluation.judgments import read_qrels, read_queries
from connector.evaluation.measure import NDCG_AT_10, measure, paired_test
from training.judged import data_folder

SEED, DEPTH, NEAR = 7, 20, 0.9
FIELDS = ["title", "text"]
Run = dict[str, list[str]]


@dataclass
class Sample:
    """Some questions of a collection's test split, and some of its documents, the right ones among them."""

    name: str
    documents: list[dict[str, Any]]
    questions: dict[str, str]
    qrels: dict[str, dict[str, int]]


def draw(name: str, documents: int, questions: int) -> Sample:
    """Draw a sample; the same each time."""
    chance = random.Random(SEED)
    folder = data_folder() / name
    qrels = read_qrels(folder / "qrels" / "test.tsv")
    texts = read_queries(folder / "queries.jsonl")
    query_ids = chance.sample(sorted(qrels), min(questions, len(qrels)))
    right = {document for each in query_ids for document in qrels[each]}
    with gzip.open(folder / "corpus.jsonl.gz", "rt", encoding="utf-8") as lines:
        corpus = [json.loads(line) for line in lines]
    others = [each for each in corpus if each["_id"] not in right]
    chosen = [each for each in corpus if each["_id"] in right]
    chosen += chance.sample(others, min(max(documents - len(chosen), 0), len(others)))
    return Sample(
        name, chosen, {each: texts[each] for each in query_ids}, {each: dict(qrels[each]) for each in query_ids}
    )


@dataclass
class Way:
    """One way of searching: its results, and the milliseconds of each question."""

    name: str
    run: Run = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)


def indexed(
    client: HybridElasticsearch, index: str, sample: Sample, passages: Passages | bool
) -> tuple[Connector, int]:
    """Index a sample; return its connector and the size of its merged index in bytes."""
    client.options(ignore_status=404).indices.delete(index=index)
    connector = Connector(client, index, text_fields=FIELDS, passages=passages)
    connector.create()
    connector.index(sample.documents)
    client.options(request_timeout=300).indices.forcemerge(index=index, max_num_segments=1)
    client.indices.refresh(index=index)
    stored = client.indices.stats(index=index, metric="store")["_all"]["primaries"]["store"]["size_in_bytes"]
    return connector, int(stored)


def passages_table(client: HybridElasticsearch, documents: int, questions: int) -> str:
    """Measure passages against whole documents, with the same questions interleaved."""
    sample = draw("medquad", documents, questions)
    whole, whole_bytes = indexed(client, "bench-whole", sample, passages=False)
    split, split_bytes = indexed(client, "bench-passages", sample, passages=True)
    sizes = {"whole": whole_bytes, "passages": split_bytes}
    searchers = {"whole": whole, "passages": split}
    ways: dict[tuple[str, str], Way] = {}
    for stage, depth in (("kNN", None), ("RRF", 0), (f"RRF, rerank at {DEPTH}", DEPTH)):
        for kind in searchers:
            ways[kind, stage] = Way(f"{kind}: {stage}")
        for identifier, text in sample.questions.items():
            for kind, searcher in searchers.items():
                began = perf_counter()
                found = _found(client, searcher, text, depth)
                ways[kind, stage].took_ms.append(1000 * (perf_counter() - began))
                ways[kind, stage].run[identifier] = found
    lines = [
        f"`python -m benchmarks.long_documents --write` on {machine()}; Elasticsearch "
        f"{client.info()['version']['number']}; {len(sample.documents):,} documents of medquad, "
        f"{len(sample.questions)} questions of its test split, searches interleaved.",
        "",
        "| | nDCG@10 | p50 ms | index, MB | passages versus whole |",
        "| --- | --- | --- | --- | --- |",
    ]
    for (kind, stage), way in ways.items():
        found_at = measure(sample.qrels, way.run, [NDCG_AT_10])
        against = ""
        if kind == "passages":
            other = measure(sample.qrels, ways["whole", stage].run, [NDCG_AT_10])
            test = paired_test(other.per_query[NDCG_AT_10], found_at.per_query[NDCG_AT_10])
            low, high = test.interval
            against = f"{test.difference:+.3f} (95 % {low:+.3f} to {high:+.3f}, p {test.p_value:.3f})"
        lines.append(
            f"| {way.name} | {found_at.mean(NDCG_AT_10):.3f} | {statistics.median(way.took_ms):.0f} "
            f"| {sizes[kind] / 1e6:.1f} | {against} |"
        )
    for index in ("bench-whole", "bench-passages"):
        client.indices.delete(index=index)
    return "\n".join(lines)


def _found(client: HybridElasticsearch, searcher: Connector, text: str, depth: int | None) -> list[str]:
    if depth is None:
        legs = searcher.legs(text, 10)
        response = client.search(index=searcher.index_name, retriever={"knn": legs["knn"]}, size=10, source=False)
    else:
        response = searcher.search(text, depth=depth, source=False)
    return [hit["_id"] for hit in response["hits"]["hits"]]


def diversity_table(client: HybridElasticsearch, documents: int, questions: int) -> str:
    """Measure MMR over the fused first 50: near-duplicates among the top 10, and nDCG@10."""
    sample = draw("feedbackqa", documents, questions)
    searcher, _ = indexed(client, "bench-diverse", sample, passages=False)
    texts = [f"{each['title']}\n\n{each['text']}" for each in sample.documents]
    encoded = client.hybrid.models.own_encoder().encode(texts)
    vectors = {each["_id"]: row for each, row in zip(sample.documents, encoded, strict=True)}
    lines = [
        f"{len(sample.documents):,} documents of feedbackqa, {len(sample.questions)} questions; a near-duplicate is a "
        f"hit of the top 10 whose cosine to a better one is at least {NEAR}.",
        "",
        "| RRF's first 50 by MMR | near-duplicates in the top 10 | nDCG@10 |",
        "| --- | --- | --- |",
    ]
    for name, tree_of in _trees():
        run = {}
        for identifier, text in sample.questions.items():
            legs = [{kind: leg} for kind, leg in searcher.legs(text, 50).items()]
            fused = {"rrf": {"retrievers": legs, "rank_window_size": 50}}
            response = client.search(index=searcher.index_name, retriever=tree_of(fused), size=10, source=False)
            run[identifier] = [hit["_id"] for hit in response["hits"]["hits"]]
        share = np.mean([near_duplicates([vectors[each] for each in found]) for found in run.values()])
        score = measure(sample.qrels, run, [NDCG_AT_10]).mean(NDCG_AT_10)
        lines.append(f"| {name} | {100 * share:.1f} % | {score:.3f} |")
    client.indices.delete(index="bench-diverse")
    return "\n".join(lines)


def _trees() -> Iterator[tuple[str, Any]]:
    yield "not applied", lambda fused: fused
    for weight in (0.9, 0.7, 0.5, 0.3):
        options = {"type": "mmr", "field": "vector", "lambda": weight, "rank_window_size": 50, "size": 10}
        yield f"lambda {weight}", lambda fused, options=options: {"diversify": {"retriever": fused, **options}}


def near_duplicates(vectors: Sequence[np.ndarray[Any, Any]]) -> float:
    """Return the share of vectors, (n, dims) of unit length, that are near an earlier one."""
    if not vectors:
        return 0.0
    cosines = np.stack(vectors) @ np.stack(vectors).T
    near = [bool((cosines[row, :row] >= NEAR).any()) for row in range(len(vectors))]
    return float(np.mean(near))


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--documents", type=int, default=2_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    with HybridElasticsearch(arguments.url, request_timeout=120) as client:
        tables = {
            "Passages and whole documents": passages_table(client, arguments.documents, arguments.questions),
            "Near-duplicates": diversity_table(client, arguments.documents, arguments.questions),
        }
    for title, table in tables.items():
        print(f"## {title}\n\n{table}\n")
        if arguments.write:
            write_section(title, table)


if __name__ == "__main__":
    main()

"""Searches with a budget: how deep they rerank, when they answer, and what that is worth against a fixed depth.

python -m benchmarks.budget --url http://localhost:9200 --data FOLDER            prints the tables
python -m benchmarks.budget --url http://localhost:9200 --data FOLDER --write    also writes them to RESULTS.md

The folder is in BEIR's layout. Nothing is known beforehand in a search: neither scores nor read passages are cached.
A fixed depth is asked one search at a time; the best one for a budget is that of the highest nDCG@10 whose median time
is within it. How well times are predicted is measured on searches without a budget.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.results import machine, write_section
from connector import Connector, connect
from connector.evaluation.judgments import read_qrels, read_queries
from connector.evaluation.measure import NDCG_AT_10, measure
from connector.models import load_reranker
from connector.models.reranker import InteractionReranker

BUDGETS_MS = (25, 50, 100, 200, 400, 800)
AT_ONCE = (1, 8, 20)
DEPTHS = (0, 5, 10, 20, 30, 50)
TITLE = "Searches with a budget"
PLOT = Path(__file__).with_name("budget.png")
INDEX = "benchmark-budget"


@dataclass(frozen=True)
class Answer:
    """A search: its milliseconds, the pairs read, the predicted milliseconds and its hits."""

    ms: float
    read: int
    predicted_ms: float | None
    rerank_ms: float
    codes: Sequence[str]
    ids: Sequence[str]


def ask(connector: Connector, text: str, **options: Any) -> Answer:
    """Search once."""
    start = time.perf_counter()
    response = connector.search(text, source=False, **options).body
    ms = 1000 * (time.perf_counter() - start)
    hybrid = response["_hybrid"]
    told = hybrid.get("rerank", {})
    ids = [hit["_id"] for hit in response["hits"]["hits"]]
    return Answer(
        ms,
        told.get("read", 0),
        told.get("predicted_ms"),
        told.get("took_ms", 0.0),
        hybrid.get("degraded_codes", ()),
        ids,
    )


def ask_all(
    connector: Connector, reranker: InteractionReranker, queries: Mapping[str, str], at_once: int, **options: Any
) -> dict[str, Answer]:
    """Ask every question once, so many at the same time."""
    reranker.forget()
    with ThreadPoolExecutor(at_once) as threads:
        answers = threads.map(lambda text: ask(connector, text, **options), queries.values())
        return dict(zip(queries, answers, strict=True))


def ndcg(qrels: Mapping[str, Mapping[str, int]], answers: Mapping[str, Answer]) -> float:
    """Return the mean nDCG@10 of the questions asked."""
    asked = {query: qrels[query] for query in answers}
    found = measure(asked, {query: list(each.ids) for query, each in answers.items()}, [NDCG_AT_10])
    return float(found.means()[NDCG_AT_10])


def budget_row(at_once: int, budget_ms: int, answers: Mapping[str, Answer], quality: float) -> str:
    """Return a row of the first table."""
    ms = np.array([each.ms for each in answers.values()])
    p50, p95, p99 = np.percentile(ms, [50, 95, 99])
    within = np.mean(ms <= 1.1 * budget_ms)
    told = np.mean([each.ms <= 1.1 * budget_ms or "deadline" in each.codes for each in answers.values()])
    read = fmean(each.read for each in answers.values())
    return (
        f"| {at_once} | {budget_ms} | {read:.1f} | {p50:.0f} | {p95:.0f} | {p99:.0f} | {100 * within:.0f} % | "
        f"{100 * told:.0f} % | {quality:.3f} |"
    )


def prediction_line(answers: Iterable[Answer]) -> str:
    """Return how far predictions were from what reranking took."""
    errors = [
        abs(each.predicted_ms - each.rerank_ms) / each.rerank_ms
        for each in answers
        if each.predicted_ms is not None and each.rerank_ms
    ]
    return f"Predicted rerank times without a budget: median error {100 * median(errors):.1f} %, p95 " + (
        f"{100 * float(np.percentile(errors, 95)):.1f} %, of {len(errors)} searches."
    )


def draw(budgets: Sequence[tuple[float, float]], depths: Sequence[tuple[float, float]]) -> None:
    """Draw nDCG@10 by milliseconds: of searches with a budget, and of fixed depths."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(*zip(*budgets, strict=True), marker="o", label="with a budget, by budget")
    axes.plot(*zip(*depths, strict=True), marker="s", label="with a fixed depth, by median time")
    axes.set(xlabel="ms", ylabel="nDCG@10", xscale="log")
    axes.legend()
    figure.savefig(PLOT, dpi=120)


def documents(folder: Path) -> Iterable[dict[str, Any]]:
    """Yield a collection's documents."""
    plain = folder / "corpus.jsonl"
    with plain.open("rt", encoding="utf-8") if plain.exists() else gzip.open(f"{plain}.gz", "rt") as lines:
        for line in lines:
            document = json.loads(line)
            yield {"_id": document["_id"], "title": document.get("title", ""), "body": document["text"]}


def main() -> None:
    """Index a collection, ask its questions, print and, if requested, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--documents", type=int, default=3_000, help="how many to index; judged ones come first")
    parser.add_argument("--queries", type=int, default=60)
    parser.add_argument("--write", action="store_true", help="write the tables to benchmarks/RESULTS.md")
    arguments = parser.parse_args()
    started = machine()
    qrels = read_qrels(arguments.data / "qrels" / "test.tsv")
    plain = arguments.data / "queries.jsonl"
    texts = read_queries(plain if plain.exists() else Path(f"{plain}.gz"))
    queries = dict(islice(((key, texts[key]) for key in sorted(qrels) if key in texts), arguments.queries))
    judged = {name for key in queries for name in qrels[key]}
    reranker = load_reranker("bundled", device="cpu")
    assert isinstance(reranker, InteractionReranker)
    with connect(arguments.url, reranker=reranker, score_cache=0) as client:
        connector = Connector(client, INDEX, text_fields=["title", "body"])
        client.indices.delete(index=INDEX, ignore_unavailable=True)
        connector.create()
        whole = list(documents(arguments.data))
        whole.sort(key=lambda document: document["_id"] not in judged)
        connector.index(whole[: arguments.documents])
        ask_all(connector, reranker, dict(islice(queries.items(), 10)), 1, depth=50)  # not counted
        fixed = {depth: ask_all(connector, reranker, queries, 1, depth=depth) for depth in DEPTHS}
        rows, compared, curve = [], [], []
        for at_once in AT_ONCE:
            for budget_ms in BUDGETS_MS:
                answers = ask_all(connector, reranker, queries, at_once, depth=50, budget_ms=budget_ms)
                quality = ndcg(qrels, answers)
                rows.append(budget_row(at_once, budget_ms, answers, quality))
                print(rows[-1], flush=True)
                if at_once == 1:
                    curve.append((float(budget_ms), quality))
                    affordable = {d: a for d, a in fixed.items() if median(e.ms for e in a.values()) <= budget_ms}
                    best = max(affordable, key=lambda depth: ndcg(qrels, affordable[depth]), default=None)
                    best_text = "none fits | -" if best is None else f"{best} | {ndcg(qrels, affordable[best]):.3f}"
                    compared.append(f"| {budget_ms} | {quality:.3f} | {best_text} |")
        client.indices.delete(index=INDEX)
    fixed_rows = [
        f"| {depth} | {median(each.ms for each in answers.values()):.0f} | {ndcg(qrels, answers):.3f} |"
        for depth, answers in fixed.items()
    ]
    text = f"""`python -m benchmarks.budget --url ... --data .../{arguments.data.name} --write` on {started}.
{len(queries)} questions, {min(len(whole), arguments.documents):,} documents, a node on the same machine, depth 50.

| at once | budget ms | pairs read | p50 ms | p95 ms | p99 ms | within 110 % | within, or said why not | nDCG@10 |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}

| fixed depth | p50 ms | nDCG@10 |
| --- | --- | --- |
{chr(10).join(fixed_rows)}

| budget ms | nDCG@10 | best fixed depth of this time | its nDCG@10 |
| --- | --- | --- | --- |
{chr(10).join(compared)}

{prediction_line(each for depth, answers in fixed.items() if depth for each in answers.values())}
"""
    if arguments.write:
        write_section(TITLE, f"{text}\n![nDCG@10 by budget and by fixed depth](budget.png)")
        draw(curve, [(median(e.ms for e in each.values()), ndcg(qrels, each)) for each in fixed.values()])
    print(text)


if __name__ == "__main__":
    main()

"""Room: training. Prints the model card's figures: `python -m training.evaluate_reranker --work DIR --queries 40`.

For each collection: nDCG@10 of kNN, of RRF (BM25 and kNN, 100 each) and of RRF's top 50 reranked, with the paired t of
the lift; then how often a generated minimal pair of words and patterns never trained on is told apart, and the speed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from connector.errors import RequestError
from connector.evaluation.measure import NDCG_AT_10, measure, paired_test
from connector.models.backends import torch as torch_backend
from connector.models.folders import BUNDLED, ModelFolder, bundled_encoder, bundled_reranker
from connector.models.reranker import CrossEncoderReranker, Reranker
from training.judged import Candidates, encode, make_candidates, read_collection
from training.minimal_pairs import FAMILIES, generate_family

COLLECTIONS = {
    "feedbackqa": "test",
    "squad_dev": "test",
    "nq_qed": "held_out",
    "stackfaq": "test",
    "cacm": "test",
    "cisi": "test",
}
SEED = 7
DEPTH = 50
_HEADER = "| collection | questions | kNN | RRF | reranked | lift | paired t | p | better / worse |"


def load_from(folder: Path | None) -> Reranker:
    """Return the bundled reranker, or one in another folder that `training.train_reranker` exported."""
    found = bundled_reranker() if folder is None else ModelFolder(BUNDLED, folder, (folder / "model.safetensors",))
    return CrossEncoderReranker(torch_backend.load(found, None), name=found.name, source=str(found.folder))


def evaluate(candidates: Candidates, rows: Sequence[int], reranker: Reranker) -> tuple[str, int, float]:
    """Return a row of the table, how many pairs were scored and the seconds that took."""
    collection = candidates.collection
    ids = [str(row) for row in rows]
    qrels = {str(row): {str(position): 1 for position in collection.positives[row]} for row in rows}
    runs: dict[str, dict[str, list[str]]] = {"kNN": {}, "RRF": {}, "reranked": {}}
    pairs, spent_s = 0, 0.0
    for row, name in zip(rows, ids, strict=True):
        nearest = np.argsort(-(candidates.passage_vectors @ candidates.question_vectors[row]), kind="stable")
        top = candidates.fused[row][:DEPTH]
        began = time.monotonic()
        scores = score_or_keep(reranker, collection.questions[row], [collection.passages[each] for each in top])
        pairs, spent_s = pairs + len(top), spent_s + time.monotonic() - began
        runs["kNN"][name] = _names(nearest[:DEPTH])
        runs["RRF"][name] = _names(top)
        runs["reranked"][name] = _names(top[np.argsort(-scores, kind="stable")])
    values = {name: measure(qrels, run, [NDCG_AT_10]).per_query[NDCG_AT_10] for name, run in runs.items()}
    lifts = np.array([values["reranked"][name] - values["RRF"][name] for name in ids])
    spread = lifts.std(ddof=1) / np.sqrt(len(lifts))
    test = paired_test(values["RRF"], values["reranked"])
    means = [np.mean(list(values[name].values())) for name in runs]
    cells = [collection.name, str(len(rows)), *(f"{mean:.3f}" for mean in means), f"{lifts.mean():+.3f}"]
    cells += [f"{lifts.mean() / spread:+.1f}" if spread else "0.0", f"{test.p_value:.2f}"]
    return "| " + " | ".join([*cells, f"{test.improved} / {test.harmed}"]) + " |", pairs, spent_s


def score_or_keep(reranker: Reranker, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
    """Return the scores, or, as a search does, scores that keep the fused order when the question is too long."""
    try:
        return reranker.score(question, passages)
    except RequestError:
        print(f"kept in fused order, too long to rerank: {question[:60]!r}")
        return -np.arange(len(passages), dtype=np.float32)


def _names(positions: NDArray[np.int64]) -> list[str]:
    return [str(position) for position in positions]


def minimal_pairs(family: str, count: int, reranker: Reranker, backbone: Path) -> str:
    """Return a row: how often the right passage beats one wrong one, and all seven, by reranker and by bi-encoder."""
    lists = [generate_family(family, seed, held_out=True) for seed in range(count)]
    scores = np.array([reranker.score(each.question, each.passages) for each in lists])
    vectors = encode([text for each in lists for text in (each.question, *each.passages)], backbone)
    vectors = vectors.reshape(count, -1, vectors.shape[-1])
    cosines = np.einsum("lpd,ld->lp", vectors[:, 1:], vectors[:, 0])
    cells = [f"{(each[:, :1] > each[:, 1:]).mean():.0%}" for each in (scores, cosines)]
    cells += [f"{(each[:, :1] > each[:, 1:]).all(axis=1).mean():.0%}" for each in (scores, cosines)]
    return f"| {family} | {count} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, help="an exported folder; the bundled reranker when left out")
    parser.add_argument("--work", type=Path, help="folder where embeddings are cached")
    parser.add_argument("--queries", type=int, default=60, help="questions a collection at most")
    parser.add_argument("--collections", nargs="*", default=list(COLLECTIONS), choices=list(COLLECTIONS))
    parser.add_argument("--generated", type=int, default=60, help="generated lists a family")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    backbone, reranker = bundled_encoder().folder, load_from(arguments.model)
    print(f"nDCG@10, the top {DEPTH} of RRF reranked, question sample seed {SEED}\n\n{_HEADER}")
    print("|" + " --- |" * (_HEADER.count("|") - 1))
    pairs, spent_s = 0, 0.0
    for name in arguments.collections:
        collection = read_collection(name, COLLECTIONS[name])
        count = min(arguments.queries, len(collection.questions))
        rows = sorted(np.random.default_rng(SEED).choice(len(collection.questions), count, replace=False).tolist())
        candidates = make_candidates(collection.only(rows), backbone, arguments.work)
        row, scored, took_s = evaluate(candidates, range(count), reranker)
        pairs, spent_s = pairs + scored, spent_s + took_s
        print(row, flush=True)
    if arguments.generated:
        print(
            "\n| generated, held-out words and patterns | lists | pairs right | bi-encoder | first of 8 | bi-encoder |"
        )
        print("| --- | --- | --- | --- | --- | --- |")
        for family in FAMILIES:
            print(minimal_pairs(family, arguments.generated, reranker, backbone), flush=True)
    if spent_s:
        print(f"\n{pairs / spent_s:.1f} pairs/s ({pairs} pairs, {arguments.threads} threads, tokenising included)")


if __name__ == "__main__":
    main()

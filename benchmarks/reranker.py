"""Measures the bundled reranker on each collection, on minimal pairs, and as a curve over `blend`.

python -m benchmarks.reranker --work DIR              prints the tables
python -m benchmarks.reranker --work DIR --write      also writes benchmarks/RERANKER.md and the model card's figures

Candidates are the RRF of the first 100 of BM25 and of kNN.
The reranker scores the whole window once, and every depth and blend is computed from those scores.
Scores are cached in DIR by model, so an interrupted run resumes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.binding.measure import binding_markdown, make_suite, measure_binding
from benchmarks.reranker_report import Row, card_figures, report, table
from connector.errors import RequestError
from connector.evaluation.measure import MRR_AT_10, NDCG_AT_10, measure, paired_test, recall_at
from connector.facade.connector import BUNDLED_BLEND
from connector.models.folders import bundled_encoder, bundled_reranker
from connector.models.load import load_encoder, load_reranker
from connector.models.reranker import Reranker
from connector.search.fusion import blend, probabilities
from connector.search.ranking import Ranking
from training.evaluation_sets import Judged, read_judged
from training.judged import bm25_scores, make_candidates

REPORT = Path(__file__).parent / "RERANKER.md"
CARD = bundled_reranker().folder / "MODEL_CARD.md"
_FIGURES = re.compile(r"(?<=<!-- figures -->\n\n).*?(?=\n<!-- /figures -->)", re.DOTALL)
BLENDS = tuple(round(0.1 * step, 1) for step in range(11))
SEED = 7
COLLECTIONS = (
    "feedbackqa_uk", "feedbackqa", "feedbackqa_rated", "medquad", "squad_dev", "nq_qed", "msrd_movies", "cacm", "cisi",
    "vaswani_npl", "stackfaq", "stdlib",
)  # fmt: skip


QUESTIONS = 40
QUERIES = (
    str(QUESTIONS), "feedbackqa_uk=150", "feedbackqa=200", "medquad=150", "squad_dev=80", "msrd_movies=600", "cacm=52",
    "cisi=76", "vaswani_npl=93", "stdlib=162",
)  # fmt: skip


@dataclass(frozen=True)
class ScoredQuestion:
    """One question: the first ids of each first stage, best first, and the raw scores of the first fused ones."""

    query_id: str
    lexical: list[str]
    nearest: list[str]
    fused: list[str]
    scores: list[float]

    def read(self, depth: int) -> list[str]:
        """Return the ids of the first `depth` hits that the reranker has read."""
        return self.fused[: min(depth, len(self.scores))]


def ask(judged: Judged, reranker: Reranker, count: int, depth: int, work: Path) -> list[ScoredQuestion]:
    """Return a sample of a collection's questions, the first `depth` hits scored; known scores come from the cache."""
    collection = judged.collection
    total = len(collection.questions)
    rows = sorted(np.random.default_rng(SEED).choice(total, min(count, total), replace=False).tolist())
    candidates = make_candidates(collection.only(rows), bundled_encoder().folder, work)
    weights = b"".join(path.read_bytes() for path in sorted(Path(reranker.source).glob("*.safetensors")))
    cache = work / "scores" / hashlib.sha256(weights).hexdigest()[:16] / f"{collection.name}.jsonl"
    cache.parent.mkdir(parents=True, exist_ok=True)
    lines = cache.read_text("utf-8").splitlines() if cache.is_file() else []
    known = {question.query_id: question for question in (ScoredQuestion(**json.loads(line)) for line in lines)}
    found = []
    with cache.open("a", encoding="utf-8") as file:
        for row, question in enumerate(candidates.collection.questions):
            query_id = candidates.collection.question_ids[row]
            window = judged.window(query_id, candidates.fused[row])
            scores = known[query_id].scores if query_id in known else []
            unread = [collection.passages[place] for place in window[len(scores) : depth]]
            if unread or query_id not in known:
                cosine = candidates.passage_vectors @ candidates.question_vectors[row]
                known[query_id] = ScoredQuestion(
                    query_id,
                    lexical=_first(judged, query_id, candidates.lexical[row].toarray().ravel(), depth),
                    nearest=_first(judged, query_id, cosine, depth),
                    fused=[collection.passage_ids[place] for place in window],
                    scores=scores + _scores(reranker, question, unread, first_rank=len(scores)),
                )
                file.write(json.dumps(vars(known[query_id])) + "\n")
                file.flush()
            found.append(known[query_id])
    return found


def _first(judged: Judged, query_id: str, scores: NDArray[np.floating[Any]], depth: int) -> list[str]:
    """Return the ids of a first stage's window."""
    best = judged.window(query_id, np.argsort(-scores, kind="stable"))[:depth]
    return [judged.collection.passage_ids[place] for place in best]


def _scores(reranker: Reranker, question: str, passages: Sequence[str], *, first_rank: int = 0) -> list[float]:
    """Return the scores; if the question is too long, those that keep the fused order, as a search does."""
    try:
        return [float(score) for score in reranker.score(question, passages)]
    except RequestError:
        return [-float(rank) for rank in range(first_rank, first_rank + len(passages))]


def reranked(question: ScoredQuestion, depth: int, weight: float) -> list[str]:
    """Return the first `depth` hits as a search with this `blend` orders them; 1 is the reranker alone."""
    raw = np.array(question.scores[:depth], dtype=np.float32)
    window = Ranking([("", key) for key in question.read(depth)], np.zeros(len(raw), dtype=np.float32))
    return [key for _, key in blend(window, raw, weight).keys]


def oracle(question: ScoredQuestion, grades: Mapping[str, int], depth: int) -> list[str]:
    """Return the window in the order of its grades: the best that reranking could reach."""
    return sorted(question.fused[:depth], key=lambda key: -grades.get(key, 0))


def summarise(name: str, judged: Judged, questions: Sequence[ScoredQuestion], depths: Sequence[int]) -> Row:
    """Measure every stage of a collection."""
    qrels = {each.query_id: judged.qrels[each.query_id] for each in questions}
    runs = {
        "BM25": {each.query_id: each.lexical for each in questions},
        "kNN": {each.query_id: each.nearest for each in questions},
        "RRF": {each.query_id: each.fused for each in questions},
        **{
            f"{stage}@{depth}": {each.query_id: reranked(each, depth, weight) for each in questions}
            for stage, weight in (("rerank", 1.0), ("blend", BUNDLED_BLEND))
            for depth in depths
        },
    }
    found = {stage: measure(qrels, run, [NDCG_AT_10, MRR_AT_10]) for stage, run in runs.items()}
    ceiling = {}
    for depth in depths:
        window = {each.query_id: each.fused[:depth] for each in questions}
        best = {each.query_id: oracle(each, qrels[each.query_id], depth) for each in questions}
        ceiling[f"recall@{depth}"] = measure(qrels, window, [recall_at(depth)]).mean(recall_at(depth))
        ceiling[f"oracle@{depth}"] = measure(qrels, best, [NDCG_AT_10]).mean(NDCG_AT_10)
    per_query = {stage: each.per_query[NDCG_AT_10] for stage, each in found.items()}
    curve = {
        weight: measure(qrels, {each.query_id: reranked(each, 50, weight) for each in questions}, [NDCG_AT_10]).mean(
            NDCG_AT_10
        )
        for weight in BLENDS
    }
    return Row(
        name,
        len(questions),
        {stage: each.mean(NDCG_AT_10) for stage, each in found.items()},
        {stage: each.mean(MRR_AT_10) for stage, each in found.items()},
        ceiling,
        paired_test(per_query["RRF"], per_query["rerank@50"]),
        paired_test(per_query["RRF"], per_query["blend@50"]),
        curve,
    )


def calibration_error(
    judged: Mapping[str, Judged], by_collection: Mapping[str, Sequence[ScoredQuestion]], bins: int = 10
) -> float:
    """Return the expected calibration error of sigmoid(score), with equal weight for each collection.

    Source: Guo et al., ICML 2017.
    """
    errors = []
    for name, questions in by_collection.items():
        raw = np.concatenate([np.array(each.scores[:50], dtype=np.float32) for each in questions])
        right = np.array([judged[name].qrels[q.query_id].get(key, 0) > 0 for q in questions for key in q.read(50)])
        given = probabilities(raw)
        places = np.minimum((given * bins).astype(int), bins - 1)
        gaps = [
            abs(given[places == b].mean() - right[places == b].mean()) * (places == b).mean() for b in np.unique(places)
        ]
        errors.append(float(np.sum(gaps)))
    return float(np.mean(errors))


def shuffled_probe(
    judged: Mapping[str, Judged], by_collection: Mapping[str, Sequence[ScoredQuestion]], reranker: Reranker
) -> str:
    """Return a table of how often a right passage beats a wrong one under another question; chance is 50 %.

    The other question is half the sample away: neighbours often ask about the same page, which would then be right.
    """
    rng = np.random.default_rng(SEED)
    rows = []
    for name, questions in by_collection.items():
        collection, qrels = judged[name].collection, judged[name].qrels
        text = dict(zip(collection.question_ids, collection.questions, strict=True))
        passage = dict(zip(collection.passage_ids, collection.passages, strict=True))
        wins: list[float] = []
        half = len(questions) // 2
        for each, other in zip(questions, [*questions[half:], *questions[:half]], strict=True):
            right = [key for key in each.fused[:50] if qrels[each.query_id].get(key, 0) > 0]
            wrong = [key for key in each.fused[:50] if qrels[each.query_id].get(key, 0) <= 0]
            if right and wrong:
                keys = [right[0], *rng.permutation(wrong)[:7]]
                first, *rest = _scores(reranker, text[other.query_id], [passage[key] for key in keys])
                wins.append(float(np.mean([first > score for score in rest])))
        rows.append([name, str(len(wins)), f"{100 * np.mean(wins):.0f} %" if wins else "-"])
    return table(["collection", "questions", "right passage first"], rows)


def measure_pairs(reranker: Reranker) -> str:
    """Return the table of the minimal pairs for BM25, the bi-encoder and the reranker."""
    suite, encoder = make_suite(), load_encoder()

    def lexical(query: str, passages: Sequence[str]) -> list[float]:
        return [float(score) for score in bm25_scores(passages, [query]).toarray().ravel()]

    def cosine(query: str, passages: Sequence[str]) -> list[float]:
        return [float(score) for score in encoder.encode(list(passages)) @ encoder.encode_queries([query])[0]]

    scorers = {"BM25": lexical, "bi-encoder": cosine, "reranker": lambda q, p: reranker.score(q, p).tolist()}
    return binding_markdown({name: measure_binding(suite, score) for name, score in scorers.items()})


def main() -> None:
    """Measure and print; write if requested."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder where embeddings and scores are cached")
    parser.add_argument(
        "--queries",
        nargs="+",
        default=QUERIES,
        help="at most this many questions each; NAME=N for one collection",
    )
    parser.add_argument(
        "--depths", type=int, nargs="+", default=[50, 100], help="how many hits are reranked; must include 50"
    )
    parser.add_argument("--collections", nargs="*", default=list(COLLECTIONS), choices=COLLECTIONS)
    parser.add_argument("--model", default="bundled", help="the reranker's name or path")
    parser.add_argument("--write", action="store_true", help="write benchmarks/RERANKER.md and the card's figures")
    options = parser.parse_args()
    counts = {name: int(count) for name, _, count in (each.rpartition("=") for each in options.queries)}
    reranker = load_reranker(options.model)
    judged = {name: read_judged(name) for name in options.collections}
    by_collection = {}
    rows = []
    for name, each in judged.items():
        count = counts.get(name, counts.get("", QUESTIONS))
        by_collection[name] = ask(each, reranker, count, max(options.depths), options.work)
        rows.append(summarise(name, each, by_collection[name], options.depths))
        print(name, {stage: round(value, 3) for stage, value in rows[-1].ndcg.items()}, flush=True)
    probe = shuffled_probe(judged, by_collection, reranker)
    depths = " ".join(map(str, options.depths))
    arguments = f"--queries {' '.join(options.queries)} --depths {depths} --collections {' '.join(judged)}"
    measured = (measure_pairs(reranker), probe, calibration_error(judged, by_collection))
    text = report(rows, *measured, arguments=arguments, seed=SEED, blend=BUNDLED_BLEND)
    print(text)
    if options.write:
        REPORT.write_text(text, "utf-8")
        figures = card_figures(rows, measured[0], measured[2])
        CARD.write_text(_FIGURES.sub(lambda _: figures, CARD.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()

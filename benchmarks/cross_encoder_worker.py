"""One way of scoring pairs, in its own process: `benchmarks.cross_encoders` starts one for each and asks them in turn.

It speaks JSON, one object per line.
It is started with a way, a backend (empty: the default) and a folder of weights.
It writes {"ready": true} after its first score.
Then it answers {"query": ..., "passages": [...]} with seconds, scores and its peak memory in MB.
It imports nothing from this package unless the way is ours, so that peers with conflicting requirements can run in
their own environment.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

Score = Callable[[str, list[str]], Sequence[float]]


def ours(backend: str, folder: str) -> Score:
    from connector.models.load import load_cascade, load_reranker
    from connector.models.reranker import InteractionReranker

    kind, _, cascade = backend.partition("+")
    if cascade:
        reranker: Any = load_cascade(folder, backend=kind, device="cpu")
        inner: Any = load_reranker(folder, backend=kind, device="cpu")
    else:
        reranker = inner = load_reranker(folder, backend=kind or None, device="cpu")

    def score(query: str, passages: list[str]) -> Sequence[float]:
        if isinstance(inner, InteractionReranker):
            inner.forget()  # every round reads its passages for the first time
        found: list[float] = reranker.score(query, passages).tolist()
        return found

    return score


def sentence_transformers(backend: str, folder: str) -> Score:
    from sentence_transformers import CrossEncoder
    from torch.nn import Identity

    kind, _, quantised = backend.partition("+")
    options: dict[str, Any] = {} if kind == "torch" else {"backend": kind, "model_kwargs": {"file_name": quantised}}
    model = CrossEncoder(folder, device="cpu", local_files_only=True, **options)

    def score(query: str, passages: list[str]) -> Sequence[float]:
        pairs = [(query, passage) for passage in passages]
        found: list[float] = model.predict(
            pairs, batch_size=32, activation_fn=Identity(), show_progress_bar=False
        ).tolist()
        return found

    return score


def flashrank(_: str, folder: str) -> Score:
    from flashrank import Ranker, RerankRequest

    ranker = Ranker(model_name=os.path.basename(folder), cache_dir=os.path.dirname(folder), max_length=512)  # noqa: PTH119,PTH120

    def score(query: str, passages: list[str]) -> Sequence[float]:
        found = ranker.rerank(RerankRequest(query, [{"id": n, "text": text} for n, text in enumerate(passages)]))
        by_id = {each["id"]: float(each["score"]) for each in found}
        return [by_id[place] for place in range(len(passages))]

    return score


def fastembed(backend: str, folder: str) -> Score:
    from fastembed.common.model_description import ModelSource
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    TextCrossEncoder.add_custom_model(
        model="local/cross-encoder", model_file=backend, sources=ModelSource(hf="local/cross-encoder")
    )
    model = TextCrossEncoder("local/cross-encoder", specific_model_path=folder)

    def score(query: str, passages: list[str]) -> Sequence[float]:
        return [float(each) for each in model.rerank(query, passages, batch_size=32)]

    return score


def rerankers(_: str, folder: str) -> Score:
    from rerankers import Reranker

    model = Reranker(folder, model_type="cross-encoder", device="cpu", dtype="float32", verbose=0, batch_size=32)

    def score(query: str, passages: list[str]) -> Sequence[float]:
        found = model.rank(query, passages, doc_ids=list(range(len(passages))))
        by_id = {each.doc_id: float(each.score) for each in found.results}
        return [by_id[place] for place in range(len(passages))]

    return score


WAYS: dict[str, Callable[[str, str], Score]] = {
    "ours": ours,
    "sentence-transformers": sentence_transformers,
    "flashrank": flashrank,
    "fastembed": fastembed,
    "rerankers": rerankers,
}


def main() -> None:
    way, backend, folder = sys.argv[1:4]
    answers, sys.stdout = sys.stdout, sys.stderr  # libraries print
    score = WAYS[way](backend, folder)
    score("what is warm", ["rain in summer"])
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        start = time.perf_counter()
        scores = score(request["query"], request["passages"])
        answer = {
            "seconds": time.perf_counter() - start,
            "scores": [float(each) for each in scores],
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        }
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()

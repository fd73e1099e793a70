"""The requests and responses of the services, as they document them. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np

from connector.errors import ModelOutputError

_NEAREST_TO_CERTAIN = 1e-7
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Service:
    """One service's way to rerank.

    Attributes:
        path: what follows the URL.
        body: makes a request's JSON of a query, its passages and the model's name.
        found: where a response has its list of scored passages; None if it is that list.
        score: the name of a score in it.
        variables: the environment variables that may hold the key, best first.
        scheme: what precedes the key in the header `Authorization`.
        is_probability: a score is a probability, which becomes a logit, as this package's rerankers return it.
        most_passages: how many passages a request may have, unless the server is configured otherwise.
    """

    path: str
    body: Callable[[str, Sequence[str], str], dict[str, Any]]
    found: str | None
    score: str
    variables: tuple[str, ...]
    scheme: str = "Bearer"
    is_probability: bool = False
    most_passages: int = 100

    def scores(self, answer: Any, count: int) -> list[float]:
        """Return the scores of a response in the order of the passages.

        Raises:
            ModelOutputError: it does not hold one finite score for each passage.
        """
        rows = answer if self.found is None else answer.get(self.found) if isinstance(answer, Mapping) else None
        if not isinstance(rows, list):
            raise ModelOutputError("the answer holds no list of scores")
        scores: dict[int, float] = {}
        for row in rows:
            place, score = (row.get("index"), row.get(self.score)) if isinstance(row, Mapping) else (None, None)
            if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count or place in scores:
                raise ModelOutputError(f"the answer names a passage that was not asked for, or one twice, of {count}")
            if isinstance(score, bool) or not isinstance(score, int | float) or not abs(score) <= _LARGEST:
                raise ModelOutputError(f"the answer has a score that is not a finite number, for passage {place}")
            scores[place] = float(score)
        if len(scores) != count:
            raise ModelOutputError(f"the answer has {len(scores)} scores for {count} passages")
        ordered = [scores[place] for place in range(count)]
        return [_logit(score) for score in ordered] if self.is_probability else ordered


def _logit(score: float) -> float:
    """Return a probability's logit, extended beyond 0 and 1 by a line, so the order of any scores is kept.

    Services with the same API return other scores: llama.cpp logits, Jina's third reranker cosines.
    """
    inside = min(max(score, _NEAREST_TO_CERTAIN), 1 - _NEAREST_TO_CERTAIN)
    return math.log(inside / (1 - inside)) + score - inside


TEI = Service(
    "/rerank",
    lambda query, texts, _: {"query": query, "texts": list(texts), "raw_scores": True, "truncate": True},
    None,
    "score",
    ("TEI_API_KEY",),
    most_passages=32,
)
"""Hugging Face's Text Embeddings Inference; 32 is the default of its `--max-client-batch-size`."""

COHERE = Service(
    "/v2/rerank",
    lambda query, texts, model: {"model": model, "query": query, "documents": list(texts), "top_n": len(texts)},
    "results",
    "relevance_score",
    ("CO_API_KEY", "COHERE_API_KEY"),
    is_probability=True,
)

JINA = Service(
    "/v1/rerank",
    lambda query, texts, model: {
        "model": model,
        "query": query,
        "documents": list(texts),
        "top_n": len(texts),
        "return_documents": False,
    },
    "results",
    "relevance_score",
    ("JINA_API_KEY",),
    is_probability=True,
)


def elastic(inference_id: str) -> Service:
    """Return Elastic's inference API for one endpoint."""
    return Service(
        f"/_inference/rerank/{quote(inference_id, safe='')}",
        lambda query, texts, _: {"query": query, "input": list(texts)},
        "rerank",
        "relevance_score",
        ("ELASTICSEARCH_API_KEY",),
        scheme="ApiKey",
    )

"""Texts scored by the words of a query, without an index. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from connector.documents.words import WORD

_K1, _B = 1.2, 0.75


def lexical_scores(query: str, texts: Sequence[str]) -> list[float]:
    """Score each text by the words of the query: BM25 over these texts only, as Elasticsearch's chunk_rescorer does.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.
    """
    counts = [Counter(_terms(text)) for text in texts]
    lengths = [count.total() for count in counts]
    average = sum(lengths) / max(len(lengths), 1) or 1.0
    scores = [0.0] * len(texts)
    for term in dict.fromkeys(_terms(query)):
        found = sum(term in count for count in counts)
        idf = math.log(1 + (len(texts) - found + 0.5) / (found + 0.5))
        for place, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            frequency = count[term]
            if frequency:
                scores[place] += idf * frequency / (frequency + _K1 * (1 - _B + _B * length / average))
    return scores


def best_first(scores: Sequence[float], count: int) -> list[int]:
    """Return the places of the `count` highest scores, best first, equal ones in their order."""
    return sorted(range(len(scores)), key=lambda place: (-scores[place], place))[:count]


def _terms(text: str) -> list[str]:
    return WORD.findall(text.casefold())

"""OpenSearch's own fusions and the connector's give the same ids, order and scores for real questions."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from opensearchpy import OpenSearch

from connector.cli.questions import questions_for
from connector.cli.stdlib import stdlib_documents
from connector.clients.opensearch.client import HybridOpenSearch
from tests.contract import opensearch
from tests.contract.harness import Corpus

Body = dict[str, Any]
Hits = list[tuple[str, float]]

DIMS, WINDOW, TOLERANCE = 32, 50, 1e-5
FLOOR = 0.001
"""What OpenSearch's min_max gives the lowest hit of a leg, where Elastic's minmax gives 0."""
pytestmark = pytest.mark.node


def word_directions(texts: Sequence[str]) -> list[list[float]]:
    """An encoder without a model: each word has its own direction, a text is their sum at unit length."""
    vectors = []
    for text in texts:
        words = text.lower().split() or [""]
        seeds = [np.random.default_rng(zlib.crc32(word.encode())).standard_normal(DIMS) for word in words]
        vector = np.sum(seeds, axis=0)
        vectors.append((vector / np.linalg.norm(vector)).astype(np.float32).tolist())
    return vectors


@dataclass(frozen=True)
class Both:
    """An index of real documents, questions about them, and two clients: one fuses here, one on the cluster."""

    index: str
    questions: list[str]
    ours: HybridOpenSearch
    native: HybridOpenSearch


@pytest.fixture(scope="module")
def both(opensearch_url: str) -> Iterator[Both]:
    documents = sorted(stdlib_documents(), key=lambda document: document.id)  # so that ties fall alike: theirs by place
    bodies = [f"{document.title} {document.body}" for document in documents]
    sources = [
        (document.id, {"title": document.title, "body": document.body, "vector": vector})
        for document, vector in zip(documents, word_directions(bodies), strict=True)
    ]
    vector = {"type": "dense_vector", "dims": DIMS, "similarity": "cosine"}
    text = {"type": "text", "analyzer": "english"}
    corpus = Corpus("stdlib", {"properties": {"title": text, "body": text, "vector": vector}}, sources)
    client = OpenSearch(opensearch_url, timeout=60)
    index = "native-fusion-stdlib"
    client.indices.delete(index=index, ignore=404)
    opensearch.load(client, index, corpus)
    questions = list(questions_for({document.id for document in documents}).texts.values())
    ours = HybridOpenSearch.wrap(client, encoder=word_directions)
    native = HybridOpenSearch.wrap(client, encoder=word_directions, execution="native")
    yield Both(index, questions, ours, native)
    client.indices.delete(index=index)
    client.close()


def legs(question: str) -> list[Body]:
    near = {"field": "vector", "query_vector": word_directions([question])[0], "k": WINDOW}
    return [{"standard": {"query": {"multi_match": {"query": question, "fields": ["title", "body"]}}}}, {"knn": near}]


def asked(client: HybridOpenSearch, both: Both, retriever: Body, **beside: Any) -> list[Body]:
    """The hits; those fused natively have no provenance."""
    body = {"retriever": retriever, "_source": False, **beside}
    found: list[Body] = client.search(index=both.index, body=body)["hits"]["hits"]
    assert all(("_hybrid" in hit) is (client is both.ours) for hit in found)
    return found


def hits(client: HybridOpenSearch, both: Both, retriever: Body, **beside: Any) -> Hits:
    return [(hit["_id"], hit["_score"]) for hit in asked(client, both, retriever, **beside)]


def assert_same(ours: Hits, native: Hits) -> None:
    """The same scores in the same places, and the same ids but for the order of equal scores.

    Either may show others of the hits that score as the last one.
    """
    assert [score for _, score in ours] == pytest.approx([score for _, score in native], abs=TOLERANCE)
    least = ours[-1][1] + 2 * TOLERANCE
    for some, others in ((ours, dict(native)), (native, dict(ours))):
        above = {key: score for key, score in some if score > least}
        assert above == pytest.approx({key: others.get(key) for key in above}, abs=TOLERANCE)


@pytest.mark.parametrize("rank_constant", [60, 10])
def test_our_rrf_is_the_clusters_own_on_real_questions(both: Both, rank_constant: int) -> None:
    for question in both.questions:
        tree = {"rrf": {"retrievers": legs(question), "rank_window_size": WINDOW, "rank_constant": rank_constant}}
        assert_same(hits(both.ours, both, tree), hits(both.native, both, tree))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0)])
def test_our_l2_norm_is_the_clusters_own_on_real_questions(both: Both, weights: tuple[float, float]) -> None:
    for question in both.questions:
        tree = weighted(question, weights, "l2_norm")
        assert_same(hits(both.ours, both, tree), hits(both.native, both, tree))


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 2.0)])
def test_our_minmax_is_the_clusters_own_on_real_questions_but_for_its_floor(
    both: Both, weights: tuple[float, float]
) -> None:
    for question in both.questions:
        tree = weighted(question, weights, "minmax")
        ours = asked(both.ours, both, tree)
        floors = dict(zip(("standard", "knn"), (FLOOR * weight for weight in weights), strict=True))
        lowest = {leg: hits(both.ours, both, tree, size=WINDOW)[-1][1] for tree in legs(question) for leg in tree}
        lifted = [
            (
                hit["_id"],
                hit["_score"]
                + sum(floors[leg] for leg, at in hit["_hybrid"]["legs"].items() if at["score"] == lowest[leg]),
            )
            for hit in ours
        ]
        found = [sorted(lifted, key=lambda hit: -hit[1]), hits(both.native, both, tree)]
        least = ours[-1]["_score"] + sum(floors.values()) + TOLERANCE  # below it the floor lifts others into the window
        higher = [[hit for hit in each if hit[1] > least] for each in found]
        shared = min(map(len, higher))  # a score at the limit may be above it on one side only
        assert shared > WINDOW / 2
        assert_same(*(each[:shared] for each in higher))


def weighted(question: str, weights: tuple[float, float], how: str) -> Body:
    parts = [
        {"retriever": leg, "weight": weight, "normalizer": how}
        for leg, weight in zip(legs(question), weights, strict=True)
    ]
    return {"linear": {"retrievers": parts, "rank_window_size": WINDOW}}


def test_pages_are_pages_of_the_window(both: Both) -> None:
    question = both.questions[0]
    tree = {"rrf": {"retrievers": legs(question), "rank_window_size": WINDOW}}
    whole = hits(both.native, both, tree)
    assert len(whole) == WINDOW
    assert hits(both.native, both, tree, **{"from": 5, "size": 10}) == whole[5:15]
    assert hits(both.native, both, tree, **{"from": 45, "size": 10}) == whole[45:]
    assert hits(both.native, both, tree, **{"from": 60, "size": 10}) == []

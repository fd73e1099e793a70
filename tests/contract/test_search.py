"""Searches answer alike on a real node and on the embedded engine."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.contract import aggregation_cases, error_cases, knn_cases, search_cases, senseless
from tests.contract.conftest import Pair
from tests.contract.corpora import ARTICLES, GENERATED, UNTYPED
from tests.contract.harness import Call, Corpus
from tests.contract.random_trees import random_search
from tests.contract.vector_corpora import PACKED, PASSAGES, VECTORS

NO_VECTORS = {"excludes": ["vector", "flat", "dot", "l2", "product", "cosine", "bits"]}
ON_ARTICLES = {
    **search_cases.MATCH,
    **search_cases.MULTI_MATCH,
    **search_cases.TERMS,
    **search_cases.RANGES,
    **search_cases.BOOL,
    **search_cases.REQUEST,
    **aggregation_cases.AGGREGATIONS,
    **knn_cases.ARTICLES,
}
CASES = [
    *((name, ARTICLES, body) for name, body in ON_ARTICLES.items()),
    *((name, UNTYPED, body) for name, body in search_cases.UNTYPED.items()),
    *((name, VECTORS, body) for name, body in knn_cases.VECTORS.items()),
    *((name, PACKED, body) for name, body in knn_cases.PACKED.items()),
    *((name, PACKED, body) for name, body in knn_cases.UNFIT.items()),
    *((name, PASSAGES, body) for name, body in knn_cases.NESTED.items()),
]


@pytest.mark.parametrize(("corpus", "body"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_search_gives_the_same_hits_and_scores(pair: Pair, corpus: Corpus, body: dict[str, Any]) -> None:
    assert pair.compare(corpus, Call("POST", "/{index}/_search", {"_source": NO_VECTORS, **body})) == []


@pytest.mark.parametrize("call", error_cases.REFUSED.values(), ids=error_cases.REFUSED.keys())
def test_a_refused_search_gives_the_same_status_and_error_type(pair: Pair, call: Call) -> None:
    assert pair.compare(ARTICLES, call) == []


@pytest.mark.parametrize("body", senseless.PLACES.values(), ids=senseless.PLACES.keys())
def test_a_senseless_value_gives_the_same_status_and_error_type(pair: Pair, body: str) -> None:
    for value in senseless.VALUES:
        call = Call("POST", "/{index}/_search", body.replace("$", value))
        real, embedded = (engine.answer(senseless.CORPUS, call) for engine in (pair.real, pair.embedded))
        found = [(each.status, each.body.get("error")) for each in (real, embedded)]
        assert found[0] == found[1], value


@pytest.mark.parametrize("seed", range(200))
def test_a_random_tree_gives_the_same_hits_and_scores(pair: Pair, seed: int) -> None:
    body = random_search(random.Random(seed))
    assert pair.compare(GENERATED, Call("POST", "/{index}/_search", body)) == [], body

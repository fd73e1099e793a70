"""Texts to embed in a knn query, wherever the query is, and named queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from elasticsearch import ApiError

from connector.errors import RequestError
from tests.conftest import EngineUnderTest
from tests.request.forms.conftest import STANDARD, directions, rrf

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")
EMBEDDED: dict[str, Any] = {"field": "v", "query_vector_builder": {"text_embedding": {"model_text": "red"}}}
TEXT_QUERY = {"knn": {**EMBEDDED, "k": 2, "num_candidates": 10}}
VECTOR_QUERY = {"knn": {"field": "v", "query_vector": directions(["red"])[0], "k": 2, "num_candidates": 10}}


@pytest.mark.parametrize(
    "place",
    [
        lambda query: {"standard": {"query": query}},
        lambda query: rrf({"standard": {"query": {"bool": {"should": [query, {"match": {"t": "kite"}}]}}}}, STANDARD),
        lambda query: rrf(STANDARD, filter=[query]),
        lambda query: rrf({"rescorer": {"retriever": STANDARD, "rescore": {"query": {"rescore_query": query}}}}),
        lambda query: {
            "rescorer": {"retriever": rrf(STANDARD), "rescore": {"query": {"rescore_query": query}, "window_size": 10}}
        },
    ],
    ids=["alone", "in a bool", "in a filter", "in a leg's rescorer", "in a rescorer over a fusion"],
)
def test_a_text_in_a_knn_query_is_embedded_wherever_the_query_is(kites: Any, place: Any) -> None:
    found = kites(retriever=place(TEXT_QUERY))
    assert found
    expected = kites(retriever=place(VECTOR_QUERY))
    assert [each for each, _ in found] == [each for each, _ in expected]
    np.testing.assert_allclose([score for _, score in found], [score for _, score in expected], rtol=1e-6)


def test_a_text_in_a_post_filter_is_embedded(kites: Any) -> None:
    (nearest,) = kites(retriever=rrf(STANDARD), post_filter={"knn": {**EMBEDDED, "k": 1, "num_candidates": 5}})
    assert nearest[0] == "a"


def test_a_wrong_text_in_a_knn_query_is_named(kites: Any) -> None:
    wrong = {"knn": {"field": "v", "query_vector_builder": {"text_embedding": {"model_txt": "red"}}}}
    with pytest.raises(RequestError, match=r"model_txt: 'red': is unknown \(did you mean model_text\?\)"):
        kites(retriever=rrf({"standard": {"query": wrong}}))


def test_named_queries_bring_their_scores(engine: EngineUnderTest, kites: Any) -> None:
    def named(text: str, name: str) -> dict[str, Any]:
        return {"standard": {"query": {"match": {"t": {"query": text, "_name": name}}}}}

    request = {"retriever": rrf(named("kite", "any"), named("red", "color")), "include_named_queries_score": True}
    if engine.name == "embedded":
        with pytest.raises(ApiError, match="include_named_queries_score"):
            kites.client.search(index=kites.index, **request)
        return
    first, *others = kites.client.search(index=kites.index, **request)["hits"]["hits"]
    alone = {name: kites(query=named(text, name)["standard"]["query"])[0][1] for text, name in (("red", "color"),)}
    assert first["_id"] == "a"
    assert first["matched_queries"].keys() == {"any", "color"}
    assert first["matched_queries"]["color"] == pytest.approx(alone["color"])
    assert [each["matched_queries"].keys() for each in others] == [{"any"}, {"any"}]

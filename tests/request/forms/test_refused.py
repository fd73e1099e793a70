"""Values that Elasticsearch cannot read are refused by path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from connector import HybridElasticsearch
from connector.errors import RequestError
from tests.request.forms.conftest import STANDARD, knn, rrf

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "text that is no number": ({"retriever": rrf(knn(k="two"))}, "retriever.rrf.retrievers[0].knn.k", "valid integer"),
    "empty text": ({"retriever": rrf(knn(k=""))}, "retriever.rrf.retrievers[0].knn.k", "valid integer"),
    "a bool": ({"retriever": rrf(knn(k=True))}, "retriever.rrf.retrievers[0].knn.k", "valid integer"),
    "a list": ({"retriever": rrf(knn(k=[2]))}, "retriever.rrf.retrievers[0].knn.k", "valid integer"),
    "hex digits": ({"retriever": rrf(knn(k="0x2"))}, "retriever.rrf.retrievers[0].knn.k", "valid integer"),
    "a bool in a vector": (
        {"retriever": rrf(knn(query_vector=[True, 0]))},
        "retriever.rrf.retrievers[0].knn.query_vector[0]",
        "valid number",
    ),
    "a matrix": (
        {"retriever": rrf(knn(query_vector=np.eye(2)))},
        "retriever.rrf.retrievers[0].knn.query_vector[0]",
        "valid number",
    ),
    "an array with NaN": (
        {"retriever": rrf(knn(query_vector=np.array([1, np.nan])))},
        "retriever.rrf.retrievers[0].knn.query_vector[1]",
        "finite",
    ),
    "NaN deep in a query": (
        {"retriever": rrf(STANDARD, filter={"range": {"n": {"gte": float("nan")}}})},
        "retriever.rrf.filter.range.n.gte",
        "finite",
    ),
    "infinity among many": (
        {"retriever": rrf(STANDARD, filter={"terms": {"n": [1.0, float("inf")]}})},
        "retriever.rrf.filter.terms.n[1]",
        "finite",
    ),
    "a generator": (
        {"retriever": {"rrf": {"retrievers": iter([STANDARD])}}},
        "retriever.rrf.retrievers",
        "give a list",
    ),
    "a set": (
        {"retriever": rrf(STANDARD, filter={"terms": {"n": {1}}})},
        "retriever.rrf.filter.terms.n",
        "can't be written as JSON",
    ),
    "bytes": ({"retriever": rrf({"standard": {"query": {"match": {"t": b"kite"}}}})}, "retriever.rrf.ret", "JSON"),
    "a name that is no text": (
        {"retriever": {"rrf": {"retrievers": [STANDARD], ("a", 1): 2}}},
        "retriever.rrf",
        "text",
    ),
    "a number out of range": ({"retriever": rrf(STANDARD, rank_constant=2**40)}, "retriever.rrf.rank_constant", "less"),
    "size": ({"retriever": rrf(STANDARD), "size": "ten"}, "size", "whole number"),
    "a flag that is a number": ({"retriever": rrf(STANDARD), "explain": 1}, "explain", "true or false"),
    "a flag in capitals": ({"retriever": rrf(STANDARD), "profile": "TRUE"}, "profile", "true or false"),
    "an odd number of hex digits": (
        {"retriever": rrf(knn(query_vector="7ff"))},
        "retriever.rrf.retrievers[0].knn.query_vector",
        "hex digits or in base64",
    ),
}


@pytest.mark.parametrize("form", REFUSED)
def test_what_elasticsearch_can_not_read_is_refused_by_path(form: str) -> None:
    request, path, remedy = REFUSED[form]
    with HybridElasticsearch("http://nowhere:9200") as client, pytest.raises(RequestError) as caught:
        client.search(index="kites", **request)
    assert caught.value.path.startswith(path)
    assert remedy in caught.value.remedy


def test_a_body_that_holds_itself_is_refused() -> None:
    query: dict[str, Any] = {"bool": {}}
    query["bool"]["must"] = query
    with (
        HybridElasticsearch("http://nowhere:9200") as client,
        pytest.raises(RequestError, match="nested deeper than 200 levels"),
    ):
        client.search(index="kites", retriever=rrf({"standard": {"query": query}}))

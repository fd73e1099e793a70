"""Values that elasticsearch-py serialises and Elasticsearch accepts are accepted here too."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from elasticsearch import BadRequestError

from connector import AsyncHybridElasticsearch, HybridElasticsearch
from tests.conftest import EngineUnderTest
from tests.request.forms.conftest import STANDARD, knn, rrf

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


class Count(enum.IntEnum):
    TWO = 2


class Kind(str, enum.Enum):
    MINMAX = "minmax"


def linear(weight: Any, **options: Any) -> dict[str, Any]:
    return {"linear": {"retrievers": [{"retriever": STANDARD, "weight": weight, **options}, {"retriever": knn()}]}}


# Of each pair the second is JSON's plainest word for the first.
FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "vector as an array": (
        {"retriever": rrf(knn(query_vector=np.array([1, 0], np.float32)))},
        {"retriever": rrf(knn())},
    ),
    "vector as an array of whole numbers": (
        {"retriever": rrf(knn(query_vector=np.array([1, 0])))},
        {"retriever": rrf(knn())},
    ),
    "vector of numpy's numbers": (
        {"retriever": rrf(knn(query_vector=[np.float32(1), np.float16(0)]))},
        {"retriever": rrf(knn())},
    ),
    "vector as a tuple": ({"retriever": rrf(knn(query_vector=(1.0, 0.0)))}, {"retriever": rrf(knn())}),
    "vector of texts": ({"retriever": rrf(knn(query_vector=["1", "0"]))}, {"retriever": rrf(knn())}),
    "vector of decimals": (
        {"retriever": rrf(knn(query_vector=[Decimal(1), Decimal("0.0")]))},
        {"retriever": rrf(knn())},
    ),
    "k of numpy": ({"retriever": rrf(knn(k=np.int64(2)))}, {"retriever": rrf(knn())}),
    "k of an enumeration": ({"retriever": rrf(knn(k=Count.TWO))}, {"retriever": rrf(knn())}),
    "k as text": ({"retriever": rrf(knn(k="2", num_candidates="10"))}, {"retriever": rrf(knn())}),
    "k as a float": ({"retriever": rrf(knn(k=2.0, num_candidates=10.0))}, {"retriever": rrf(knn())}),
    "k past its point": ({"retriever": rrf(knn(k=2.5, num_candidates="10.9"))}, {"retriever": rrf(knn())}),
    "similarity as text": ({"retriever": rrf(knn(similarity="0.5"))}, {"retriever": rrf(knn(similarity=0.5))}),
    "retrievers as a tuple": (
        {"retriever": {"rrf": {"retrievers": (STANDARD, knn())}}},
        {"retriever": rrf(STANDARD, knn())},
    ),
    "one retriever bare": ({"retriever": {"rrf": {"retrievers": STANDARD}}}, {"retriever": rrf(STANDARD)}),
    "window and constant": (
        {"retriever": rrf(STANDARD, rank_window_size="3", rank_constant=np.int32(7))},
        {"retriever": rrf(STANDARD, rank_window_size=3, rank_constant=7)},
    ),
    "weight as text": ({"retriever": linear("0.7")}, {"retriever": linear(0.7)}),
    "weight of numpy": ({"retriever": linear(np.float64(0.7))}, {"retriever": linear(0.7)}),
    "normalizer in capitals": (
        {"retriever": linear(1, normalizer="MinMax")},
        {"retriever": linear(1, normalizer="minmax")},
    ),
    "normalizer of an enumeration": (
        {"retriever": linear(1, normalizer=Kind.MINMAX)},
        {"retriever": linear(1, normalizer="minmax")},
    ),
    "size and from": (
        {"retriever": rrf(STANDARD), "size": "1.0", "from_": 1.9},
        {"retriever": rrf(STANDARD), "size": 1, "from_": 1},
    ),
    "size of numpy": ({"retriever": rrf(STANDARD), "size": np.uint8(2)}, {"retriever": rrf(STANDARD), "size": 2}),
    "least score": (
        {"retriever": rrf(STANDARD), "min_score": "0.0162"},
        {"retriever": rrf(STANDARD), "min_score": 0.0162},
    ),
    "totals": (
        {"retriever": rrf(STANDARD), "track_total_hits": "false", "explain": "false"},
        {"retriever": rrf(STANDARD), "track_total_hits": False},
    ),
    "a flag": (
        {
            "retriever": {
                "text_similarity_reranker": {
                    "retriever": STANDARD,
                    "field": ("t",),
                    "inference_text": "kite",
                    "allow_rerank_failures": "false",
                    "blend": "0.5",
                    "min_score": "0.1",
                }
            }
        },
        {
            "retriever": {
                "text_similarity_reranker": {
                    "retriever": STANDARD,
                    "field": ["t"],
                    "inference_text": "kite",
                    "allow_rerank_failures": False,
                    "blend": 0.5,
                    "min_score": 0.1,
                }
            }
        },
    ),
    "pinned ids that are numbers": (
        {"retriever": {"pinned": {"ids": ("a", 7), "retriever": STANDARD}}},
        {"retriever": {"pinned": {"ids": ["a", "7"], "retriever": STANDARD}}},
    ),
    "a rescorer's numbers": (
        {
            "retriever": rrf(
                {
                    "rescorer": {
                        "retriever": STANDARD,
                        "rescore": {
                            "window_size": "10",
                            "query": {
                                "rescore_query": {"match": {"t": "red"}},
                                "query_weight": "2",
                                "score_mode": "TOTAL",
                            },
                        },
                    }
                }
            )
        },
        {
            "retriever": rrf(
                {
                    "rescorer": {
                        "retriever": STANDARD,
                        "rescore": {"query": {"rescore_query": {"match": {"t": "red"}}, "query_weight": 2}},
                    }
                }
            )
        },
    ),
    "dates and datetimes in a query": (
        {
            "retriever": rrf(
                STANDARD,
                filter={"range": {"day": {"gte": date(2024, 2, 1), "lt": datetime(2024, 3, 1)}}},
            )
        },
        {"retriever": rrf(STANDARD, filter={"range": {"day": {"gte": "2024-02-01", "lt": "2024-03-01T00:00:00"}}})},
    ),
    "numpy in a query": (
        {"retriever": rrf(STANDARD, filter=({"terms": {"n": np.array([1, 3])}},))},
        {"retriever": rrf(STANDARD, filter=[{"terms": {"n": [1, 3]}}])},
    ),
    "a UUID in a query": (
        {"retriever": rrf({"standard": {"query": {"match": {"t": uuid.UUID(int=5)}}}}, STANDARD)},
        {"retriever": rrf({"standard": {"query": {"match": {"t": str(uuid.UUID(int=5))}}}}, STANDARD)},
    ),
    "mappings of any kind": (
        {"retriever": MappingProxyType({"rrf": MappingProxyType({"retrievers": [STANDARD]})})},
        {"retriever": rrf(STANDARD)},
    ),
    "numpy's text": (
        {"retriever": {"rrf": {"query": np.str_("kite"), "fields": "t"}}},
        {"retriever": {"rrf": {"query": "kite", "fields": ["t"]}}},
    ),
}


def test_a_form_that_json_has_a_plainer_word_for_finds_what_that_finds(kites: Any) -> None:
    found = {form: (kites(**written), kites(**plain)) for form, (written, plain) in FORMS.items()}
    assert {form: pair for form, pair in found.items() if not pair[0] or pair[0] != pair[1]} == {}


def test_zeros_are_a_vector_where_the_similarity_allows_them(kites: Any) -> None:
    # Of l2_norm 1 / (1 + d^2): b is at 0, a at 1, c at 3.
    assert [each for each, _ in kites(retriever=rrf(knn(query_vector=[0, 0], k=3)))] == ["b", "a", "c"]
    with pytest.raises(BadRequestError, match="zero magnitude"):
        kites(retriever=rrf(knn(field="cos", query_vector=[0, 0])))


def test_a_serializer_of_the_callers_own_is_heard(engine: EngineUnderTest, kites: Any) -> None:
    from elasticsearch.serializer import JsonSerializer

    class Many:
        pass

    class Own(JsonSerializer):
        def default(self, data: Any) -> Any:
            return 2 if isinstance(data, Many) else super().default(data)

    with engine.client(HybridElasticsearch, serializer=Own()) as client:
        found = client.search(index=kites.index, retriever=rrf(knn(k=Many())))
    assert len(found["hits"]["hits"]) == 2


async def test_the_async_client_reads_the_same(engine: EngineUnderTest, kites: Any) -> None:
    async with engine.async_client(AsyncHybridElasticsearch) as client:
        tree = {"rrf": {"retrievers": (STANDARD, knn(query_vector=np.array([1, 0]), k="2"))}}
        found = await client.search(index=kites.index, retriever=tree, size=np.int64(2))
    assert [(hit["_id"], hit["_score"]) for hit in found["hits"]["hits"]] == kites(
        retriever=rrf(STANDARD, knn()), size=2
    )

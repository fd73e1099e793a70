"""Vectors of bytes and bits, as numbers, hex digits and base64."""

from __future__ import annotations

import base64
import struct
from typing import Any

import numpy as np
import pytest
from elasticsearch import BadRequestError, Elasticsearch

from connector import HybridElasticsearch
from connector.errors import RequestError
from tests.conftest import EngineUnderTest
from tests.request.forms.conftest import rrf

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")


def b64(layout: str, *numbers: float) -> str:
    return base64.b64encode(struct.pack(layout, *numbers)).decode()


BYTES = {"1": [64, 10, -30], "2": [-10, 5, 99]}
BITS = {"1": [127, -1], "2": [0, 15]}


@pytest.fixture
def packed(engine: EngineUnderTest, es: Elasticsearch, fresh_index: str) -> Any:
    options = {"type": "hnsw"}
    properties: dict[str, Any] = {
        "t": {"type": "text"},
        "f": {"type": "dense_vector", "dims": 2, "similarity": "l2_norm", "index_options": options},
        "b": {
            "type": "dense_vector",
            "dims": 3,
            "element_type": "byte",
            "similarity": "cosine",
            "index_options": options,
        },
        "bit": {"type": "dense_vector", "dims": 16, "element_type": "bit", "index_options": options},
    }
    es.indices.create(index=fresh_index, mappings={"properties": properties}, settings={"number_of_shards": 1})
    for key in BYTES:
        vectors = {"b": BYTES[key], "bit": BITS[key], "f": [float(key), 0.5]}
        es.index(index=fresh_index, id=key, document={"t": "kite", **vectors})
    es.indices.refresh(index=fresh_index)
    with engine.client(HybridElasticsearch) as client:

        def search(field: str, vector: Any) -> list[str]:
            leg = {"knn": {"field": field, "query_vector": vector, "k": 2, "num_candidates": 5}}
            hits = client.search(index=fresh_index, retriever=rrf(leg))["hits"]["hits"]
            return [hit["_id"] for hit in hits]

        yield search


ENCODED: list[tuple[str, Any, str]] = [
    ("b", [64, 10, -30], "12"),
    ("b", np.array([-10, 5, 99], np.int8), "21"),
    ("b", "400ae2", "12"),
    ("b", "F60563", "21"),
    ("b", b64("3b", -10, 5, 99), "21"),
    ("bit", [127, -1], "12"),  # hamming 0 and 11 of 16
    ("bit", "7fff", "12"),
    ("bit", "000f", "21"),
    ("bit", [0, 0], "21"),  # 4 bits and 15
    ("bit", b64("2b", 0, 15), "21"),
    ("f", b64(">2f", 2, 0.5), "21"),
    ("f", "0200", "21"),  # hex digits are bytes here too
]


def test_vectors_as_texts_bytes_and_bits_are_read(engine: EngineUnderTest, packed: Any) -> None:
    for field, vector, expected in ENCODED:
        is_base64 = isinstance(vector, str) and not set(vector) <= set("0123456789abcdefABCDEF")
        if is_base64 and engine.name == "es8":
            with pytest.raises(BadRequestError, match="not a hexadecimal digit"):
                packed(field, vector)
        else:
            assert "".join(packed(field, vector)) == expected, (field, vector)


def test_a_vector_that_does_not_fit_its_field_is_the_clusters_error(packed: Any) -> None:
    unfit: list[Any] = ["400a1b2c", [64.5, 0, 1], [128, 0, 1], [0, 0, 0]]
    for field, vector in [*(("b", each) for each in unfit), ("bit", "7f"), ("bit", [200, 1])]:
        with pytest.raises(BadRequestError):
            packed(field, vector)


def test_a_bit_fields_vector_has_a_number_for_eight_dims(packed: Any) -> None:
    with pytest.raises(RequestError, match="16 numbers': must have 2"):
        packed("bit", [0, 1] * 8)

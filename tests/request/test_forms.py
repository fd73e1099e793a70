"""What elasticsearch-py serialises and Elasticsearch reads is read alongside a compound retriever, on every engine."""

from __future__ import annotations

import base64
import enum
import json
import struct
import uuid
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from elasticsearch import ApiError, BadRequestError, Elasticsearch

from connector import AsyncHybridElasticsearch, HybridElasticsearch
from connector.errors import RequestError
from tests.conftest import EngineUnderTest
from tests.models_by_hand import first_words

pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder:UserWarning")

STANDARD = {"standard": {"query": {"match": {"t": "kite"}}}}
DOCUMENTS: dict[str, dict[str, Any]] = {
    "a": {"t": "red kite", "n": 1, "day": "2024-01-01", "v": [1, 0], "cos": [1, 1]},
    "b": {"t": "blue kite", "n": 2, "day": "2024-02-01", "v": [0, 0], "cos": [1, 0]},
    "c": {"t": "kite", "n": 3, "day": "2024-03-01", "v": [0, 3], "cos": [0, 1]},
}


def directions(texts: list[str]) -> list[list[float]]:
    return [[float("red" in text), 3.0 * ("red" not in text)] for text in texts]


class Count(enum.IntEnum):
    TWO = 2


class Kind(str, enum.Enum):
    MINMAX = "minmax"


def knn(**options: Any) -> dict[str, Any]:
    return {"knn": {"field": "v", "query_vector": [1, 0], "k": 2, "num_candidates": 10, **options}}


def rrf(*legs: Any, **options: Any) -> dict[str, Any]:
    return {"rrf": {"retrievers": list(legs), **options}}


def linear(weight: Any, **options: Any) -> dict[str, Any]:
    return {"linear": {"retrievers": [{"retriever": STANDARD, "weight": weight, **options}, {"retriever": knn()}]}}


@pytest.fixture
def kites(engine: EngineUnderTest, es: Elasticsearch, fresh_index: str) -> Any:
    properties: dict[str, Any] = {
        "t": {"type": "text"},
        "n": {"type": "integer"},
        "day": {"type": "date"},
        "v": {"type": "dense_vector", "dims": 2, "similarity": "l2_norm", "index_options": {"type": "hnsw"}},
        "cos": {"type": "dense_vector", "dims": 2, "similarity": "cosine", "index_options": {"type": "hnsw"}},
    }
    es.indices.create(index=fresh_index, mappings={"properties": properties}, settings={"number_of_shards": 1})
    for key, document in DOCUMENTS.items():
        es.index(index=fresh_index, id=key, document=document)
    es.indices.refresh(index=fresh_index)
    with engine.client(HybridElasticsearch, encoder=directions, reranker=first_words) as client:

        def search(**request: Any) -> list[tuple[str, float]]:
            hits = client.search(index=fresh_index, **request)["hits"]["hits"]
            return [(hit["_id"], hit["_score"]) for hit in hits]

        search.client, search.index = client, fresh_index  # type: ignore[attr-defined]
        yield search


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


KNN_SECTION = {"field": "v", "query_vector": [1, 0], "k": 2, "num_candidates": 10}
AS_RETRIEVER = {"retriever": rrf(STANDARD, knn()), "size": 10}
RANKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "query and knn": (
        {"query": STANDARD["standard"]["query"], "knn": KNN_SECTION, "rank": {"rrf": {}}},
        AS_RETRIEVER,
    ),
    "sub_searches and knn": (
        {"sub_searches": [STANDARD["standard"]], "knn": [KNN_SECTION], "rank": {"rrf": {}}},
        AS_RETRIEVER,
    ),
    "sub_searches alone, options": (
        {
            "sub_searches": [STANDARD["standard"], {"query": {"match": {"t": "red"}}}],
            "rank": {"rrf": {"window_size": "20", "rank_constant": 7}},
            "size": 1,
        },
        {
            "retriever": rrf(
                STANDARD, {"standard": {"query": {"match": {"t": "red"}}}}, rank_window_size=20, rank_constant=7
            ),
            "size": 1,
        },
    ),
    "k left out is the size, boosts change no rank": (
        {
            "query": STANDARD["standard"]["query"],
            "knn": {"field": "v", "query_vector": [1, 0], "boost": 3},
            "rank": {"rrf": {}},
            "size": 2,
        },
        {"retriever": rrf(STANDARD, {"knn": {"field": "v", "query_vector": [1, 0], "k": 2}}), "size": 2},
    ),
}


@pytest.mark.parametrize("form", RANKED)
def test_a_rank_section_finds_what_its_retriever_finds(kites: Any, form: str) -> None:
    ranked, tree = RANKED[form]
    assert kites(body=ranked) == kites(body=tree)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"query": {"match_all": {}}, "rank": {"rrf": {}}}, "rank"),
        ({"query": {"match_all": {}}, "knn": KNN_SECTION, "rank": {"rrf": {"k": 5}}}, "rank.rrf.k"),
        ({"query": {}, "sub_searches": [], "rank": {"rrf": {}}}, "sub_searches"),
        ({"query": {"match_all": {}}, "knn": 5, "rank": {"rrf": {}}}, "knn"),
        ({"query": {"match_all": {}}, "knn": KNN_SECTION, "rank": {"rrf": {}}, "sort": ["n"]}, "sort"),
        (
            {"query": {"match_all": {}}, "knn": KNN_SECTION, "rank": {"rrf": {}}, "size": 11},
            "retriever.rrf.rank_window",
        ),
        ({"retriever": rrf(STANDARD), "rank": {"rrf": {}}}, "rank"),
    ],
)
def test_a_wrong_rank_section_is_named(kites: Any, body: Any, path: str) -> None:
    with pytest.raises(RequestError) as caught:
        kites(body=body)
    assert caught.value.path.startswith(path)


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


LINES = [{}, {"retriever": rrf(STANDARD)}, {}, {"query": {"match": {"t": "red"}}}]


@pytest.mark.parametrize(
    "written",
    [
        LINES,
        tuple(LINES),
        [json.dumps(line) for line in LINES],
        [json.dumps(line).encode() for line in LINES],
        "".join(f"{json.dumps(line)}\n" for line in LINES),
        "".join(f"{json.dumps(line)}\n" for line in LINES).encode(),
    ],
    ids=["list", "tuple", "texts", "bytes", "one text", "one bytes"],
)
def test_lines_of_an_msearch_may_be_written_already(kites: Any, written: Any) -> None:
    answers = kites.client.msearch(index=kites.index, searches=written)["responses"]
    # "kite" alone is the shortest of the three passages.
    assert [[hit["_id"] for hit in each["hits"]["hits"]] for each in answers] == [["c", "a", "b"], ["a"]]


def test_lines_of_an_msearch_may_come_from_an_iterator(kites: Any) -> None:
    answers = kites.client.msearch(index=kites.index, searches=iter(LINES))["responses"]
    assert [len(each["hits"]["hits"]) for each in answers] == [3, 1]


@pytest.mark.parametrize("write", [json.dumps, lambda body: json.dumps(body).encode()], ids=["text", "bytes"])
def test_a_body_may_be_written_already(kites: Any, write: Any) -> None:
    assert kites(body=write({"retriever": rrf(STANDARD)})) == kites(retriever=rrf(STANDARD))


async def test_the_async_client_reads_the_same(engine: EngineUnderTest, kites: Any) -> None:
    async with engine.async_client(AsyncHybridElasticsearch) as client:
        tree = {"rrf": {"retrievers": (STANDARD, knn(query_vector=np.array([1, 0]), k="2"))}}
        found = await client.search(index=kites.index, retriever=tree, size=np.int64(2))
    assert [(hit["_id"], hit["_score"]) for hit in found["hits"]["hits"]] == kites(
        retriever=rrf(STANDARD, knn()), size=2
    )

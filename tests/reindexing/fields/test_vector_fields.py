"""The vector field that jobs write, new or already there."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from connector import Passages
from connector.errors import IndexMismatchError
from connector.reindexing import JobOptions, ReindexReport
from tests.models_by_hand import count_words
from tests.reindexing.fields.conftest import (
    DIMS,
    DOCUMENTS,
    ON_ELASTICSEARCH,
    ON_OPENSEARCH,
    Place,
    embedded_only,
    encoded,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
on_elasticsearch = pytest.mark.parametrize("place", ON_ELASTICSEARCH, indirect=True)
on_opensearch = pytest.mark.parametrize("place", ON_OPENSEARCH, indirect=True)
ELASTICSEARCH_FIELDS = [
    {},
    {"index_options": {"type": "hnsw", "m": 32, "ef_construction": 200}},
    {"index_options": {"type": "int8_hnsw"}},
    {"index_options": {"type": "flat"}},
    {"index_options": {"type": "int8_flat"}},
    {"similarity": "dot_product"},
    {"similarity": "l2_norm"},
    {"similarity": "max_inner_product"},
]


@pytest.mark.parametrize("place", ["embedded", *ON_ELASTICSEARCH], indirect=True)
@pytest.mark.parametrize("own", ELASTICSEARCH_FIELDS, ids=json.dumps)
def test_a_vector_field_that_is_there_keeps_its_definition(place: Place, own: dict[str, Any]) -> None:
    properties = {"title": {"type": "text"}, "vector": {"type": "dense_vector", "dims": DIMS, **own}}
    check_kept(place, properties)


@on_elasticsearch
def test_a_quantised_field_keeps_its_definition_and_what_was_written_is_not_stale(place: Place) -> None:
    """Its dims are at least 64, which these index options want."""

    def encode(texts: list[str]) -> Any:
        return np.array([[len(text) % 7 + 1] + [1.0] * 63 for text in texts], np.float32)

    field = {"type": "dense_vector", "dims": 64, "index_options": {"type": "bbq_hnsw"}}
    check_kept(place, {"title": {"type": "text"}, "vector": field}, encode)


@on_opensearch
@pytest.mark.parametrize("parameters", [{"m": 32}, {"ef_construction": 64, "m": 8}, {}], ids=json.dumps)
@pytest.mark.parametrize("space", ["l2", "cosinesimil", "innerproduct"])
def test_opensearchs_field_keeps_its_own_method(place: Place, space: str, parameters: dict[str, Any]) -> None:
    method = {"name": "hnsw", "engine": "lucene", "space_type": space, "parameters": parameters}
    field = {"type": "knn_vector", "dimension": DIMS, "method": method}
    check_kept(place, {"title": {"type": "text"}, "vector": field})


def check_kept(place: Place, properties: dict[str, Any], encoder: Any = count_words) -> None:
    place.fill(DOCUMENTS, properties)
    before = place.mapping()["properties"]
    report = place.run(in_place=True, text_fields=["title"], encoder=encoder)
    assert (report.written, report.counters.written) == (2, 2)
    assert place.mapping()["properties"] == before
    assert place.mapping()["_meta"]["hybrid_connector"]["vectors"].keys() == {"vector"}
    again = place.run(in_place=True, text_fields=["title"], encoder=encoder, job="another")
    assert (again.written, again.counters.written, again.counters.current) == (2, 0, 2)


@pytest.mark.parametrize("place", ["embedded", *ON_ELASTICSEARCH], indirect=True)
@pytest.mark.parametrize(
    ("own", "reason"), [({"dims": 5}, "5 dims, the encoder 9"), ({"index": False}, "index: false")]
)
def test_a_field_that_can_not_be_searched_by_the_vectors_is_refused_in_planning(
    place: Place, own: dict[str, Any], reason: str
) -> None:
    check_unfit(place, {"type": "dense_vector", "dims": DIMS, **own}, reason)


@on_elasticsearch
@pytest.mark.parametrize(("element", "dims"), [("byte", DIMS), ("bit", 16)])
def test_a_field_of_other_numbers_is_refused_in_planning(place: Place, element: str, dims: int) -> None:
    check_unfit(
        place,
        {"type": "dense_vector", "dims": dims, "element_type": element},
        f"holds no floats .element_type: {element}",
    )


@on_opensearch
@pytest.mark.parametrize(
    ("own", "space", "reason"),
    [
        ({"dimension": 5}, "l2", "5 dims, the encoder 9"),
        ({"data_type": "byte"}, "l2", "holds no floats .data_type: byte"),
        ({"data_type": "binary", "dimension": 16}, "hamming", "holds no floats .data_type: binary"),
    ],
)
def test_opensearchs_field_of_other_numbers_is_refused_in_planning(
    place: Place, own: dict[str, Any], space: str, reason: str
) -> None:
    method = {"name": "hnsw", "engine": "lucene", "space_type": space}
    check_unfit(place, {"type": "knn_vector", "dimension": DIMS, "method": method, **own}, reason)


def check_unfit(place: Place, field: dict[str, Any], reason: str) -> None:
    place.fill(DOCUMENTS, {"title": {"type": "text"}, "body": {"type": "text"}, "vector": field})
    before = place.mapping()
    with pytest.raises(IndexMismatchError, match=reason):
        place.run(in_place=True, text_fields=["title"])
    assert place.mapping() == before


@embedded_only
@pytest.mark.parametrize("field", ["title.vector", "title"])
def test_vectors_go_below_no_other_field(place: Place, field: str) -> None:
    place.fill(DOCUMENTS, {"title": {"type": "text"}, "body": {"type": "text"}})
    with pytest.raises(IndexMismatchError, match="'title' exists and is not a vector field"):
        place.run(in_place=True, text_fields=["body"], vector_field=field)


@pytest.mark.parametrize("passages", [False, True], ids=["one vector", "passages"])
@pytest.mark.parametrize("keeps_vectors", [True, False])
def test_repeated_only_what_is_stale_is_written(place: Place, passages: bool, keeps_vectors: bool) -> None:
    documents = [{"_id": str(number), "title": f"car {number}"} for number in range(60)]
    place.fill([*documents, {"_id": "bare", "year": 2001}])
    split = Passages(max_tokens=16, overlap=0) if passages else False

    def run(job: str) -> ReindexReport:
        options = JobOptions(state=place.state / job, keeps_vectors=keeps_vectors, retry_for_s=20)
        return place.run(in_place=True, text_fields=["title"], passages=split, job=job, options=options)

    assert run("first").counters.written == 60
    place.es.index(index=place.name, id="1", document={"title": "slow"})  # replaced, its vector gone
    place.es.update(index=place.name, id="2", doc={"title": "fast"})  # its vector is that of the old text
    place.es.index(index=place.name, id="new", document={"title": "python"}, refresh=True)
    second = run("second")
    assert (second.written, second.counters.written, second.counters.current) == (61, 3, 58)
    found = place.vectors("passages" if passages else "vector")
    vector = found["2"][0]["vector"] if passages else found["2"]
    assert vector == pytest.approx(encoded("fast")[0], abs=1e-6)
    assert run("third").counters.written == 0

"""Reindex jobs and the fields that they read and write, on every engine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch, helpers
from numpy.typing import NDArray

from connector import HybridElasticsearch, Passages, connect, reindex
from connector.errors import IndexMismatchError, RequestError, VerificationError
from connector.reindexing import JobOptions, ReindexReport, estimate
from connector.reindexing.opening import elastic
from tests.conftest import ENGINES, embedded_engine
from tests.models_by_hand import count_words

DIMS = 9
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ON_ELASTICSEARCH = [pytest.param("es8", marks=pytest.mark.node), pytest.param("es9", marks=pytest.mark.node)]
ON_OPENSEARCH = [pytest.param("opensearch", marks=pytest.mark.node)]
ON_NODES = [*ON_ELASTICSEARCH, *ON_OPENSEARCH]


@dataclass
class Place:
    """An engine, a name under which indices are gone after the test, and a state directory."""

    client: Any
    es: Elasticsearch
    engine: str
    name: str
    state: Path

    def fill(self, documents: list[dict[str, Any]], properties: dict[str, Any] | None = None, **mappings: Any) -> str:
        """Make an index of documents."""
        settings = {"index.knn": True} if self.engine == "opensearch" else {}
        if properties is not None:
            mappings["properties"] = properties
        self.es.indices.create(index=self.name, mappings=mappings, settings=settings)
        helpers.bulk(self.es, ({"_index": self.name, **document} for document in documents), refresh=True)
        return self.name

    def run(self, source: Any = None, **asked: Any) -> ReindexReport:
        """Run a job."""
        asked = {"encoder": count_words, "options": JobOptions(state=self.state, retry_for_s=20), **asked}
        return reindex(self.client, self.name if source is None else source, **asked)

    def vectors(self, field: str = "vector") -> dict[str, Any]:
        """What the documents have at a field, by id."""
        self.es.indices.refresh(index=self.name)
        whole: Any = {"exclude_vectors": False} if self.engine == "es9" else True
        hits = self.es.search(index=self.name, body={"size": 100, "_source": whole})["hits"]["hits"]
        return {hit["_id"]: hit["_source"][field] for hit in hits if hit["_source"].get(field) is not None}

    def mapping(self) -> dict[str, Any]:
        """The index's mapping."""
        found: dict[str, Any] = self.es.indices.get_mapping(index=self.name)[self.name]["mappings"]
        return found

    def vector_field(self, dims: int = DIMS) -> dict[str, Any]:
        """The definition of a vector field."""
        if self.engine == "opensearch":
            return {"type": "knn_vector", "dimension": dims, "method": {"name": "hnsw", "engine": "lucene"}}
        return {"type": "dense_vector", "dims": dims, "similarity": "cosine", "index_options": {"type": "hnsw"}}


@pytest.fixture(params=[*ENGINES, *ON_OPENSEARCH])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    engine, name = str(request.param), f"fields-{uuid.uuid4().hex[:10]}"
    if engine == "embedded":
        client: Any = embedded_engine().client(HybridElasticsearch)
    else:
        fixture = "opensearch_url" if engine == "opensearch" else f"elasticsearch{engine[2:]}_url"
        client = connect(request.getfixturevalue(fixture))
    with client:
        es = elastic(client).options(request_timeout=120)
        yield Place(client, es, engine, name, tmp_path / "state")
        for index in es.indices.get(index=f"{name}*").body:
            es.indices.delete(index=index)


on_nodes = pytest.mark.parametrize("place", ON_NODES, indirect=True)
on_elasticsearch = pytest.mark.parametrize("place", ON_ELASTICSEARCH, indirect=True)
on_opensearch = pytest.mark.parametrize("place", ON_OPENSEARCH, indirect=True)
embedded_only = pytest.mark.parametrize("place", ["embedded"], indirect=True)
DOCUMENTS = [
    {"_id": "1", "title": "small fast car", "body": "climate"},
    {"_id": "2", "title": "climate warming", "body": "car"},
]
PROPERTIES: dict[str, Any] = {
    "title": {"type": "text", "copy_to": "all", "fields": {"english": {"type": "text", "analyzer": "english"}}},
    "body": {"type": "text", "copy_to": "all"},
    "all": {"type": "text"},
    "heading": {"type": "alias", "path": "title"},
}


def encoded(*texts: str) -> NDArray[np.float32]:
    rows = count_words(list(texts))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


@on_nodes
@pytest.mark.parametrize(
    ("named", "text"),
    [
        ("title.english", "small fast car"),
        ("heading", "small fast car"),
        ("title^3", "small fast car"),
        ("all", "climate\n\nsmall fast car"),
    ],
)
def test_a_job_encodes_the_text_behind_a_name(place: Place, named: str, text: str) -> None:
    place.fill(DOCUMENTS, PROPERTIES)
    report = place.run(in_place=True, text_fields=[named])
    assert (report.written, report.without_text) == (2, 0)
    assert place.vectors()["1"] == pytest.approx(encoded(text)[0], abs=1e-6)


@pytest.mark.parametrize("how", [{"in_place": True}, {"alias": "fields-nothing"}], ids=["in place", "new index"])
@pytest.mark.parametrize(
    ("named", "remedy"),
    [
        (["titel"], "'titel': is in no mapping and no document.*nearest are title"),
        (["titel", "body"], "'titel'"),
        (["title", "nothing"], "'nothing': is in no mapping and no document"),
        (["tit*"], "is a pattern"),
        (["title.english"], "'title.english'"),
        (["vector"], "must be a field that is none of text_fields"),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_before_anything_is_done(
    place: Place, how: dict[str, Any], named: list[str], remedy: str
) -> None:
    properties = {"title": {"type": "text"}, "body": {"type": "text"}, "vector": place.vector_field()}
    vectors = [{**document, "vector": [1.0] * DIMS} for document in DOCUMENTS]
    place.fill(vectors, properties)
    before = place.mapping()
    with pytest.raises(RequestError, match=remedy):
        place.run(text_fields=named, **how)
    assert place.mapping() == before
    assert place.vectors() == {"1": pytest.approx([1.0] * DIMS), "2": pytest.approx([1.0] * DIMS)}
    assert "fields-nothing" not in place.es.indices.get(index="*")


@embedded_only
def test_a_field_that_no_mapping_has_is_read_where_documents_have_it(place: Place) -> None:
    place.fill(DOCUMENTS, dynamic=False)
    assert place.run(in_place=True, text_fields=["title"]).written == 2
    with pytest.raises(RequestError, match="'titel': is in no mapping and no document"):
        place.run(in_place=True, text_fields=["titel"])


def test_an_empty_index_with_a_dynamic_mapping_is_no_mistake(place: Place) -> None:
    place.fill([])
    assert place.run(in_place=True, text_fields=["title"]).written == 0


@embedded_only
def test_objects_nested_ones_and_lists_are_read(place: Place) -> None:
    nested = {"reviews": {"type": "nested", "properties": {"text": {"type": "text"}}}}
    document = {"_id": "1", "author": {"name": ["car", "slow"]}, "reviews": [{"text": "python"}, {"text": "car"}]}
    place.fill([document], nested)
    place.run(in_place=True, text_fields=["author.name", "reviews.text"])
    assert place.vectors()["1"] == pytest.approx(encoded("car slow python car")[0], abs=1e-6)


def few_texts(with_text: int, without: int) -> list[dict[str, Any]]:
    texts = [{"_id": f"t{number}", "title": "car", "note": "x"} for number in range(with_text)]
    return texts + [{"_id": f"n{number}", "note": "x"} for number in range(without)]


@pytest.mark.parametrize("in_place", [True, False], ids=["in place", "new index"])
@pytest.mark.parametrize(("with_text", "without", "is_refused"), [(2, 3, True), (3, 3, False), (0, 2, True)])
def test_nothing_is_done_where_most_documents_have_no_text_unless_it_is_allowed(
    place: Place, in_place: bool, with_text: int, without: int, is_refused: bool
) -> None:
    vector = {"title": {"type": "text"}, "vector": place.vector_field()}
    documents = [{**document, "vector": [1.0] * DIMS} for document in few_texts(with_text, without)]
    place.fill(documents, vector)
    asked: dict[str, Any] = {"text_fields": ["title"], **({"in_place": True} if in_place else {})}
    asked |= {} if in_place else {"alias": f"{place.name}-new"}
    if is_refused:
        with pytest.raises(RequestError, match=rf"{without} of {with_text + without} documents .* have no text"):
            place.run(**asked)
        assert list(place.es.indices.get(index=f"{place.name}*")) == [place.name]
        assert len(place.vectors()) == len(documents)
    report = place.run(**asked, allow_without_text=True)
    assert (report.written, report.without_text) == (with_text, without)


@pytest.mark.parametrize("passages", [False, True], ids=["one vector", "passages"])
def test_vectors_of_documents_without_text_are_left_as_they_are(place: Place, passages: bool) -> None:
    others = [1.0] * DIMS
    field: dict[str, Any] = place.vector_field()
    properties: dict[str, Any] = {"title": {"type": "text"}, "vector": field}
    held: dict[str, Any] = {"vector": others}
    if passages:
        properties["passages"] = {"type": "nested", "properties": {"vector": field}}
        held = {"passages": [{"vector": others}]}
    place.fill([{**document, **held} for document in few_texts(2, 1)], properties)
    split = Passages(max_tokens=16, overlap=0) if passages else False
    for _ in range(2):  # the second job finds the note of the first, and is no better informed of these vectors
        report = place.run(in_place=True, text_fields=["title"], passages=split)
        assert report.without_text == 1
        assert "1 documents without text keep the vectors" in " ".join(report.notes)
    found = place.vectors("passages" if passages else "vector")
    kept = found["n0"][0]["vector"] if passages else found["n0"]
    assert kept == pytest.approx(others)


@embedded_only
def test_a_file_with_little_text_is_not_switched_to_until_it_is_allowed(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "things.jsonl"
    file.write_text("\n".join(json.dumps(document) for document in few_texts(1, 2)), "utf-8")
    asked: dict[str, Any] = {"text_fields": ["title"], "alias": place.name, "verify": False}
    with pytest.raises(VerificationError, match=r"2 of 3 documents .* have no text"):
        place.run(file, **asked)
    assert place.run(file, **asked, allow_without_text=True).without_text == 2


@embedded_only
@pytest.mark.parametrize(
    ("name", "content", "asked", "remedy"),
    [
        ("a.tsv", "id,title\n1,car\n", {}, "separated by commas"),
        ("a.csv", "id,titel\n1,car\n", {}, "'title'.*first 1 records.*nearest are titel"),
        ("a.csv", "key,title\n1,car\n", {}, "id_field: 'id'"),
        ("a.jsonl", '{"meta": {"id": 1}, "title": "car"}', {"id_field": "meta.id"}, "id_field: 'meta.id'"),
        ("a.jsonl", '{"id": 1, "headline": "car"}', {}, "there are headline, id"),
        ("a.jsonl", '{"id": 1, "title": null}', {}, "'title'"),
        ("a.jsonl", '{"id": 1, "title": "car"}', {"text_fields": ["title", "body"]}, "'body'"),
    ],
)
def test_a_field_that_no_record_of_a_file_has_stops_the_job(
    place: Place, tmp_path: Path, name: str, content: str, asked: dict[str, Any], remedy: str
) -> None:
    file = tmp_path / name
    file.write_text(content, "utf-8")
    whole = {"text_fields": ["title"], "alias": place.name, "id_field": "id", **asked}
    with pytest.raises(RequestError, match=remedy):
        place.run(file, **whole)
    with pytest.raises(RequestError, match=remedy):
        estimate(place.client, file, **whole, encoder=count_words, options=JobOptions(state=place.state))
    assert not place.es.indices.exists(index=place.name)


@embedded_only
def test_a_field_that_the_thousandth_record_has_is_there(place: Place, tmp_path: Path) -> None:
    lines = [json.dumps({"title": "car"})] * 999 + [json.dumps({"title": "car", "body": "slow"})]
    (tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")
    report = place.run(tmp_path / "a.jsonl", text_fields=["title", "body"], alias=place.name)
    assert report.written == 1_000


@embedded_only
def test_an_iterable_that_is_read_once_is_looked_at_and_loses_nothing(place: Place) -> None:
    documents = ({"_id": str(number), "title": "car"} for number in range(1_500))
    with pytest.warns(UserWarning, match="none of the first 1,000 documents has 'body'"):
        report = place.run(documents, text_fields=["title", "body"], alias=place.name)
    assert report.written == 1_500
    with pytest.raises(RequestError, match=r"nearest are title; the first 2 documents have been read"):
        place.run(iter(DOCUMENTS), text_fields=["titel"], alias=f"{place.name}-2")
    assert not place.es.indices.exists(index=f"{place.name}-2")
    waiting = iter(DOCUMENTS)
    estimate(
        place.client,
        waiting,
        text_fields=["title"],
        alias=f"{place.name}-2",
        encoder=count_words,
        options=JobOptions(state=place.state),
    )
    assert list(waiting) == DOCUMENTS


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
    check_unfit(place, {"type": "dense_vector", "dims": dims, "element_type": element}, f"holds {element} vectors")


@on_opensearch
@pytest.mark.parametrize(
    ("own", "space", "reason"),
    [
        ({"dimension": 5}, "l2", "5 dims, the encoder 9"),
        ({"data_type": "byte"}, "l2", "holds byte vectors"),
        ({"data_type": "binary", "dimension": 16}, "hamming", "holds binary vectors"),
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
    with pytest.raises(IndexMismatchError, match="'title' is there and is no vector field"):
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

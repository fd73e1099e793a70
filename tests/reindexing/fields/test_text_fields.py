"""The text that jobs read: names, aliases, objects, and documents without text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connector import Passages
from connector.errors import RequestError, VerificationError
from connector.reindexing import JobOptions, estimate
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
ON_NODES = [*ON_ELASTICSEARCH, *ON_OPENSEARCH]
on_nodes = pytest.mark.parametrize("place", ON_NODES, indirect=True)
PROPERTIES: dict[str, Any] = {
    "title": {"type": "text", "copy_to": "all", "fields": {"english": {"type": "text", "analyzer": "english"}}},
    "body": {"type": "text", "copy_to": "all"},
    "all": {"type": "text"},
    "heading": {"type": "alias", "path": "title"},
}


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
        (["vector"], "must be a field that is not among text_fields"),
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

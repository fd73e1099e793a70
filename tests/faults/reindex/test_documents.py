"""Documents that can't be brought over become dead letters with a reason, and take none other with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from connector.errors import ReindexError, VerificationError
from connector.reindexing import reindex, resume, retry_dead_letters
from tests.faults.reindex.accounts import dead_letters, everything, faults_in_books, hashed
from tests.faults.reindex.conftest import Scene

POISON = "poison"


def hashed_but_for_poison(texts: list[str]) -> NDArray[np.float32]:
    """NaN for a text that says so, as a model that overflows gives it."""
    vectors = hashed(texts)
    vectors[[POISON in text for text in texts]] = np.nan
    return vectors


def put(es: Elasticsearch, index: str, identifier: str, document: str) -> None:
    """Index a document that is written as JSON, byte for byte."""
    headers = {"accept": "application/json", "content-type": "application/json"}
    es.perform_request("PUT", f"/{index}/_doc/{identifier}", headers=headers, body=document.encode())


def test_poison_documents_of_an_index(scene: Scene) -> None:
    scene.load(300)
    big = "long " * 400_000
    put(scene.es, scene.index, "big", f'{{"title": "{big}", "n": 1}}')
    put(scene.es, scene.index, "empty", "{}")
    put(scene.es, scene.index, "blank", '{"title": " \\n ", "n": 2}')
    put(scene.es, scene.index, "number", '{"title": 12, "n": 3}')
    put(scene.es, scene.index, "list", '{"title": ["one", "two"], "n": 4}')
    put(scene.es, scene.index, "null", '{"title": null, "n": null}')
    put(scene.es, scene.index, "surrogate", '{"title": "half \\ud83d of a pair", "n": 5}')
    put(scene.es, scene.index, "nan", f'{{"title": "{POISON}", "n": 6}}')
    put(scene.es, scene.index, "dotted", '{"a.b": {"c": 1}, "title": "dots"}')
    scene.es.indices.refresh(index=scene.index)
    report = reindex(
        scene.es,
        scene.alias,
        text_fields=["title"],
        encoder=hashed_but_for_poison,
        job="job",
        options=scene.options(),
    )
    (target,) = scene.served()
    found = {hit["_id"]: hit for hit in everything(scene.es, target)}
    (letter,) = dead_letters(scene.state / "job")
    assert (letter["id"], letter["stage"]) == ("nan", "encode")
    assert "must be finite" in letter["reason"]
    assert letter["document"] == {"title": POISON, "n": 6}
    assert report.dead_letters == 1
    assert "nan" not in found
    assert len(found) == 308
    assert {name for name, hit in found.items() if not name.startswith("d") and not has_vector(hit)} == {
        "empty",
        "blank",
        "null",
    }
    source = {hit["_id"]: hit["_source"] for hit in everything(scene.es, scene.index)}
    for name in ("big", "number", "list", "surrogate", "dotted"):
        bare = {key: value for key, value in found[name]["_source"].items() if key != "vector"}
        assert bare == source[name]


def test_poison_documents_that_are_split_into_passages(any_scene: Scene) -> None:
    scene = any_scene
    scene.load(30)
    long = "A sentence of some words. " * 40
    big = " ".join(f"word{number}" for number in range(200_000))
    put(scene.es, scene.index, "big", f'{{"title": "{big}"}}')
    put(scene.es, scene.index, "long", f'{{"title": "{long}"}}')
    put(scene.es, scene.index, "list", f'{{"title": ["one", "{long}"]}}')
    put(scene.es, scene.index, "surrogate", '{"title": "half \\ud83d of a pair"}')
    put(scene.es, scene.index, "nan", f'{{"title": "{long}{POISON} {long}"}}')
    put(scene.es, scene.index, "object", '{"title": "car", "passages": {"a": 1}}')
    scene.es.indices.refresh(index=scene.index)
    report = reindex(
        scene.es,
        scene.alias,
        text_fields=["title"],
        passages=True,
        encoder=hashed_but_for_poison,
        job="job",
        options=scene.options(),
    )
    (target,) = scene.served()
    (letter,) = dead_letters(scene.state / "job")
    assert (letter["id"], letter["stage"]) == ("nan", "encode")
    assert report.written + report.without_text == 35
    assert report.verification is not None
    assert report.verification.recall == 1.0
    body: dict[str, Any] = {"query": {"match_all": {}}, "size": 50}
    found = {hit["_id"]: hit["_source"] for hit in scene.es.search(index=target, body=body)["hits"]["hits"]}
    counts = {name: len(source.get("passages") or []) for name, source in found.items()}
    assert counts["big"] > 1_000
    assert (counts["surrogate"], counts["object"], counts["d0"]) == (1, 1, 0)
    assert min(counts["long"], counts["list"]) > 2
    for part in found["long"]["passages"]:
        assert found["long"]["title"][part["start"] : part["end"]] == part["text"]


def has_vector(hit: dict[str, Any]) -> bool:
    """Whether a hit has a vector, wherever the version keeps it."""
    return "vector" in hit["_source"] or "vector" in hit.get("fields", {})


def test_mapping_conflicts_are_dead_letters_and_can_be_tried_again(scene: Scene) -> None:
    """The new index is told that `n` is a number by its first document, which some others contradict."""
    scene.es.indices.create(
        index=scene.index,
        aliases={scene.alias: {}},
        mappings={"dynamic": False, "properties": {"title": {"type": "text"}}},
        settings={"number_of_replicas": 0},
    )
    for number in range(50):
        value = "a word" if number % 10 == 3 else number
        scene.es.index(index=scene.index, id=str(number), document={"title": f"title {number}", "n": value})
    scene.es.indices.put_mapping(index=scene.index, properties={"n": {"type": "integer"}})
    scene.es.indices.refresh(index=scene.index)
    report = reindex(scene.es, scene.alias, text_fields=["title"], encoder=hashed, job="job", options=scene.options())
    (target,) = scene.served()
    letters = dead_letters(scene.state / "job")
    assert sorted(letter["id"] for letter in letters) == ["13", "23", "3", "33", "43"]
    assert all("failed to parse field [n]" in letter["reason"] for letter in letters)
    assert all(letter["stage"] == "write" for letter in letters)
    assert report.dead_letters == 5
    assert scene.faults(target) == []

    scene.es.index(index=scene.index, id="3", document={"title": "mended", "n": 3})
    scene.es.delete(index=scene.index, id="13", refresh=True)
    tried = retry_dead_letters(scene.es, "job", encoder=hashed, options=scene.options())
    assert (tried.written, tried.dead, tried.gone) == (1, 3, 1)
    assert sorted(letter["id"] for letter in dead_letters(scene.state / "job")) == ["23", "33", "43"]
    assert scene.es.get(index=target, id="3")["_source"]["title"] == "mended"
    assert scene.faults(target) == []


def test_an_index_of_which_too_much_is_dead_is_not_switched_to(scene: Scene) -> None:
    scene.load(200)

    def encode(texts: list[str]) -> NDArray[np.float32]:
        vectors = hashed(texts)
        vectors[[len(text) > 100 for text in texts]] = np.nan
        return vectors

    with pytest.raises(VerificationError, match=r"dead letters.*max-dead-share"):
        reindex(scene.es, scene.alias, text_fields=["title"], encoder=encode, job="job", options=scene.options())
    assert scene.served() == {scene.index}
    names = list(scene.es.indices.get(index=f"{scene.alias}-2*"))
    assert scene.faults(names[0]) == []


def test_an_encoder_that_fails_on_everything_stops_the_job(scene: Scene) -> None:
    scene.load(50)
    fails = True

    def encode(texts: list[str]) -> NDArray[np.float32]:
        if fails and len(texts) > 1:
            raise RuntimeError("the accelerator is gone")
        if fails and len(calls) > 2:
            raise RuntimeError("the accelerator is gone")
        calls.append(len(texts))
        return hashed(texts)

    calls = [0, 0]
    with pytest.raises(ReindexError, match=r"fails on every text.*accelerator is gone"):
        reindex(scene.es, scene.alias, text_fields=["title"], encoder=encode, job="job", options=scene.options())
    assert dead_letters(scene.state / "job") == []
    fails = False
    resume(scene.es, "job", encoder=encode, options=scene.options())
    assert scene.faults(next(iter(scene.served()))) == []


def test_poison_lines_of_a_file(scene: Scene, tmp_path: Path) -> None:
    lines = [
        b'{"id": "good", "title": "fine", "n": 1}',
        b"{broken",
        b"[1, 2]",
        b"",
        b'{"id": "conflict", "title": "fine too", "vector": {"a": 1}, "n": 2}',
        b'{"id": true, "title": "no id"}',
        b'{"id": "surrogate", "title": "half \\ud83d"}',
        b'{"id": "nan", "title": "NaN", "n": NaN}',
        b'{"title": "without an id"}',
        b'\xff\xfe{"id": "bytes"}',
        b'{"id": "' + b"x" * 600 + b'", "title": "a long id"}',
        b'{"id": "big", "title": "' + b"word " * 400_000 + b'"}',
        b'{"id": "last", "title": "fine"}',
    ]
    file = tmp_path / "documents.jsonl"
    file.write_bytes(b"\n".join(lines))
    reindex(
        scene.es,
        file,
        text_fields=["title"],
        alias=scene.alias,
        id_field="id",
        encoder=hashed,
        job="job",
        options=scene.options(),
    )
    (target,) = scene.served()
    found = {hit["_id"] for hit in everything(scene.es, target)}
    letters = {letter["id"]: letter["reason"] for letter in dead_letters(scene.state / "job")}
    assert {"good", "conflict", "surrogate", "big", "last"} <= found
    assert len(found) == 6
    assert set(letters) == {"line 2", "line 3", "line 6", "line 8", "line 10", "x" * 600}
    assert "not JSON" in letters["line 2"]
    assert "must be a JSON object" in letters["line 3"]
    assert "id must be a string" in letters["line 6"]
    assert "is not UTF-8" in letters["line 10"]
    assert "too long" in letters["x" * 600]


def test_the_books_find_what_they_are_to_find() -> None:
    vector = hashed(["a"])[0].tolist()
    source = [{"_id": "1", "_source": {"title": "a"}}, {"_id": "2", "_source": {}}]
    good = [{"_id": "1", "_source": {"title": "a", "vector": vector}}, {"_id": "2", "_source": {}}]
    assert faults_in_books(source, good, []) == []
    assert faults_in_books(source, good[:1], [{"id": "2", "reason": "because"}]) == []
    assert len(faults_in_books(source, good[:1], [])) == 1
    assert len(faults_in_books(source, good[:1], [{"id": "2", "reason": ""}])) == 1
    assert len(faults_in_books(source, [*good, good[0]], [])) == 1
    assert len(faults_in_books(source, [*good, {"_id": "3", "_source": {}}], [])) == 1
    assert len(faults_in_books(source, [{"_id": "1", "_source": {"title": "a"}}, good[1]], [])) == 1

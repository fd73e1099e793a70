"""Text fields of `Connector`: what is searched, encoded and reranked is one text, and a wrong name is no silence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import Connector, HybridElasticsearch
from connector.cli import main
from connector.errors import RequestError
from tests.conftest import ENGINES, EngineUnderTest
from tests.models_by_hand import count_words, first_words

VECTOR = {"type": "dense_vector", "dims": 9, "similarity": "cosine", "index_options": {"type": "hnsw"}}
PROPERTIES: dict[str, Any] = {
    "title": {"type": "text", "fields": {"english": {"type": "text", "analyzer": "english"}}},
    "body": {"type": "text"},
    "vector": VECTOR,
}
BEHIND = {
    **PROPERTIES,
    "title": {**PROPERTIES["title"], "copy_to": "all"},
    "body": {"type": "text", "copy_to": "all"},
    "all": {"type": "text"},
    "heading": {"type": "alias", "path": "title"},
}
DOCUMENT = {"_id": "1", "title": "small cars", "body": "climate"}
pytestmark = pytest.mark.filterwarnings("ignore:index .* does not say which encoder")
on_nodes = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)


class Texts:
    """A client with models that write down what they read."""

    def __init__(self, engine: EngineUnderTest) -> None:
        self.encoded: list[str] = []
        self.reranked: list[str] = []
        self.client = engine.client(HybridElasticsearch, encoder=self._encode, reranker=self._score)

    def _encode(self, texts: list[str]) -> Any:
        self.encoded += texts
        return count_words(texts)

    def _score(self, query: str, passages: list[str]) -> Any:
        self.reranked += passages
        return first_words(query, passages)


@pytest.fixture
def texts(engine: EngineUnderTest) -> Iterator[Texts]:
    made = Texts(engine)
    with made.client:
        yield made


def made(es: Elasticsearch, index: str, properties: dict[str, Any], **mappings: Any) -> None:
    es.indices.create(index=index, mappings={**mappings, "properties": properties})


def check_read_alike(texts: Texts, index: str, named: list[str], text: str) -> None:
    things = Connector(texts.client, index, text_fields=named)
    assert things.index([DOCUMENT]).without_text == 0
    assert texts.encoded[-1] == text
    found = things.search("small car")
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]
    assert found["_hybrid"]["degraded"] is None
    assert texts.reranked == [text]


@pytest.mark.parametrize(
    ("named", "text"),
    [
        (["title^3", "body"], "small cars\n\nclimate"),
        (["title.english"], "small cars"),
        (["title", "title.english^0.5"], "small cars"),
    ],
)
def test_boosts_and_sub_fields_are_searched_and_their_text_is_read(
    es: Elasticsearch, texts: Texts, fresh_index: str, named: list[str], text: str
) -> None:
    made(es, fresh_index, PROPERTIES)
    check_read_alike(texts, fresh_index, named, text)


@on_nodes
@pytest.mark.parametrize(
    ("named", "text"),
    [(["heading"], "small cars"), (["all"], "climate\n\nsmall cars"), (["heading^2", "body"], "small cars\n\nclimate")],
)
def test_aliases_and_copies_are_searched_and_the_text_behind_them_is_read(
    es: Elasticsearch, texts: Texts, fresh_index: str, named: list[str], text: str
) -> None:
    made(es, fresh_index, BEHIND)
    check_read_alike(texts, fresh_index, named, text)


@pytest.mark.parametrize("named", [["titel"], ["titel", "body"], ["Title", "body"], ["nothing"]])
def test_a_name_that_leads_nowhere_is_refused_and_nothing_is_written(
    es: Elasticsearch, texts: Texts, fresh_index: str, named: list[str]
) -> None:
    made(es, fresh_index, PROPERTIES)
    things = Connector(texts.client, fresh_index, text_fields=named)
    with pytest.raises(RequestError, match=rf"text_fields: '{named[0]}'.*title"):
        things.index([DOCUMENT])
    with pytest.raises(RequestError, match=rf"text_fields: '{named[0]}'.*title"):
        things.search("car")
    es.indices.refresh(index=fresh_index)
    assert es.count(index=fresh_index)["count"] == 0


def test_a_pattern_is_refused_by_name(texts: Texts) -> None:
    with pytest.raises(RequestError, match=r"'tit\*': is a pattern"):
        Connector(texts.client, "things", text_fields=["tit*", "body"])


def test_a_field_that_comes_with_its_first_document_is_no_mistake(
    es: Elasticsearch, texts: Texts, fresh_index: str
) -> None:
    made(es, fresh_index, {"vector": VECTOR})
    things = Connector(texts.client, fresh_index, text_fields=["title", "author.name"])
    assert things.search("car", depth=0)["hits"]["hits"] == []
    things.index([{"_id": "1", "title": "small car", "author": {"name": "slow"}}])
    found = things.search("slow car")
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]
    assert texts.reranked == ["small car\n\nslow"]


def test_a_field_that_may_yet_come_is_warned_of(es: Elasticsearch, texts: Texts, fresh_index: str) -> None:
    made(es, fresh_index, {"title": {"type": "text"}, "vector": VECTOR})
    things = Connector(texts.client, fresh_index, text_fields=["title", "summary"])
    with pytest.warns(UserWarning, match="none of the first 1 documents has 'summary'"):
        things.index([DOCUMENT])
    with pytest.warns(UserWarning, match="text field 'summary' is in no mapping yet"):
        things.search("car")


def test_a_strict_mapping_lets_no_other_name_come(es: Elasticsearch, texts: Texts, fresh_index: str) -> None:
    made(es, fresh_index, PROPERTIES, dynamic="strict")
    things = Connector(texts.client, fresh_index, text_fields=["title", "summary"])
    with pytest.raises(RequestError, match="'summary'"):
        things.index([DOCUMENT])
    with pytest.raises(RequestError, match="'summary'"):
        things.search("car")


def test_most_documents_without_text_are_warned_of(es: Elasticsearch, texts: Texts, fresh_index: str) -> None:
    made(es, fresh_index, PROPERTIES)
    things = Connector(texts.client, fresh_index, text_fields=["title"])
    bare = {"body": "car"}
    with pytest.warns(UserWarning, match="2 of 3 documents have no text in title"):
        things.index([bare, bare, DOCUMENT])
    assert things.index([bare, DOCUMENT]).without_text == 1


def test_an_id_field_that_no_document_has_is_warned_of(es: Elasticsearch, texts: Texts, fresh_index: str) -> None:
    made(es, fresh_index, PROPERTIES)
    things = Connector(texts.client, fresh_index, text_fields=["title"], id_field="key")
    with pytest.warns(UserWarning, match="has 'key'"):
        things.index([DOCUMENT])


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"embedded:{tmp_path / 'store'}"


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    told = capsys.readouterr()
    return int(exit_info.value.code or 0), " ".join((told.out + told.err).split())


def lines(path: Path, *documents: dict[str, Any]) -> str:
    path.write_text("\n".join(map(json.dumps, documents)), "utf-8")
    return str(path)


def test_commands_take_those_of_the_usual_fields_that_there_are(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "1", "title": "Boiling water"}, {"id": "2", "title": "Cold milk"})
    where = ["--url", store]
    state = ["--state", str(tmp_path / "state")]
    assert said(capsys, "index", file, "--index", "things", "--id-field", "id", *where)[0] == 0
    code, told = said(capsys, "search", "things", "hot water", "--json", *where)
    assert code == 0
    assert "warning" not in told
    assert said(capsys, "reindex", "things", "--in-place", *where, *state)[0] == 0
    assert said(capsys, "reindex", file, "--alias", "others", "--id-field", "id", *where, *state)[0] == 0


def test_commands_ask_for_the_fields_where_there_is_none_of_the_usual_ones(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "1", "headline": "Boiling water"})
    where, state = ["--url", store], ["--state", str(tmp_path / "state")]
    for arguments in (["index", file, "--index", "things"], ["reindex", file, "--alias", "things", *state]):
        code, told = said(capsys, *arguments, *where)
        assert code == 2
        assert "headline" in told
    assert said(capsys, "index", file, "--index", "things", "--text-field", "headline", *where)[0] == 0
    for arguments in (["search", "things", "water"], ["reindex", "things", "--in-place", *state]):
        code, told = said(capsys, *arguments, *where)
        assert code == 2
        assert "--text-field" in told
        assert "headline" in told


def test_a_command_does_nothing_where_most_have_no_text_until_it_is_allowed(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = lines(tmp_path / "a.jsonl", {"id": "1", "title": "Boiling water"}, {"id": "2"}, {"id": "3"})
    asked = ["reindex", file, "--alias", "things", "--url", store, "--state", str(tmp_path / "state")]
    code, told = said(capsys, *asked)
    assert (code, "--allow-without-text" in told) == (4, True)
    assert said(capsys, *asked, "--allow-without-text")[0] == 0

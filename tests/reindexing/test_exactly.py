"""`_source` is carried digit for digit and byte for byte, and nothing half-dead is switched to; on every engine."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from connector import Connector, HybridElasticsearch, connect, reindex
from connector.clients.exact_reading import transport_reading
from connector.engines.jobs import hides_vectors
from connector.errors import SourceError, VerificationError
from connector.reindexing import JobOptions, retry_dead_letters
from connector.reindexing.opening import elastic
from tests.conftest import ENGINES, embedded_engine
from tests.faults.reindex.accounts import hashed

NUMBERS = (
    '"a": 0.12345678901234567890123, "b": 1e400, "c": 12345678901234567890123, "d": -0.0, "e": 1.0, "f": 1, "g": 1E5, '
    '"h": -0, "i": 100000000.0, "j": 1e-7, "k": {"l": [1.10, 1.1]}'
)
MAPPED = NUMBERS.replace("1e400", "1.50e10").replace("12345678901234567890123,", "9007199254740993,")
"""What a dynamic mapping takes: floats and longs in their ranges."""
OPENSEARCH = "opensearch"
JSON = {"accept": "application/json", "content-type": "application/json"}


@pytest.fixture(params=[*ENGINES, pytest.param(OPENSEARCH, marks=pytest.mark.node)])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of this package on every engine."""
    if request.param == "embedded":
        with embedded_engine().client(HybridElasticsearch) as embedded:
            yield embedded
        return
    fixture = OPENSEARCH + "_url" if request.param == OPENSEARCH else f"elasticsearch{request.param[2:]}_url"
    with connect(request.getfixturevalue(fixture)) as real:
        yield real


@pytest.fixture
def es(client: Any) -> Elasticsearch:
    """The same engine, called as elasticsearch-py's clients are."""
    return elastic(client).options(request_timeout=60)


@pytest.fixture
def name(es: Elasticsearch) -> Iterator[str]:
    """What this test's indices begin with; they are gone afterwards."""
    name = f"exact-{uuid.uuid4().hex[:10]}"
    yield name
    for index in list(es.indices.get(index=f"{name}*").body):
        es.indices.delete(index=index)


@pytest.fixture
def options(tmp_path: Path) -> JobOptions:
    return JobOptions(state=tmp_path / "state", retry_for_s=20)


def filled(es: Elasticsearch, index: str, documents: dict[str, bytes]) -> None:
    """Make an index of documents that are sent byte for byte."""
    settings = {"knn": True} if OPENSEARCH in type(es.transport).__name__.lower() else {}
    mappings = {"dynamic": False, "properties": {"title": {"type": "text"}}}
    es.indices.create(index=index, mappings=mappings, settings=settings)
    for identifier, source in documents.items():
        es.perform_request("PUT", f"/{index}/_doc/{identifier}", headers=JSON, body=source)
    es.indices.refresh(index=index)


def texts(es: Elasticsearch, index: str, identifier: str = "1") -> Any:
    """A document as the standard library reads it, its numbers left as the texts that the cluster returned."""
    raw = es.options()
    raw._transport = transport_reading(es.transport, lambda data: data)
    whole = {"_source_exclude_vectors": "false"} if hides_vectors(es, index) else {}
    body: Any = raw.perform_request("GET", f"/{index}/_doc/{identifier}", params=whole, headers=JSON).body
    source = json.loads(body, parse_float=str, parse_int=str)["_source"]
    return {name: value for name, value in source.items() if name != "vector"}


def as_texts(source: str) -> Any:
    return json.loads(source, parse_float=str, parse_int=str)


def test_an_index_is_carried_digit_for_digit(client: Any, es: Elasticsearch, name: str, options: JobOptions) -> None:
    source = f'{{"title": "one", {NUMBERS}}}'
    filled(es, f"{name}-0", {"1": source.encode()})
    report = reindex(client, f"{name}-0", alias=name, text_fields=["title"], encoder=hashed, options=options)
    assert (report.written, report.dead_letters) == (1, 0)
    assert texts(es, name) == as_texts(source)


def test_vectors_in_place_leave_every_digit_or_the_document_alone(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    source = f'{{"title": "one", {NUMBERS}}}'
    filled(es, name, {"1": source.encode(), "2": b'{"title": "two", "n": 1.5}', "3": b'{"title": "three"}'})
    report = reindex(client, name, in_place=True, text_fields=["title"], encoder=hashed, options=options)
    assert texts(es, name) == as_texts(source)
    assert report.written + report.dead_letters == 3
    if report.dead_letters:  # Elasticsearch 9.2 and newer write _source again for a vector that they leave out
        (line,) = Path(str(report.dead_letters_file)).read_text("utf-8").splitlines()
        assert "more digits than the index would keep" in line
        assert as_texts(line)["document"] == as_texts(source)


@pytest.mark.parametrize("ending", ["jsonl", "json"])
def test_a_file_is_carried_digit_for_digit(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, tmp_path: Path, ending: str
) -> None:
    document = f'{{"_id": "1", "title": "one", {MAPPED}}}'
    (tmp_path / f"a.{ending}").write_text(f"[\n{document}\n]" if ending == "json" else document)
    asked: dict[str, Any] = {"text_fields": ["title"], "encoder": hashed, "options": options}
    report = reindex(client, tmp_path / f"a.{ending}", alias=name, **asked)
    assert report.written == 1
    assert texts(es, name) == as_texts(document.replace('"_id": "1", ', ""))


@pytest.mark.parametrize(
    "title",
    [
        b"\xed\xa0\xbd\xed\xb8\x80",
        b"\\ud83d\\ude00",
        b"\\uD83D\xed\xb8\x80",
        b"\xf0\x9f\x98\x80",
        b"half \\ud83d of it",
    ],
)
def test_an_emoji_in_any_spelling_is_carried_and_verified(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, title: bytes
) -> None:
    filled(es, f"{name}-0", {"1": b'{"title": "' + title + b' face", "n": 1}'})
    report = reindex(client, f"{name}-0", alias=name, text_fields=["title"], encoder=hashed, options=options)
    assert (report.written, report.dead_letters) == (1, 0)
    expected = "half \ud83d of it face" if b"half" in title else "\N{GRINNING FACE} face"
    assert es.get(index=name, id="1")["_source"]["title"] == expected


def test_a_changed_number_is_seen_by_the_verification(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connector.reindexing.writing.destinations import NewIndex

    filled(es, f"{name}-0", {"1": b'{"title": "one", "n": 0.12345678901234567890123}'})
    written = NewIndex.action

    def changed(self: NewIndex, prepared: Any, known: Any) -> Any:
        prepared.item.source["n"] = float(prepared.item.source["n"])
        return written(self, prepared, known)

    monkeypatch.setattr(NewIndex, "action", changed)
    with pytest.raises(VerificationError, match="'1' is not what it is in the source"):
        reindex(client, f"{name}-0", alias=name, text_fields=["title"], encoder=hashed, options=options)


EMBEDDED = pytest.mark.parametrize("client", ["embedded"], indirect=True)


@EMBEDDED
def test_documents_indexed_by_the_connector_keep_their_digits(client: Any, es: Elasticsearch, name: str) -> None:
    connector = Connector(client, name, text_fields=["title"], encoder=hashed)
    connector.create()
    connector.index([{"_id": "1", "title": "one", "price": Decimal("1.500000000000000000000001")}])
    assert texts(es, name) == {"title": "one", "price": "1.500000000000000000000001"}


@EMBEDDED
def test_a_file_in_another_encoding_is_read_with_its_name_and_refused_without(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, tmp_path: Path
) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes("id,title\ncafé,one\ncafè,two\nnaïve,three\nplain,four\n".encode("cp1252"))
    asked: dict[str, Any] = {"text_fields": ["title"], "id_field": "id", "encoder": hashed, "options": options}
    with pytest.raises(SourceError, match=r"a\.csv, line 2, byte 4 of the line: 0xe9 is not UTF-8.*--encoding"):
        reindex(client, file, alias=name, **asked)
    report = reindex(client, file, alias=f"{name}b", encoding="cp1252", **asked)
    assert (report.written, report.dead_letters) == (4, 0)
    assert es.get(index=f"{name}b", id="cafè")["_source"]["title"] == "two"


@EMBEDDED
@pytest.mark.parametrize(("good", "bad", "is_switched"), [(1, 13, False), (7, 7, True), (6, 7, False), (0, 1, False)])
@pytest.mark.parametrize("verify", [True, False])
def test_no_alias_moves_to_an_index_with_more_dead_than_alive(
    client: Any, name: str, options: JobOptions, tmp_path: Path, good: int, bad: int, is_switched: bool, verify: bool
) -> None:
    file = tmp_path / "a.jsonl"
    lines = [f'{{"_id": "{number}", "title": "good"}}' for number in range(good)] + ["{broken"] * bad
    file.write_text("\n".join(lines))
    asked: dict[str, Any] = {"text_fields": ["title"], "encoder": hashed, "options": options, "verify": verify}
    if is_switched:
        assert reindex(client, file, alias=name, **asked).dead_letters == bad
    else:
        with pytest.raises(VerificationError, match=f"{bad} of {good + bad} documents are dead letters.*is not JSON"):
            reindex(client, file, alias=name, **asked)


@EMBEDDED
@pytest.mark.parametrize("content", ["", "\n\n", "[]"])
def test_no_alias_moves_to_an_index_of_nothing(
    client: Any, name: str, options: JobOptions, tmp_path: Path, content: str
) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(VerificationError, match=r"there is no document in .*a\.json"):
        reindex(client, tmp_path / "a.json", alias=name, text_fields=["title"], encoder=hashed, options=options)


@EMBEDDED
def test_dead_letters_keep_their_digits_and_no_byte_of_them_is_replaced(
    client: Any, es: Elasticsearch, name: str, options: JobOptions, tmp_path: Path
) -> None:
    lines = [b'{"_id": "%d", "title": "good"}' % number for number in range(4)]
    lines += [b'{"_id": "bytes", "title": "caf\xe9"}', b'{"_id": "digits", "title": "poison", "n": 1.10}']
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(lines))

    is_broken = True

    def encode(given: list[str]) -> Any:
        vectors = hashed(given)
        vectors[[is_broken and "poison" in text for text in given]] = float("nan")
        return vectors

    asked: dict[str, Any] = {"text_fields": ["title"], "alias": name, "job": "job", "options": options}
    assert reindex(client, tmp_path / "a.jsonl", encoder=encode, **asked).dead_letters == 2
    is_broken = False
    tried = retry_dead_letters(client, "job", encoder=encode, options=options)
    assert (tried.written, tried.dead) == (1, 1)
    assert texts(es, name, "digits") == {"title": "poison", "n": "1.10"}
    assert es.options(ignore_status=404).get(index=name, id="bytes")["found"] is False


@EMBEDDED
def test_hits_and_bulk_actions_are_documents_in_an_iterable_too(
    client: Any, es: Elasticsearch, name: str, options: JobOptions
) -> None:
    hits: list[dict[str, Any]] = [
        {"_index": "old", "_id": "1", "_score": 1.0, "_source": {"title": "one"}, "sort": [1]}
    ]
    actions: list[dict[str, Any]] = [
        {"_op_type": "index", "_id": "2", "_source": {"title": "two", "price": Decimal("1.10")}}
    ]
    report = reindex(client, hits + actions, alias=name, text_fields=["title"], encoder=hashed, options=options)
    assert report.written == 2
    assert texts(es, name) == {"title": "one"}
    assert texts(es, name, "2") == {"title": "two", "price": "1.10"}

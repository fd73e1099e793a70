"""A damaged, foreign or full database: documented errors, nothing half kept, and no lock left behind."""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from elasticsearch import ApiError, Elasticsearch

from connector import connect
from connector.embedded import Engine, node_classes
from connector.errors import EmbeddedStoreError

NAME = "documents.sqlite3"
PAGE = 4096


def client_of(engine: Engine) -> Elasticsearch:
    return Elasticsearch("http://embedded:9200", node_class=node_classes(engine)[0])


def bulk_of(numbers: range, text: str) -> bytes:
    lines = [line for number in numbers for line in ({"index": {"_id": str(number)}}, {"text": text, "number": number})]
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A database of 60 documents on some twenty pages."""
    directory = tmp_path_factory.mktemp("whole")
    engine = Engine(directory)
    assert engine.handle("POST", "/notes/_bulk", bulk_of(range(60), "x" * 500)).status == 200
    engine.close()
    return (directory / NAME).read_bytes()


def noise(length: int) -> bytes:
    return random.Random(length).randbytes(length)


def with_sql(script: str) -> Callable[[bytes, Path], bytes]:
    def changed(data: bytes, path: Path) -> bytes:
        path.write_bytes(data)
        database = sqlite3.connect(path)
        database.executescript(script)
        database.close()
        data = path.read_bytes()
        path.unlink()
        return data

    return changed


DAMAGES: dict[str, tuple[Callable[[bytes, Path], bytes], str]] = {
    "nothing left": (lambda data, _: b"", "is empty: it was truncated"),
    "cut within the header": (lambda data, _: data[:60], "malformed"),
    "cut after the first page": (lambda data, _: data[:PAGE], "malformed"),
    "cut in the middle": (lambda data, _: data[: len(data) // 2], "malformed"),
    "a header of noise": (lambda data, _: noise(100) + data[100:], "not a database"),
    "a file of noise": (lambda data, _: noise(3 * PAGE), "not a database"),
    "a file of text": (lambda data, _: b"notes\n" * 500, "not a database"),
    "another program's": (
        with_sql("DROP TABLE indices; DROP TABLE documents; CREATE TABLE songs (title); PRAGMA user_version = 7;"),
        "belongs to another program, with the tables songs",
    ),
    "a table missing": (with_sql("DROP TABLE documents;"), "its table documents has the columns []"),
    "a column missing": (with_sql("ALTER TABLE indices DROP COLUMN born;"), "its table indices has the columns"),
    "a later version": (with_sql("PRAGMA user_version = 99;"), "has version 99, but this package reads 1: upgrade"),
    "settings that are no JSON": (with_sql("UPDATE indices SET settings = '{';"), "JSONDecodeError"),
    "a mapping of another shape": (with_sql("UPDATE indices SET mapping = '[]';"), "Expected map"),
    "a source that is no JSON": (with_sql("UPDATE documents SET source = x'ff' WHERE row = 3;"), "Error"),
}


def check_refused(directory: Path, data: bytes, reason: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / NAME).write_bytes(data)
    with pytest.raises(EmbeddedStoreError) as caught:
        Engine(directory)
    assert str(directory) in str(caught.value)
    assert reason in str(caught.value)
    assert (directory / NAME).read_bytes() == data
    (directory / NAME).unlink()
    for left in directory.iterdir():
        left.unlink()
    Engine(directory).close()


@pytest.mark.parametrize(("damage", "reason"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_database_that_is_not_ours_or_not_whole_is_refused_and_left_as_it_is(
    tmp_path: Path, whole: bytes, damage: Callable[[bytes, Path], bytes], reason: str
) -> None:
    check_refused(tmp_path, damage(whole, tmp_path / "changing"), reason)


def test_every_page_of_noise_is_found_when_the_directory_is_opened(tmp_path: Path, whole: bytes) -> None:
    for page in range(len(whole) // PAGE):
        damaged = whole[: page * PAGE] + noise(PAGE) + whole[(page + 1) * PAGE :]
        check_refused(tmp_path / str(page), damaged, "holds no readable embedded index")


def test_a_failed_open_leaves_no_lock(tmp_path: Path, whole: bytes) -> None:
    broken = with_sql("UPDATE documents SET source = x'ff' WHERE row = 3;")(whole, tmp_path / "changing")
    (tmp_path / NAME).write_bytes(broken)
    with pytest.raises(EmbeddedStoreError) as kept:  # what is raised holds on to everything that was made
        Engine(tmp_path)
    assert kept.value.__traceback__ is not None
    database = sqlite3.connect(tmp_path / NAME, timeout=0)
    database.execute("UPDATE documents SET source = x'7b7d' WHERE row = 3")
    database.commit()
    database.close()
    engine = Engine(tmp_path)
    assert client_of(engine).count(index="notes")["count"] == 60
    engine.close()


def test_a_client_that_cannot_be_made_leaves_no_lock(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        connect(f"embedded:{tmp_path}", colour="red")
    connect(f"embedded:{tmp_path}").close()


@pytest.mark.parametrize("place", ["a file", "a\0b", "x" * 300])
def test_a_place_that_can_be_no_directory_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "a file").write_bytes(b"")
    with pytest.raises(EmbeddedStoreError, match="choose a writable directory"):
        connect(f"embedded:{tmp_path / place}")


READ_ONLY = """
import os, sys
from connector.embedded import Engine
from connector.errors import EmbeddedStoreError
os.chmod(sys.argv[1], 0o555)
if os.getuid() == 0:
    os.setuid(65534)
try:
    Engine(sys.argv[1])
except EmbeddedStoreError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="directories have no such rights there")
def test_a_directory_that_may_not_be_written_is_refused() -> None:
    with tempfile.TemporaryDirectory() as directory:
        ran = subprocess.run([sys.executable, "-c", READ_ONLY, directory], capture_output=True, text=True, check=False)
    assert f"{directory} can't be opened for writing" in ran.stdout, ran.stderr


def test_a_directory_of_the_version_before_is_opened(tmp_path: Path, whole: bytes) -> None:
    (tmp_path / NAME).write_bytes(with_sql("PRAGMA user_version = 0;")(whole, tmp_path / "changing"))
    engine = Engine(tmp_path)
    assert client_of(engine).count(index="notes")["count"] == 60
    engine.close()


def test_documents_that_would_be_refused_today_are_opened_and_their_fields_ignored(
    tmp_path: Path, whole: bytes
) -> None:
    source = '{"number": 99999999999999999999, "text": "y", "_id": 1}'
    beyond = f"UPDATE documents SET source = CAST('{source}' AS BLOB) WHERE row = 3;"
    (tmp_path / NAME).write_bytes(with_sql(beyond)(whole, tmp_path / "changing"))
    engine = Engine(tmp_path)
    client = client_of(engine)
    assert client.get(index="notes", id="2")["_source"]["number"] == 99999999999999999999
    assert [hit["_id"] for hit in client.search(index="notes", query={"match": {"text": "y"}})["hits"]["hits"]] == ["2"]
    assert client.search(index="notes", query={"range": {"number": {"gte": 0}}})["hits"]["total"]["value"] == 59
    engine.close()


def test_a_directory_opens_again_after_its_mapping_became_dynamic(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    client = client_of(engine)
    client.indices.create(index="notes", mappings={"dynamic": False})
    client.index(index="notes", id="1", document={"unmapped": "a"})
    client.indices.put_mapping(index="notes", dynamic="true")
    engine.close()
    engine = Engine(tmp_path)
    assert client_of(engine).get(index="notes", id="1")["_source"] == {"unmapped": "a"}
    engine.close()


FULL_DISK = """
import json, resource, sys
from elasticsearch import ApiError, Elasticsearch
from connector.embedded import Engine, node_classes
from connector.errors import EmbeddedStoreError

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

told = {}
limit(2_000)
try:
    Engine(sys.argv[1])
except EmbeddedStoreError as error:
    told["open"] = str(error)
limit(resource.RLIM_INFINITY)
engine = Engine(sys.argv[1])
client = Elasticsearch("http://embedded:9200", node_class=node_classes(engine)[0])
client.index(index="notes", id="0", document={"text": "a"})
limit(150_000)
kept = 1
try:
    while True:
        client.index(index="notes", id=str(kept), document={"text": "x" * 2_000})
        kept += 1
except ApiError as error:
    told["write"] = [error.meta.status, error.body["error"]["type"], error.body["error"]["reason"]]
lines = [line for number in range(200) for line in ({"index": {"_id": f"b{number}"}}, {"text": "y" * 2_000})]
try:
    client.bulk(index="notes", operations=lines)
except ApiError as error:
    told["bulk"] = [error.meta.status, error.body["error"]["type"]]
told["counted"] = [client.count(index="notes")["count"], kept]
told["read"] = client.get(index="notes", id="0")["_source"]
limit(resource.RLIM_INFINITY)
client.index(index="notes", id="after", document={"text": "z"})
engine.close()
engine = Engine(sys.argv[1])
client = Elasticsearch("http://embedded:9200", node_class=node_classes(engine)[0])
told["reopened"] = [client.count(index="notes")["count"], kept + 1]
print(json.dumps(told))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the size of files can't be limited there")
def test_a_full_disk_is_an_error_that_keeps_nothing_of_its_call_and_passes_with_it(tmp_path: Path) -> None:
    ran = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert "can't be read or written" in told["open"]
    assert told["write"][:2] == [500, "i_o_exception"]
    assert "nothing from this call was saved" in told["write"][2]
    assert told["bulk"] == [500, "i_o_exception"]
    assert told["counted"][0] == told["counted"][1] > 1
    assert told["read"] == {"text": "a"}
    assert told["reopened"][0] == told["reopened"][1]


def test_a_database_that_has_reached_its_size_says_that_there_is_no_space(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    client = client_of(engine)
    client.index(index="notes", id="0", document={"text": "a"})
    database = engine._catalog.store._database
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(ApiError) as caught:
        client.index(index="notes", id="1", document={"text": "x" * 50_000})
    assert caught.value.meta.status == 500
    assert f"no space left for {tmp_path}" in caught.value.body["error"]["reason"]
    assert client.count(index="notes")["count"] == 1
    engine.close()


def test_a_closed_engine_answers_that_it_is_closed(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    client = client_of(engine)
    client.index(index="notes", id="0", document={"text": "a"})
    engine.close()
    for path, body in (("/notes/_search", b"{}"), ("/notes/_doc", b"{}"), ("/_refresh", None)):
        answer = engine.handle("POST", path, body)
        assert (answer.status, answer.body["error"]["type"]) == (500, "already_closed_exception")
    with pytest.raises(ApiError, match="is closed; open a new one"):
        client.count(index="notes")


def test_an_internal_error_is_an_answer_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine()
    client = client_of(engine)
    client.index(index="notes", id="0", document={"text": "a"})

    def broken(*_: object) -> float:
        return 1 / 0

    monkeypatch.setattr("connector.embedded.rest.search_calls.search", broken)
    with pytest.raises(ApiError) as caught:
        client.search(index="notes")
    assert caught.value.meta.status == 500
    assert "ZeroDivisionError" in caught.value.body["error"]["reason"]
    assert "/notes/_search failed in the embedded engine" in caplog.text

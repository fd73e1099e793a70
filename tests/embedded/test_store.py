"""What a directory promises: nothing acknowledged is lost, and it belongs to one engine at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from connector.embedded import Engine, node_classes
from connector.errors import EmbeddedStoreError

_WRITE_UNTIL_KILLED = """
import sys
from elasticsearch import Elasticsearch
from connector.embedded import Engine, node_classes
client = Elasticsearch("http://embedded:9200", node_class=node_classes(Engine(sys.argv[1]))[0])
number = 0
while True:
    client.index(index="notes", id=str(number), document={"text": f"note {number}"})
    print(number, flush=True)
    number += 1
"""


def client_of(engine: Engine) -> Elasticsearch:
    return Elasticsearch("http://embedded:9200", node_class=node_classes(engine)[0])


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITE_UNTIL_KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    acknowledged = [int(writer.stdout.readline()) for _ in range(25)]
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in writer.stdout if line.endswith("\n")]
    writer.wait()
    writer.stdout.close()

    engine = Engine(tmp_path)
    found = client_of(engine).mget(index="notes", ids=[str(number) for number in acknowledged])["docs"]
    engine.close()

    assert [doc["_source"]["text"] for doc in found] == [f"note {number}" for number in acknowledged]


def test_a_second_process_is_refused_by_name_of_the_directory(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    code = "import sys; from connector.embedded import Engine; Engine(sys.argv[1])"
    second = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    engine.close()

    assert second.returncode == 1
    assert f"{tmp_path} is in use by another embedded engine" in second.stderr


def test_a_second_engine_in_the_same_process_is_refused(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    with pytest.raises(EmbeddedStoreError, match="in use by another embedded engine"):
        Engine(tmp_path)
    engine.close()


def test_reopening_gives_the_same_hits_scores_versions_and_mapping(tmp_path: Path) -> None:
    def answers(client: Elasticsearch) -> list[object]:
        hits = client.search(
            index="notes", query={"match": {"text": "small fox"}}, version=True, seq_no_primary_term=True
        )
        near = client.search(index="notes", knn={"field": "v", "query_vector": [1, 2], "k": 2, "num_candidates": 2})
        return [hits["hits"], near["hits"], client.indices.get_mapping(index="notes").body]

    engine = Engine(tmp_path)
    client = client_of(engine)
    client.indices.create(index="notes", mappings={"properties": {"v": {"type": "dense_vector", "dims": 2}}})
    for number, text in enumerate(["a small fox", "a fox", "a small dog"]):
        client.index(index="notes", id=str(number), document={"text": text, "v": [1, number]})
    client.index(index="notes", id="1", document={"text": "a small red fox", "v": [1, 1]})
    client.delete(index="notes", id="2")
    before = answers(client)
    engine.close()

    engine = Engine(tmp_path)
    assert answers(client_of(engine)) == before
    assert client_of(engine).index(index="notes", id="3", document={})["_seq_no"] == 5
    engine.close()


def test_a_field_mapped_later_is_not_indexed_for_earlier_documents_after_reopening_either(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    client = client_of(engine)
    client.indices.create(index="notes", mappings={"dynamic": False})
    client.index(index="notes", id="early", document={"kind": "a"})
    client.indices.put_mapping(index="notes", properties={"kind": {"type": "keyword"}})
    client.index(index="notes", id="late", document={"kind": "a"})
    engine.close()

    engine = Engine(tmp_path)
    hits = client_of(engine).search(index="notes", query={"term": {"kind": "a"}})["hits"]["hits"]
    engine.close()
    assert [hit["_id"] for hit in hits] == ["late"]

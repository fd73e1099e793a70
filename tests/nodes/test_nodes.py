"""What the launcher promises, whichever way provides the node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from elasticsearch import Elasticsearch

from tests.nodes import NodeUnavailableError, RunningNode, start, stop
from tests.nodes.compose import COMPOSE_FILE
from tests.nodes.given import GivenNode
from tests.nodes.jdk import find_jdk
from tests.nodes.launch import VERSIONS
from tests.nodes.protocol import Lifetime

MAPPINGS = Path(__file__).parents[2] / "mappings" / "elasticsearch"


class Empty:
    """A way that has no node."""

    def __init__(self, name: str) -> None:
        self.name = name

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        raise NodeUnavailableError("nothing here")

    def stop(self, node: RunningNode) -> None:
        raise AssertionError("it never started one")


class Ready(Empty):
    """A way that has a node, and records which nodes it was asked to stop."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.stopped: list[RunningNode] = []

    def start(self, version: str, lifetime: Lifetime) -> RunningNode:
        return RunningNode(version, "http://127.0.0.1:1", self.name, "1")

    def stop(self, node: RunningNode) -> None:
        self.stopped.append(node)


def test_the_first_way_that_has_a_node_gives_it_and_ends_it() -> None:
    second, third = Ready("second"), Ready("third")
    ways = (Empty("first"), second, third)
    node = start("9.5.3", "session", ways)
    stop(node, ways)
    assert second.stopped == [node]
    assert third.stopped == []


def test_when_no_way_has_a_node_one_line_names_each_reason() -> None:
    with pytest.raises(NodeUnavailableError) as raised:
        start("9.5.3", "session", (Empty("compose"), Empty("Maven")))
    assert str(raised.value) == "no Elasticsearch 9.5.3 here (compose: nothing here; Maven: nothing here)"


def test_without_a_url_in_the_environment_no_node_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELASTICSEARCH_URL", raising=False)
    monkeypatch.delenv("ELASTICSEARCH9_URL", raising=False)
    with pytest.raises(NodeUnavailableError, match="neither ELASTICSEARCH9_URL nor an ELASTICSEARCH_URL"):
        GivenNode().start("9.5.3", "session")


def test_a_url_where_nothing_answers_is_said_to_be_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ELASTICSEARCH9_URL", "http://127.0.0.1:9")
    with pytest.raises(NodeUnavailableError, match="ELASTICSEARCH9_URL is set, but no Elasticsearch answers"):
        GivenNode().start("9.5.3", "session")


@pytest.mark.node
def test_a_url_of_another_major_is_not_taken(elasticsearch9_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELASTICSEARCH8_URL", raising=False)
    monkeypatch.setenv("ELASTICSEARCH_URL", elasticsearch9_url)
    assert GivenNode().start("9.5.3", "session").url == elasticsearch9_url
    with pytest.raises(NodeUnavailableError, match="of that major"):
        GivenNode().start("8.19.21", "session")


def test_a_jdk_newer_than_any_is_not_found() -> None:
    with pytest.raises(NodeUnavailableError, match="no JDK 999 or later in JAVA_HOME, /usr/lib/jvm or PATH"):
        find_jdk(999)


def test_the_compose_file_has_the_versions_that_tests_ask_for() -> None:
    images = [line.split(":")[-1] for line in COMPOSE_FILE.read_text().splitlines() if "image:" in line]
    assert sorted(images) == sorted(VERSIONS.values())


@pytest.mark.node
@pytest.mark.parametrize("template", sorted(path.name for path in MAPPINGS.glob("*.json")))
def test_a_shipped_mapping_is_accepted_as_it_stands(elasticsearch9_url: str, template: str) -> None:
    body = json.loads((MAPPINGS / template).read_text())
    index = f"test-{template.removesuffix('.json')}"
    with Elasticsearch(elasticsearch9_url) as client:
        client.indices.create(index=index, settings=body["settings"], mappings=body["mappings"])
        made = client.indices.get_mapping(index=index)[index]["mappings"]
        client.indices.delete(index=index)
    assert made["properties"]["vector"]["index_options"] == body["mappings"]["properties"]["vector"]["index_options"]

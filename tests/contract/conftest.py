"""The pair of engines that the contract compares, with the corpora loaded once in each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from elasticsearch import Elasticsearch
from opensearchpy import OpenSearch

from tests.conftest import embedded_engine
from tests.contract import opensearch
from tests.contract.harness import Answer, Call, Corpus, differences, load, send


@dataclass
class LoadedEngine:
    """A client, and the corpora loaded through it, each under a name of this run."""

    client: Any
    prefix: str = field(default_factory=lambda: f"contract-{uuid.uuid4().hex[:8]}")
    made: set[str] = field(default_factory=set)

    def index_of(self, corpus: Corpus) -> str:
        """Return the corpus's index, loaded on first use."""
        index = f"{self.prefix}-{corpus.name}"
        if index not in self.made:
            self.made.add(index)
            self.load(index, corpus)
        return index

    def load(self, index: str, corpus: Corpus) -> None:
        """Create an index of the corpus."""
        load(self.client, index, corpus)

    def answer(self, corpus: Corpus, call: Call) -> Answer:
        """Return the call's answer over the corpus's index."""
        return send(self.client, self.index_of(corpus), call)

    def play(self, calls: list[Call]) -> list[Answer]:
        """Return the answers of successive calls about an index that does not exist at first."""
        index = f"{self.prefix}-{uuid.uuid4().hex[:8]}"
        self.made.add(index)
        return [send(self.client, index, call) for call in calls]

    def close(self) -> None:
        """Delete the indices."""
        for index in self.made:
            self.client.options(ignore_status=404).indices.delete(index=index)
        self.client.close()


@dataclass
class LoadedOpenSearch(LoadedEngine):
    """The same for an OpenSearch node, through a client with elasticsearch-py's calls."""

    def load(self, index: str, corpus: Corpus) -> None:
        """Create an index of the corpus."""
        opensearch.load(self.client.own, index, corpus)

    def close(self) -> None:
        """Delete the indices."""
        for index in self.made:
            self.client.indices.delete(index=index, ignore=404)
        self.client.close()


@dataclass(frozen=True)
class Pair:
    """A real node and the embedded engine."""

    real_name: str
    real: LoadedEngine
    embedded: LoadedEngine

    def compare(self, corpus: Corpus, call: Call) -> list[str]:
        """Return where the two answers to one call differ."""
        return differences(self.real.answer(corpus, call), self.embedded.answer(corpus, call))

    def compare_play(self, calls: list[Call]) -> list[str]:
        """Return where the answers to a sequence of calls differ; each line begins with its call."""
        answers = zip(calls, self.real.play(calls), self.embedded.play(calls), strict=True)
        return [
            f"{number} {call.method} {call.path}: {line}"
            for number, (call, real, embedded) in enumerate(answers)
            for line in differences(real, embedded)
        ]


@pytest.fixture(scope="session")
def loaded_embedded() -> Iterator[LoadedEngine]:
    engine = LoadedEngine(embedded_engine().client(Elasticsearch))
    yield engine
    engine.close()


ELASTICSEARCH = [pytest.param(name, marks=pytest.mark.node) for name in ("es8", "es9")]


@pytest.fixture(scope="session", params=ELASTICSEARCH)
def pair(request: pytest.FixtureRequest, loaded_embedded: LoadedEngine) -> Iterator[Pair]:
    """Each real node, paired with the embedded engine."""
    url = request.getfixturevalue(f"elasticsearch{request.param.removeprefix('es')}_url")
    real = LoadedEngine(Elasticsearch(url))
    yield Pair(request.param, real, loaded_embedded)
    real.close()


@pytest.fixture(scope="session", params=[*ELASTICSEARCH, pytest.param("os2", marks=pytest.mark.node)])
def any_pair(request: pytest.FixtureRequest, loaded_embedded: LoadedEngine) -> Iterator[Pair]:
    """Each real node, OpenSearch included, paired with the embedded engine."""
    if request.param == "os2":
        client = opensearch.LikeElasticsearch(OpenSearch(request.getfixturevalue("opensearch_url")))
        real: LoadedEngine = LoadedOpenSearch(client)
    else:
        real = LoadedEngine(Elasticsearch(request.getfixturevalue(f"elasticsearch{request.param[2:]}_url")))
    yield Pair(request.param, real, loaded_embedded)
    real.close()

"""The pair of engines that the contract compares, with the corpora loaded once in each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from elasticsearch import Elasticsearch

from tests.conftest import embedded_engine
from tests.contract.harness import Answer, Call, Corpus, differences, load, send


@dataclass
class LoadedEngine:
    """A client, and the corpora that were loaded through it, each under a name of this run's own."""

    client: Elasticsearch
    prefix: str = field(default_factory=lambda: f"contract-{uuid.uuid4().hex[:8]}")
    made: set[str] = field(default_factory=set)

    def index_of(self, corpus: Corpus) -> str:
        """The corpus's index, loaded on first use."""
        index = f"{self.prefix}-{corpus.name}"
        if index not in self.made:
            self.made.add(index)
            load(self.client, index, corpus)
        return index

    def answer(self, corpus: Corpus, call: Call) -> Answer:
        """The call's answer over the corpus's index."""
        return send(self.client, self.index_of(corpus), call)

    def play(self, calls: list[Call]) -> list[Answer]:
        """The calls' answers, one after the other, over an index name that starts out unused."""
        index = f"{self.prefix}-{uuid.uuid4().hex[:8]}"
        self.made.add(index)
        return [send(self.client, index, call) for call in calls]

    def close(self) -> None:
        """Remove what was made."""
        for index in self.made:
            self.client.options(ignore_status=404).indices.delete(index=index)
        self.client.close()


@dataclass(frozen=True)
class Pair:
    """A real node and the embedded engine."""

    real_name: str
    real: LoadedEngine
    embedded: LoadedEngine

    def compare(self, corpus: Corpus, call: Call) -> list[str]:
        """Where the two answers to one call differ."""
        return differences(self.real.answer(corpus, call), self.embedded.answer(corpus, call))

    def compare_play(self, calls: list[Call]) -> list[str]:
        """Where the answers to a sequence of calls differ, each line headed by its call."""
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


@pytest.fixture(
    scope="session", params=[pytest.param("es8", marks=pytest.mark.node), pytest.param("es9", marks=pytest.mark.node)]
)
def pair(request: pytest.FixtureRequest, loaded_embedded: LoadedEngine) -> Iterator[Pair]:
    """Each real node beside the embedded engine."""
    url = request.getfixturevalue(f"elasticsearch{request.param.removeprefix('es')}_url")
    real = LoadedEngine(Elasticsearch(url))
    yield Pair(request.param, real, loaded_embedded)
    real.close()

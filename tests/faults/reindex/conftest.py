"""How large the tests of faults are: small in `make test`, full in `make test-faults` (CONNECTOR_FAULTS=full)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray
from opensearchpy import OpenSearch

from connector.clients.opensearch.as_elasticsearch import as_elasticsearch
from connector.reindexing import JobOptions
from tests.conftest import EngineUnderTest
from tests.faults.reindex.accounts import dead_letters, everything, faults_in_books, hashed, load

IS_FULL = os.environ.get("CONNECTOR_FAULTS") == "full"
COUNT = 20_000 if IS_FULL else 600
ROUNDS = 20 if IS_FULL else 2
OPENSEARCH = "opensearch"


@dataclass
class Scene:
    """An index behind an alias on one engine, and a place for jobs."""

    es: Elasticsearch
    engine: EngineUnderTest
    index: str
    alias: str
    state: Path

    def options(self, **more: Any) -> JobOptions:
        """What jobs are run with."""
        return JobOptions(**{"state": self.state, "retry_for_s": 60.0, **more})

    def at(self, url: str) -> AbstractContextManager[Elasticsearch]:
        """A client of this engine at another URL, as a proxy's."""
        return client_at(self.engine.name, url)

    def load(self, count: int = COUNT, **settings: Any) -> None:
        """Fill the index; on OpenSearch one that can hold vectors."""
        if self.engine.name == OPENSEARCH:
            settings["knn"] = True
        load(self.es, self.index, count, self.alias, **settings)

    def faults(self, target: str, encode: Callable[[list[str]], NDArray[np.float32]] = hashed) -> list[str]:
        """What does not add up between source and target."""
        letters = dead_letters(self.state / "job")
        return faults_in_books(everything(self.es, self.index), everything(self.es, target), letters, encode)

    def served(self) -> set[str]:
        """What the alias points to."""
        found = self.es.options(ignore_status=404).indices.get_alias(name=self.alias)
        return set(found.body) if found.meta.status == 200 else set()


@contextmanager
def client_at(engine: str, url: str) -> Iterator[Elasticsearch]:
    """A client of an engine, called as elasticsearch-py's, while the block runs."""
    if engine == OPENSEARCH:
        with OpenSearch(url) as own:
            yield as_elasticsearch(own).options(request_timeout=120)
    else:
        with Elasticsearch(url, request_timeout=120) as es:
            yield es


@contextmanager
def scene_on(request: pytest.FixtureRequest, engine: str, state: Path) -> Iterator[Scene]:
    """A scene on a real node; what it made is gone afterwards."""
    fixture = "opensearch_url" if engine == OPENSEARCH else f"elasticsearch{engine.removeprefix('es')}_url"
    url = request.getfixturevalue(fixture)
    name = f"faults-{uuid.uuid4().hex[:10]}"
    with client_at(engine, url) as es:
        yield Scene(es, EngineUnderTest(engine, url), f"{name}-0", name, state)
        for index in es.indices.get(index=f"{name}*", expand_wildcards="all").body:
            es.indices.delete(index=index)


def on(*engines: str) -> list[Any]:
    """Parameters of a test that runs on these engines."""
    return [pytest.param(engine, marks=pytest.mark.node) for engine in engines]


EVERY = on("es8", "es9", OPENSEARCH)


@pytest.fixture(params=EVERY if IS_FULL else on("es9"))
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A scene on one engine; on each where the tests are full."""
    with scene_on(request, request.param, tmp_path / "state") as scene:
        yield scene


@pytest.fixture(params=EVERY if IS_FULL else on("es9", OPENSEARCH))
def any_scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A scene on Elasticsearch and on OpenSearch; on each engine where the tests are full."""
    with scene_on(request, request.param, tmp_path / "state") as scene:
        yield scene

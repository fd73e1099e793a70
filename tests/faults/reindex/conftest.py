"""How large the tests of faults are: small in `make test`, full in `make test-faults` (CONNECTOR_FAULTS=full)."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch
from numpy.typing import NDArray

from connector.reindexing import JobOptions
from tests.conftest import EngineUnderTest
from tests.faults.reindex.accounts import dead_letters, everything, faults_in_books, hashed, load

IS_FULL = os.environ.get("CONNECTOR_FAULTS") == "full"
COUNT = 20_000 if IS_FULL else 600
ROUNDS = 20 if IS_FULL else 2


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

    def load(self, count: int = COUNT, **settings: Any) -> None:
        """Fill the index."""
        load(self.es, self.index, count, self.alias, **settings)

    def faults(self, target: str, encode: Callable[[list[str]], NDArray[np.float32]] = hashed) -> list[str]:
        """What does not add up between source and target."""
        letters = dead_letters(self.state / "job")
        return faults_in_books(everything(self.es, self.index), everything(self.es, target), letters, encode)

    def served(self) -> set[str]:
        """What the alias points to."""
        found = self.es.options(ignore_status=404).indices.get_alias(name=self.alias)
        return set(found.body) if found.meta.status == 200 else set()


REAL = [pytest.param(name, marks=pytest.mark.node) for name in (["es8", "es9"] if IS_FULL else ["es9"])]


@pytest.fixture(params=REAL)
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    """A scene on a real node, on each one where the tests are full; what it made is gone after the test."""
    url = request.getfixturevalue(f"elasticsearch{request.param.removeprefix('es')}_url")
    name = f"faults-{uuid.uuid4().hex[:10]}"
    with Elasticsearch(url, request_timeout=120) as es:
        yield Scene(es, EngineUnderTest(request.param, url), f"{name}-0", name, tmp_path / "state")
        for index in es.indices.get(index=f"{name}*", expand_wildcards="all").body:
            es.indices.delete(index=index)

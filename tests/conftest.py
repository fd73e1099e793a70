"""Fixtures that all tests share: real nodes, engines, and names of indices.

A test that needs a node is skipped, with the reason, if none can be started; under CI=true it fails.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, TypeVar

import pytest
from elasticsearch import AsyncElasticsearch, Elasticsearch
from hypothesis import HealthCheck, settings

from connector.search.degradations import DEGRADATIONS
from tests import nodes

# A slow example is no failure: machines differ.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")
SyncClient = TypeVar("SyncClient", bound=Elasticsearch)
CLIENT_VERSION = version("elasticsearch")


@pytest.fixture(scope="session", autouse=True)
def own_model_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the models that were exported on this machine out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONNECTOR_CACHE", str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture(autouse=True)
def nothing_degraded_yet() -> None:
    """Let each test's first degradation be the first of its minute."""
    DEGRADATIONS.clear()


@pytest.fixture(scope="session", autouse=True)
def no_profiles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the profiles of the person who runs the tests out of them."""
    empty = tmp_path_factory.mktemp("profiles") / "config.toml"
    empty.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONNECTOR_CONFIG", str(empty))
        yield


@dataclass(frozen=True)
class EngineUnderTest:
    """One engine of the parametrized suites: its URL and the options that a client needs to reach it."""

    name: str
    url: str
    sync_options: dict[str, Any] = field(default_factory=dict)
    async_options: dict[str, Any] = field(default_factory=dict)

    def client(self, kind: type[SyncClient], **options: Any) -> SyncClient:
        """Return a sync client of this class; the caller closes it."""
        return kind(self.url, **self.sync_options, **options)

    def async_client(self, kind: type[AsyncElasticsearch] = AsyncElasticsearch, **options: Any) -> AsyncElasticsearch:
        """Return an async client of this class that sees the same data; the caller closes it."""
        return kind(self.url, **self.async_options, **options)


def embedded_engine() -> EngineUnderTest:
    """Return a new embedded engine in memory, shared by all the clients created for it."""
    from connector.embedded import Engine, node_classes

    sync_node, async_node = node_classes(Engine())
    return EngineUnderTest("embedded", "http://embedded:9200", {"node_class": sync_node}, {"node_class": async_node})


@pytest.fixture(scope="session")
def elasticsearch8_url() -> Iterator[str]:
    """The URL of a real Elasticsearch 8 node."""
    if int(CLIENT_VERSION.split(".")[0]) > 8:
        pytest.skip(f"an 8.x server refuses elasticsearch-py {CLIENT_VERSION}")
    yield from _node_url(8)


@pytest.fixture(scope="session")
def elasticsearch9_url() -> Iterator[str]:
    """The URL of a real Elasticsearch 9 node."""
    yield from _node_url(9)


@pytest.fixture(scope="session")
def opensearch_url() -> Iterator[str]:
    """The URL of a real OpenSearch 2 node."""
    yield from _node_url(2)


def _node_url(major: int) -> Iterator[str]:
    try:
        node = nodes.start(nodes.VERSIONS[major], "session")
    except nodes.NodeUnavailableError as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason), pytrace=False)
        pytest.skip(str(reason).splitlines()[0])
    yield node.url
    nodes.stop(node)


ENGINES = [
    "embedded",
    pytest.param("es8", marks=pytest.mark.node),
    pytest.param("es9", marks=pytest.mark.node),
]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> EngineUnderTest:
    """The embedded engine, Elasticsearch 8 and Elasticsearch 9 in turn."""
    if request.param == "embedded":
        return embedded_engine()
    major = request.param.removeprefix("es")
    return EngineUnderTest(request.param, request.getfixturevalue(f"elasticsearch{major}_url"))


@pytest.fixture
def es(engine: EngineUnderTest) -> Iterator[Elasticsearch]:
    """elasticsearch-py's own client on each engine."""
    with engine.client(Elasticsearch) as client:
        yield client


@pytest.fixture
def fresh_index(es: Elasticsearch) -> Iterator[str]:
    """An unused name; an index created under it is deleted after the test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    es.options(ignore_status=404).indices.delete(index=name)

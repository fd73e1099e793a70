"""A place for reindex jobs over fields, on every engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from elasticsearch import Elasticsearch, helpers
from numpy.typing import NDArray

from connector import HybridElasticsearch, connect, reindex
from connector.reindexing import JobOptions, ReindexReport
from connector.reindexing.opening import elastic
from tests.conftest import ENGINES, embedded_engine
from tests.models_by_hand import count_words

DIMS = 9
ON_ELASTICSEARCH = [pytest.param("es8", marks=pytest.mark.node), pytest.param("es9", marks=pytest.mark.node)]
ON_OPENSEARCH = [pytest.param("opensearch", marks=pytest.mark.node)]


@dataclass
class Place:
    """An engine, a name under which indices are gone after the test, and a state directory."""

    client: Any
    es: Elasticsearch
    engine: str
    name: str
    state: Path

    def fill(self, documents: list[dict[str, Any]], properties: dict[str, Any] | None = None, **mappings: Any) -> str:
        """Make an index of documents."""
        settings = {"index.knn": True} if self.engine == "opensearch" else {}
        if properties is not None:
            mappings["properties"] = properties
        self.es.indices.create(index=self.name, mappings=mappings, settings=settings)
        helpers.bulk(self.es, ({"_index": self.name, **document} for document in documents), refresh=True)
        return self.name

    def run(self, source: Any = None, **asked: Any) -> ReindexReport:
        """Run a job."""
        asked = {"encoder": count_words, "options": JobOptions(state=self.state, retry_for_s=20), **asked}
        return reindex(self.client, self.name if source is None else source, **asked)

    def vectors(self, field: str = "vector") -> dict[str, Any]:
        """What the documents have at a field, by id."""
        self.es.indices.refresh(index=self.name)
        whole: Any = {"exclude_vectors": False} if self.engine == "es9" else True
        hits = self.es.search(index=self.name, body={"size": 100, "_source": whole})["hits"]["hits"]
        return {hit["_id"]: hit["_source"][field] for hit in hits if hit["_source"].get(field) is not None}

    def mapping(self) -> dict[str, Any]:
        """The index's mapping."""
        found: dict[str, Any] = self.es.indices.get_mapping(index=self.name)[self.name]["mappings"]
        return found

    def vector_field(self, dims: int = DIMS) -> dict[str, Any]:
        """The definition of a vector field."""
        if self.engine == "opensearch":
            return {"type": "knn_vector", "dimension": dims, "method": {"name": "hnsw", "engine": "lucene"}}
        return {"type": "dense_vector", "dims": dims, "similarity": "cosine", "index_options": {"type": "hnsw"}}


@pytest.fixture(params=[*ENGINES, *ON_OPENSEARCH])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    engine, name = str(request.param), f"fields-{uuid.uuid4().hex[:10]}"
    if engine == "embedded":
        client: Any = embedded_engine().client(HybridElasticsearch)
    else:
        fixture = "opensearch_url" if engine == "opensearch" else f"elasticsearch{engine[2:]}_url"
        client = connect(request.getfixturevalue(fixture))
    with client:
        es = elastic(client).options(request_timeout=120)
        yield Place(client, es, engine, name, tmp_path / "state")
        for index in es.indices.get(index=f"{name}*").body:
            es.indices.delete(index=index)


embedded_only = pytest.mark.parametrize("place", ["embedded"], indirect=True)
DOCUMENTS = [
    {"_id": "1", "title": "small fast car", "body": "climate"},
    {"_id": "2", "title": "climate warming", "body": "car"},
]


def encoded(*texts: str) -> NDArray[np.float32]:
    rows = count_words(list(texts))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

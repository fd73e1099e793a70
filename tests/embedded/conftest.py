from __future__ import annotations

from collections.abc import Iterator

import pytest
from elasticsearch import Elasticsearch

from connector.embedded import EmbeddedNode


@pytest.fixture
def client() -> Iterator[Elasticsearch]:
    with Elasticsearch("http://embedded:9200", node_class=EmbeddedNode) as client:
        yield client

"""Two-stage search for the Elasticsearch you already run.

A public name is imported on first use: elasticsearch-py, numpy and pydantic take most of a second together.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.clients.async_elasticsearch import AsyncHybridElasticsearch
    from connector.clients.connect import connect
    from connector.clients.elasticsearch import HybridElasticsearch
    from connector.clients.opensearch.async_client import AsyncHybridOpenSearch
    from connector.clients.opensearch.client import HybridOpenSearch
    from connector.errors import ConnectorError
    from connector.facade.connector import Connector
    from connector.indexing import Passages
    from connector.models.encoder import Encoder
    from connector.models.load import load_encoder, load_reranker
    from connector.models.reranker import Reranker
    from connector.reindexing import areindex, reindex
    from connector.search.degradations import degradation_counts

__version__ = "0.1.0"
__all__ = [
    "AsyncHybridElasticsearch",
    "AsyncHybridOpenSearch",
    "Connector",
    "ConnectorError",
    "Encoder",
    "HybridElasticsearch",
    "HybridOpenSearch",
    "Passages",
    "Reranker",
    "areindex",
    "connect",
    "degradation_counts",
    "load_encoder",
    "load_reranker",
    "reindex",
]

_MODULES = {
    "AsyncHybridElasticsearch": "clients.async_elasticsearch",
    "AsyncHybridOpenSearch": "clients.opensearch.async_client",
    "Connector": "facade.connector",
    "ConnectorError": "errors",
    "Encoder": "models.encoder",
    "HybridElasticsearch": "clients.elasticsearch",
    "HybridOpenSearch": "clients.opensearch.client",
    "Reranker": "models.reranker",
    "areindex": "reindexing",
    "connect": "clients.connect",
    "degradation_counts": "search.degradations",
    "Passages": "indexing",
    "load_encoder": "models.load",
    "load_reranker": "models.load",
    "reindex": "reindexing",
}

if find_spec("opensearchpy") is None:  # so that `from connector import *` asks for no extra
    __all__ = [name for name in __all__ if not name.endswith("OpenSearch")]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])

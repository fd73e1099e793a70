"""Two-stage search for the Elasticsearch you already run.

A public name is imported on first use: elasticsearch-py, numpy and pydantic take most of a second together.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.async_client import AsyncHybridElasticsearch
    from connector.async_opensearch_client import AsyncHybridOpenSearch
    from connector.client import HybridElasticsearch, connect
    from connector.connector import Connector
    from connector.errors import ConnectorError
    from connector.indexing import Passages
    from connector.models.encoder import Encoder, load_encoder
    from connector.models.reranker import Reranker, load_reranker
    from connector.opensearch_client import HybridOpenSearch

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
    "connect",
    "load_encoder",
    "load_reranker",
]

_ROOMS = {
    "AsyncHybridElasticsearch": "async_client",
    "AsyncHybridOpenSearch": "async_opensearch_client",
    "Connector": "connector",
    "ConnectorError": "errors",
    "Encoder": "models.encoder",
    "HybridElasticsearch": "client",
    "HybridOpenSearch": "opensearch_client",
    "Reranker": "models.reranker",
    "connect": "client",
    "Passages": "indexing",
    "load_encoder": "models.encoder",
    "load_reranker": "models.reranker",
}

if find_spec("opensearchpy") is None:  # so that `from connector import *` asks for no extra
    __all__ = [name for name in __all__ if not name.endswith("OpenSearch")]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])

"""Two-stage search for the Elasticsearch you already run.

A public name is imported on first use: elasticsearch-py, numpy and pydantic take most of a second together.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connector.async_client import AsyncHybridElasticsearch
    from connector.client import HybridElasticsearch, connect
    from connector.connector import Connector
    from connector.errors import ConnectorError
    from connector.models.encoder import Encoder, load_encoder
    from connector.models.reranker import Reranker, load_reranker
    from connector.reindexing import areindex, reindex

__version__ = "0.1.0"
__all__ = [
    "AsyncHybridElasticsearch",
    "Connector",
    "ConnectorError",
    "Encoder",
    "HybridElasticsearch",
    "Reranker",
    "areindex",
    "connect",
    "load_encoder",
    "load_reranker",
    "reindex",
]

_ROOMS = {
    "AsyncHybridElasticsearch": "async_client",
    "Connector": "connector",
    "ConnectorError": "errors",
    "Encoder": "models.encoder",
    "HybridElasticsearch": "client",
    "Reranker": "models.reranker",
    "areindex": "reindexing",
    "connect": "client",
    "load_encoder": "models.encoder",
    "load_reranker": "models.reranker",
    "reindex": "reindexing",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])

"""Two-stage search for the Elasticsearch you already run."""

from connector.client import AsyncHybridElasticsearch, HybridElasticsearch, connect
from connector.connector import Connector
from connector.errors import ConnectorError
from connector.models.encoder import Encoder, load_encoder
from connector.models.reranker import Reranker, load_reranker

__version__ = "0.1.0"
__all__ = [
    "AsyncHybridElasticsearch",
    "Connector",
    "ConnectorError",
    "Encoder",
    "HybridElasticsearch",
    "Reranker",
    "connect",
    "load_encoder",
    "load_reranker",
]
